package answers

import "strings"

// machineSubjects and machineLines are how mail programs say that nobody has
// read a message; folded. A subject begins with one, a text contains one.
var machineSubjects = []string{
	"automatic reply", "auto reply", "autoreply", "auto-reply", "auto:", "out of office", "out of the office", "ooo:", "undeliverable", "undelivered mail", "delivery status notification",
	"mail delivery failed", "mail delivery failure", "returned mail", "failure notice", "delivery failure", "message delayed", "delivery delayed", "read:", "not read:",
	"automatische antwort", "abwesenheit", "abwesenheitsnotiz", "unzustellbar", "zustellung fehlgeschlagen", "gelesen:", "autom. antwort",
	"respuesta automatica", "fuera de la oficina", "no se puede entregar", "leido:",
	"reponse automatique", "absence du bureau", "non remis", "message d'absence", "absent du bureau", "lu :", "lu:",
}

var machineLines = []string{
	"i am out of the office", "i'm out of the office", "i am currently out of", "i'm currently out of", "i will be out of the office", "i am away from my desk", "i am on annual leave", "i'm on annual leave",
	"this is an automated response", "this is an automated reply", "this is an automatic reply", "this is an automatically generated", "this mailbox is not monitored", "this inbox is not monitored",
	"do not reply to this email", "thank you for your email. i am", "thank you for contacting us. your ticket", "we have received your email and will", "currently out of office", "on maternity leave", "on parental leave",
	"delivery to the following recipient", "could not be delivered", "this message was created automatically by mail delivery", "the following address failed", "recipient address rejected", "mailbox is full", "mailbox full",
	"i'm driving right now", "i'm driving and will", "sent while driving", "i'm driving with", "do not disturb while driving", "i can't talk right now", "can't talk right now. what's up",
	"free msg:", "message blocking is active", "unable to send message",
	"ich bin derzeit nicht im", "ich bin zurzeit nicht im", "ich bin momentan nicht im", "ich bin bis zum", "ich bin ab dem", "ich bin nicht im buro", "ich bin nicht im buero", "ich befinde mich im urlaub", "bin ich nicht im hause", "ich bin im urlaub", "nicht im buro erreichbar",
	"dies ist eine automatische", "dies ist eine automatisch", "diese e-mail wurde automatisch", "diese nachricht wurde automatisch", "in dringenden fallen wenden", "in elternzeit",
	"estoy fuera de la oficina", "me encuentro fuera de la oficina", "estare fuera de la oficina", "este es un mensaje automatico", "esta es una respuesta automatica", "mensaje generado automaticamente", "estoy de vacaciones hasta", "no se ha podido entregar",
	"je suis absent", "je suis actuellement absent", "je suis en conge", "absent du bureau", "ceci est un message automatique", "ceci est une reponse automatique", "message genere automatiquement", "n'a pas pu etre remis", "de retour le",
}

// maxMachine bounds how much of a text is searched for marks of machines.
const maxMachine = 4000

// automatic finds marks of machines in subject and text.
func (f *finder) automatic(subject, body text) {
	s := strings.TrimSpace(foldLine(subject.raw))
	for _, m := range machineSubjects {
		if strings.HasPrefix(s, m) || strings.HasPrefix(strings.TrimPrefix(s, "re: "), m) {
			f.add(Finding{Intent: AutoReply, Confidence: 97, Rule: "machine_subject", Spans: []Span{wholeOf(subject)}})
			return
		}
	}
	folded, at := foldAll(body.raw)
	for _, m := range machineLines {
		if i := strings.Index(folded, m); i >= 0 {
			f.add(Finding{Intent: AutoReply, Confidence: 92, Rule: "machine_text", Spans: []Span{{int(body.raw[at[i]].start), int(body.raw[at[i+len(m)-1]].end), false}}})
			return
		}
	}
}

func wholeOf(t text) Span {
	return Span{int(t.raw[0].start), int(t.raw[len(t.raw)-1].end), t.subject}
}

// foldAll folds a text into one line with single blanks, and says which char
// each byte came from.
func foldAll(chars []char) (string, []int) {
	var b strings.Builder
	var at []int
	blank := true
	for i, c := range chars {
		if b.Len() > maxMachine {
			break
		}
		s := fold(c.r)
		switch {
		case c.r == '’' || c.r == '‘' || c.r == '´' || c.r == '`':
			s = "'"
		case c.r == ' ' || c.r == '\n' || c.r == '\r' || c.r == '\t' || c.r == 0xA0:
			if blank {
				continue
			}
			s = " "
		}
		blank = s == " "
		b.WriteString(s)
		for range len(s) {
			at = append(at, i)
		}
	}
	return b.String(), at
}
