package letter

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"codeberg.org/go-pdf/fpdf"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/channeltest"
)

// memory is a Store as the database's outbox would be.
type memory struct {
	mu   sync.Mutex
	rows map[string]Letter
	fail bool
}

func (s *memory) Put(ctx context.Context, l Letter) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail {
		return errors.New("commit lost for Main Street 1")
	}
	if _, there := s.rows[l.Attempt]; !there {
		s.rows[l.Attempt] = l
	}
	return ctx.Err()
}

func (s *memory) Has(_ context.Context, attempt string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail {
		return false, errors.New("lost")
	}
	_, there := s.rows[attempt]
	return there, nil
}

func newAdapter(t testing.TB, s Store, o Options) *Adapter {
	t.Helper()
	a, err := New(s, o)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func newDir(t testing.TB, root string) *Dir {
	t.Helper()
	d, err := NewDir(root)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestConformanceOfADirectory(t *testing.T) {
	channeltest.RunLocal(t, channeltest.Local{
		Channels: []dunning.Channel{dunning.Letter},
		New: func(t testing.TB) channeltest.Channel {
			return newAdapter(t, newDir(t, t.TempDir()), Options{})
		},
		Count: func(c channeltest.Channel) int {
			entries, err := os.ReadDir(c.(*Adapter).store.(*Dir).root)
			if err != nil {
				t.Fatal(err)
			}
			return len(entries) // left-over temporary directories would count too
		},
	})
}

func TestConformanceOfADatabase(t *testing.T) {
	channeltest.RunLocal(t, channeltest.Local{
		Channels: []dunning.Channel{dunning.Letter},
		New: func(t testing.TB) channeltest.Channel {
			return newAdapter(t, &memory{rows: map[string]Letter{}}, Options{})
		},
		Count: func(c channeltest.Channel) int { return len(c.(*Adapter).store.(*memory).rows) },
	})
}

// TestForgets: only the outbox in Duly's own database is restored with it.
func TestForgets(t *testing.T) {
	for _, batched := range []bool{true, false} {
		if got := newAdapter(t, &memory{rows: map[string]Letter{}}, Options{Batched: batched}).Forgets(); got != batched {
			t.Errorf("batched %v: forgets %v", batched, got)
		}
	}
}

func TestAFailingStoreIsUnknown(t *testing.T) {
	a, m := newAdapter(t, &memory{fail: true}, Options{}), channeltest.Message(dunning.Letter, 1)
	out, e := a.Send(t.Context(), m), a.Lookup(t.Context(), m)
	channeltest.CheckOutcome(t, out)
	channeltest.CheckSilent(t, m, []string{"Main Street"}, out, e)
	if out.State != dunning.SendUnknown || e.Found != dunning.EvidenceCannotKnow {
		t.Errorf("the commit may have happened: got %+v and %+v", out, e)
	}
}

func long(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("Ihr Konto weist einen offenen Betrag von 1.234,56 € aus, fällig seit dem 1. März. ")
		if i%5 == 4 {
			b.WriteString("\n\n")
		}
	}
	return b.String()
}

// ruler is a document to measure with: to read the fonts takes longer than to lay a letter out.
// Of one goroutine only.
var ruler = sync.OnceValue(func() *fpdf.Fpdf { return forms[DIN5008B].document(dunning.Message{}) })

// layout lays a message out without a PDF.
func layout(t testing.TB, m dunning.Message, f Form) ([][]line, geometry, error) {
	t.Helper()
	g := forms[f]
	pdf := ruler()
	pages, err := g.compose(m, func(text string, size float64, bold bool) float64 {
		pdf.SetFont(family, style(bold), size)
		return pdf.GetStringWidth(text)
	})
	return pages, g, err
}

// TestTheWindowShowsTheAddressOnly is what a letter must never get wrong:
// whoever sees the envelope must not see that somebody owes money.
func TestTheWindowShowsTheAddressOnly(t *testing.T) {
	messages := map[string]func(*dunning.Message){
		"an ordinary letter": func(*dunning.Message) {},
		"a long letter":      func(m *dunning.Message) { m.Text = long(120) },
		"a long subject":     func(m *dunning.Message) { m.Subject = strings.Repeat("Mahnung wegen Zahlungsverzug ", 12) },
		"a sender of many lines": func(m *dunning.Message) {
			m.Sender = strings.Split(strings.Repeat("Acme Forderungsmanagement GmbH\n", 20), "\n")
		},
		"an address of as many lines as fit": func(m *dunning.Message) { m.To, m.ToName = "a\nb\nc\nd\ne", "" },
		"no sender":                          func(m *dunning.Message) { m.Sender = nil },
	}
	for name, change := range messages {
		for _, form := range []Form{DIN5008B, US10} {
			t.Run(name+", "+string(form), func(t *testing.T) {
				m := channeltest.Message(dunning.Letter, 7)
				change(&m)
				pages, g, err := layout(t, m, form)
				if err != nil {
					t.Fatal(err)
				}
				checkWindow(t, pages[0], g, addressLines(m))
				checkMargins(t, pages, g)
			})
		}
	}
}

// checkWindow: all of the address inside the zone that always shows, and
// nothing else in what can show.
func checkWindow(t *testing.T, page []line, g geometry, address []string) {
	t.Helper()
	inAddress := map[string]bool{}
	for _, a := range address {
		inAddress[a] = true
	}
	shown := 0
	for _, l := range page {
		top, bottom := l.y-l.size*mmPerPoint*0.8, l.y+l.size*mmPerPoint*0.25
		inside := bottom > g.winY && top < g.winY+g.winH && l.x < g.winX+g.winW
		switch {
		case inAddress[l.text] && inside:
			shown++
			if top < g.addrTop-0.01 || bottom > g.addrBottom+0.01 || l.x < g.addrX {
				t.Errorf("an address line at %.1f to %.1f mm may be hidden, the window shows %.1f to %.1f", top, bottom, g.addrTop, g.addrBottom)
			}
		case inside && l.y == g.returnY:
			if bottom > g.addrTop {
				t.Error("the return address runs into the address")
			}
		case inside:
			t.Errorf("%q at (%.1f, %.1f) shows through the window", l.text, l.x, l.y)
		}
	}
	if shown != len(address) {
		t.Errorf("%d of %d address lines show", shown, len(address))
	}
}

func checkMargins(t *testing.T, pages [][]line, g geometry) {
	t.Helper()
	for i, page := range pages {
		if len(page) == 0 {
			t.Errorf("page %d is empty", i+1)
		}
		for _, l := range page {
			if l.x < 15 || l.y < 10 || l.y > g.height-10 {
				t.Errorf("page %d: a line at (%.1f, %.1f) is off the paper", i+1, l.x, l.y)
			}
		}
	}
}

func TestAllTextIsPrintedInOrder(t *testing.T) {
	m := channeltest.Message(dunning.Letter, 1)
	m.Text = long(120) + "\n\n" + strings.Repeat("Donaudampfschifffahrtsgesellschaft", 20) + "\n\nEnde."
	pages, g, err := layout(t, m, DIN5008B)
	if err != nil {
		t.Fatal(err)
	}
	if len(pages) < 3 {
		t.Fatalf("%d pages", len(pages))
	}
	var printed strings.Builder
	for _, page := range pages {
		for _, l := range page {
			if l.size == bodySize && !l.bold && l.x == g.left && l.y >= g.nextTop && !(l.y < g.addrBottom && l.y > g.addrTop && page[0].y == pages[0][0].y) {
				printed.WriteString(l.text)
			}
		}
	}
	without := func(s string) string { return strings.Join(strings.Fields(s), "") }
	if got, want := without(printed.String()), without(m.Text); got != want {
		t.Errorf("printed %d characters of %d", len(got), len(want))
	}
	last := pages[len(pages)-1]
	if want := itoa(len(pages)) + " / " + itoa(len(pages)); last[len(last)-1].text != want {
		t.Errorf("the last page is numbered %q, want %q", last[len(last)-1].text, want)
	}
}

func TestFaults(t *testing.T) {
	cases := []struct {
		name  string
		spoil func(*dunning.Message)
		class dunning.FailureClass
		code  string
	}{
		{"an address of too many lines", func(m *dunning.Message) { m.To = strings.Repeat("x\n", 9) }, dunning.FailedRecipient, "letter:address_lines"},
		{"an address line wider than the window", func(m *dunning.Message) { m.To += "\n" + strings.Repeat("Wide ", 60) }, dunning.FailedRecipient, "letter:address_width"},
		{"an emoji in the text", func(m *dunning.Message) { m.Text += " 😀" }, dunning.FailedContent, "letter:glyph"},
		{"a name in a script that the font lacks", func(m *dunning.Message) { m.ToName = "王小明" }, dunning.FailedRecipient, "letter:glyph"},
		{"a script that needs shaping, though the font has its letters", func(m *dunning.Message) { m.ToName = "محمد" }, dunning.FailedRecipient, "letter:glyph"},
		{"text that is no UTF-8", func(m *dunning.Message) { m.Text += "\xff" }, dunning.FailedContent, "letter:glyph"},
		{"a control character", func(m *dunning.Message) { m.Subject += "\x07" }, dunning.FailedContent, "letter:glyph"},
		{"a book", func(m *dunning.Message) { m.Text = long(2000) }, dunning.FailedContent, "letter:pages"},
		{"no text", func(m *dunning.Message) { m.Text = "\n \n" }, dunning.FailedContent, "letter:empty"},
		{"another channel's message", func(m *dunning.Message) { m.Channel = dunning.SMS }, dunning.FailedConfig, "letter:wrong_channel"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s := &memory{rows: map[string]Letter{}}
			m := channeltest.Message(dunning.Letter, 1)
			c.spoil(&m)
			out := newAdapter(t, s, Options{}).Send(t.Context(), m)
			channeltest.CheckOutcome(t, out)
			if out.Class != c.class || out.Code != c.code || len(s.rows) != 0 {
				t.Errorf("got %+v with %d stored, want %s %s", out, len(s.rows), c.class, c.code)
			}
			if _, err := Set(m, ByLocale); err != nil {
				channeltest.CheckSilent(t, m, nil, err.Error())
			}
		})
	}
}

