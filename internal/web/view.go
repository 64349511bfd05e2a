package web

import (
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/identity"
)

// View is what templates get: the page's data, and what every page needs. In templates it
// is $ everywhere.
type View struct {
	*Request
	Data     any
	Menu     []NavGroup
	Commands []NavGroup // with the hidden ones
	Banners  []Banner
	Light    *Light // may be nil
	Message  *flash
	// Rehearsed says that business time is not the wall clock.
	Rehearsed bool
}

func (r *Request) view(data any) (*View, error) {
	v := &View{Request: r, Data: data, Rehearsed: r.console.o.Clock != clock.Real()}
	if r.Part() || r.User.Nobody() {
		return v, nil
	}
	v.Menu, v.Commands, v.Message = r.console.menu(r.User, false), r.console.menu(r.User, true), r.takeFlash()
	if r.console.o.Banners != nil {
		var err error
		if v.Banners, err = r.console.o.Banners(r.R.Context(), r.User); err != nil {
			return nil, fmt.Errorf("banners: %w", err)
		}
	}
	return v, v.light()
}

// lit is the group of pages that show the light.
const lit = "Compliance"

// light asks for the light on the pages that show it.
func (v *View) light() (err error) {
	ask := v.console.o.Light
	for _, g := range v.Commands {
		if ask != nil && g.Label == lit && slices.ContainsFunc(g.Entries, func(n Nav) bool { return v.Here(n.Path) }) {
			if v.Light, err = ask(v.R.Context(), v.User); err != nil {
				return fmt.Errorf("light: %w", err)
			}
		}
	}
	return nil
}

// Path of the page.
func (v *View) Path() string { return v.R.URL.Path }

// Asset is the address of an asset of the frame.
func (v *View) Asset(name string) string { return "/static/" + assetVersion + "/" + name }

// Here reports whether a navigation entry leads to this page or one above it.
func (v *View) Here(path string) bool {
	return v.Path() == path || path != "/" && strings.HasPrefix(v.Path(), path+"/")
}

