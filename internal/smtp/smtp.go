// Package smtp sends email through a mail server of one's own, as a second email channel
// beside SendGrid.
//
// It owns the dialogue with the server and what its answers mean. It does not own when or
// whether to send, retries, rates, or what becomes of a mail after the server took it:
// bounces come back to the sender's mailbox. It never returns or prints an address, a
// text, or anything that a server wrote.
package smtp

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	mail "github.com/wneessen/go-mail"
	wire "github.com/wneessen/go-mail/smtp"

	"github.com/duly/duly/dunning"
)

// maxContent is far above any dunning mail: more is a broken template.
const maxContent = 1 << 20

// attemptID is what may stand in a Message-ID.
var attemptID = regexp.MustCompile(`^[A-Za-z0-9._-]{1,200}$`)

// Adapter is the email channel over SMTP. It may be used by many goroutines; each mail
// has a connection of its own.
type Adapter struct {
	cfg  Config
	tls  *tls.Config
	dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// New checks cfg and builds the adapter.
func New(cfg Config) (*Adapter, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	cfg = cfg.filled()
	return &Adapter{cfg: cfg, tls: &tls.Config{ServerName: cfg.Host, MinVersion: tls.VersionTLS12}, dial: (&net.Dialer{}).DialContext}, nil
}

// Live reports whether messages leave this machine.
func (a *Adapter) Live() bool { return !loopback(a.cfg.Host) }

// String names the adapter and where it sends to, without secrets.
func (a *Adapter) String() string {
	return "smtp at " + net.JoinHostPort(a.cfg.Host, strconv.Itoa(a.cfg.Port))
}

// Send hands m to the server in one dialogue. The attempt id is the left half of the
// Message-ID, and the only identifier in the mail.
func (a *Adapter) Send(ctx context.Context, m dunning.Message) dunning.Outcome {
	if out, bad := refuse(m); bad {
		return out
	}
	from := m.From
	if from == "" {
		from = a.cfg.From
	}
	id := m.Attempt + "@" + domainOf(from)
	raw, err := compose(m, from, id)
	if err != nil { // it could quote the message
		return refused(dunning.FailedContent, "smtp:content")
	}
	ctx, cancel := context.WithTimeout(ctx, a.cfg.Timeout)
	defer cancel()
	if out, failed := a.deliver(ctx, from, m.To, raw); failed {
		return out
	}
	return dunning.Outcome{State: dunning.SendAccepted, ProviderID: id}
}

// Lookup never knows: mail servers keep no records that one could ask.
func (*Adapter) Lookup(context.Context, dunning.Message) dunning.Evidence {
	return dunning.Evidence{Found: dunning.EvidenceCannotKnow, Code: "smtp:no_records"}
}

func refused(class dunning.FailureClass, code string) dunning.Outcome {
	return dunning.Outcome{State: dunning.SendFailed, Class: class, Code: code, Permanent: true}
}

// refuse says no to what no server should be asked to take.
func refuse(m dunning.Message) (dunning.Outcome, bool) {
	switch {
	case m.Channel != dunning.Email:
		return refused(dunning.FailedConfig, "smtp:wrong_channel"), true
	case !attemptID.MatchString(m.Attempt):
		return refused(dunning.FailedConfig, "smtp:no_attempt"), true
	case !isAddress(m.To):
		return refused(dunning.FailedRecipient, "smtp:bad_address"), true
	case m.From != "" && !isAddress(m.From), m.ReplyTo != "" && !isAddress(m.ReplyTo):
		return refused(dunning.FailedConfig, "smtp:bad_sender"), true
	case line(m.Subject) == "", strings.TrimSpace(m.Text) == "" && strings.TrimSpace(m.HTML) == "":
		return refused(dunning.FailedContent, "smtp:empty"), true
	case len(m.Text)+len(m.HTML)+len(m.Subject) > maxContent:
		return refused(dunning.FailedContent, "smtp:too_long"), true
	case !utf8.ValidString(m.Subject + m.Text + m.HTML):
		return refused(dunning.FailedContent, "smtp:not_utf8"), true
	case !m.NotAfter.IsZero() && !m.At.Before(m.NotAfter):
		return dunning.Outcome{State: dunning.SendFailed, Class: dunning.FailedLater, Code: "smtp:window_over", RetryAfter: 30 * time.Second, Alone: true}, true
	}
	return dunning.Outcome{}, false
}

// line makes a header value of s: a name can never start a new header.
func line(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

// compose writes the whole mail before the server is asked anything.
func compose(m dunning.Message, from, id string) ([]byte, error) {
	out := mail.NewMsg(mail.WithNoDefaultUserAgent(), mail.WithCharset(mail.CharsetUTF8))
	err := errors.Join(out.FromFormat(line(m.FromName), from), out.AddToFormat(line(m.ToName), m.To))
	if m.ReplyTo != "" {
		err = errors.Join(err, out.ReplyTo(m.ReplyTo))
	}
	if err != nil {
		return nil, err
	}
	out.Subject(line(m.Subject))
	out.SetMessageIDWithValue(id)
	out.SetDateWithValue(m.At)
	out.SetGenHeader("Auto-Submitted", "auto-generated")
	if m.Unsubscribe != "" {
		out.SetGenHeader(mail.HeaderListUnsubscribe, "<"+m.Unsubscribe+">")
		out.SetGenHeader(mail.HeaderListUnsubscribePost, "List-Unsubscribe=One-Click")
	}
	switch {
	case strings.TrimSpace(m.Text) == "":
		out.SetBodyString(mail.TypeTextHTML, m.HTML)
	default:
		out.SetBodyString(mail.TypeTextPlain, m.Text)
		if strings.TrimSpace(m.HTML) != "" {
			out.AddAlternativeString(mail.TypeTextHTML, m.HTML)
		}
	}
	var buf bytes.Buffer
	_, err = out.WriteTo(&buf)
	return buf.Bytes(), err
}

// deliver is one dialogue. failed is false when the server took the mail.
func (a *Adapter) deliver(ctx context.Context, from, to string, raw []byte) (out dunning.Outcome, failed bool) {
	conn, err := a.connect(ctx)
	if err != nil {
		return broken(atGreeting, cause(ctx, err)), true
	}
	// Whatever waits on the connection ends with the context.
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	c, err := wire.NewClient(conn, a.cfg.Host)
	if err != nil {
		_ = conn.Close()
		return judge(ctx, atGreeting, err), true
	}
	defer func() { _ = c.Close() }()
	if at, err := a.prepare(c); err != nil {
		return judge(ctx, at, err), true
	}
	if at, err := hand(c, from, to, raw); err != nil {
		return judge(ctx, at, err), true
	}
	_ = c.Quit() // the mail is the server's: how it says goodbye does not matter
	return dunning.Outcome{}, false
}

func (a *Adapter) connect(ctx context.Context) (net.Conn, error) {
	conn, err := a.dial(ctx, "tcp", net.JoinHostPort(a.cfg.Host, strconv.Itoa(a.cfg.Port)))
	if err != nil || a.cfg.TLS != Implicit {
		return conn, err
	}
	secured := tls.Client(conn, a.tls)
	if err := secured.HandshakeContext(ctx); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return secured, nil
}

var (
	errNoTLS  = errors.New("the server offers no STARTTLS")
	errNoAuth = errors.New("the server offers no way to sign in that we know")
)

// prepare greets, protects the connection and signs in.
func (a *Adapter) prepare(c *wire.Client) (stage, error) {
	if err := c.Hello(a.cfg.Hello); err != nil {
		return atGreeting, err
	}
	if a.cfg.TLS == StartTLS {
		if ok, _ := c.Extension("STARTTLS"); !ok {
			return atTLS, errNoTLS
		}
		if err := c.StartTLS(a.tls); err != nil {
			return atTLS, err
		}
	}
	if a.cfg.Username == "" {
		return "", nil
	}
	auth, ok := a.auth(c)
	if !ok {
		return atAuth, errNoAuth
	}
	return atAuth, c.Auth(auth)
}

// auth picks the strongest way to sign in that the server offers. A password goes over an
// open connection only to this machine.
func (a *Adapter) auth(c *wire.Client) (wire.Auth, bool) {
	_, offered := c.Extension("AUTH")
	offers := func(name string) bool {
		return strings.Contains(" "+strings.ToUpper(offered)+" ", " "+name+" ")
	}
	user, password, open := a.cfg.Username, a.cfg.Password.Reveal(), a.cfg.TLS == None
	switch {
	case offers("SCRAM-SHA-256"):
		return wire.ScramSHA256Auth(user, password), true
	case offers("PLAIN"):
		return wire.PlainAuth("", user, password, a.cfg.Host, open), true
	case offers("LOGIN"):
		return wire.LoginAuth(user, password, a.cfg.Host, open), true
	case offers("CRAM-MD5"):
		return wire.CRAMMD5Auth(user, password), true
	}
	return nil, false
}

// hand hands one mail over. The stage says how far it came.
func hand(c *wire.Client, from, to string, raw []byte) (stage, error) {
	if err := c.Mail(from); err != nil {
		return atSender, err
	}
	if err := c.Rcpt(to); err != nil {
		return atRcpt, err
	}
	w, err := c.Data()
	if err != nil {
		return atData, err
	}
	if _, err := w.Write(raw); err != nil {
		// What was written may have been followed by a dot in somebody's buffer: unknown.
		return atEnd, err
	}
	return atEnd, w.Close()
}

// judge words an error: a reply of the server, or a connection that broke.
func judge(ctx context.Context, at stage, err error) dunning.Outcome {
	if reply := (*textproto.Error)(nil); errors.As(err, &reply) && reply.Code >= 400 && reply.Code < 600 {
		return refusal(at, reply)
	}
	switch {
	case errors.Is(err, errNoTLS):
		return refused(dunning.FailedConfig, "smtp:no_starttls")
	case errors.Is(err, errNoAuth):
		return refused(dunning.FailedConfig, "smtp:no_auth")
	case at == atTLS && certificate(err):
		return refused(dunning.FailedConfig, "smtp:certificate")
	case at == atAuth && !errors.As(err, new(net.Error)) && !errors.Is(err, io.EOF):
		return refused(dunning.FailedConfig, "smtp:auth") // ours: we would not say the password
	}
	return broken(at, cause(ctx, err))
}

func certificate(err error) bool { return errors.As(err, new(*tls.CertificateVerificationError)) }

// cause names the reason of a broken dialogue in one word.
func cause(ctx context.Context, err error) string {
	var dns *net.DNSError
	var op *net.OpError
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return "timeout"
	case ctx.Err() != nil:
		return "canceled"
	case errors.As(err, &dns):
		return "dns"
	case certificate(err):
		return "certificate"
	case errors.As(err, &op) && op.Op == "dial":
		return "dial"
	}
	return "connection"
}
