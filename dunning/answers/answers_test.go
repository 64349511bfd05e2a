package answers

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// TestRulesAreReadable names the line of a rule that cannot be read.
func TestRulesAreReadable(t *testing.T) {
	list, err := readRules()
	if err != nil {
		t.Fatal(err)
	}
	if len(list) < 300 {
		t.Fatalf("only %d rules were read", len(list))
	}
}

func TestFaultyRulesAreRefused(t *testing.T) {
	for _, c := range []struct{ what, file, want string }{
		{"an intent that does not exist", "[optout]\n90 stop", `t:1: unknown intent "optout"`},
		{"no confidence", "[paid]\nstop now", "a rule is"},
		{"a confidence above 99", "[paid]\n100 stop", "1 to 99"},
		{"an unknown flag", "[paid]\n90,loud stop", `unknown flag "loud"`},
		{"an open group", "[paid]\n90 (stop now", "without its )"},
		{"an empty choice", "[paid]\n90 (stop | ) now", "empty choice"},
		{"a gap that is too wide", "[paid]\n90 stop _9 now", "_1 to _8"},
		{"an unknown name", "[paid]\n90 {nobody} now", "{nobody}"},
		{"a name that stands for itself", "x = {x}\n[paid]\n90 {x}", "stands for itself"},
		{"a question mark alone", "[paid]\n90 stop ?", "stop"},
	} {
		t.Run(c.what, func(t *testing.T) {
			defer func() {
				if p := recover(); p != nil {
					t.Fatalf("panic: %v", p)
				}
			}()
			_, err := readFile("t", c.file)
			if c.what == "a question mark alone" {
				if err == nil {
					t.Fatal("no error")
				}
				return
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("error %v, want %q", err, c.want)
			}
		})
	}
}

