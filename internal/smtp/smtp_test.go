package smtp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	netmail "net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	server "github.com/emersion/go-smtp"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/channeltest"
	"github.com/duly/duly/internal/secret"
)

const testPassword = "pa55-w0rd-very-secret"

// inbox is a mail server that takes everything and remembers it.
type inbox struct {
	mu    sync.Mutex
	taken []channeltest.Taken
	raw   []string
}

func (b *inbox) NewSession(*server.Conn) (server.Session, error) { return &session{box: b}, nil }

func (b *inbox) all() []channeltest.Taken {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.taken)
}

type session struct {
	box *inbox
	to  string
}

func (s *session) Mail(string, *server.MailOptions) error { return nil }
func (s *session) Rcpt(to string, _ *server.RcptOptions) error {
	s.to = to
	return nil
}

func (s *session) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	m, err := netmail.ReadMessage(strings.NewReader(string(b)))
	if err != nil {
		return err
	}
	text, err := io.ReadAll(m.Body)
	if err != nil {
		return err
	}
	s.box.mu.Lock()
	defer s.box.mu.Unlock()
	s.box.taken = append(s.box.taken, channeltest.Taken{To: s.to, Text: string(text)})
	s.box.raw = append(s.box.raw, string(b))
	return nil
}
func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

func startInbox(t testing.TB) (*inbox, string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	box := &inbox{}
	srv := server.NewServer(box)
	srv.Domain = "mail.example.invalid"
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l) // ends with Close
	}()
	t.Cleanup(func() {
		_ = srv.Close()
		_ = l.Close() // it may not have begun to serve
		<-done
	})
	return box, l.Addr().String()
}

// towards is an adapter to a server on this machine.
func towards(t testing.TB, address string, change func(*Config)) *Adapter {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	cfg := Config{Host: host, TLS: None, From: "billing@acme.example", Timeout: time.Minute}
	if _, err := fmt.Sscan(port, &cfg.Port); err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(&cfg)
	}
	a, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func TestConformance(t *testing.T) {
	channeltest.RunRemote(t, channeltest.Remote{
		Channel: dunning.Email, Secrets: []string{testPassword},
		New: func(t testing.TB) (channeltest.Channel, func() []channeltest.Taken) {
			box, address := startInbox(t)
			return towards(t, address, nil), box.all
		},
	})
}

func TestTheMailItself(t *testing.T) {
	box, address := startInbox(t)
	a := towards(t, address, nil)
	m := channeltest.Message(dunning.Email, 7)
	m.Subject, m.ToName, m.FromName = "Rückstand\r\nBcc: x@y.z", "Zoë\nX: y", "Acme Ü"
	m.ReplyTo, m.Unsubscribe = "help@acme.example", "https://pay.example/u/token"
	out := a.Send(t.Context(), m)
	if out.State != dunning.SendAccepted || out.ProviderID != "attempt-000007@acme.example" {
		t.Fatalf("%+v", out)
	}
	got, err := netmail.ReadMessage(strings.NewReader(box.raw[0]))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Message-ID": "<attempt-000007@acme.example>", "Reply-To": "<help@acme.example>", "Auto-Submitted": "auto-generated",
		"List-Unsubscribe": "<https://pay.example/u/token>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
		"Date": m.At.Format(time.RFC1123Z), "Bcc": "", "X": "", "User-Agent": "", "X-Mailer": "",
	} {
		if have := got.Header.Get(name); have != want {
			t.Errorf("%s: %q, want %q", name, have, want)
		}
	}
	to, err := got.Header.AddressList("To")
	if err != nil || len(to) != 1 || to[0].Address != m.To || to[0].Name != "Zoë X: y" {
		t.Errorf("to %v, %v", to, err)
	}
	if ct := got.Header.Get("Content-Type"); !strings.HasPrefix(ct, "multipart/alternative") {
		t.Errorf("text and HTML are alternatives, not %s", ct)
	}
	m.Unsubscribe, m.HTML, m.Attempt = "", "", "attempt-000008"
	a.Send(t.Context(), m)
	if plain := box.raw[1]; strings.Contains(plain, "List-Unsubscribe") || strings.Contains(plain, "multipart") {
		t.Error("a mail of text alone without an unsubscribe address has neither")
	}
}

// scripted is a server that follows a script: a reply for each command. An empty reply
// breaks the connection, "hang" waits until the client goes away.
type scripted struct {
	replies map[string]string // by "greet", EHLO, MAIL, RCPT, DATA, "." (after the mail), QUIT
	mu      sync.Mutex
	dots    int // mails that were received to their end
}

