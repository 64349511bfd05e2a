package portfolio

import (
	"strings"
	"testing"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/answers"
)

// What is meant is what Duly reads, by text message and by mail, under any name: surely,
// where it takes effect at once.
func TestWords(t *testing.T) {
	day := dunning.Date{Year: 2026, Month: 5, Day: 12}
	sure := map[answers.Intent]bool{answers.Dispute: true, answers.OptOut: true, answers.WrongPerson: true}
	people := made(3, 40)
	for what, by := range words {
		for locale, texts := range by {
			for _, text := range texts {
				for i, d := range people.Debtors {
					said := strings.NewReplacer("{date}", dayIn(locale, day), "{invoice}", d.oldest()).Replace(text)
					in := answers.Input{Text: said, Channel: "sms", Locale: locale, Country: d.Country, Today: answers.Date{Year: 2026, Month: 5, Day: 3}}
					if i%2 == 0 {
						in.Text, in.Channel, in.Subject = signed(said, what, &Debtor{Locale: locale, Name: d.Name}), "email", subjects[locale]
						in.Machine = what == answers.AutoReply
					}
					r := answers.Read(in)
					first := r.Findings[0]
					if first.Intent != what || sure[what] && !first.Sure() {
						t.Errorf("%q (%s, %s) is read as %s, %d %%; want %s", in.Text, in.Channel, locale, first.Intent, first.Confidence, what)
					}
					if what == answers.WillPay && dunning.Date(first.Date) != day {
						t.Errorf("%q names %v, want %s", in.Text, first.Date, day)
					}
				}
			}
		}
	}
}

// Every locale of the portfolio has words of its own for everything.
func TestEveryLanguageHasWords(t *testing.T) {
	for _, h := range homes {
		for what, by := range words {
			if len(by[h.locale]) == 0 {
				t.Errorf("nobody says %s in %s", what, h.locale)
			}
		}
		if subjects[h.locale] == "" {
			t.Errorf("mails in %s have no subject", h.locale)
		}
	}
}

// What is written comes from somewhere that one debtor alone has: else it would be taken as
// about all of them, in an order that nobody can tell.
func TestRepliesAreOneDebtors(t *testing.T) {
	p := made(1, 500)
	from, kinds, channels := map[string]string{}, map[answers.Intent]int{}, map[dunning.Channel]int{}
	for i := range p.Debtors {
		d := &p.Debtors[i]
		for what := range words {
			for _, ch := range []dunning.Channel{dunning.SMS, dunning.Email} {
				b := p.writes(d, ch, what, start, "about")
				if owner, ok := from[b.From]; ok && owner != d.Key || b.From == "" {
					t.Fatalf("%s and %s both write from %q", owner, d.Key, b.From)
				}
				from[b.From] = d.Key
				kinds[what]++
				channels[b.Channel]++
			}
		}
	}
	if channels[dunning.SMS] < 500 || channels[dunning.Email] < 500 {
		t.Errorf("replies by channel: %v", channels)
	}
}

// The last morning has words of every kind that people must read.
func TestLastWords(t *testing.T) {
	all := scenes(made(1, 1).sets("stage/x", made(1, 1).Until(), "user:a", "user:b"))
	seen := map[answers.Intent]bool{}
	for _, s := range all {
		seen[s.says] = true
		if (s.says == "") == (len(s.orders) == 0) {
			t.Errorf("a scene with %q and %d orders", s.says, len(s.orders))
		}
	}
	for _, w := range lastWords {
		if !seen[w.what] || len(words[w.what]) == 0 {
			t.Errorf("nobody says %s", w.what)
		}
	}
	if len(all) <= len(lastWords) {
		t.Error("nothing but words")
	}
}
