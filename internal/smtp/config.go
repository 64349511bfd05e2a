package smtp

import (
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/duly/duly/internal/secret"
)

// TLS says how the connection is protected.
type TLS string

// The ways. StartTLS is mandatory where it is chosen: a server that does not offer it
// gets no mail. None is for a relay on this machine.
const (
	StartTLS TLS = "starttls"
	Implicit TLS = "implicit"
	None     TLS = "none"
)

// Config is what the adapter needs to know. Printing it shows no secret.
type Config struct {
	Host     string
	Port     int // 587, with Implicit 465, when 0
	TLS      TLS // StartTLS when empty
	Username string
	Password secret.Value
	From     string // used when a message names no sender
	Hello    string // name of this machine towards the server; the domain of From when empty
	Timeout  time.Duration
}

const defaultTimeout = 20 * time.Second

// FromEnv reads DULY_SMTP_HOST, DULY_SMTP_PORT, DULY_SMTP_TLS (starttls, implicit or
// none), DULY_SMTP_USERNAME, DULY_SMTP_PASSWORD (or _FILE), DULY_SMTP_FROM and
// DULY_SMTP_HELLO. ok is false when no host is named; half a configuration is an error
// that names every variable that is missing or wrong.
func FromEnv(getenv func(string) string) (cfg Config, ok bool, err error) {
	password, err := secret.FromEnv(getenv, "DULY_SMTP_PASSWORD")
	if err != nil {
		return Config{}, false, err
	}
	cfg = Config{
		Host: getenv("DULY_SMTP_HOST"), TLS: TLS(getenv("DULY_SMTP_TLS")), Username: getenv("DULY_SMTP_USERNAME"),
		Password: password, From: getenv("DULY_SMTP_FROM"), Hello: getenv("DULY_SMTP_HELLO"),
	}
	if cfg.Host == "" && cfg.From == "" && cfg.Username == "" && !password.IsSet() {
		return Config{}, false, nil
	}
	var portErr error
	if p := getenv("DULY_SMTP_PORT"); p != "" {
		if cfg.Port, portErr = strconv.Atoi(p); portErr != nil || cfg.Port < 1 || cfg.Port > 65535 {
			portErr = fmt.Errorf("DULY_SMTP_PORT: want a number from 1 to 65535, not %q", p)
		}
	}
	if err := errors.Join(portErr, cfg.check()); err != nil {
		return Config{}, false, err
	}
	return cfg, true, nil
}

var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$`)

// check reports every fault of c at once.
func (c Config) check() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if !hostName.MatchString(c.Host) && net.ParseIP(c.Host) == nil {
		fault("DULY_SMTP_HOST: want the name or address of a mail server, such as mail.example.com")
	}
	if !isAddress(c.From) {
		fault("DULY_SMTP_FROM: want the address that mails come from, such as billing@example.com")
	}
	if (c.Username == "") == c.Password.IsSet() {
		fault("DULY_SMTP_USERNAME and DULY_SMTP_PASSWORD (or DULY_SMTP_PASSWORD_FILE): set both, or neither")
	}
	switch c.TLS {
	case "", StartTLS, Implicit:
	case None:
		if !loopback(c.Host) {
			fault("DULY_SMTP_TLS: none is for a relay on this machine; towards %s use starttls or implicit", c.Host)
		}
	default:
		fault("DULY_SMTP_TLS: %q is none of starttls, implicit and none", c.TLS)
	}
	if c.Hello != "" && !hostName.MatchString(c.Hello) {
		fault("DULY_SMTP_HELLO: want the name of this machine, such as duly.example.com")
	}
	return errors.Join(faults...)
}

// filled is c with its defaults.
func (c Config) filled() Config {
	if c.TLS == "" {
		c.TLS = StartTLS
	}
	if c.Port == 0 {
		c.Port = 587
		if c.TLS == Implicit {
			c.Port = 465
		}
	}
	if c.Hello == "" {
		c.Hello = domainOf(c.From)
	}
	if c.Timeout <= 0 {
		c.Timeout = defaultTimeout
	}
	return c
}

// loopback reports whether a host is this machine.
func loopback(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback() || strings.EqualFold(host, "localhost")
}

// isAddress accepts a bare address such as a@example.com: no display name, no list, no
// line break.
func isAddress(s string) bool {
	a, err := netmail.ParseAddress(s)
	return err == nil && a.Address == s && a.Name == "" && len(s) <= 254 && !strings.ContainsAny(s, "\r\n")
}

func domainOf(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }
