package webhooks

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"net/url"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/htmlindex"

	"github.com/duly/duly/dunning"
)

// Limits of one mail: a reply is short; what is longer is cut, attachments are not looked at.
const (
	maxParts = 200
	maxText  = 512 << 10
	maxDepth = 8 // of multiparts within multiparts
)

// parseGridInbound reads a mail that SendGrid's inbound parse posts, parsed or raw.
func (s *Server) parseGridInbound(r Request) ([]Event, error) {
	m, err := readMail(r)
	if err != nil {
		return nil, errMalformed
	}
	return []Event{inboundEvent(strings.TrimPrefix(m.ID, sourceGridInbound+"/"), "mail", m)}, nil
}

// readMail reads the mail itself. Its id follows from its content: SendGrid gives none, and
// what is sent again differs in the boundary only.
func readMail(r Request) (Inbound, error) {
	form, err := mailForm(r.Headers["Content-Type"], r.Body)
	if err != nil {
		return Inbound{}, ErrNoMessage
	}
	m := mailOf(form)
	m.Received = r.At
	if m.From == "" {
		return Inbound{}, ErrNoMessage
	}
	id := digest([]byte(form["headers"]), []byte(form["email"]), []byte(form["from"]), []byte(form["to"]), []byte(form["subject"]), []byte(m.Text), []byte(m.HTML))
	m.ID = sourceGridInbound + "/" + id
	return m, nil
}

// mailForm reads the fields of a posted form; files are skipped.
func mailForm(contentType string, body []byte) (map[string]string, error) {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		return nil, err
	}
	if kind == "application/x-www-form-urlencoded" {
		values, err := url.ParseQuery(string(body))
		out := map[string]string{}
		for name := range values {
			out[name] = values.Get(name)
		}
		return out, err
	}
	if kind != "multipart/form-data" || params["boundary"] == "" {
		return nil, errMalformed
	}
	return multipartForm(multipart.NewReader(bytes.NewReader(body), params["boundary"]))
}

func multipartForm(mr *multipart.Reader) (map[string]string, error) {
	out := map[string]string{}
	for range maxParts {
		p, err := mr.NextRawPart()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		name := p.FormName()
		if name == "" || p.FileName() != "" {
			continue
		}
		limit := int64(maxText)
		if name == "email" {
			limit = maxGridInbound
		}
		value, err := io.ReadAll(io.LimitReader(p, limit))
		if err != nil {
			return nil, err
		}
		if _, twice := out[name]; !twice {
			out[name] = string(value)
		}
	}
	return out, nil
}

// mailOf takes a message out of the fields of a form.
func mailOf(form map[string]string) Inbound {
	m := Inbound{Channel: dunning.Email, Subject: form["subject"], Text: form["text"], HTML: form["html"]}
	headers := form["headers"]
	from := form["from"]
	var charsets map[string]string
	if json.Unmarshal([]byte(form["charsets"]), &charsets) == nil {
		m.Subject, m.Text, m.HTML = decoded(m.Subject, charsets["subject"]), decoded(m.Text, charsets["text"]), decoded(m.HTML, charsets["html"])
		from = decoded(from, charsets["from"])
	}
	if raw := form["email"]; raw != "" {
		raw = m.readRaw(raw)
		if headers == "" {
			headers = raw
		}
	}
	var envelope struct {
		From string   `json:"from"`
		To   []string `json:"to"`
	}
	_ = json.Unmarshal([]byte(form["envelope"]), &envelope) // without it the headers must do
	if m.From == "" {
		m.From = mailAddress(from)
	}
	if m.From == "" {
		m.From = mailAddress(envelope.From)
	}
	if len(envelope.To) > 0 {
		m.To = mailAddress(envelope.To[0])
	}
	if m.To == "" {
		m.To = mailAddress(form["to"])
	}
	m.Automatic = automatic(headers)
	m.Vouched = vouched(m.From, mailAddress(envelope.From), form["dkim"], form["SPF"])
	m.Subject, m.Text, m.HTML = clean(m.Subject), clean(m.Text), clean(m.HTML)
	return m
}

// mailAddress is the bare address of the first person in a header, in lower case, "" when
// there is none.
func mailAddress(header string) string {
	header = strings.TrimSpace(header)
	if list, err := netmail.ParseAddressList(header); err == nil && len(list) > 0 {
		return strings.ToLower(list[0].Address)
	}
	if i, j := strings.LastIndexByte(header, '<'), strings.LastIndexByte(header, '>'); i >= 0 && j > i {
		header = header[i+1 : j] // a display name that no parser likes
	}
	if a, err := netmail.ParseAddress(header); err == nil {
		return strings.ToLower(a.Address)
	}
	return ""
}

