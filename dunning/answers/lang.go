package answers

import "strings"

// languages in the order in which equal scores are decided.
var languages = []string{"en", "de", "es", "fr"}

// common are words by which a language is told: frequent ones that the others
// do not have.
var common = map[string]map[string]bool{
	"en": set(`the i you me my is are was were will would can cannot dont not this that have has had of to and for it im ill ive your they he she we with what who why when how
		please pay paid text texting call calling message messages money owe debt bill week next friday monday tomorrow today account number wrong person lawyer already do did be been am on at from get out no more
		yes thanks thank hello hi sorry sent`),
	"de": set(`ich sie nicht ist und der das den dem ein eine einen mir mich bitte kein keine keinen wir ihr habe hat haben wird werde werden zahle zahlung bezahlt uberwiesen ueberwiesen rechnung mit von zu auf fur fuer
		am im noch schon kann konnen koennen nachrichten aufhoren aufhoeren anwalt bin sind wer was wie wann warum mein meine mehr geld morgen heute woche nachste naechste auch oder aber hab es nur wurde weil danke schulde
		nie mal doch beim zum zur bis jetzt euch ihnen ihre`),
	"es": set(`el la los las un una que no yo mi me es esta estoy por para con del al pero ya se su les lo usted ustedes tengo pago pague pagare puedo dinero deuda abogado manana semana hoy cuenta numero equivocado quiero
		gracias favor mensajes llamar llamen dejen mas hola como cuando quien porque hasta voy he ha ser fue murio soy debo`),
	"fr": set(`je vous ne pas le la les un une des du et est mon ma mes votre ce c j n d l que qui pour avec sur mais ai suis payer paye facture argent avocat demain semaine merci bonjour deja plus arretez me
		de au aux dans par quand pourquoi comment etes sont nous ete svp dette numero compte il elle`),
}

// language is that of the message; the locale decides where the words do not.
func language(locale string, texts ...text) string {
	score := map[string]int{}
	for _, t := range texts {
		for _, tok := range t.tokens {
			if tok.kind != word {
				continue
			}
			for lang, words := range common {
				if words[tok.text] {
					score[lang] += 2
				}
			}
		}
		for _, c := range t.raw {
			switch c.r {
			case 'ß', 'ä', 'ö':
				score["de"]++
			case 'ñ', '¿', '¡', 'í', 'ó', 'ú', 'á':
				score["es"]++
			case 'ç', 'è', 'ê', 'à', 'œ':
				score["fr"]++
			}
		}
	}
	base, _, _ := strings.Cut(strings.ToLower(locale), "-")
	best := "en"
	if score[base]++; score[base] >= score[best] && common[base] != nil {
		best = base
	}
	for _, lang := range languages {
		if score[lang] > score[best] {
			best = lang
		}
	}
	return best
}