func TestNamesOfEuropePrint(t *testing.T) {
	m := channeltest.Message(dunning.Letter, 1)
	for _, name := range []string{"Zoë Müller-Groß", "Łukasz Żółć", "Søren Ærø", "Ştefan Țăran", "Γιώργος Παπαδόπουλος", "Олександр Їжак", "Guðrún Þórsdóttir", "Jose\u0301 Nin\u0303o", "O’Brien – Søns ½", "Đỗ Nguyễn"} {
		m.ToName = name
		if _, err := Set(m, DIN5008B); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := clean("Jose\u0301"); got != "José" {
		t.Errorf("accents are composed: got %q", got)
	}
}

// TestLongAddressesShow: they are set smaller, then broken, as long as all of it shows.
func TestLongAddressesShow(t *testing.T) {
	for about, to := range map[string]string{
		"a company with a long name":           "Rheinisch-Westfälische Wohnungsbaugesellschaft mbH & Co. KG\nWeg 1\n45127 Essen",
		"one that no type is small enough for": "Gemeinnützige Wohnungsbau- und Siedlungsgenossenschaft der Angestellten und Arbeiter im Ruhrgebiet eG\nWeg 1\n45127 Essen",
		"one word wider than the window":       strings.Repeat("Donaudampfschifffahrtsgesellschaft", 2) + "\nWeg 1\n1010 Wien",
	} {
		for _, form := range []Form{DIN5008B, US10} {
			m := channeltest.Message(dunning.Letter, 1)
			m.To, m.ToName = to, ""
			pages, g, err := layout(t, m, form)
			if err != nil {
				t.Errorf("%s, %s: %v", about, form, err)
				continue
			}
			pdf, shown := ruler(), ""
			for _, l := range pages[0] {
				if l.x != g.addrX || l.y < g.addrTop || l.y > g.addrBottom {
					continue
				}
				shown += l.text
				pdf.SetFont(family, "", l.size)
				if w := pdf.GetStringWidth(l.text); w > g.addrW+0.01 || l.size > addressSize || form == DIN5008B && l.size < addressLeast {
					t.Errorf("%s, %s: %q is %.1f mm wide in %.1f points", about, form, l.text, w, l.size)
				}
			}
			without := func(s string) string { return strings.Join(strings.Fields(s), "") }
			if without(shown) != without(to) {
				t.Errorf("%s, %s: the window shows %q", about, form, shown)
			}
		}
	}
}

// TestALongSenderStaysOnThePaper: its block is broken and set smaller, above the window.
func TestALongSenderStaysOnThePaper(t *testing.T) {
	long := "Gemeinnützige Wohnungsbau- und Siedlungsgenossenschaft der Angestellten und Arbeiter im Ruhrgebiet eG"
	for about, sender := range map[string][]string{
		"a long name":   {long, "Weg 1", "45127 Essen"},
		"one long word": {strings.Repeat("Donaudampfschifffahrt", 8), "Weg 1"},
		"many lines":    {"Acme", "Abteilung Forderungen", "Haus 7", "Weg 1", "45127 Essen", "Telefon 0201 1", "Telefax 0201 2", "post@acme.example", "acme.example", "HRB 1"},
	} {
		for _, form := range []Form{DIN5008B, US10} {
			m := channeltest.Message(dunning.Letter, 1)
			m.Sender = sender
			pages, g, err := layout(t, m, form)
			if err != nil {
				t.Fatal(err)
			}
			checkWindow(t, pages[0], g, addressLines(m))
			checkMargins(t, pages, g)
			shown := ""
			for _, l := range pages[0] {
				ruler().SetFont(family, style(l.bold), l.size)
				if end := l.x + ruler().GetStringWidth(l.text); end > g.width-g.right+0.01 {
					t.Errorf("%s, %s: %q ends at %.1f of %.1f", about, form, l.text, end, g.width-g.right)
				}
				if l.x == g.headX && l.y < g.winY+g.winH && l.size <= headSize && l.y != g.returnY && l.x != g.addrX {
					shown += l.text
				}
			}
			without := func(s string) string { return strings.Join(strings.Fields(s), "") }
			if without(shown) != without(strings.Join(sender, "")) {
				t.Errorf("%s, %s: the block says %q", about, form, shown)
			}
		}
	}
}

// TestALetterBearsItsDay in the words of its language and country, above the subject, in the
// twin too; one of a release that knew no day bears none.
func TestALetterBearsItsDay(t *testing.T) {
	day := dunning.Date{Year: 2026, Month: time.March, Day: 4}
	for _, c := range []struct {
		about, locale, formats string
		form                   Form
		want                   string
	}{
		{"American English", "en", "en-US", US10, "March 4, 2026"},
		{"British English", "en", "en-GB", DIN5008B, "4 March 2026"},
		{"German", "de", "de", DIN5008B, "4. März 2026"},
		{"Austrian, whose January is another word", "de", "de-AT", DIN5008B, "4. März 2026"},
		{"the text's language where nothing is said of customs", "fr", "", DIN5008B, "4 mars 2026"},
	} {
		t.Run(c.about, func(t *testing.T) {
			m := channeltest.Message(dunning.Letter, 1)
			m.Locale, m.Formats, m.Dated, m.HTML = c.locale, c.formats, day, "<html><body class=x><p>Text</p></body></html>"
			pages, g, err := layout(t, m, c.form)
			if err != nil {
				t.Fatal(err)
			}
			pdf, found := ruler(), false
			for _, l := range pages[0] {
				if l.text != c.want {
					continue
				}
				found = true
				pdf.SetFont(family, "", l.size)
				if end := l.x + pdf.GetStringWidth(l.text); l.y >= g.subjectY-bodyStep || l.x < g.left || end > g.width-g.right+0.01 {
					t.Errorf("it stands at (%.1f, %.1f) to %.1f", l.x, l.y, end)
				}
			}
			if !found {
				t.Errorf("the letter does not bear %q", c.want)
			}
			checkWindow(t, pages[0], g, addressLines(m))
			l, err := Set(m, c.form)
			if err != nil || !strings.Contains(string(l.HTML), `<time datetime="2026-03-04">`+c.want+`</time>`) || !strings.Contains(string(l.HTML), "10115 Berlin</address>") {
				t.Errorf("the twin: %v\n%s", err, l.HTML)
			}
		})
	}
	m := channeltest.Message(dunning.Letter, 1)
	before, err := Set(m, DIN5008B)
	m.Dated = day
	after, err2 := Set(m, DIN5008B)
	if err != nil || err2 != nil || bytes.Equal(before.PDF, after.PDF) || strings.Contains(string(before.HTML), "<time") {
		t.Errorf("a letter without a day bears one: %v, %v", err, err2)
	}
}

// TestPagesTellWhatTheyBelongTo: sheets come apart.
func TestPagesTellWhatTheyBelongTo(t *testing.T) {
	m := channeltest.Message(dunning.Letter, 1)
	m.Text, m.Subject, m.Dated = long(120), "Final notice — 10-2044", dunning.Date{Year: 2026, Month: time.March, Day: 4}
	for _, form := range []Form{DIN5008B, US10} {
		pages, g, err := layout(t, m, form)
		if err != nil || len(pages) < 3 {
			t.Fatalf("%d pages, %v", len(pages), err)
		}
		for i, page := range pages {
			heads := 0
			for _, l := range page {
				if l.text == "Final notice — 10-2044 · March 4, 2026" && l.y < g.nextTop-bodyStep {
					heads++
				}
			}
			if want := min(i, 1); heads != want {
				t.Errorf("%s: page %d has %d heads, want %d", form, i+1, heads, want)
			}
		}
		checkMargins(t, pages, g)
	}
}

// TestASlipIsWholeAndAtTheEnd: what is to be cut off and sent back stands on one page, below
// everything else, at its bottom, with the line to cut along.
func TestASlipIsWholeAndAtTheEnd(t *testing.T) {
	slip := "How do you want to respond?\n\n☐ This is not my debt.\n☐ The amount is wrong.\n\nMail this form to:\nHarbor Recovery"
	for _, form := range []Form{DIN5008B, US10} {
		for n := range 30 { // wherever the text ends
			m := channeltest.Message(dunning.Letter, 1)
			m.Text = strings.Repeat("A line.\n", 10+n) + "\n✂\n\n" + slip
			pages, g, err := layout(t, m, form)
			if err != nil {
				t.Fatal(err)
			}
			last := pages[len(pages)-1]
			cut, low, rule := 0.0, 0.0, false
			for _, l := range last {
				if l.text == slipMark {
					cut = l.y
				}
				rule = rule || l.dashed
				if l.y <= g.bottom+0.01 {
					low = max(low, l.y)
				}
			}
			if cut == 0 || !rule || low < g.bottom-0.01 {
				t.Fatalf("%s, %d lines: cut at %.1f (stroke %v), the lowest line at %.1f of %.1f", form, 10+n, cut, rule, low, g.bottom)
			}
			for _, l := range last {
				if l.text == "A line." && l.y > cut-bodyStep {
					t.Fatalf("%s, %d lines: text at %.1f runs into the slip at %.1f", form, 10+n, l.y, cut)
				}
			}
			var printed []string
			for _, l := range last {
				if l.y > cut && l.size == bodySize {
					printed = append(printed, l.text)
				}
			}
			if got := strings.Join(printed, " "); got != "How do you want to respond? ☐ This is not my debt. ☐ The amount is wrong. Mail this form to: Harbor Recovery" {
				t.Fatalf("%s, %d lines: the slip says %q", form, 10+n, got)
			}
		}
	}
}

// TestWhatIsBoldInTheTwinIsBoldInPrint: headings, and the sum of a table; a line that only has
// a bold word in it is not.
func TestWhatIsBoldInTheTwinIsBoldInPrint(t *testing.T) {
	m := channeltest.Message(dunning.Letter, 1)
	m.Text = "How can you dispute it?\n\nPlease pay $100.00 & more.\n\nA heading\n\nInvoice     Open\n----------------\nN-1      $100.00\nTotal    $100.00\n\n$100.00 is not much"
	m.HTML = `<body><p><strong>How can you dispute it?</strong></p><p>Please pay <strong>$100.00</strong> &amp; more.</p><h2 style="x">A heading</h2><table><td><strong>Total</strong></td><td><strong>$100.00</strong></td></table></body>`
	pages, _, err := layout(t, m, US10)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int{"How can you dispute it?": 1, "A heading": 1, "Invoice": 1, "Open": 1, "Total": 1, "$100.00": 1, squash(m.Subject): 1, m.Sender[0]: 1}
	for _, l := range pages[0] {
		if l.bold {
			want[l.text]--
		}
	}
	for text, missing := range want {
		if missing != 0 {
			t.Errorf("%q is bold %d times too few", text, missing)
		}
	}
}

// TestFontsAreEmbedded, so that the letter prints alike everywhere, with the way back from
// glyphs to characters, so that its text can be searched and read aloud.
func TestFontsAreEmbedded(t *testing.T) {
	m := channeltest.Message(dunning.Letter, 1)
	m.Dated = dunning.Date{Year: 2026, Month: time.March, Day: 4}
	l, err := Set(m, US10)
	if err != nil {
		t.Fatal(err)
	}
	fonts := bytes.Count(l.PDF, []byte("/Subtype /Type0"))
	if fonts == 0 || bytes.Count(l.PDF, []byte("/FontFile2 ")) != fonts || bytes.Count(l.PDF, []byte("/ToUnicode ")) != fonts {
		t.Errorf("%d fonts, %d embedded, %d readable", fonts, bytes.Count(l.PDF, []byte("/FontFile2 ")), bytes.Count(l.PDF, []byte("/ToUnicode ")))
	}
	if bytes.Contains(l.PDF, []byte("/Type1")) {
		t.Error("a font is taken from the printer")
	}
}

func TestTheSameMessageGivesTheSameBytes(t *testing.T) {
	m := channeltest.Message(dunning.Letter, 3)
	m.Text = long(60)
	first, err := Set(m, DIN5008B)
	if err != nil {
		t.Fatal(err)
	}
	channeltest.Parallel(4, func(int) {
		again, err := Set(m, DIN5008B)
		if err != nil || !bytes.Equal(first.PDF, again.PDF) || !bytes.Equal(first.HTML, again.HTML) {
			t.Errorf("another run gave other bytes (%v)", err)
		}
	})
	if !bytes.HasPrefix(first.PDF, []byte("%PDF-")) || !bytes.Contains(first.PDF, []byte("D:20260302150000")) || bytes.Contains(first.PDF, []byte("D:"+time.Now().UTC().Format("2006010215"))) {
		t.Error("the file's dates are not those of the hand-over")
	}
	m.At = time.Time{}
	zero, err := Set(m, DIN5008B)
	if err != nil || !bytes.Contains(zero.PDF, []byte("D:19700101")) {
		t.Errorf("without an instant the machine's clock must not creep in (%v)", err)
	}
	if len(first.PDF) > 300<<10 {
		t.Errorf("%d bytes: the fonts are not cut to what is used", len(first.PDF))
	}
}

func TestForm(t *testing.T) {
	for locale, want := range map[string]Form{"": DIN5008B, "en": DIN5008B, "en-US": US10, "es_US": US10, "en-CA": US10, "de": DIN5008B, "de-AT": DIN5008B, "en-GB": DIN5008B, "es-419": DIN5008B, "en-USX": DIN5008B} {
		if got := ByLocale.form(locale); got != want {
			t.Errorf("locale %q takes %s, want %s", locale, got, want)
		}
		if got := US10.form(locale); got != US10 {
			t.Errorf("a fixed form is not overruled by %q: %s", locale, got)
		}
	}
	for about, c := range map[string]struct {
		m    dunning.Message
		want Form
	}{
		"an English text to the United States":       {dunning.Message{Locale: "en", Country: "US"}, US10},
		"a German text to the United States":         {dunning.Message{Locale: "de", Formats: "de-AT", Country: "US"}, US10},
		"a text for Americans, sent to Austria":      {dunning.Message{Locale: "en", Formats: "en-US", Country: "AT"}, DIN5008B},
		"where nobody knows the country, by customs": {dunning.Message{Locale: "en", Formats: "en-US"}, US10},
		"else by language":                           {dunning.Message{Locale: "en"}, DIN5008B},
	} {
		if got := ByLocale.of(c.m); got != c.want {
			t.Errorf("%s: %s, want %s", about, got, c.want)
		}
	}
	l, err := Set(channeltest.Message(dunning.Letter, 1), US10)
	if err != nil || !bytes.Contains(l.PDF, []byte("612")) || l.Pages != 1 {
		t.Errorf("the US form is Letter paper of one page: %d pages, %v", l.Pages, err)
	}
}

func TestTwin(t *testing.T) {
	m := channeltest.Message(dunning.Letter, 1)
	m.Text, m.Locale, m.Subject = "Dear <b>Bob</b> & Co,\nplease pay.\n\nRegards", "de-DE", "A & B"
	l, err := Set(m, ByLocale)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`<html lang="de-DE">`, ">A &amp; B</h1>", "<p>Dear &lt;b&gt;Bob&lt;/b&gt; &amp; Co,<br>please pay.</p>\n<p>Regards</p>", "Main Street 1<br>10115 Berlin</address>", "Acme Billing<br>1 Low Road"} {
		if !strings.Contains(string(l.HTML), want) {
			t.Errorf("the twin lacks %q:\n%s", want, l.HTML)
		}
	}
	m.HTML = "<html lang=de>own</html>"
	if l, err = Set(m, ByLocale); err != nil || string(l.HTML) != m.HTML {
		t.Errorf("a template's own HTML is the twin: %s, %v", l.HTML, err)
	}
}