// found lists the sure intents of a reading, surest first.
func sure(r Reading) string {
	var out []string
	for _, f := range r.Findings {
		if f.Sure() {
			out = append(out, string(f.Intent))
		}
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

func TestWords(t *testing.T) {
	for _, c := range []struct{ what, text, want string }{
		{"a word for stop spelled letter by letter", "S.T.O.P", "opt_out"},
		{"spelled with hyphens", "s-t-o-p", "opt_out"},
		{"with joiners of no width between the letters", "s\u200bt\u200do\u2060p", "opt_out"},
		{"in Cyrillic letters that look Latin", "ЅТОР", "opt_out"},
		{"in full width", "ＳＴＯＰ", "opt_out"},
		{"in mathematical bold", "𝐒𝐓𝐎𝐏", "opt_out"},
		{"in circled letters", "ⓢⓣⓞⓟ", "opt_out"},
		{"with marks on the letters", "s̶t̶o̶p̶", "opt_out"},
		{"with digits for letters", "5T0P", "opt_out"},
		{"drawn out", "stooooppppp", "opt_out"},
		{"mistyped alone", "syop", "opt_out"},
		{"mistyped in a sentence", "pls stpo texting me", "opt_out"},
		{"twice", "STOP STOP", "opt_out"},
		{"with a number behind", "STOP 2", "opt_out"},
		{"with thanks", "stop, thank you", "opt_out"},
		{"yes before it", "yes stop", "opt_out"},
		{"a question", "how do I stop these messages?", "opt_out"},
		{"asked before", "I told you guys to quit", "opt_out"},
		{"a word that only looks like stop", "top", ""},
		{"another", "shop", ""},
		{"steps", "step", ""},
		{"stop by", "I will stop by the office with the papers", ""},
		{"end of the month", "at the end", ""},
		{"a no before it", "please don't stop the messages, they help me", ""},
		{"nobody stops paying", "I never stop working", ""},
		{"an address with stop in it", "see https://example.com/stop/unsubscribe", ""},
		{"an email address with stop in it", "write to unsubscribe@example.com", ""},
		{"not paid", "I did not pay yet", ""},
		{"have not paid", "sorry i havent paid", ""},
		{"nicht bezahlt", "Ich habe das noch nicht bezahlt", ""},
		{"no he pagado", "aún no he pagado", ""},
		{"pas payé", "je n'ai pas encore payé", ""},
		{"no lawyer", "I don't have a lawyer", ""},
		{"a threat is no representation", "if you don't stop I'll call a lawyer", "opt_out"},
		{"nobody died", "nobody died, relax", ""},
		{"a death in the family of somebody who cannot pay", "my mother passed away and I lost my job", "hardship"},
		{"not bankrupt", "I am not bankrupt", ""},
		{"several wishes at once", "wrong number. take me off your list", "opt_out wrong_person"},
		{"paid a part and promises the rest", "I paid $40 yesterday and will pay the rest on Friday", "paid will_pay"},
		{"a limited wish is no opt-out", "don't call me before 9am", "inconvenient"},
		{"a limited wish beside a full one", "don't call me at work. In fact stop calling me", "inconvenient opt_out"},
		{"nothing", "", ""},
		{"only signs", "?!.,;:", ""},
		{"only line ends", "\n\n\n", ""},
		{"bytes that are no text", "\xff\xfe stop \x80", "opt_out"},
	} {
		t.Run(c.what, func(t *testing.T) {
			r := Read(Input{Text: c.text, Channel: "sms", Today: corpusToday})
			if got := sure(r); got != c.want {
				t.Fatalf("%q is read as %q, want %q: %+v", c.text, got, c.want, r.Findings)
			}
		})
	}
}

func TestScopeOfOptOuts(t *testing.T) {
	for _, c := range []struct{ text, channel, want string }{
		{"STOP", "sms", "sms"},
		{"STOP", "email", "email"},
		{"STOP", "letter", "all"},
		{"stop emailing me", "sms", "email"},
		{"stop texting and emailing me", "sms", "electronic"},
		{"stop calling me", "sms", "call"},
		{"stop calling and texting me", "sms", "all"},
		{"leave me alone", "sms", "all"},
		{"do not contact me", "email", "all"},
		{"unsubscribe", "", "all"},
		{"keine SMS mehr", "email", "sms"},
		{"Rufen Sie mich nicht mehr an", "sms", "call"},
		{"no me llamen", "sms", "call"},
		{"ne m'appelez plus", "email", "call"},
		{"Ne me contactez pas par sms", "sms", "sms"},
		{"do not contact me by phone", "sms", "call"},
		{"Bitte nicht per E-Mail kontaktieren", "sms", "all"},
	} {
		f, ok := Read(Input{Text: c.text, Channel: c.channel}).Find(OptOut)
		if !ok || f.Scope != c.want || !f.Sure() {
			t.Errorf("%q by %q: scope %q (%d %%), want %q", c.text, c.channel, f.Scope, f.Confidence, c.want)
		}
	}
}

func TestDates(t *testing.T) {
	today := Date{2026, 11, 21} // a Saturday
	for _, c := range []struct{ text, country, want string }{
		{"I will pay on Friday", "US", "2026-11-27"},
		{"I will pay tomorrow", "US", "2026-11-22"},
		{"I will pay saturday", "US", "2026-11-28"},
		{"I'll pay next friday", "US", "2026-11-27"},
		{"I'll pay in 3 days", "US", "2026-11-24"},
		{"I'll pay in two weeks", "US", "2026-12-05"},
		{"I'll pay within a week", "US", "2026-11-28"},
		{"I'll pay by 12/5", "US", "2026-12-05"},
		{"I'll pay by 5/12", "GB", "2026-12-05"},
		{"I'll pay by 12/25", "GB", "2026-12-25"},
		{"I'll pay on 2026-12-15", "", "2026-12-15"},
		{"I'll pay on 12/15/26", "US", "2026-12-15"},
		{"I'll pay on December 15th", "US", "2026-12-15"},
		{"I'll pay on the 15th of December", "GB", "2026-12-15"},
		{"I'll pay Dec. 15", "US", "2026-12-15"},
		{"I will pay by jan 3", "US", "2027-01-03"},
		{"I will pay on the 1st", "US", "2026-12-01"},
		{"I will pay on the 30th", "US", "2026-11-30"},
		{"I will pay on the 31st", "US", "2026-12-31"},
		{"I will pay next week", "US", "2026-11-29"},
		{"I will pay by the end of the month", "US", "2026-11-30"},
		{"I will pay end of next month", "US", "2026-12-31"},
		{"I will pay next month", "US", "2026-12-31"},
		{"I will pay on Friday, December 4th", "US", "2026-12-04"},
		{"I will pay on 29 February", "GB", "2028-02-29"},
		{"ich zahle am Freitag", "DE", "2026-11-27"},
		{"ich zahle übermorgen", "DE", "2026-11-23"},
		{"ich zahle uebermorgen", "DE", "2026-11-23"},
		{"ich zahle bis zum 15.12.", "DE", "2026-12-15"},
		{"ich zahle am 15. Dezember", "DE", "2026-12-15"},
		{"ich zahle am 1.", "DE", "2026-12-01"},
		{"ich zahle nächsten Freitag", "DE", "2026-11-27"},
		{"ich zahle in 14 Tagen", "DE", "2026-12-05"},
		{"ich zahle nächste Woche", "DE", "2026-11-29"},
		{"ich zahle zum Monatsende", "DE", "2026-11-30"},
		{"ich zahle Ende Dezember", "DE", "2026-12-31"},
		{"pago el viernes", "ES", "2026-11-27"},
		{"pago mañana", "ES", "2026-11-22"},
		{"pago pasado mañana", "ES", "2026-11-23"},
		{"pago el 15 de diciembre", "MX", "2026-12-15"},
		{"pago el día 5", "ES", "2026-12-05"},
		{"pago la próxima semana", "ES", "2026-11-29"},
		{"pago la semana que viene", "ES", "2026-11-29"},
		{"pago a fin de mes", "ES", "2026-11-30"},
		{"pago dentro de 10 días", "ES", "2026-12-01"},
		{"je paie vendredi", "FR", "2026-11-27"},
		{"je paie après-demain", "FR", "2026-11-23"},
		{"je paie le 15 décembre", "FR", "2026-12-15"},
		{"je paie le 1er", "FR", "2026-12-01"},
		{"je paie la semaine prochaine", "FR", "2026-11-29"},
		{"je paie en fin de mois", "FR", "2026-11-30"},
		{"je paie dans une semaine", "FR", "2026-11-28"},
		{"I will pay on the 32nd", "US", ""},
		{"I will pay on 31 June", "GB", ""},
		{"I will pay soon", "US", ""},
	} {
		f, ok := Read(Input{Text: c.text, Channel: "sms", Country: c.country, Today: today}).Find(WillPay)
		if !ok || f.Date.String() != c.want {
			t.Errorf("%q (%s): %q (found: %v), want %q", c.text, c.country, f.Date, ok, c.want)
		}
	}
}

func TestDatesWithoutAToday(t *testing.T) {
	f, _ := Read(Input{Text: "I will pay on Friday"}).Find(WillPay)
	if !f.Date.IsZero() || f.Sure() {
		t.Errorf("a weekday without a day of receipt is a date: %+v", f)
	}
	f, _ = Read(Input{Text: "I will pay on 2026-12-15"}).Find(WillPay)
	if f.Date != (Date{2026, 12, 15}) {
		t.Errorf("a full date is not read: %+v", f)
	}
}

func TestAPastDateIsNoPromise(t *testing.T) {
	f, _ := Read(Input{Text: "I will pay on 2026-11-01", Today: corpusToday}).Find(WillPay)
	if !f.Date.IsZero() || f.Sure() {
		t.Errorf("%+v", f)
	}
	p, _ := Read(Input{Text: "I paid on Friday", Today: corpusToday}).Find(Paid)
	if p.Date != (Date{2026, 11, 20}) {
		t.Errorf("paid on %s, want the Friday before", p.Date)
	}
}

func TestAmounts(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"I will pay $50 tomorrow", "50 "},
		{"I will pay 50 dollars tomorrow", "50 "},
		{"I will pay 1,234.50 USD tomorrow", "1234.50 USD"},
		{"ich zahle morgen 1.234,50 €", "1234.50 EUR"},
		{"ich zahle morgen 1.500 Euro", "1500 EUR"},
		{"ich zahle morgen 50,5 EUR", "50.50 EUR"},
		{"ich überweise morgen CHF 1'200.00", "1200 CHF"},
		{"I will pay £20 tomorrow", "20 GBP"},
		{"I will pay 75 tomorrow", "75 "},
		{"I will pay in 3 days", " "},
		{"I will pay tomorrow at 5 pm", " "},
		{"I will pay 50% tomorrow", " "},
		{"pago 200 pesos mañana", "200 MXN"},
		{"je paie 30 euros demain", "30 EUR"},
		{"I will pay 99999999999999 tomorrow", " "},
	} {
		f, ok := Read(Input{Text: c.text, Channel: "sms", Today: corpusToday}).Find(WillPay)
		if got := f.Amount + " " + f.Currency; !ok || got != c.want {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}

func TestInconvenientTimes(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"please don't call before noon", "00:00-12:00 "},
		{"don't call me after 8pm", "20:00-24:00 "},
		{"don't text me before 9:30 am", "00:00-09:30 "},
		{"no calls on sundays", "00:00-24:00 sun"},
		{"don't call on weekends", "00:00-24:00 sat,sun"},
		{"don't call in the morning", "00:00-12:00 "},
		{"bitte nicht vor 10 Uhr anrufen", "00:00-10:00 "},
		{"no me llamen despues de las 20", "20:00-24:00 "},
		{"pas avant 18h", "00:00-18:00 "},
	} {
		f, ok := Read(Input{Text: c.text, Channel: "sms"}).Find(Inconvenient)
		if got := f.From + "-" + f.To + " " + f.Days; !ok || got != c.want {
			t.Errorf("%q: %q, want %q", c.text, got, c.want)
		}
	}
}

