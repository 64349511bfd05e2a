package portfolio

import (
	"fmt"
	"strings"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/answers"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/standalone/rehearse"
)

// words are what debtors write, by what they want and their language. {date} is a day that
// they name, {invoice} their oldest invoice. Each is read as what it is meant (TestWords).
var words = map[answers.Intent]map[string][]string{
	answers.WillPay: {
		"en": {"I will pay on {date}.", "Sorry for the delay. I will pay on {date}, that is when I get my salary.", "I can pay {invoice} on {date}."},
		"de": {"Ich zahle am {date}.", "Entschuldigung für die Verspätung. Ich werde am {date} überweisen.", "Ich überweise den Betrag am {date}."},
	},
	answers.Dispute: {
		"en": {"I dispute this debt. The goods never arrived.", "The amount is wrong, I was charged twice for {invoice}.", "I don't owe this. I cancelled the contract in January."},
		"de": {"Ich widerspreche der Forderung {invoice}, die Ware ist nie angekommen.", "Die Rechnung ist falsch, es wurde doppelt abgerechnet.", "Das stimmt nicht, ich habe den Vertrag im Januar gekündigt."},
	},
	answers.Hardship: {
		"en": {"I lost my job last month and cannot pay at the moment.", "I have been ill for weeks and have no money right now. Please give me time.", "I can't afford this, I am on benefits."},
		"de": {"Ich habe meine Arbeit verloren und kann im Moment nicht zahlen.", "Ich bin seit Wochen krank und habe kein Geld.", "Ich kann mir das gerade nicht leisten, ich bin arbeitslos."},
	},
	answers.OptOut: {
		"en": {"STOP", "Please stop sending me these messages.", "Stop texting and emailing me."},
		"de": {"STOPP", "Bitte schicken Sie mir keine Nachrichten mehr.", "Hören Sie auf, mir zu schreiben."},
	},
	answers.WrongPerson: {
		"en": {"Wrong number, I don't know anybody of that name.", "You have the wrong person. I have never been a customer of yours."},
		"de": {"Falsche Nummer, ich kenne niemanden mit diesem Namen.", "Sie haben die falsche Person erreicht, ich bin kein Kunde von Ihnen."},
	},
	answers.WantsInfo: {
		"en": {"Can you send me the invoice {invoice} again? I cannot find it.", "What is this for? Please send me a copy of the invoice.", "Which account do I pay to?"},
		"de": {"Bitte schicken Sie mir die Rechnung noch einmal, ich finde {invoice} nicht.", "Wofür ist das? Bitte senden Sie mir eine Kopie der Rechnung.", "Auf welches Konto soll ich überweisen?"},
	},
	answers.Paid: {
		"en": {"I already paid this last week.", "Payment was sent on Monday, please check."},
		"de": {"Ich habe das letzte Woche schon bezahlt.", "Das habe ich bereits überwiesen."},
	},
	answers.WantsPlan: {
		"en": {"Can I pay this in three instalments?", "I would like to set up a payment plan."},
		"de": {"Kann ich das in drei Raten zahlen?", "Ich möchte eine Ratenzahlung vereinbaren."},
	},
	answers.CallMe: {
		"en": {"Please call me about this.", "Can somebody call me back this afternoon?"},
		"de": {"Bitte rufen Sie mich an.", "Können Sie mich bitte zurückrufen?"},
	},
	answers.Ack: {
		"en": {"OK, thank you.", "OK, thanks."},
		"de": {"Vielen Dank.", "Alles klar, danke."},
	},
	answers.AutoReply: {
		"en": {"I am out of the office until Monday with no access to my email. This is an automatic reply."},
		"de": {"Ich bin bis Montag nicht im Büro und habe keinen Zugriff auf meine E-Mails. Dies ist eine automatische Antwort."},
	},
}

// germanMonths are the months as people write them.
var germanMonths = [...]string{"Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September", "Oktober", "November", "Dezember"}

// dayIn writes a day as people do.
func dayIn(locale string, d dunning.Date) string {
	if locale == "de" {
		return fmt.Sprintf("%d. %s", d.Day, germanMonths[d.Month-1])
	}
	return fmt.Sprintf("%d %s", d.Day, d.Month)
}

// writes is what a debtor writes about something, by the channel that reaches it alone:
// what is written from a number that several have would be about all of them. about makes
// the choice of words this one.
func (p *Portfolio) writes(d *Debtor, ch dunning.Channel, what answers.Intent, day dunning.Date, about string) rehearse.ReplyBody {
	choice := words[what][d.Locale]
	if choice == nil {
		choice = words[what]["en"]
	}
	text := choice[p.chance("words", what, about).IntN(len(choice))]
	text = strings.NewReplacer("{date}", dayIn(d.Locale, day), "{invoice}", d.oldest()).Replace(text)
	b := rehearse.ReplyBody{Account: d.AccountID(), Channel: dunning.SMS, From: d.Phone, Text: text, Machine: what == answers.AutoReply}
	if ch != dunning.SMS || p.shared[d.Phone] || d.Phone == "" || b.Machine {
		b.Channel, b.From, b.Subject = dunning.Email, d.Email, subjects[d.Locale]
		b.Text = signed(b.Text, what, d)
	}
	return b
}

// signed is a text as it stands in a mail. Thanks, and a word such as STOP, are not signed.
func signed(text string, what answers.Intent, d *Debtor) string {
	if what == answers.Ack || what == answers.OptOut {
		return text
	}
	if d.Locale == "de" {
		return text + "\n\nMit freundlichen Grüßen\n" + d.Name
	}
	return text + "\n\nKind regards,\n" + d.Name
}

// subjects of mails in answer.
var subjects = map[string]string{"en": "Re: your reminder", "de": "AW: Ihre Erinnerung"}

// oldest is the number of the invoice that is due first.
func (d *Debtor) oldest() string {
	first := d.Invoices[0]
	for _, inv := range d.Invoices[1:] {
		if inv.Due.Before(first.Due) {
			first = inv
		}
	}
	return first.Number
}

// replies with words about something, on a later day of the message.
func (c *cue) replies(days, hour int, what answers.Intent) []postgres.Script {
	at := c.at(days, hour)
	if !at.After(c.m.At) { // in the evening of a message that came still later
		at = c.m.At.Add(20 * time.Minute)
	}
	return c.repliesOn(at, what, dunning.DateOf(at.In(c.zone)).AddDays(7))
}

// repliesOn with words that name a day.
func (c *cue) repliesOn(at time.Time, what answers.Intent, day dunning.Date) []postgres.Script {
	return []postgres.Script{c.row("reply", at, rehearse.Reply, c.p.writes(c.d, c.m.Channel, what, day, c.key))}
}
