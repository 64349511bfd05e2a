package answers

import "testing"

// TestNobodyIsReadAsKeepWriting: words that deny a wish to stop take the wish out of a
// message and put nothing in its place but a person, who reads it.
func TestNobodyIsReadAsKeepWriting(t *testing.T) {
	for _, text := range []string{
		"please do not stop sending reminders", "Bitte hören Sie nicht auf mir zu schreiben", "no dejen de enviarme recordatorios", "n'arrêtez pas de m'écrire",
		"Please do not stop sending reminders, thanks!", "I paid yesterday but do not stop sending reminders",
	} {
		r := Read(Input{Text: text, Channel: "sms", Today: corpusToday})
		if _, ok := r.Find(OptOut); ok {
			t.Errorf("%q is an opt-out", text)
		}
		if u, ok := r.Find(Unclear); !ok || u.Sure() || len(u.Spans) == 0 {
			t.Errorf("%q is read by nobody: %+v", text, r.Findings)
		}
		if _, ok := r.Find(Start); ok {
			t.Errorf("%q takes an opt-out back", text)
		}
	}
}

// TestARefusalBesideADenialStands: whoever also refuses is obeyed.
func TestARefusalBesideADenialStands(t *testing.T) {
	for _, text := range []string{
		"do not stop the letters, but stop texting me", "Don't unsubscribe me from email. STOP texting.", "please do not stop emailing; no more calls",
		"don't remove me from the list. leave me alone", "Hören Sie nicht auf mit Briefen, aber keine SMS mehr", "no me den de baja del correo, pero no más llamadas",
		"n'arrêtez pas d'envoyer des courriels mais ne m'appelez plus", "do not stop texting me\n\nSTOP", "Stop! I said do not stop, no I mean stop texting me",
	} {
		if f, ok := Read(Input{Text: text, Channel: "sms", Today: corpusToday}).Find(OptOut); !ok || f.Confidence < suspected {
			t.Errorf("%q is no opt-out: %+v", text, f)
		}
	}
}