func (s *scripted) serve(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { s.talk(conn) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		wg.Wait()
	})
	return l.Addr().String()
}

func (s *scripted) talk(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(2 * time.Minute))
	r := bufio.NewReader(conn)
	if !s.say(conn, r, "greet") {
		return
	}
	for {
		text, err := r.ReadString('\n')
		if err != nil {
			return
		}
		verb, _, _ := strings.Cut(strings.TrimSpace(text), " ")
		if !s.say(conn, r, strings.ToUpper(verb)) {
			return
		}
		if strings.ToUpper(verb) == "DATA" && strings.HasPrefix(s.replies["DATA"], "354") && !s.mail(conn, r) {
			return
		}
	}
}

// mail reads a mail to its last dot.
func (s *scripted) mail(conn net.Conn, r *bufio.Reader) bool {
	for {
		text, err := r.ReadString('\n')
		if err != nil {
			return false
		}
		if text == ".\r\n" {
			s.mu.Lock()
			s.dots++
			s.mu.Unlock()
			return s.say(conn, r, ".")
		}
	}
}

func (s *scripted) say(conn net.Conn, r *bufio.Reader, at string) bool {
	reply, ok := s.replies[at]
	if !ok {
		reply = "250 ok"
	}
	if reply == "hang" {
		_, _ = r.ReadByte() // until the client goes away
		return false
	}
	if reply == "" {
		return false
	}
	_, err := io.WriteString(conn, reply+"\r\n")
	return err == nil
}

