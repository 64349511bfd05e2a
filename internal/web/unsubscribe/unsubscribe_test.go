package unsubscribe

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/duly/duly/internal/codec"
)

func keys(t testing.TB) codec.Keys {
	t.Helper()
	k, err := codec.ParseKeys(codec.Generate())
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestTokens(t *testing.T) {
	k, other, id := keys(t), keys(t), uuid.NewString()
	token := Token(k, id)
	if got, ok := Attempt(k, token); !ok || got != id {
		t.Errorf("%q, %v", got, ok)
	}
	if strings.Contains(token, id) || len(token) > 64 {
		t.Errorf("token %q", token)
	}
	for about, forged := range map[string]string{
		"nothing": "", "a uuid": id, "signed by another": Token(other, id), "cut off": token[:len(token)-2],
		"longer": token + "AA", "one letter changed": "A" + token[1:], "spaces": " " + token, "another alphabet": strings.ReplaceAll(token+"+", "-", "+"),
	} {
		if forged == token {
			forged = "B" + token[1:]
		}
		if got, ok := Attempt(k, forged); ok {
			t.Errorf("%s opened %s", about, got)
		}
	}
	if Token(k, "no-uuid") != "" || Token(codec.Keys{}, id) != "" {
		t.Error("a token was made of nothing")
	}
}

func TestLinks(t *testing.T) {
	k, id := keys(t), uuid.NewString()
	for public, want := range map[string]string{
		"https://duly.example.com":      "https://duly.example.com/u/",
		"https://duly.example.com/":     "https://duly.example.com/u/",
		"https://example.com/collector": "https://example.com/collector/u/",
		"http://duly.example.com":       "", // RFC 8058 section 3.1: https
		"":                              "",
		"duly.example.com":              "",
	} {
		got := Links(k, public)(id)
		if want == "" && got != "" || want != "" && got != want+Token(k, id) {
			t.Errorf("%q: %q", public, got)
		}
	}
}

func TestHandler(t *testing.T) {
	k, id, gone := keys(t), uuid.NewString(), uuid.NewString()
	var refused []string
	counts := map[string]int{}
	broken := false
	h := New(Config{Keys: k, Count: func(what string) { counts[what]++ }, Refuse: func(_ context.Context, attempt string) error {
		switch {
		case broken:
			return errors.New("the database is away: user=ada")
		case attempt == gone:
			return ErrUnknown
		}
		refused = append(refused, attempt)
		return nil
	}})
	for _, c := range []struct {
		about, method, token, body, lang string
		broken                           bool
		status                           int
		says                             string
		refuses                          bool
	}{
		{"a reader looks: one button, nothing happens", "GET", Token(k, id), "", "", false, 200, "<button", false},
		{"a scanner follows the link", "HEAD", Token(k, id), "", "", false, 200, "", false},
		{"one click by the mailbox provider", "POST", Token(k, id), "List-Unsubscribe=One-Click", "", false, 200, "no more emails", true},
		{"by the button", "POST", Token(k, id), "", "", false, 200, "no more emails", true},
		{"in German", "POST", Token(k, id), "", "de-AT,de;q=0.9,en;q=0.5", false, 200, "keine E-Mails mehr", true},
		{"in Spanish", "GET", Token(k, id), "", "es", false, 200, "No más correos", false},
		{"in a language that the pages do not speak", "GET", Token(k, id), "", "ja, fr;q=0.3", false, 200, "Plus d", false},
		{"a token that is none", "POST", "x", "", "", false, 404, "not one of ours", false},
		{"nothing after the path", "GET", "", "", "", false, 404, "not one of ours", false},
		{"a message that is gone", "POST", Token(k, gone), "", "", false, 404, "not one of ours", false},
		{"it cannot be written down: ask again, and say so by the status", "POST", Token(k, id), "", "", true, 503, "try again", false},
		{"other methods", "DELETE", Token(k, id), "", "", false, 405, "", false},
	} {
		t.Run(c.about, func(t *testing.T) {
			broken = c.broken
			before := len(refused)
			r := httptest.NewRequestWithContext(t.Context(), c.method, "https://duly.example"+Path+c.token, strings.NewReader(c.body))
			r.Header.Set("Accept-Language", c.lang)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != c.status || !strings.Contains(w.Body.String(), c.says) {
				t.Errorf("%d %s", w.Code, w.Body)
			}
			if (len(refused) > before) != c.refuses || c.refuses && refused[before] != id {
				t.Errorf("refused %v", refused[before:])
			}
			if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Referrer-Policy") != "no-referrer" || len(w.Header().Values("Set-Cookie")) > 0 {
				t.Errorf("headers %v", w.Header())
			}
			if strings.Contains(w.Body.String(), "ada") {
				t.Error("an error was shown")
			}
		})
	}
	if counts["confirmed"] != 3 || counts["failed"] != 1 || counts["unknown"] == 0 {
		t.Errorf("counted %v", counts)
	}
}

func FuzzAttempt(f *testing.F) {
	k := keys(f)
	f.Add(Token(k, uuid.NewString()))
	f.Add("AAAA")
	f.Fuzz(func(t *testing.T, token string) {
		if id, ok := Attempt(k, token); ok && Token(k, id) != token {
			t.Errorf("%q opens %s, whose token is another", token, id)
		}
	})
}
