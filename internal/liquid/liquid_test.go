package liquid

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// cents stands for a type of the caller that only its own filter can write.
type cents int

var own = map[string]Filter{
	"money": NewFilter(0, 0, func(in any, _ []any) (any, error) {
		c, ok := in.(cents)
		if !ok {
			return nil, errors.New("works on amounts only")
		}
		return fmt.Sprintf("$%d.%02d", c/100, c%100), nil
	}),
}

func vars() map[string]any {
	return map[string]any{
		"name": "Ada", "empty": "", "phone": nil, "count": 3, "yes": true, "no": false, "total": cents(1250),
		"debtor": map[string]any{"kind": "consumer", "city": "Turin"},
		"items": []any{
			map[string]any{"number": "A-1", "open": cents(1000)},
			map[string]any{"number": "A-2", "open": cents(250)},
		},
		"tags": []any{"vip", "new"}, "none": []any{},
	}
}

func render(src string) (string, error) {
	t, faults := Parse(src, own)
	if len(faults) > 0 {
		return "", faults[0]
	}
	return t.Render(vars(), Options{Filters: own})
}

func TestRenders(t *testing.T) {
	cases := []struct{ what, src, want string }{
		{"text as it is", "Hello, 100%\n", "Hello, 100%\n"},
		{"a variable", "Hi {{ name }}!", "Hi Ada!"},
		{"a member", "{{ debtor.city }}", "Turin"},
		{"an element", `{{ items[1].number }} {{ items.first.number }} {{ debtor["city"] }}`, "A-2 A-1 Turin"},
		{"a filter of the caller", "{{ total | money }}", "$12.50"},
		{"filters one after the other", `{{ name | upcase | append: "!" | prepend: "¡" }}`, "¡ADA!"},
		{"literals", `{{ "a" }}{{ 'b' }}{{ 7 }}`, "ab7"},
		{"a default for a value that is not there", `{{ phone | default: "none" }}`, "none"},
		{"a default that is not needed", `{{ name | default: "none" }}`, "Ada"},
		{"if with text", "{% if name %}y{% else %}n{% endif %}", "y"},
		{"nil is false", "{% if phone %}y{% else %}n{% endif %}", "n"},
		{"an empty text is true, as in Liquid", "{% if empty %}y{% else %}n{% endif %}", "y"},
		{"elsif", `{% if count > 5 %}a{% elsif count == 3 %}b{% else %}c{% endif %}`, "b"},
		{"and", `{% if yes and count >= 3 and name == "Ada" %}y{% endif %}`, "y"},
		{"or", `{% if no or count < 4 %}y{% endif %}`, "y"},
		{"unless", "{% unless no %}y{% endunless %}", "y"},
		{"unless with or: only when none holds", "{% unless no or yes %}y{% else %}n{% endunless %}", "n"},
		{"contains in text and list", `{% if name contains "d" and tags contains "vip" %}y{% endif %}`, "y"},
		{"not equal, both spellings", `{% if name != "Bob" and name <> "Eve" %}y{% endif %}`, "y"},
		{"compared with nil", `{% if phone == nil %}y{% endif %}`, "y"},
		{"case", `{% case debtor.kind %}{% when "business" %}b{% when "consumer", "person" %}c{% else %}e{% endcase %}`, "c"},
		{"case else", `{% case count %}{% when 1 or 2 %}few{% else %}many{% endcase %}`, "many"},
		{"for with forloop", `{% for i in items %}{{ forloop.index }}/{{ forloop.length }} {{ i.number }}{% unless forloop.last %}, {% endunless %}{% endfor %}`, "1/2 A-1, 2/2 A-2"},
		{"for else", `{% for i in none %}x{% else %}nothing{% endfor %}`, "nothing"},
		{"for limit reversed", `{% for t in tags reversed limit:1 %}{{ t }}{% endfor %}`, "new"},
		{"for in for", `{% for a in tags %}{% for b in tags %}{{ a }}-{{ b }} {% endfor %}{% endfor %}`, "vip-vip vip-new new-vip new-new "},
		{"assign", `{% assign n = count | plus: 2 | times: 10 | minus: 1 %}{{ n }}`, "49"},
		{"assign within a loop stays", `{% assign all = "" %}{% for t in tags %}{% assign all = all | append: t %}{% endfor %}{{ all }}`, "vipnew"},
		{"comment", "a{% comment %} {{ nonsense }} {% endcomment %}b", "ab"},
		{"inline comment", "a{% # to be checked %}b", "ab"},
		{"raw", "{% raw %}{{ name }}{% endraw %}", "{{ name }}"},
		{"whitespace control", "a  {{- name -}}  b\n{%- if yes %} c {%- endif -%}\n d", "aAdab cd"},
		{"join, size, truncate", `{{ tags | join: "+" }} {{ tags | size }} {{ items.size }} {{ "Amsterdam" | truncate: 4 }}`, "vip+new 2 2 Ams…"},
		{"replace, strip, capitalize", `{{ " ada " | strip | capitalize | replace: "a", "o" }}`, "Ado"},
		{"url", `{{ "a b&c" | url_encode }}`, "a+b%26c"},
		{"braces that open nothing", "a { b } %} }}", "a { b } %} }}"},
	}
	for _, c := range cases {
		t.Run(c.what, func(t *testing.T) {
			got, err := render(c.src)
			if err != nil || got != c.want {
				t.Errorf("got %q, %v\nwant %q", got, err, c.want)
			}
		})
	}
}

