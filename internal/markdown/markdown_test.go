package markdown

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestBothForms(t *testing.T) {
	cases := []struct {
		what, src string
		html      []string // parts of the HTML form
		text      string
	}{
		{"paragraphs, a soft and a hard break", "Dear Ada,\nhow are you?\n\nYours  \nDuly\n", []string{"Dear Ada,\nhow are you?</p>", "Yours<br>\nDuly"}, "Dear Ada, how are you?\n\nYours\nDuly\n"},
		{"emphasis", "a **b** *c*", []string{"a <strong>b</strong> <em>c</em>"}, "a b c\n"},
		{"a heading", "# Final notice\n\nx", []string{"<h1 ", ">Final notice</h1>"}, "Final notice\n============\n\nx\n"},
		{"a link", "See [your account](https://x.example/a?b=1&c=2).", []string{`<a href="https://x.example/a?b=1&amp;c=2"`, ">your account</a>."}, "See your account (https://x.example/a?b=1&c=2).\n"},
		{"a phone number", "Call [+1 202 555 0100](tel:+12025550100).", []string{`href="tel:+12025550100"`}, "Call +1 202 555 0100.\n"},
		{"a phone number as people write it here", "Call [+49 (0) 30/23-125](tel:+4903023125) or [us](tel:+4930).", []string{`href="tel:+4930"`}, "Call +49 (0) 30/23-125 or us (+4930).\n"},
		{"another number than the one it calls", "Call [+1 202 555 0100](tel:+12025550101).", []string{`href="tel:+12025550101"`}, "Call +1 202 555 0100 (+12025550101).\n"},
		{"a mail address that is its own words", "[a@x.example](mailto:a@x.example)", []string{`href="mailto:a@x.example"`}, "a@x.example\n"},
		{"a button", `[Pay now](https://x.example/pay "button")`, []string{`<table role="presentation"`, "background:#1d4f91", ">Pay now</a>"}, "Pay now: https://x.example/pay\n"},
		{"a list", "- one\n- two **b**\n", []string{"<ul ", "one</li>", "two <strong>b</strong></li>"}, "- one\n- two b\n"},
		{"an ordered list", "3. one\n4. two\n", []string{"<ol "}, "3. one\n4. two\n"},
		{"a quote", "> said\n", []string{"border-left"}, "> said\n>\n"},
		{"a rule", "a\n\n---\n\nb", []string{"<hr "}, "a\n\n---\n\nb\n"},
		{
			"a table", "| Invoice | Open |\n|---|---:|\n| A-1 | $1,234.50 |\n| Longer-2 | $5 |\n",
			[]string{`<th scope="col" align="left"`, `<td align="right"`, ">$1,234.50</td>"},
			"Invoice        Open\n-------------------\nA-1       $1,234.50\nLonger-2         $5\n",
		},
		{"escaped signs", `1\. not a list, 2 \< 3 \& \*x\*`, []string{"1. not a list, 2 &lt; 3 &amp; *x*"}, "1. not a list, 2 < 3 & *x*\n"},
	}
	for _, c := range cases {
		t.Run(c.what, func(t *testing.T) {
			h, txt, err := Render(c.src, Style{})
			if err != nil {
				t.Fatal(err)
			}
			for _, part := range c.html {
				if !strings.Contains(h, part) {
					t.Errorf("the HTML lacks %q:\n%s", part, h)
				}
			}
			if strings.TrimRight(txt, "> \n") != strings.TrimRight(c.text, "> \n") {
				t.Errorf("text\n%q\nwant\n%q", txt, c.text)
			}
		})
	}
}

func TestRefuses(t *testing.T) {
	for what, src := range map[string]string{
		"a block of HTML":         "<div>x</div>\n",
		"HTML in a line":          "a <b>x</b>",
		"an image":                "![x](https://x.example/p.png)",
		"a link without TLS":      "[x](http://x.example)",
		"a link that runs a code": "[x](javascript:alert(1))",
		"a link without a host":   "[x](https:///a)",
		"a relative link":         "[x](pay)",
		"a bare link":             "<https://x.example>",
		"a block of code":         "    x\n",
		"a fenced block":          "```\nx\n```\n",
		"a button to nowhere":     `[x](ftp://x "button")`,
	} {
		if h, _, err := Render(src, Style{}); err == nil {
			t.Errorf("%s was taken: %s", what, h)
		}
	}
}

// Whatever a value holds, escaped it shows as it is (white space apart) and
// brings no markup of its own.
func TestEscapedValuesAreInert(t *testing.T) {
	tag := regexp.MustCompile(`<[a-z/]`)
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(
			rapid.String(),
			rapid.StringOfN(rapid.RuneFrom([]rune("<>[]()!*_`#|\\&;:/-+.~= \n\tahtps1")), 0, 40, -1),
		).Draw(t, "value")
		h, txt, err := Render("A "+Escape(value)+" z", Style{})
		if err != nil {
			t.Fatalf("%q: %v", value, err)
		}
		inner := strings.TrimSuffix(h[strings.Index(h, ">")+1:], "</p>")
		if tag.MatchString(inner) {
			t.Fatalf("%q brought markup: %s", value, inner)
		}
		squeeze := func(s string) string {
			s = strings.Map(func(r rune) rune {
				if r < ' ' && r != '\n' && r != '\t' && r != '\r' || r == 0x7f {
					return -1
				}
				return r
			}, s)
			return strings.Join(strings.Fields(s), " ")
		}
		if got, want := squeeze(txt), squeeze("A "+value+" z"); got != want {
			t.Fatalf("%q shows as %q", want, got)
		}
	})
}

func FuzzRender(f *testing.F) {
	for _, s := range []string{"# a\n\n- b\n  - c\n\n| a | b |\n|---|---|\n| 1 | 2 |\n", "> a\n> - b\n", "[a](https://b \"button\")", "1. a\n\n   b\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		h, _, err := Render(s, Style{})
		if err == nil && strings.Contains(strings.ToLower(h), "<script") {
			t.Errorf("a script got through: %s", h)
		}
	})
}
