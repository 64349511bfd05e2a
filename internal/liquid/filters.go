package liquid

import (
	"errors"
	"fmt"
	"html"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Filter is a filter with the number of arguments that it takes.
type Filter struct {
	least, most int
	fn          func(in any, args []any) (any, error)
}

// NewFilter makes a filter of the caller: least to most arguments. Its errors
// must not hold values of variables; they may be shown.
func NewFilter(least, most int, fn func(in any, args []any) (any, error)) Filter {
	return Filter{least, most, fn}
}

// standard are the language's own filters.
var standard = map[string]Filter{
	"append":         texts(1, func(s string, a []string) (any, error) { return s + a[0], nil }),
	"capitalize":     texts(0, func(s string, _ []string) (any, error) { return capitalize(s), nil }),
	"default":        {1, 1, orDefault},
	"downcase":       texts(0, func(s string, _ []string) (any, error) { return strings.ToLower(s), nil }),
	"escape":         texts(0, func(s string, _ []string) (any, error) { return html.EscapeString(s), nil }),
	"first":          {0, 0, func(in any, _ []any) (any, error) { return part(in, "first") }},
	"join":           {0, 1, join},
	"last":           {0, 0, func(in any, _ []any) (any, error) { return part(in, "last") }},
	"minus":          numbers(func(a, b int) (int, error) { return a - b, nil }),
	"plus":           numbers(func(a, b int) (int, error) { return a + b, nil }),
	"prepend":        texts(1, func(s string, a []string) (any, error) { return a[0] + s, nil }),
	"remove":         texts(1, func(s string, a []string) (any, error) { return strings.ReplaceAll(s, a[0], ""), nil }),
	"replace":        texts(2, func(s string, a []string) (any, error) { return replace(s, a[0], a[1]) }),
	"size":           {0, 0, func(in any, _ []any) (any, error) { return part(in, "size") }},
	"strip":          texts(0, func(s string, _ []string) (any, error) { return strings.TrimSpace(s), nil }),
	"times":          numbers(func(a, b int) (int, error) { return a * b, nil }),
	"truncate":       {1, 2, truncate},
	"upcase":         texts(0, func(s string, _ []string) (any, error) { return strings.ToUpper(s), nil }),
	"url_encode":     texts(0, func(s string, _ []string) (any, error) { return url.QueryEscape(s), nil }),
	"strip_newlines": texts(0, func(s string, _ []string) (any, error) { return strings.Join(strings.Fields(s), " "), nil }),
}

// texts makes a filter over texts with n arguments that are texts.
func texts(n int, f func(string, []string) (any, error)) Filter {
	return Filter{n, n, func(in any, args []any) (any, error) {
		s, ok := text(in)
		if !ok {
			return nil, errors.New("works on texts only")
		}
		words := make([]string, len(args))
		for i, a := range args {
			if words[i], ok = text(a); !ok {
				return nil, errors.New("takes texts only")
			}
		}
		out, err := f(s, words)
		if grown, is := out.(string); is && len(grown) > MaxOutput {
			return nil, errors.New("the result is too long") // assign and append in a loop double it each time
		}
		return out, err
	}}
}

func numbers(f func(a, b int) (int, error)) Filter {
	return Filter{1, 1, func(in any, args []any) (any, error) {
		a, ok1 := in.(int)
		b, ok2 := args[0].(int)
		if !ok1 || !ok2 || max(a, b) > 1<<30 || min(a, b) < -1<<30 {
			return nil, errors.New("works on whole numbers of reasonable size only; amounts are computed before a template sees them")
		}
		return f(a, b)
	}}
}

func capitalize(s string) string {
	r, size := utf8.DecodeRuneInString(s)
	if size == 0 {
		return s
	}
	return string(unicode.ToUpper(r)) + s[size:]
}

// replace bounds its result: many short matches of a long text could grow without limit.
func replace(s, from, to string) (any, error) {
	if from == "" {
		return nil, errors.New("cannot replace nothing")
	}
	if len(s)+strings.Count(s, from)*len(to) > MaxOutput {
		return nil, errors.New("the result is too long")
	}
	return strings.ReplaceAll(s, from, to), nil
}

func orDefault(in any, args []any) (any, error) {
	if in == nil || in == false || in == "" {
		return args[0], nil
	}
	return in, nil
}

func part(in any, name string) (any, error) {
	v, ok := member(in, name)
	if !ok {
		return nil, errors.New("works on lists only")
	}
	return v, nil
}

func join(in any, args []any) (any, error) {
	list, ok := in.([]any)
	if !ok {
		return nil, errors.New("works on lists only")
	}
	sep := " "
	if len(args) == 1 {
		if sep, ok = text(args[0]); !ok {
			return nil, errors.New("takes a text")
		}
	}
	words := make([]string, len(list))
	for i, v := range list {
		if words[i], ok = text(v); !ok {
			return nil, fmt.Errorf("number %d of the list is not a text", i+1)
		}
	}
	return strings.Join(words, sep), nil
}

func truncate(in any, args []any) (any, error) {
	s, ok := text(in)
	n, okN := args[0].(int)
	if !ok || !okN || n < 1 {
		return nil, errors.New("takes a text and a number of characters")
	}
	end := "…"
	if len(args) == 2 {
		if end, ok = text(args[1]); !ok {
			return nil, errors.New("takes a text to end with")
		}
	}
	rs := []rune(s)
	if len(rs) <= n {
		return s, nil
	}
	keep := max(0, n-utf8.RuneCountInString(end))
	return string(rs[:keep]) + end, nil
}