// Each case refuses, when it is read or when it is rendered, and says where.
func TestRefuses(t *testing.T) {
	cases := []struct{ what, src, want string }{
		{"a variable that does not exist", "Hi\n {{ nmae }}", `2:5: unknown variable "nmae" (did you mean "name"?)`},
		{"a member that does not exist", "{{ debtor.ctiy }}", `1:4: unknown variable "debtor.ctiy" (did you mean "city"?)`},
		{"a variable that does not exist, even in if", "{% if nmae %}{% endif %}", `1:7: unknown variable "nmae" (did you mean "name"?)`},
		{"a value that is not there", "{{ phone }}", "1:4: phone has no value here (guard it with {% if %} or give it a default)"},
		{"a value that is not there, through a filter", "{{ phone | upcase }}", "1:4: phone has no value here (guard it with {% if %} or give it a default)"},
		{"an element beyond the end", "{{ tags[7] }}", "1:4: tags.7 has no value here (guard it with {% if %} or give it a default)"},
		{"an amount without its filter", "{{ total }}", "1:4: total cannot be written as it is (use a filter such as money, date or join)"},
		{"a list as it is", "{{ tags }}", "1:4: tags cannot be written as it is (use a filter such as money, date or join)"},
		{"a truth value as it is", "{{ yes }}", "1:4: yes cannot be written as it is (use a filter such as money, date or join)"},
		{"the wrong filter", "{{ name | money }}", "1:11: money: works on amounts only"},
		{"an unknown filter", "{{ name | upcas }}", `1:11: unknown filter "upcas" (did you mean "upcase"?)`},
		{"an unknown tag", "{% fi yes %}", `1:4: unknown tag "fi" (did you mean "if"?)`},
		{"too many arguments", `{{ name | upcase: "x" }}`, "1:11: upcase takes no arguments, not 1"},
		{"and mixed with or", "{% if yes and no or yes %}{% endif %}", `1:18: "and" and "or" cannot be mixed (use an if within an if)`},
		{"an order between unlike things", `{% if name > 3 %}{% endif %}`, "1:7: name and 3 cannot be ordered (only whole numbers can)"},
		{"an if that is not closed", "a {% if yes %} b", `1:6: "if" is not closed (it needs {% endif %})`},
		{"an if closed by endfor", "{% if yes %}{% endfor %}", `1:16: "endfor" does not close "if" (it needs {% endif %})`},
		{"an else that continues nothing", "a{% else %}", `1:5: "else" does not belong here (nothing is open that it could continue or end)`},
		{"two else", "{% if yes %}{% else %}{% else %}{% endif %}", `1:26: "else" does not close "if" (it needs {% endif %})`},
		{"an output that is not closed", "{{ name", "1:1: this is not closed (it needs }})"},
		{"a comment that is not closed", "{% comment %} x", "1:1: comment is not closed (it needs {% endcomment %})"},
		{"an empty output", "{{ }}", "1:3: nothing stands between {{ and }}"},
		{"a text in quotes that is not closed", `{{ "abc }}`, `1:4: unexpected "\"" (the text in quotes is not closed)`},
		{"words after the end", "{{ name name }}", `1:9: expected the end of the tag, not "name"`},
		{"a loop over a text", "{% for i in name %}{% endfor %}", "1:13: name is not a list"},
		{"a loop without in", "{% for i of items %}{% endfor %}", `1:10: expected in, not "of"`},
		{"a limit of nothing", "{% for i in items limit:0 %}{% endfor %}", "1:25: limit takes a number of at least 1 (such as limit:5)"},
		{"something before the first when", `{% case name %}x{% when "a" %}{% endcase %}`, `1:4: something stands between "case" and the first "when" (it would never be shown)`},
	}
	for _, c := range cases {
		t.Run(c.what, func(t *testing.T) {
			_, err := render(c.src)
			if err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}

func TestAllFaultsOfATemplateAreReported(t *testing.T) {
	_, faults := Parse("{{ a | nope }}\n{% fi %}\n{{ }}\n{% if a %}", own)
	if len(faults) != 4 {
		t.Errorf("got %v", faults)
	}
}

func TestWhatIsPutInIsEscapedAndTheTemplateIsNot(t *testing.T) {
	tpl, faults := Parse(`<b>{{ name }}</b>{% assign x = name | append: "<i>" %}{{ x }}`, nil)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	got, err := tpl.Render(map[string]any{"name": "<script>"}, Options{Escape: func(s string) string { return strings.ReplaceAll(s, "<", "&lt;") }})
	if want := "<b>&lt;script></b>&lt;script>&lt;i>"; err != nil || got != want {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestFaultsNeverNameValues(t *testing.T) {
	for _, src := range []string{"{{ name | money }}", "{% if name > 3 %}{% endif %}", "{{ name.x }}", "{% for x in name %}{% endfor %}"} {
		if _, err := render(src); err == nil || strings.Contains(err.Error(), "Ada") {
			t.Errorf("%s: %v", src, err)
		}
	}
}

func TestLimits(t *testing.T) {
	many := make([]any, 300)
	for i := range many {
		many[i] = "x"
	}
	cases := []struct{ what, src string }{
		{"loops within loops", "{% for a in l %}{% for b in l %}{% for c in l %}{{ a }}{% endfor %}{% endfor %}{% endfor %}"},
		{"a text that doubles", `{% assign s = "x" %}{% for a in l %}{% assign s = s | append: s %}{% endfor %}`},
		{"a replacement that multiplies", `{% assign s = "x" %}{% for a in l %}{% assign s = s | replace: "x", "xxxxxxxx" %}{% endfor %}`},
		{"a long output", `{% assign s = "0123456789" %}{% for a in l limit:12 %}{% assign s = s | append: s %}{% endfor %}{% for a in l %}{{ s }}{% endfor %}`},
	}
	for _, c := range cases {
		tpl, faults := Parse(c.src, nil)
		if len(faults) > 0 {
			t.Fatal(c.what, faults)
		}
		if _, err := tpl.Render(map[string]any{"l": many}, Options{}); err == nil {
			t.Errorf("%s was not stopped", c.what)
		}
	}
	if _, faults := Parse(strings.Repeat("{% if a %}", 1000), nil); len(faults) == 0 {
		t.Error("a thousand nested tags were taken")
	}
	if _, faults := Parse(strings.Repeat("x", MaxSource+1), nil); len(faults) == 0 {
		t.Error("a template beyond the limit was taken")
	}
}

// FuzzTemplate: no template may crash or hang; faults lie in the source; what
// is rendered stays within the limit.
func FuzzTemplate(f *testing.F) {
	for _, s := range []string{
		"{{ name | upcase }}", "{% for i in items limit:1 %}{{ i.number }}{% else %}x{% endfor %}", "{%- if a == 'b' -%}{% elsif c %}{% endif %}",
		"{% case a %}{% when 1, 2 %}{% endcase %}", "{% raw %}{{{% endraw %}", "{% assign x = 1 | plus: 2 %}{{x}}", "{{", "{%%}", "{% comment %}",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, src string) {
		tpl, faults := Parse(src, own)
		lines := strings.Count(src, "\n") + 1
		for _, x := range faults {
			if x.Line < 1 || x.Line > lines || x.Column < 1 {
				t.Errorf("fault outside the template: %v", x)
			}
		}
		if tpl == nil {
			return
		}
		out, err := tpl.Render(vars(), Options{Filters: own})
		if err == nil && len(out) > MaxOutput+MaxSource {
			t.Errorf("rendered %d bytes", len(out))
		}
	})
}

func BenchmarkRender(b *testing.B) {
	tpl, _ := Parse(`Dear {{ name }}, {% for i in items %}{{ i.number }}: {{ i.open | money }}{% unless forloop.last %}, {% endunless %}{% endfor %}. {% if phone %}{{ phone }}{% endif %}`, own)
	v := vars()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tpl.Render(v, Options{Filters: own}); err != nil {
			b.Fatal(err)
		}
	}
}
