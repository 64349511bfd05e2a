package fakeprovider

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"time"
)

// sendgridMail is what the fake looks at in a mail/send request.
type sendgridMail struct {
	Personalizations []struct {
		To         []struct{ Email string } `json:"to"`
		CustomArgs map[string]string        `json:"custom_args"`
	} `json:"personalizations"`
	From    struct{ Email string } `json:"from"`
	Subject string                 `json:"subject"`
	BatchID string                 `json:"batch_id"`
	SendAt  int64                  `json:"send_at"`
	Content []struct {
		Type  string `json:"type"`
		Value string `json:"value"`
	} `json:"content"`
}

// sendgridSend plays mail/send: 202 and X-Message-Id.
func (s *Server) sendgridSend(w http.ResponseWriter, r *http.Request, body []byte) {
	var m sendgridMail
	if json.Unmarshal(body, &m) != nil {
		sendgridError(w, 400, "")
		return
	}
	if field := m.refusal(); field != "" {
		sendgridError(w, 400, field)
		return
	}
	in := Accepted{
		Provider: "sendgrid", To: m.Personalizations[0].To[0].Email, From: m.From.Email,
		Attempt: m.Personalizations[0].CustomArgs["duly_attempt"], Text: m.text(),
	}
	if m.BatchID != "" || m.SendAt != 0 {
		if !s.held(m) {
			sendgridError(w, 400, "batch_id")
			return
		}
		in.Batch, in.SendAt = m.BatchID, time.Unix(m.SendAt, 0).UTC()
	}
	fault := s.fate("sendgrid", in.To, in.Attempt)
	if fault.Kind == Refuse {
		sendgridError(w, fault.Status, fault.Field)
		return
	}
	if fault.Kind.Takes() {
		in = s.accept(r, in)
	}
	if s.act(w, r, fault) {
		return
	}
	if fault.Kind != EmptyBefore && fault.Kind != EmptyAfter {
		w.Header().Set("X-Message-Id", in.ID)
	}
	s.answer(w, r, fault, http.StatusAccepted, map[string]any{})
}

// text is what the digest is taken over: subject and all parts.
func (m sendgridMail) text() string {
	var b strings.Builder
	b.WriteString(m.Subject)
	for _, c := range m.Content {
		b.WriteString("\x00" + c.Value)
	}
	return b.String()
}

// refusal names the field that SendGrid would object to.
func (m sendgridMail) refusal() string {
	switch {
	case len(m.Personalizations) != 1 || len(m.Personalizations[0].To) != 1:
		return "personalizations" // more is legal at SendGrid, never for Duly
	case !strings.Contains(m.Personalizations[0].To[0].Email, "@"):
		return "personalizations.0.to.0.email"
	case !strings.Contains(m.From.Email, "@"):
		return "from.email"
	case m.Subject == "":
		return "subject"
	case len(m.Content) == 0 || len(m.Content) == 2 && m.Content[0].Type != "text/plain":
		return "content"
	}
	return ""
}

func sendgridError(w http.ResponseWriter, status int, field string) {
	var f any
	if field != "" {
		f = field
	}
	writeJSON(w, status, map[string]any{"errors": []any{map[string]any{"message": "refused by the fake provider", "field": f, "help": nil}}})
}

var attemptQuery = regexp.MustCompile(`unique_args\['duly_attempt'\]\s*=\s*"([^"]*)"`)

// sendgridActivity plays the Email Activity API for the one query Duly asks.
func (s *Server) sendgridActivity(w http.ResponseWriter, r *http.Request, _ []byte) {
	m := attemptQuery.FindStringSubmatch(r.URL.Query().Get("query"))
	if m == nil {
		sendgridError(w, 400, "query")
		return
	}
	messages := []map[string]any{}
	for _, a := range s.Log() {
		if a.Provider == "sendgrid" && a.Attempt == m[1] {
			messages = append(messages, map[string]any{
				"msg_id": a.ID, "from_email": a.From, "to_email": a.To, "subject": "", "status": "delivered", "last_event_time": a.At.UTC(),
			})
		}
	}
	writeJSON(w, http.StatusOK, map[string]any{"messages": messages})
}