// With is this page's address with parameters of the query replaced: name, value, name,
// value; an empty value takes it away. The cursor goes with any other change.
func (v *View) With(pairs ...string) string {
	q := v.R.URL.Query()
	if !slices.Contains(pairs, "after") {
		q.Del("after")
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Del(pairs[i])
		if pairs[i+1] != "" {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	if len(q) == 0 {
		return v.R.URL.Path
	}
	return v.R.URL.Path + "?" + q.Encode()
}

// Query is a parameter of this page's address.
func (v *View) Query(name string) string { return v.R.URL.Query().Get(name) }

// Filtered reports whether the address holds a filter.
func (v *View) Filtered() bool {
	for name, values := range v.R.URL.Query() {
		if name != "after" && name != "sort" && strings.Join(values, "") != "" {
			return true
		}
	}
	return false
}

// CSV is the address of this list as CSV, with the same filter.
func (v *View) CSV() string { return v.With("format", "csv") }

// When shows an instant: relative, absolute in our time on hover; the key t switches
// between relative, our time and UTC. The zero instant is a dash.
func (v *View) When(t time.Time) template.HTML { return timeTag(t, v.Now, v.Zone, v.Settings.Time) }

// There shows an instant as a debtor's clock does, with our time beside it. zone is an
// IANA name; one that is not known shows UTC and says so.
func (v *View) There(t time.Time, zone string) template.HTML {
	if t.IsZero() {
		return dash
	}
	loc, err := time.LoadLocation(zone)
	if err != nil || zone == "" || zone == "Local" {
		return template.HTML(fmt.Sprintf(`<time datetime="%s">%s UTC <span class="faint">(zone not known)</span></time>`, t.UTC().Format(time.RFC3339), t.UTC().Format(dayTime))) //nolint:gosec // no input
	}
	ours := t.In(v.Zone)
	return template.HTML(fmt.Sprintf(`<time datetime="%s"><b>%s</b> <span class="faint">%s there · %s %s here</span></time>`, //nolint:gosec // escaped
		t.UTC().Format(time.RFC3339), t.In(loc).Format(dayTime), template.HTMLEscapeString(place(zone)), ours.Format("Mon 15:04"), ours.Format("MST")))
}

// ClockThere is what the clock of a zone shows now.
func (v *View) ClockThere(zone string) string {
	loc, err := time.LoadLocation(zone)
	if err != nil || zone == "" || zone == "Local" {
		return ""
	}
	return v.Now.In(loc).Format("Mon 15:04") + " in " + place(zone)
}

// place is the last part of a zone's name, for people.
func place(zone string) string {
	if zone == "UTC" {
		return "UTC"
	}
	return strings.ReplaceAll(zone[strings.LastIndex(zone, "/")+1:], "_", " ")
}

// May reports whether the user has a permission somewhere: for buttons of lists.
func (v *View) May(p string) bool { return v.User.Somewhere(identity.Permission(p)) }

// MayFor reports whether the user has a permission for a creditor: for buttons of a case.
func (v *View) MayFor(p, creditor string) bool { return v.User.Can(identity.Permission(p), creditor) }

const (
	dayTime = "Mon 2 Jan 2006, 15:04"
	dash    = template.HTML(`<span class="faint">–</span>`)
)

// timeTag carries all three ways of showing, so that switching needs no server.
func timeTag(t, now time.Time, zone *time.Location, mode string) template.HTML {
	if t.IsZero() {
		return dash
	}
	ways := map[string]string{"relative": Relative(t, now), "local": t.In(zone).Format(dayTime + " MST"), "utc": t.UTC().Format(dayTime) + " UTC"}
	shown, ok := ways[mode]
	if !ok {
		shown = ways["relative"]
	}
	return template.HTML(fmt.Sprintf(`<time datetime="%s" data-relative="%s" data-local="%s" data-utc="%s" title="%s · %s">%s</time>`, //nolint:gosec // words and digits only
		t.UTC().Format(time.RFC3339), ways["relative"], ways["local"], ways["utc"], ways["local"], ways["utc"], shown))
}

// Relative says how far an instant is from now: "in 3 days", "2 h ago", "now".
func Relative(t, now time.Time) string {
	d := t.Sub(now)
	ahead := d > 0
	if !ahead {
		d = -d
	}
	var text string
	switch {
	case d < 45*time.Second:
		return "now"
	case d < 90*time.Minute:
		text = fmt.Sprintf("%d min", max(1, int(d.Round(time.Minute)/time.Minute)))
	case d < 36*time.Hour:
		text = fmt.Sprintf("%d h", int(d.Round(time.Hour)/time.Hour))
	case d < 60*24*time.Hour:
		text = fmt.Sprintf("%d days", int(d.Round(24*time.Hour)/(24*time.Hour)))
	case d < 730*24*time.Hour:
		text = fmt.Sprintf("%d months", int(d/(30*24*time.Hour)))
	default:
		text = fmt.Sprintf("%d years", int(d/(365*24*time.Hour)))
	}
	if ahead {
		return "in " + text
	}
	return text + " ago"
}

// Money writes an amount as people read it: 1,234.50 USD.
func Money(a money.Amount) string { return strings.TrimSpace(Figure(a) + " " + a.Currency()) }

// Figure is Money without the currency.
func Figure(a money.Amount) string {
	if a.Currency() == "" {
		return ""
	}
	text := a.Decimal()
	sign := ""
	if strings.HasPrefix(text, "-") {
		sign, text = "−", text[1:]
	}
	whole, rest, _ := strings.Cut(text, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if rest != "" {
		whole += "." + rest
	}
	return sign + whole
}

// badge is a state as word, shape and colour: kind good, warn, bad, info or quiet.
type badge struct{ Kind, Text, Mark string }

var marks = map[string]string{"good": "✓", "warn": "▲", "bad": "■", "info": "●", "quiet": "○"}

// field is one input with its label, fault and help.
type field struct{ Name, Label, Value, Fault, Help, Kind string }

// Autocomplete tells password managers which password is meant.
func (f field) Autocomplete() string {
	switch {
	case f.Kind != "password":
		return ""
	case f.Name == "now":
		return "current-password"
	}
	return "new-password"
}

// funcs are the functions of all templates.
var funcs = template.FuncMap{
	"money":  func(a money.Amount) template.HTML { return moneyTag(a) },
	"figure": Figure,
	"badge": func(kind, text string) badge {
		return badge{kind, text, marks[kind]}
	},
	"field": func(name, label, value, fault string) field {
		return field{Name: name, Label: label, Value: value, Fault: fault, Kind: "text"}
	},
	"fieldOf": func(kind, name, label, value, fault, help string) field {
		return field{name, label, value, fault, help, kind}
	},
	"words":  Words,
	"plural": func(n any, one, many string) string { return Plural(n, one, many) },
	"date": func(t time.Time) string {
		if t.IsZero() {
			return "–"
		}
		return t.Format("2 Jan 2006")
	},
	"list":  func(parts ...string) []string { return parts },
	"dict":  dict,
	"short": func(id string) string { return id[:min(len(id), 8)] },
	"join":  strings.Join,
	"lower": strings.ToLower,
	"has":   slices.Contains[[]string],

	"passages": passagesOf,
	"linesOf":  func(text string) []string { return strings.Split(text, "\n") },
}

func moneyTag(a money.Amount) template.HTML {
	if a.Currency() == "" {
		return dash
	}
	return template.HTML(`<span class="money">` + template.HTMLEscapeString(Figure(a)) + ` <small>` + template.HTMLEscapeString(a.Currency()) + `</small></span>`) //nolint:gosec // escaped
}

// Words makes a code readable: "breathing_space" becomes "breathing space".
func Words(code any) string {
	if text := fmt.Sprint(code); text == "sms" {
		return "SMS"
	}
	return strings.NewReplacer("_", " ", "-", " ", ".", " ", ":", ": ").Replace(fmt.Sprint(code))
}

// Plural is "1 case", "1,204 cases".
func Plural(n any, one, many string) string {
	text := fmt.Sprint(n)
	if text == "1" {
		return "1 " + one
	}
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text + " " + many
}

// dict makes a map for a component from name, value, name, value.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("dict needs pairs of name and value; it got %d values", len(pairs))
	}
	out := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		out[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return out, nil
}

// Pager is what stands under a list.
type Pager struct{ Shown, First, Next string }

// Pager makes it from the cursor of the next page ("" at the end) and the number of rows.
func (v *View) Pager(next string, rows int) Pager {
	p := Pager{Shown: Plural(rows, "row", "rows")}
	if v.Query("after") != "" {
		p.First, p.Shown = v.With("after", ""), p.Shown+" on this page"
	}
	if next != "" {
		p.Next = v.With("after", next)
	}
	return p
}