func TestAnswers(t *testing.T) {
	later := func(code string, pause time.Duration) dunning.Outcome {
		return dunning.Outcome{State: dunning.SendFailed, Class: dunning.FailedLater, Code: code, RetryAfter: pause, Alone: pause > time.Minute}
	}
	forGood := func(class dunning.FailureClass, code string, why dunning.Delivery) dunning.Outcome {
		return dunning.Outcome{State: dunning.SendFailed, Class: class, Code: code, Permanent: true, Why: why}
	}
	now := func(code string) dunning.Outcome {
		return dunning.Outcome{State: dunning.SendFailed, Class: dunning.FailedNow, Code: code}
	}
	unknown := func(code string) dunning.Outcome { return dunning.Outcome{State: dunning.SendUnknown, Code: code} }
	accepted := dunning.Outcome{State: dunning.SendAccepted, ProviderID: "attempt-000001@acme.example"}
	for _, c := range []struct {
		about string
		at    string
		reply string
		want  dunning.Outcome
		taken bool // the server got the whole mail
	}{
		{"all goes well", ".", "250 2.0.0 queued as 123", accepted, true},
		{"a goodbye that fails changes nothing", "QUIT", "", accepted, true},
		{"busy at the greeting", "greet", "421 4.3.2 too busy", later("smtp:421:4.3.2", time.Minute), false},
		{"no service for us", "greet", "554 5.7.1 go away", forGood(dunning.FailedConfig, "smtp:554:5.7.1", ""), false},
		{"gone at the greeting", "greet", "", now("smtp:greeting:connection"), false},
		{"our sender is refused", "MAIL", "550 5.7.1 not yours", forGood(dunning.FailedConfig, "smtp:550:5.7.1", ""), false},
		{"our sender is refused for now", "MAIL", "451 4.7.1 try later", later("smtp:451:4.7.1", time.Minute), false},
		{"gone at the sender", "MAIL", "", now("smtp:sender:connection"), false},
		{"no such mailbox", "RCPT", "550 5.1.1 unknown debtor1@example.invalid", forGood(dunning.FailedRecipient, "smtp:550:5.1.1", dunning.HardBounced), false},
		{"no such mailbox, in plain words", "RCPT", "550 user unknown", forGood(dunning.FailedRecipient, "smtp:550", dunning.HardBounced), false},
		{"a mailbox that is disabled", "RCPT", "550 5.2.1 disabled", forGood(dunning.FailedRecipient, "smtp:550:5.2.1", dunning.HardBounced), false},
		{"a malformed address", "RCPT", "553 5.1.3 bad address", forGood(dunning.FailedRecipient, "smtp:553:5.1.3", dunning.Invalid), false},
		{"a domain that takes no mail", "RCPT", "556 5.1.10 null MX", forGood(dunning.FailedRecipient, "smtp:556:5.1.10", dunning.HardBounced), false},
		{"relaying denied blames no debtor", "RCPT", "550 5.7.1 relaying denied", forGood(dunning.FailedConfig, "smtp:550:5.7.1", ""), false},
		{"a full mailbox passes, though it says 5xx", "RCPT", "552 5.2.2 full", later("smtp:552:5.2.2", 5*time.Minute), false},
		{"greylisted", "RCPT", "450 4.7.1 greylisted", later("smtp:450:4.7.1", 5*time.Minute), false},
		{"gone at the recipient", "RCPT", "", now("smtp:rcpt:connection"), false},
		{"no data wanted", "DATA", "554 5.6.0 no", forGood(dunning.FailedContent, "smtp:554:5.6.0", ""), false},
		{"no data for now", "DATA", "452 4.3.1 disk full", later("smtp:452:4.3.1", time.Minute), false},
		{"gone before the data", "DATA", "", now("smtp:data:connection"), false},
		{"taken to be spam", ".", "554 spam", forGood(dunning.FailedContent, "smtp:554", ""), true},
		{"unknown only after the data", ".", "550 5.1.1 no such user", forGood(dunning.FailedRecipient, "smtp:550:5.1.1", dunning.HardBounced), true},
		{"our host is blocked", ".", "550 5.7.25 no reverse DNS", forGood(dunning.FailedConfig, "smtp:550:5.7.25", ""), true},
		{"not now, said after the data, is proof that it was not taken", ".", "451 4.3.0 try again", later("smtp:451:4.3.0", time.Minute), true},
		{"gone after the data: nobody knows", ".", "", unknown("smtp:no_answer:connection"), true},
		{"silent after the data: nobody knows", ".", "hang", unknown("smtp:no_answer:timeout"), true},
		{"silent at the recipient: not taken", "RCPT", "hang", now("smtp:rcpt:timeout"), false},
		{"a reply that is none, after the data", ".", "hello?", unknown("smtp:no_answer:connection"), true},
	} {
		t.Run(c.about, func(t *testing.T) {
			s := &scripted{replies: map[string]string{"greet": "220 hi", "DATA": "354 go on", "QUIT": "221 bye"}}
			s.replies[c.at] = c.reply
			a := towards(t, s.serve(t), func(cfg *Config) {
				cfg.Timeout = time.Minute
				if c.reply == "hang" {
					cfg.Timeout = 3 * time.Second // the dialogue up to there must fit, however busy the machine
				}
			})
			m := channeltest.Message(dunning.Email, 1)
			out := a.Send(t.Context(), m)
			channeltest.CheckOutcome(t, out)
			channeltest.CheckSilent(t, m, nil, out, a)
			if out != c.want {
				t.Errorf("got  %+v\nwant %+v", out, c.want)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			if (s.dots > 0) != c.taken {
				t.Errorf("the server got %d whole mails", s.dots)
			}
		})
	}
}

func TestNoConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	out := towards(t, address, nil).Send(t.Context(), channeltest.Message(dunning.Email, 1))
	channeltest.CheckOutcome(t, out)
	if out.Class != dunning.FailedNow || out.Code != "smtp:greeting:dial" {
		t.Errorf("%+v", out)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if out := towards(t, address, nil).Send(ctx, channeltest.Message(dunning.Email, 1)); out.Class != dunning.FailedNow {
		t.Errorf("cancelled: %+v", out)
	}
}

// TestNoProtectionNoMail: a server that offers no STARTTLS gets neither password nor mail.
func TestNoProtectionNoMail(t *testing.T) {
	s := &scripted{replies: map[string]string{"greet": "220 hi", "EHLO": "250-hi\r\n250 AUTH PLAIN", "DATA": "354 go on"}}
	a := towards(t, s.serve(t), func(c *Config) { c.TLS, c.Username, c.Password = StartTLS, "duly", secret.New(testPassword) })
	if out := a.Send(t.Context(), channeltest.Message(dunning.Email, 1)); out.Class != dunning.FailedConfig || out.Code != "smtp:no_starttls" || s.dots != 0 {
		t.Errorf("%+v", out)
	}
}

func TestSigningIn(t *testing.T) {
	for _, c := range []struct {
		about, offers, reply string
		want                 string // code; "" = accepted
	}{
		{"plain", "250 AUTH PLAIN LOGIN", "235 2.7.0 ok", ""},
		{"wrong password", "250 AUTH PLAIN", "535 5.7.8 no", "smtp:535:5.7.8"},
		{"no way to sign in", "250 SIZE 100000", "235 ok", "smtp:no_auth"},
		{"not now", "250 AUTH PLAIN", "454 4.7.0 later", "smtp:454:4.7.0"},
	} {
		t.Run(c.about, func(t *testing.T) {
			s := &scripted{replies: map[string]string{"greet": "220 hi", "EHLO": "250-hi\r\n" + c.offers, "AUTH": c.reply, "DATA": "354 go on"}}
			a := towards(t, s.serve(t), func(cfg *Config) { cfg.Username, cfg.Password = "duly", secret.New(testPassword) })
			out := a.Send(t.Context(), channeltest.Message(dunning.Email, 1))
			channeltest.CheckOutcome(t, out)
			channeltest.CheckSilent(t, channeltest.Message(dunning.Email, 1), []string{testPassword}, out, a)
			if out.Code != c.want {
				t.Errorf("%+v", out)
			}
		})
	}
}

func TestFromEnv(t *testing.T) {
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(testPassword+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	full := func(more ...string) map[string]string {
		env := map[string]string{
			"DULY_SMTP_HOST": "mail.example.com", "DULY_SMTP_FROM": "billing@example.com", "DULY_SMTP_USERNAME": "duly", "DULY_SMTP_PASSWORD": testPassword,
		}
		for i := 0; i < len(more); i += 2 {
			env[more[i]] = more[i+1]
		}
		return env
	}
	for _, c := range []struct {
		about string
		env   map[string]string
		ok    bool
		errs  []string
	}{
		{"nothing set means not configured", nil, false, nil},
		{"the full set", full(), true, nil},
		{"the password by file", full("DULY_SMTP_PASSWORD", "", "DULY_SMTP_PASSWORD_FILE", file), true, nil},
		{"a relay on this machine needs neither password nor protection", map[string]string{"DULY_SMTP_HOST": "localhost", "DULY_SMTP_FROM": "a@b.example", "DULY_SMTP_TLS": "none"}, true, nil},
		{"elsewhere protection is needed", full("DULY_SMTP_TLS", "none"), false, []string{"DULY_SMTP_TLS"}},
		{"a way of protection that is none", full("DULY_SMTP_TLS", "ssl"), false, []string{"DULY_SMTP_TLS"}},
		{"a password without a name", full("DULY_SMTP_USERNAME", ""), false, []string{"DULY_SMTP_USERNAME"}},
		{"a port that is none", full("DULY_SMTP_PORT", "0"), false, []string{"DULY_SMTP_PORT"}},
		{"every fault at once", map[string]string{"DULY_SMTP_USERNAME": "x", "DULY_SMTP_HELLO": "a b", "DULY_SMTP_PORT": "x"}, false, []string{"DULY_SMTP_HOST", "DULY_SMTP_FROM", "DULY_SMTP_PASSWORD", "DULY_SMTP_HELLO", "DULY_SMTP_PORT"}},
	} {
		t.Run(c.about, func(t *testing.T) {
			cfg, ok, err := FromEnv(func(k string) string { return c.env[k] })
			if ok != c.ok || (err != nil) != (c.errs != nil) {
				t.Fatalf("ok %v, error %v", ok, err)
			}
			for _, want := range c.errs {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("the error does not name %s: %v", want, err)
				}
			}
			if text := fmt.Sprintf("%v %+v %#v %v", cfg, cfg, cfg, err); strings.Contains(text, testPassword) {
				t.Error("the password is printed")
			}
		})
	}
}

func TestDefaultsAndLive(t *testing.T) {
	for _, c := range []struct {
		cfg  Config
		port int
		live bool
	}{
		{Config{Host: "mail.example.com", From: "a@b.example"}, 587, true},
		{Config{Host: "mail.example.com", From: "a@b.example", TLS: Implicit}, 465, true},
		{Config{Host: "127.0.0.1", From: "a@b.example", TLS: None, Port: 25}, 25, false},
	} {
		a, err := New(c.cfg)
		if err != nil {
			t.Fatal(err)
		}
		if a.cfg.Port != c.port || a.Live() != c.live || a.cfg.Hello != "b.example" {
			t.Errorf("%+v: live %v", a.cfg, a.Live())
		}
	}
	if _, err := New(Config{}); err == nil {
		t.Error("an empty configuration must be refused")
	}
}

// TestTheSecretStaysHome: errors of the dialogue are never passed on.
func TestTheSecretStaysHome(t *testing.T) {
	out := judge(t.Context(), atAuth, errors.New("bad "+testPassword))
	if strings.Contains(fmt.Sprintf("%+v", out), testPassword) {
		t.Errorf("%+v", out)
	}
}