func TestEmails(t *testing.T) {
	quote := "\n\nOn Mon, Nov 16, 2026 at 9:02 AM Billing\n<billing@example.com> wrote:\n> Dear Sir, to stop these emails reply STOP.\n> If you dispute this debt call our lawyer.\n"
	for _, c := range []struct {
		what, subject, text, want string
	}{
		{"what is quoted is not the writer's", "Re: Invoice", "Thanks." + quote, "ack"},
		{"an answer below the quote", "Re: Invoice", strings.TrimLeft(quote, "\n") + "\nI paid this already.\n", "paid"},
		{"answers between quoted lines", "", "On 16 Nov 2026 X wrote:\n> You owe 50.\nI do not owe this.\n> Call our lawyer.\nPlease call me.", "call_me dispute"},
		{"German mark", "AW: Rechnung", "Ich habe bezahlt.\n\nAm 16.11.2026 um 09:02 schrieb Forderung <f@example.de>:\nStopp abmelden Anwalt", "paid"},
		{"Spanish mark", "", "Ya pagué.\n\nEl lun, 16 nov 2026 a las 9:02, Cobros (<c@example.es>) escribió:\nabogado baja", "paid"},
		{"French mark", "", "J'ai déjà payé.\n\nLe lun. 16 nov. 2026 à 09:02, X <x@example.fr> a écrit :\narrêtez avocat", "paid"},
		{"Outlook head in English", "", "I paid.\n\nFrom: Billing\nSent: Monday\nTo: Me\nSubject: STOP\n\nunsubscribe", "paid"},
		{"Outlook head in German", "", "Habe bezahlt.\n\nVon: Forderung\nGesendet: Montag\nAn: Mich\nBetreff: Anwalt\n\nAbmelden", "paid"},
		{"a line of the program", "", "I paid.\n-----Original Message-----\nunsubscribe", "paid"},
		{"a telephone's signature", "", "I paid\n\nSent from my iPhone", "paid"},
		{"a signature", "", "I paid\n-- \nStop Ltd, lawyer, unsubscribe", "paid"},
		{"HTML", "", "<html><head><style>p{stop:unsubscribe}</style></head><body><p>I have <b>already</b> paid&nbsp;this.</p><blockquote>unsubscribe lawyer</blockquote></body></html>", "paid"},
		{"HTML of Gmail", "", `<div dir="ltr">Please call me</div><br><div class="gmail_quote"><div>On Mon X wrote:<br></div>unsubscribe</div>`, "call_me"},
		{"HTML with entities", "", "<p>Bitte l&ouml;schen Sie meine Nummer</p>", "opt_out"},
		{"HTML that is broken", "", "<div><p>stop <b", "opt_out"},
		{"a subject of its own", "unsubscribe", "", "opt_out"},
		{"our subject that comes back", "Re: final notice before we stop", "thanks", "ack"},
		{"a machine by its subject", "Automatic reply: Invoice", "I am away. If it is urgent call me.", "auto_reply"},
		{"a machine by its text", "", "Ich bin derzeit nicht im Büro. Ich zahle am Freitag.", "auto_reply"},
		{"a bounce", "Undeliverable: Invoice", "Your message could not be delivered. To unsubscribe, contact the sender.", "auto_reply"},
		{"a wish beside a machine's words", "Out of office", "I am away until May. Also: stop emailing me.", "auto_reply opt_out"},
		{"a comparison is no markup", "", "my balance < 5 and I paid > 3 days ago", "paid"},
	} {
		t.Run(c.what, func(t *testing.T) {
			r := Read(Input{Text: c.text, Subject: c.subject, Channel: "email", Today: corpusToday})
			if got := sure(r); got != c.want {
				t.Fatalf("read as %q, want %q: %+v", got, c.want, r.Findings)
			}
		})
	}
}

