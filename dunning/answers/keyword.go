package answers

// keyword kinds.
const (
	kwStop  = iota + 1 // ends messages
	kwHelp             // asks who this is
	kwStart            // lets messages come again
	kwYes              // lets them come again where they were just stopped
)

// keywords are words that say all when they are the whole message: those of the
// carriers and what people send in their place.
var keywords = func() map[string]int {
	out := map[string]int{}
	for kind, words := range map[int]string{
		kwStop: `stop stopall unsubscribe unsub cancel end quit revoke optout stopp stopped stopping remove unsuscribe unsubcribe endall stoptexts stoptext stoptexting stopsms nomore stop2end cease desist stahp stawp quitit removed unscribe unsubscrive unsubsribe unsuscribed
			stoppen abmelden austragen abbestellen aufhören abbruch ende schluss halt widerruf widerrufe abbestellung abmeldung
			parale parenle alto baja parar pare pares paren cancelar cancele detener detengan basta salir fin cancela borrar bajas nomas desuscribir desuscribirme darmedebaja
			cessez cesser arret arrêt arrêter arrêtez arrete arretez désabonner désabonnement désinscription désinscrire desabo desinscrire résilier annuler stopsvp`,
		kwHelp:  "help info hilfe ayuda aide informacion ajuda hlep",
		kwStart: "start unstop optin resume restart unsilence starten empezar iniciar commencer reprendre reactivar",
		kwYes:   "yes ja si oui",
	} {
		for _, w := range fields(words) {
			for _, s := range spellings(w) {
				out[s] = kind
			}
		}
	}
	return out
}()

// whole reports which kind of keyword a message is, when it is nothing else:
// one, or the same kind of them several times, with courtesies around.
func whole(tokens []token) (kind, from, to int) {
	kind, from = 0, -1
	for i, t := range tokens {
		switch {
		case t.kind == soft || t.kind == hard || t.filler:
			continue
		case t.kind == sign || t.kind == number && len(t.text) > 6:
			return 0, 0, 0
		case t.kind == number:
			continue
		}
		k := keywords[t.text]
		if k == 0 && !notStop[t.text] {
			k = nearKeyword(t.text)
		}
		switch {
		case k == 0 && courteous[t.text]:
			continue
		case k == kwYes && kind != 0 && kind != kwYes: // "yes stop"
			continue
		case kind == kwYes && k != 0:
			kind = 0
		}
		if k == 0 || kind != 0 && k != kind {
			return 0, 0, 0
		}
		if kind = k; from < 0 {
			from = i
		}
		to = i + 1
	}
	return kind, from, to
}

// nearKeyword reads a mistyped keyword that stands alone, where a slip is more
// likely than another word.
func nearKeyword(w string) int {
	if stopTypos[w] != "" {
		return kwStop
	}
	if len(w) < 5 || realWords[w] {
		return 0
	}
	for _, k := range longKeywords {
		if k[0] == w[0] && distance(k, w, 2) <= 1+b2i(len(k) >= 9) {
			return keywords[k]
		}
	}
	return 0
}

// longKeywords are those in which a slip can be told from another word.
var longKeywords = fields("stopall unsubscribe cancel revoke optout abmelden abbestellen cancelar detener desabonner desabonnement desinscription arreter arretez restart unstop")

// distance is the number of single letters to change, insert, remove or swap
// between two words, or limit + 1 when it is more.
func distance(a, b string, limit int) int {
	if len(a)-len(b) > limit || len(b)-len(a) > limit {
		return limit + 1
	}
	var rows [3][maxWord + 2]int
	prev2, prev, cur := &rows[0], &rows[1], &rows[2]
	for j := range len(b) + 1 {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		best := i
		for j := 1; j <= len(b); j++ {
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+b2i(a[i-1] != b[j-1]))
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
			best = min(best, cur[j])
		}
		if best > limit {
			return limit + 1
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(b)]
}

// realWords are words that look like mistyped ones of the rules and are not.
var realWords = set(`contract contracts contracted content contents passage passages falling selling telling willing filling billing killing calming culling
	stopped stops stopping stepping shopping topping lower lawyers laws poorer payer prayer player buyer payers paint paints phone phones
	texture tested testing tests texted taxes carry caller calls called recall cancelled canceled canceling cancels canceled channel
	disputed disputes despite dispose reputed debate divorce divorced diseased decease decreased ceased released
	friend friends friendly ending spending sending pending lending mending bending numbers numbered member members remember
	moving moved mover remote removed removes remover unable enable stable table message messages massaged
	vermogen vorher nachher meinen keinen seinen deinen einen anwalts anwesend abwesend betrag beitrag vertrag vertrage schulden schuldet gezahlt gewahlt erzahlt bezahlen bezogen
	cancion cancer canales pagina paginas pagado pegado pagaron cuentas cuento cuesta puerta puesto numeros nuestro vuestro detenido detuvo
	payant payons pagina paquet compter comptes contre montre arriver arrive arrivez arrivé arrives arrivee annuel annuelle revoir recevoir
	restaurant restart-up cancale optique option options optional`)
