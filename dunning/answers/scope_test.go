package answers

import "testing"

// TestTheScopeOfARefusalIsNotNarrowerThanItsWords: who wants letters only wants neither
// texts nor mails; who forbids calls is not taken to forbid texts. What tells of the post
// refuses nothing.
func TestTheScopeOfARefusalIsNotNarrowerThanItsWords(t *testing.T) {
	for text, want := range map[string]string{
		"only contact me by mail":                                   "all",
		"Please communicate with me only in writing by US mail.":    "all",
		"Bitte nur noch per Post":                                   "all",
		"Schreiben Sie mir bitte ausschließlich per Brief":          "all",
		"solo por correo postal por favor":                          "all",
		"Contáctenme solo por correo postal":                        "all",
		"uniquement par courrier postal":                            "all",
		"Contactez-moi uniquement par courrier":                     "all",
		"no quiero que me llamen ni me escriban":                    "all",
		"Ich untersage Ihnen die Kontaktaufnahme per Telefon":       "call",
		"Bitte nur schriftlich":                                     "call",
		"STOP. Don't call me.":                                      "all",
		"texts are unwanted":                                        "sms",
		"You have no right to text me":                              "sms",
		"don't use this number anymore":                             "sms",
		"I object to you processing my data and contacting me here": "sms",
		"SMS unerwünscht":                                           "sms",
		"STOPPEN SIE DAS":                                           "sms",
		"Prohíbo que me contacten":                                  "sms",
		"No me hablen más":                                          "sms",
		"aucun message svp":                                         "sms",
		"I only got the letter by mail":                             "",
		"I can only pay by mail":                                    "",
		"je n'ai reçu aucun message":                                "",
	} {
		x, found := Read(Input{Text: text, Channel: "sms", Today: Date{2026, 11, 22}}).Find(OptOut)
		if found != (want != "") || x.Scope != want || found && x.Confidence < Sure {
			t.Errorf("%q: %+v, want the scope %q", text, x, want)
		}
	}
}