// vouched reports whether the domain of an address signed the mail (dkim as SendGrid tells
// it: "{@example.com : pass}"), or lets the server send that handed it over for an envelope
// of that domain.
func vouched(from, envelope, dkim, spf string) bool {
	for one := range strings.SplitSeq(strings.Trim(strings.TrimSpace(dkim), "{}"), ",") {
		domain, verdict, ok := strings.Cut(one, ":")
		if ok && strings.EqualFold(strings.TrimSpace(verdict), "pass") && aligned(domainOf(from), domainOf(domain)) {
			return true
		}
	}
	return strings.EqualFold(strings.TrimSpace(spf), "pass") && aligned(domainOf(from), domainOf(envelope))
}

// aligned reports whether two domains are one, or one is the other's own part. A single
// label is nobody's domain.
func aligned(a, b string) bool {
	return strings.Contains(a, ".") && strings.Contains(b, ".") && (a == b || strings.HasSuffix(a, "."+b) || strings.HasSuffix(b, "."+a))
}

// domainOf is the domain of an address, in lower case.
func domainOf(address string) string {
	_, domain, _ := strings.Cut(address[max(strings.LastIndexByte(address, '@'), 0):], "@")
	return strings.ToLower(strings.TrimSpace(domain))
}

// automatic reports whether headers say that a machine wrote the mail (RFC 3834). What
// says "bulk", "list" or "junk" is no proof: forwarding services and help desks add it to
// what people write, and a machine's own words give it away.
func automatic(headers string) bool {
	for line := range strings.Lines(headers) {
		name, value, ok := strings.Cut(line, ":")
		value = strings.ToLower(strings.TrimSpace(value))
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "auto-submitted":
			if ok && value != "no" {
				return true
			}
		case "x-autoreply", "x-autorespond":
			return ok
		case "precedence":
			if value == "auto_reply" {
				return true
			}
		}
	}
	return false
}

// readRaw reads a whole mail as it was sent and returns its headers.
func (m *Inbound) readRaw(raw string) (headers string) {
	headers, _, _ = strings.Cut(strings.ReplaceAll(raw, "\r\n", "\n"), "\n\n")
	msg, err := netmail.ReadMessage(strings.NewReader(raw))
	if err != nil {
		return headers
	}
	m.From = mailAddress(msg.Header.Get("From"))
	if subject, err := words.DecodeHeader(msg.Header.Get("Subject")); err == nil {
		m.Subject = subject
	}
	m.body(msg.Header.Get("Content-Type"), msg.Header.Get("Content-Transfer-Encoding"), msg.Body, 0)
	return headers
}

var words = mime.WordDecoder{CharsetReader: func(charset string, input io.Reader) (io.Reader, error) {
	enc, err := htmlindex.Get(charset)
	if err != nil {
		return nil, err
	}
	return enc.NewDecoder().Reader(input), nil
}}

// body takes the first text and the first HTML part of a mail.
func (m *Inbound) body(contentType, encoding string, r io.Reader, depth int) {
	kind, params, err := mime.ParseMediaType(contentType)
	if contentType == "" || err != nil {
		kind, params = "text/plain", nil
	}
	if strings.HasPrefix(kind, "multipart/") && depth < maxDepth {
		mr := multipart.NewReader(r, params["boundary"])
		for range maxParts {
			p, err := mr.NextRawPart()
			if err != nil {
				return // the end, or broken from here on
			}
			if p.FileName() == "" {
				m.body(p.Header.Get("Content-Type"), p.Header.Get("Content-Transfer-Encoding"), p, depth+1)
			}
		}
		return
	}
	if kind != "text/plain" && kind != "text/html" {
		return
	}
	raw, _ := io.ReadAll(io.LimitReader(transferDecoded(encoding, r), maxText)) // a broken end is cut
	value := decoded(string(raw), params["charset"])
	switch {
	case kind == "text/plain" && m.Text == "":
		m.Text = value
	case kind == "text/html" && m.HTML == "":
		m.HTML = value
	}
}

func transferDecoded(encoding string, r io.Reader) io.Reader {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "quoted-printable":
		return quotedprintable.NewReader(r)
	case "base64":
		return base64.NewDecoder(base64.StdEncoding, r)
	}
	return r
}

// decoded turns a text of a charset into UTF-8; an unknown charset leaves it.
func decoded(s, charset string) string {
	if charset == "" || strings.EqualFold(charset, "utf-8") || strings.EqualFold(charset, "us-ascii") {
		return s
	}
	enc, err := htmlindex.Get(charset)
	if err != nil {
		return s
	}
	out, err := enc.NewDecoder().String(s)
	if err != nil {
		return s
	}
	return out
}

// clean makes valid UTF-8 of at most maxText bytes.
func clean(s string) string {
	if len(s) > maxText {
		s = s[:maxText]
	}
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\ufffd")
	}
	return s
}