func TestLanguages(t *testing.T) {
	for _, c := range []struct{ text, locale, want string }{
		{"I will pay on Friday", "de-DE", "en"},
		{"Ich werde am Freitag bezahlen", "en-US", "de"},
		{"Voy a pagar el viernes", "en-US", "es"},
		{"Je vais payer vendredi", "en-US", "fr"},
		{"STOP", "de-AT", "de"},
		{"STOP", "", "en"},
		{"STOP", "pl-PL", "en"},
	} {
		if got := Read(Input{Text: c.text, Locale: c.locale}).Language; got != c.want {
			t.Errorf("%q (%s): %s, want %s", c.text, c.locale, got, c.want)
		}
	}
}

func TestSpansAreTheWords(t *testing.T) {
	in := Input{Text: "Hello, I paid it. Now “stop” te\u200bxting me — please! Übrigens: Ich zahle nicht.", Channel: "sms", Today: corpusToday}
	r := Read(in)
	f, _ := r.Find(OptOut)
	if got := strings.Join(f.Words(in), "|"); !strings.Contains(got, "stop") || !strings.Contains(got, "te\u200bxting") {
		t.Errorf("words of the opt-out: %q", got)
	}
	checkSpans(t, in, r)
}

// checkSpans fails when a span is not a piece of whole letters in order.
func checkSpans(t testing.TB, in Input, r Reading) {
	t.Helper()
	for _, f := range r.Findings {
		last := Span{Subject: true}
		for _, s := range f.Spans {
			from := in.Text
			if s.Subject {
				from = in.Subject
			}
			if s.Start < 0 || s.End > len(from) || s.Start >= s.End || s.Subject == last.Subject && s.Start < last.End || s.Subject && !last.Subject {
				t.Fatalf("%s: span %+v after %+v of %d bytes", f.Intent, s, last, len(from))
			}
			if utf8.ValidString(from) && !utf8.ValidString(from[s.Start:s.End]) {
				t.Fatalf("%s: span %+v cuts a letter", f.Intent, s)
			}
			last = s
		}
	}
}

