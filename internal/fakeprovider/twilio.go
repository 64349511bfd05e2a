package fakeprovider

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// magic are the numbers that Twilio's test credentials refuse.
var magic = map[string]int{"+15005550001": 21211, "+15005550004": 21610, "+15005550009": 21614}

// twilioCreate plays CreateMessage.
func (s *Server) twilioCreate(w http.ResponseWriter, r *http.Request, body []byte) {
	form, err := url.ParseQuery(string(body))
	if err != nil {
		twilioError(w, 400, 20001)
		return
	}
	if code := twilioRefusal(form); code != 0 {
		twilioError(w, 400, code)
		return
	}
	validity, _ := strconv.Atoi(form.Get("ValidityPeriod")) // checked by twilioRefusal
	in := Accepted{
		Provider: "twilio", To: form.Get("To"), From: form.Get("From") + form.Get("MessagingServiceSid"),
		Attempt: callbackAttempt(form.Get("StatusCallback")), Text: form.Get("Body"), Validity: validity,
		callback: form.Get("StatusCallback"),
	}
	fault := s.fate("twilio", in.To, in.Attempt)
	if fault.Kind == Refuse {
		twilioError(w, fault.Status, fault.Code)
		return
	}
	if fault.Kind.Takes() {
		in = s.accept(r, in)
	}
	if s.act(w, r, fault) {
		return
	}
	if fault.Kind == EmptyBefore || fault.Kind == EmptyAfter {
		writeJSON(w, http.StatusCreated, map[string]any{})
		return
	}
	s.answer(w, r, fault, http.StatusCreated, s.twilioMessage(r.PathValue("account"), in))
}

// answer writes the success, in the way of the fault.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, f Fault, status int, v any) {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err) // only plain maps come here
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	switch f.Kind {
	case SlowBody:
		s.trickle(w, r, raw)
	case HugeBody:
		flood(w, raw)
	default:
		_, _ = w.Write(raw) // the client may be gone
	}
}

// twilioRefusal returns the error code for a request that Twilio would refuse.
func twilioRefusal(form url.Values) int {
	validity, err := strconv.Atoi(form.Get("ValidityPeriod"))
	switch {
	case form.Get("To") == "":
		return 21604
	case magic[form.Get("To")] != 0:
		return magic[form.Get("To")]
	case !strings.HasPrefix(form.Get("To"), "+"):
		return 21211
	case form.Get("From") == "" && form.Get("MessagingServiceSid") == "":
		return 21603
	case form.Get("Body") == "":
		return 21602
	case len([]rune(form.Get("Body"))) > 1600:
		return 21617
	case form.Has("ValidityPeriod") && (err != nil || validity < 1 || validity > 36000):
		return 20001
	}
	return 0
}

// callbackAttempt takes the attempt out of a StatusCallback URL.
func callbackAttempt(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	return u.Query().Get("a")
}

// twilioError answers an error; code 0 gives a body without a code.
func twilioError(w http.ResponseWriter, status, code int) {
	body := map[string]any{"status": status, "message": "refused by the fake provider"}
	if code != 0 {
		body["code"] = code
		body["more_info"] = "https://www.twilio.com/docs/errors/" + strconv.Itoa(code)
	}
	writeJSON(w, status, body)
}

// dateSent returns when a message was sent, false while it is queued.
func (s *Server) dateSent(a Accepted) (time.Time, bool) {
	sent := a.At.Add(s.o.QueuedFor)
	return sent, s.o.QueuedFor == 0 || !s.o.Now().Before(sent)
}

// twilioMessage is the Message resource.
func (s *Server) twilioMessage(account string, a Accepted) map[string]any {
	m := map[string]any{
		"sid": a.ID, "account_sid": account, "to": a.To, "from": nil, "messaging_service_sid": nil, "body": a.Text,
		"direction": "outbound-api", "api_version": "2010-04-01", "status": "queued", "num_segments": "1", "num_media": "0",
		"date_created": rfc2822(a.At), "date_updated": rfc2822(a.At), "date_sent": nil, "error_code": nil, "error_message": nil,
		"price": nil, "price_unit": "USD", "uri": "/2010-04-01/Accounts/" + account + "/Messages/" + a.ID + ".json", "subresource_uris": map[string]any{},
	}
	if strings.HasPrefix(a.From, "MG") {
		m["messaging_service_sid"] = a.From
	} else {
		m["from"] = a.From
	}
	if sent, ok := s.dateSent(a); ok {
		m["date_sent"], m["status"] = rfc2822(sent), "sent"
	}
	return m
}

func rfc2822(t time.Time) string { return t.UTC().Format(time.RFC1123Z) }

// twilioList plays ListMessage: newest first, with filters and page tokens.
func (s *Server) twilioList(w http.ResponseWriter, r *http.Request, _ []byte) {
	q := r.URL.Query()
	keep, ok := s.twilioFilter(q)
	if !ok {
		twilioError(w, 400, 20001)
		return
	}
	var found []Accepted
	for _, a := range s.Log() {
		if keep(a) {
			found = append(found, a)
		}
	}
	slices.SortFunc(found, func(a, b Accepted) int {
		if c := b.At.Compare(a.At); c != 0 {
			return c
		}
		return b.Seq - a.Seq
	})
	s.writePage(w, r, q, found)
}

// writePage cuts a page out of found. The page token is the number of
// messages before the page.
func (s *Server) writePage(w http.ResponseWriter, r *http.Request, q url.Values, found []Accepted) {
	size, err := strconv.Atoi(q.Get("PageSize"))
	if err != nil || size < 1 || size > s.o.PageSize {
		size = s.o.PageSize
	}
	start, _ := strconv.Atoi(strings.TrimPrefix(q.Get("PageToken"), "PA")) // no token = 0
	start = min(max(start, 0), len(found))
	end := min(start+size, len(found))
	messages := make([]map[string]any, 0, size)
	for _, a := range found[start:end] {
		messages = append(messages, s.twilioMessage(r.PathValue("account"), a))
	}
	out := map[string]any{"messages": messages, "page_size": size, "start": start, "end": max(end-1, 0), "uri": r.URL.RequestURI(), "next_page_uri": nil}
	if end < len(found) {
		q.Set("PageToken", "PA"+strconv.Itoa(end))
		q.Set("PageSize", strconv.Itoa(size))
		out["next_page_uri"] = r.URL.Path + "?" + q.Encode()
	}
	writeJSON(w, http.StatusOK, out)
}

// twilioFilter builds the filter of a listing. Messages without a date_sent
// never match a DateSent filter, as at Twilio.
func (s *Server) twilioFilter(q url.Values) (func(Accepted) bool, bool) {
	from, ok1 := instant(q.Get("DateSent>"))
	until, ok2 := instant(q.Get("DateSent<"))
	day, ok3 := instant(q.Get("DateSent"))
	return func(a Accepted) bool {
		if a.Provider != "twilio" || q.Get("To") != "" && a.To != q.Get("To") || q.Get("From") != "" && a.From != q.Get("From") {
			return false
		}
		sent, is := s.dateSent(a)
		switch {
		case from.IsZero() && until.IsZero() && day.IsZero():
			return true
		case !is, !from.IsZero() && sent.Before(from), !until.IsZero() && sent.After(until):
			return false
		}
		return day.IsZero() || sent.UTC().Format(time.DateOnly) == day.Format(time.DateOnly)
	}, ok1 && ok2 && ok3
}

// instant reads a date or an instant; "" is the zero time.
func instant(v string) (time.Time, bool) {
	if v == "" {
		return time.Time{}, true
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, v); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}
