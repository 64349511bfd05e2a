package sendgrid

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/duly/duly/internal/clock"
	"github.com/duly/duly/internal/httpx"
	"github.com/duly/duly/internal/secret"
)

// Base URLs of the API. Accounts with EU data residency use the second.
const (
	DefaultBaseURL = "https://api.sendgrid.com"
	EUBaseURL      = "https://api.eu.sendgrid.com"
)

// Config is what the adapter needs to know. Printing it shows no secret.
type Config struct {
	APIKey    secret.Value
	FromEmail string        // verified sender; used when a message names none
	BaseURL   string        // scheme and host; DefaultBaseURL when empty
	Clock     clock.Clock   // business time, to know whether a held mail can still be called back; nil: none can be held
	Activity  bool          // the account has the Email Activity add-on, so Lookup can ask
	Timeout   time.Duration // of one HTTP call; httpx.DefaultTimeout when zero
	MaxConns  int           // httpx.DefaultMaxConns when zero
}

// FromEnv reads SENDGRID_API_KEY (or _FILE), SENDGRID_FROM_EMAIL,
// SENDGRID_BASE_URL and SENDGRID_ACTIVITY (true when the account has the Email
// Activity add-on). ok is false when SendGrid is not configured at all; half a
// configuration is an error that names every variable that is missing or wrong.
func FromEnv(getenv func(string) string) (cfg Config, ok bool, err error) {
	key, err := secret.FromEnv(getenv, "SENDGRID_API_KEY")
	if err != nil {
		return Config{}, false, err
	}
	cfg = Config{APIKey: key, FromEmail: getenv("SENDGRID_FROM_EMAIL"), BaseURL: getenv("SENDGRID_BASE_URL")}
	if !key.IsSet() && cfg.FromEmail == "" {
		return Config{}, false, nil
	}
	if v := getenv("SENDGRID_ACTIVITY"); v != "" {
		if cfg.Activity, err = strconv.ParseBool(v); err != nil {
			return Config{}, false, fmt.Errorf("SENDGRID_ACTIVITY: want true or false, not %q", v)
		}
	}
	if err := cfg.check(); err != nil {
		return Config{}, false, err
	}
	return cfg, true, nil
}

// check reports every fault of c at once.
func (c Config) check() error {
	var faults []error
	if !c.APIKey.IsSet() {
		faults = append(faults, errors.New("SENDGRID_API_KEY: missing; set it, or SENDGRID_API_KEY_FILE to the path of a file that holds it"))
	}
	if !isAddress(c.FromEmail) {
		faults = append(faults, errors.New("SENDGRID_FROM_EMAIL: want the address of a verified sender, such as billing@example.com"))
	}
	if c.BaseURL != "" {
		if _, err := httpx.ParseBase(c.BaseURL); err != nil {
			faults = append(faults, fmt.Errorf("SENDGRID_BASE_URL: %w", err))
		}
	}
	return errors.Join(faults...)
}