func TestDirectory(t *testing.T) {
	root := t.TempDir()
	d := newDir(t, root)
	m := channeltest.Message(dunning.Letter, 1)
	if out := newAdapter(t, d, Options{}).Send(t.Context(), m); out.State != dunning.SendAccepted {
		t.Fatal(out)
	}
	raw, err := os.ReadFile(filepath.Join(root, m.Attempt, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	var got Manifest
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	channeltest.CheckSilent(t, m, nil, string(raw))
	if got.Attempt != m.Attempt || !got.At.Equal(m.At) || got.Pages != 1 || len(got.SHA256) != 2 {
		t.Errorf("manifest %+v", got)
	}
	for name, want := range got.SHA256 {
		content, err := os.ReadFile(filepath.Join(root, m.Attempt, name))
		sum := sha256.Sum256(content)
		if err != nil || hex.EncodeToString(sum[:]) != want {
			t.Errorf("%s is not what the manifest says (%v)", name, err)
		}
	}
}

func TestDirectoryNamesAreSafe(t *testing.T) {
	root := filepath.Join(t.TempDir(), "outbox")
	if err := os.Mkdir(root, 0o700); err != nil {
		t.Fatal(err)
	}
	d := newDir(t, root)
	for _, attempt := range []string{"../escape", "a/b", ".hidden", "x\x00y", strings.Repeat("long", 100)} {
		if err := d.Put(t.Context(), Letter{Attempt: attempt}); err != nil {
			t.Errorf("attempt %q: %v", attempt, err)
		}
		if has, err := d.Has(t.Context(), attempt); !has || err != nil {
			t.Errorf("attempt %q is not found again: %v", attempt, err)
		}
	}
	inside, err := os.ReadDir(root)
	outside, err2 := os.ReadDir(filepath.Dir(root))
	if err != nil || err2 != nil || len(inside) != 5 || len(outside) != 1 {
		t.Errorf("%d entries inside, %d beside: want 5 and 1 (%v, %v)", len(inside), len(outside), err, err2)
	}
}

func TestAHalfWrittenLetterIsNoLetter(t *testing.T) {
	root := t.TempDir()
	d := newDir(t, root)
	// What a crash between the files and the rename leaves behind.
	if err := os.MkdirAll(filepath.Join(root, ".tmp-1"), 0o700); err != nil {
		t.Fatal(err)
	}
	if has, err := d.Has(t.Context(), "a1"); has || err != nil {
		t.Errorf("found %v, %v", has, err)
	}
	if err := d.Put(t.Context(), Letter{Attempt: "a1"}); err != nil {
		t.Fatal(err)
	}
	if has, err := d.Has(t.Context(), "a1"); !has || err != nil {
		t.Errorf("found %v, %v", has, err)
	}
}

func TestConfiguration(t *testing.T) {
	if _, err := NewDir(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a directory that does not exist must be an error")
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := NewDir(file); err == nil {
		t.Error("a file is no directory")
	}
	if _, err := New(nil, Options{}); err == nil {
		t.Error("no store")
	}
	if _, err := New(&memory{}, Options{Form: "a3"}); err == nil {
		t.Error("an unknown form")
	}
	cases := []struct {
		name string
		env  map[string]string
		ok   bool
		err  string
	}{
		{"no outbox", map[string]string{"DULY_LETTER_FORM": "us10"}, false, ""},
		{"an outbox", map[string]string{"DULY_LETTER_OUTBOX": "/x"}, true, ""},
		{"an unknown form", map[string]string{"DULY_LETTER_OUTBOX": "/x", "DULY_LETTER_FORM": "A3"}, false, "DULY_LETTER_FORM"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, ok, err := FromEnv(func(k string) string { return c.env[k] })
			if ok != c.ok || (err != nil) != (c.err != "") || err != nil && !strings.Contains(err.Error(), c.err) {
				t.Errorf("ok %v, error %v", ok, err)
			}
		})
	}
	if !newAdapter(t, &memory{}, Options{Live: true}).Live() || newAdapter(t, &memory{}, Options{}).Live() {
		t.Error("letters are live when somebody posts them")
	}
}

func FuzzSet(f *testing.F) {
	f.Add("Max Muster\nWeg 1\n12345 Ort", "Betreff", "Text\n\nmehr Text", true)
	f.Add("x", "", strings.Repeat("W", 500), false)
	f.Add("\u00a0\t\n", "😀", "\xff\x00", false)
	f.Add("A\nB", "S", "Before\n"+aTable+"\n\n- item\n☐ box\n---\n✂\nslip\n\n"+aTable, true)
	f.Add("A\nB", "S", strings.Repeat("line\n", 60)+"✂\n"+strings.Repeat("slip\n", 60), false)
	f.Fuzz(func(t *testing.T, to, subject, text string, us bool) {
		form := DIN5008B
		if us {
			form = US10
		}
		m := dunning.Message{Attempt: "a", Channel: dunning.Letter, To: to, Subject: subject, Text: text, Sender: []string{"Acme", "Street"}, At: channeltest.Start}
		if _, bad := refuse(m); bad {
			return
		}
		l, err := Set(m, form)
		var fault Fault
		if err != nil && !errors.As(err, &fault) {
			t.Fatalf("an error that is no fault: %v", err)
		}
		if err == nil && (l.Pages < 1 || l.Pages > maxPages || !bytes.HasPrefix(l.PDF, []byte("%PDF-"))) {
			t.Fatalf("%d pages, %d bytes", l.Pages, len(l.PDF))
		}
		if err == nil {
			checkWhole(t, m, form)
		}
	})
}

// checkWhole: everything that the letter says is on the paper, inside its margins.
func checkWhole(t *testing.T, m dunning.Message, form Form) {
	t.Helper()
	m, err := printable(m)
	if err != nil {
		t.Fatal(err)
	}
	pages, g, err := layout(t, m, form)
	if err != nil {
		t.Fatal(err)
	}
	pdf, printed := ruler(), 0
	count := func(s string) (n int) {
		for _, r := range s {
			if unicode.IsLetter(r) || unicode.IsDigit(r) {
				n++
			}
		}
		return n
	}
	for i, page := range pages {
		for _, l := range page {
			pdf.SetFont(family, style(l.bold), l.size)
			end := l.x + max(l.rule, pdf.GetStringWidth(l.text))
			if l.x < g.addrX-0.01 || end > g.width-g.right+0.5 || l.y < 10 || l.y > g.height-10 {
				t.Fatalf("page %d: %q from (%.1f, %.1f) to %.1f", i+1, l.text, l.x, l.y, end)
			}
			printed += count(l.text)
		}
	}
	if want := count(m.Text) + count(m.Subject); printed < want {
		t.Fatalf("%d letters and digits of %d are printed", printed, want)
	}
}

func BenchmarkSet(b *testing.B) {
	m := channeltest.Message(dunning.Letter, 1)
	m.Text = long(30)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Set(m, DIN5008B); err != nil {
			b.Fatal(err)
		}
	}
}

// TestWhatIsNoLetterIsRefused before anybody waits for it: each of these took minutes once, or
// would, if every line break were looked for.
func TestWhatIsNoLetterIsRefused(t *testing.T) {
	for about, text := range map[string]string{
		"one word without end":         strings.Repeat("W", 250<<10),
		"narrow letters without end":   strings.Repeat("i", 250<<10),
		"words without end":            strings.Repeat("Wort ", 50<<10),
		"lines without end":            strings.Repeat("a\n", 120<<10),
		"heads of tables without rows": strings.Repeat("a  b\n---\n", 20<<10),
		"strokes without end":          strings.Repeat("-----\n", 40<<10),
		"a table without end":          "a  b\n----\n" + strings.Repeat("1  2\n", 50<<10),
	} {
		m := channeltest.Message(dunning.Letter, 1)
		m.Text = text
		var fault Fault
		if _, err := Set(m, US10); !errors.As(err, &fault) || fault.Code != "pages" {
			t.Errorf("%s: %v", about, err)
		}
	}
}
