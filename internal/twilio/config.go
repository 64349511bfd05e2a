package twilio

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/duly/duly/internal/httpx"
	"github.com/duly/duly/internal/secret"
)

// DefaultBaseURL is where Twilio's API is.
const DefaultBaseURL = "https://api.twilio.com"

// StatusPath is where the console server takes delivery callbacks (DESIGN 9).
const StatusPath = "/webhooks/twilio/status"

var (
	accountSID = regexp.MustCompile(`^AC[0-9a-fA-F]{32}$`)
	serviceSID = regexp.MustCompile(`^MG[0-9a-fA-F]{32}$`)
)

// Config is what the adapter needs to know. Printing it shows no secret.
type Config struct {
	AccountSID          string
	AuthToken           secret.Value
	From                string        // E.164 number, short code or alphanumeric sender; used when a message names none
	MessagingServiceSID string        // instead of From
	BaseURL             string        // scheme and host; DefaultBaseURL when empty
	StatusCallback      string        // public URL of StatusPath; empty = no callbacks are asked for
	Codes               Codes         // lines that override DefaultCodes
	Timeout             time.Duration // of one HTTP call; httpx.DefaultTimeout when zero
	MaxConns            int           // httpx.DefaultMaxConns when zero
	LookupSettle        time.Duration // how long after the hand-over an empty listing proves something; 10 min when zero
}

// FromEnv reads TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN (or _FILE), TWILIO_FROM or
// TWILIO_MESSAGING_SERVICE_SID, TWILIO_BASE_URL, TWILIO_ERROR_CODES_FILE and
// DULY_PUBLIC_URL (for the status callback). ok is false when Twilio is not
// configured at all; half a configuration is an error that names every
// variable that is missing or wrong.
func FromEnv(getenv func(string) string) (cfg Config, ok bool, err error) {
	token, err := secret.FromEnv(getenv, "TWILIO_AUTH_TOKEN")
	if err != nil {
		return Config{}, false, err
	}
	cfg = Config{
		AccountSID: getenv("TWILIO_ACCOUNT_SID"), AuthToken: token,
		From: getenv("TWILIO_FROM"), MessagingServiceSID: getenv("TWILIO_MESSAGING_SERVICE_SID"),
		BaseURL: getenv("TWILIO_BASE_URL"), StatusCallback: callbackURL(getenv("DULY_PUBLIC_URL")),
	}
	if cfg.AccountSID == "" && !token.IsSet() && cfg.From == "" && cfg.MessagingServiceSID == "" {
		return Config{}, false, nil
	}
	if cfg.Codes, err = CodesFromEnv(getenv); err != nil {
		return Config{}, false, err
	}
	if err := cfg.check(); err != nil {
		return Config{}, false, err
	}
	return cfg, true, nil
}

// CodesFromEnv reads the overrides of error codes that TWILIO_ERROR_CODES_FILE names, nil
// without it.
func CodesFromEnv(getenv func(string) string) (Codes, error) {
	path := getenv("TWILIO_ERROR_CODES_FILE")
	if path == "" {
		return nil, nil
	}
	return readCodes(path)
}

func callbackURL(public string) string {
	if public == "" {
		return ""
	}
	return strings.TrimSuffix(public, "/") + StatusPath
}

func readCodes(path string) (Codes, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("TWILIO_ERROR_CODES_FILE: %w", err)
	}
	defer func() { _ = f.Close() }() // only read
	return ParseCodes(f, path)
}

// check reports every fault of c at once.
func (c Config) check() error {
	var faults []error
	add := func(bad bool, format string, args ...any) {
		if bad {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	add(!accountSID.MatchString(c.AccountSID), "TWILIO_ACCOUNT_SID: want AC and 32 hexadecimal digits, as the Twilio console shows it")
	add(!c.AuthToken.IsSet(), "TWILIO_AUTH_TOKEN: missing; set it, or TWILIO_AUTH_TOKEN_FILE to the path of a file that holds it")
	add(c.From == "" && c.MessagingServiceSID == "", "TWILIO_FROM or TWILIO_MESSAGING_SERVICE_SID: one is needed to send")
	add(c.From != "" && c.MessagingServiceSID != "", "TWILIO_FROM and TWILIO_MESSAGING_SERVICE_SID are both set: keep one of them")
	add(c.MessagingServiceSID != "" && !serviceSID.MatchString(c.MessagingServiceSID), "TWILIO_MESSAGING_SERVICE_SID: want MG and 32 hexadecimal digits")
	if c.BaseURL != "" {
		_, err := httpx.ParseBase(c.BaseURL)
		add(err != nil, "TWILIO_BASE_URL: %w", err)
	}
	return errors.Join(faults...)
}