// TestHostileTextsAreReadInTime: the longest texts, built to make patterns try
// the most, are read in a time that people do not notice. The bound is wide, for
// machines under load and the race detector; what is not linear takes minutes.
func TestHostileTextsAreReadInTime(t *testing.T) {
	if testing.Short() {
		t.Log("short: time is not measured")
		return
	}
	for what, piece := range map[string]string{
		"the same word":          "stop ",
		"beginnings of patterns": "do not want any my i will pay on the ",
		"matches":                "stop texting me i will pay on friday call my lawyer don't call me at work. ",
		"letters":                "s t o p ",
		"digits":                 "1.2.3 ",
		"tags":                   "<div",
		"open tags":              "<",
		"entities":               "&",
		"quotes":                 "> on x wrote:\n",
		"heads":                  "from: x\nsent: y\n",
		"one word":               "a",
		"marks":                  "a\u0301\u0301",
		"addresses":              "a@",
		"line ends":              "\n",
		"commas":                 "i,",
		"on":                     "on a\n",
	} {
		t.Run(what, func(t *testing.T) {
			text := strings.Repeat(piece, 300<<10/len(piece))
			begin := time.Now()
			r := Read(Input{Text: text, Subject: text, Channel: "email", Today: corpusToday})
			if d := time.Since(begin); d > time.Minute {
				t.Errorf("%d bytes took %s", len(text), d)
			}
			if !r.Truncated && len(text) > maxBytes {
				t.Error("not marked as truncated")
			}
			checkSpans(t, Input{Text: text, Subject: text}, r)
		})
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{"STOP", "I'll pay $50 on Friday", "<div>stop</div>", "On x wrote:\n> y", "𝐒𝐓𝐎𝐏", "s.t.o.p", "15.12.2026", "\xff"} {
		f.Add(s, "Re: x", "sms", "en-US")
		f.Add("", s, "email", "de")
	}
	f.Fuzz(func(t *testing.T, text, subject, channel, locale string) {
		in := Input{Text: text, Subject: subject, Channel: channel, Locale: locale, Today: corpusToday}
		r := Read(in)
		checkSpans(t, in, r)
		if len(r.Findings) == 0 {
			t.Fatal("no finding")
		}
		seen := map[Intent]bool{}
		for _, x := range r.Findings {
			if seen[x.Intent] || x.Confidence < 1 || x.Confidence > 99 || x.Sentence() == "" || x.Rule == "" {
				t.Fatalf("finding %+v", x)
			}
			seen[x.Intent] = true
		}
		if again := Read(in); fmt.Sprint(again) != fmt.Sprint(r) {
			t.Fatalf("read differently: %v, %v", r, again)
		}
		_ = Read(Input{Text: text, Subject: subject}) // without a day
	})
}

func BenchmarkRead(b *testing.B) {
	in := Input{Text: "Hi, I already paid $50 last week and will pay the rest on Friday. Please don't call me at work.", Channel: "sms", Today: corpusToday}
	for b.Loop() {
		_ = Read(in)
	}
}
