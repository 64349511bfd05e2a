// Package unsubscribe ends emails with one click, as RFC 8058 asks: the address in a
// mail's List-Unsubscribe header takes a POST from the mailbox provider, without a login,
// and shows people a page with one button.
//
// It owns the address's token and the pages. It does not own what an unsubscription means
// (the core) nor how it is written down (commands). A token names one message by its
// attempt id and nothing of a person; it cannot be guessed and does not end, because the
// mail does not either.
package unsubscribe

import (
	"context"
	_ "embed" // the page
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/uuid"
)

// Path is where the handler is mounted.
const Path = "/u/"

const purpose = "unsubscribe"

// ErrUnknown is returned by Config.Refuse for an attempt that is none of ours.
var ErrUnknown = errors.New("there is no such message")

// Signer signs tokens; codec.Keys is one.
type Signer interface {
	Sign(purpose string, text []byte) []byte
	Verify(purpose string, text, signature []byte) bool
}

// signature is how many bytes of a signature travel in a token.
const signature = 16

// Token is what leads back to the message of an attempt, "" for an attempt that is no UUID
// or without keys.
func Token(s Signer, attempt string) string {
	id, err := uuid.Parse(attempt)
	if err != nil {
		return ""
	}
	sig := s.Sign(purpose, id[:])
	if len(sig) < signature {
		return ""
	}
	return base64.RawURLEncoding.EncodeToString(append(id[:], sig[:signature]...))
}

// Attempt is the way back; false for whatever Token has not made.
func Attempt(s Signer, token string) (string, bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != 16+signature || !s.Verify(purpose, raw[:16], raw[16:]) {
		return "", false
	}
	id, err := uuid.FromBytes(raw[:16])
	return id.String(), err == nil
}

// Links are the addresses of messages under a public address such as
// https://duly.example.com; "" when there is none: RFC 8058 wants https, so a plain
// address gets no header.
func Links(s Signer, public string) func(attempt string) string {
	u, err := url.Parse(strings.TrimSuffix(public, "/"))
	if err != nil || u.Scheme != "https" || u.Host == "" {
		return func(string) string { return "" }
	}
	return func(attempt string) string {
		token := Token(s, attempt)
		if token == "" {
			return ""
		}
		return u.String() + Path + token
	}
}

// Config is what the handler works with.
type Config struct {
	Keys Signer
	// Refuse writes down that the reader of an attempt's message wants no more of its
	// kind. It must be durable when it returns, and the same again must change nothing.
	// ErrUnknown when there is no such message.
	Refuse func(ctx context.Context, attempt string) error
	// Count counts what came: confirmed, asked, unknown, failed. nil: nowhere.
	Count func(what string)
}

// New is the handler of everything under Path. It must be reachable without a login and
// without protection against cross-site requests: mailbox providers post from anywhere.
func New(c Config) http.Handler { return &handler{c} }

type handler struct{ Config }

// page is in the languages of the readers: the browser says which.
//
//go:embed page.html
var source string

var page = template.Must(template.New("page").Parse(source))

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	protect(w.Header())
	attempt, ok := Attempt(h.Keys, strings.TrimPrefix(r.URL.Path, Path))
	switch {
	case !ok:
		h.show(w, r, http.StatusNotFound, "unknown")
	case r.Method == http.MethodGet || r.Method == http.MethodHead:
		// Looking changes nothing: mail scanners follow every link.
		h.show(w, r, http.StatusOK, "asked")
	case r.Method == http.MethodPost:
		h.refuse(w, r, attempt)
	default:
		w.Header().Set("Allow", "GET, HEAD, POST")
		h.show(w, r, http.StatusMethodNotAllowed, "unknown")
	}
}

// refuse answers only when the wish is written down.
func (h *handler) refuse(w http.ResponseWriter, r *http.Request, attempt string) {
	switch err := h.Refuse(r.Context(), attempt); {
	case errors.Is(err, ErrUnknown):
		h.show(w, r, http.StatusNotFound, "unknown")
	case err != nil:
		w.Header().Set("Retry-After", "60")
		h.show(w, r, http.StatusServiceUnavailable, "failed")
	default:
		h.show(w, r, http.StatusOK, "confirmed")
	}
}

// protect keeps the token out of other servers' logs and the page out of frames.
func protect(head http.Header) {
	for name, value := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer",
		"X-Robots-Tag": "noindex, nofollow", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
		"Content-Security-Policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
	} {
		head.Set(name, value)
	}
}

func (h *handler) show(w http.ResponseWriter, r *http.Request, status int, what string) {
	if h.Count != nil {
		h.Count(what)
	}
	lang := language(r.Header.Get("Accept-Language"))
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return
	}
	_ = page.Execute(w, struct {
		Lang, Title, Text, Button string
	}{lang, texts[lang].title, texts[lang].of(what), texts[lang].button(what)}) // the reader may be gone
}

// words of the pages in one language.
type words struct{ title, ask, press, done, unknown, failed string }

func (t words) of(what string) string {
	switch what {
	case "asked":
		return t.ask
	case "confirmed":
		return t.done
	case "failed":
		return t.failed
	}
	return t.unknown
}

// button is on the one page that asks something.
func (t words) button(what string) string {
	if what == "asked" {
		return t.press
	}
	return ""
}

var texts = map[string]words{
	"en": {
		"Emails", "Do you want no more emails from us about this account? What is owed does not change; we may still write by post.", "No more emails",
		"You will get no more emails from us. You can change your mind at any time.", "This link is not one of ours, or was cut off. Please copy it whole from the email.",
		"We could not write this down. Please try again in a minute.",
	},
	"de": {
		"E-Mails", "Möchten Sie keine E-Mails mehr von uns zu diesem Konto? An der Forderung ändert das nichts; Briefe können weiter kommen.", "Keine E-Mails mehr",
		"Sie bekommen von uns keine E-Mails mehr. Sie können das jederzeit wieder ändern.", "Dieser Link ist nicht von uns oder unvollständig. Bitte kopieren Sie ihn ganz aus der E-Mail.",
		"Das konnten wir nicht speichern. Bitte versuchen Sie es in einer Minute noch einmal.",
	},
	"es": {
		"Correos", "¿No quiere recibir más correos electrónicos nuestros sobre esta cuenta? Lo que se debe no cambia; podremos escribirle por correo postal.", "No más correos",
		"No recibirá más correos electrónicos nuestros. Puede cambiar de opinión cuando quiera.", "Este enlace no es nuestro o está incompleto. Cópielo entero del correo.",
		"No pudimos guardarlo. Inténtelo de nuevo dentro de un minuto.",
	},
	"fr": {
		"E-mails", "Ne plus recevoir d'e-mails de notre part au sujet de ce compte ? La somme due ne change pas ; nous pourrons écrire par courrier.", "Plus d'e-mails",
		"Vous ne recevrez plus d'e-mails de notre part. Vous pouvez changer d'avis à tout moment.", "Ce lien n'est pas de nous ou est incomplet. Copiez-le en entier depuis l'e-mail.",
		"Nous n'avons pas pu l'enregistrer. Réessayez dans une minute.",
	},
}

// language is the first of the reader's languages that the pages speak, else English.
func language(accept string) string {
	for _, part := range strings.Split(accept, ",") {
		tag, _, _ := strings.Cut(part, ";")
		primary, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(tag)), "-")
		if _, ok := texts[primary]; ok {
			return primary
		}
	}
	return "en"
}
