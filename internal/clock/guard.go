package clock

import (
	"fmt"
	"net/netip"
	"net/url"
	"strings"
)

// Provider is a channel's provider as configured for this process.
type Provider struct {
	// Name for the error, such as "Twilio".
	Name string
	// BaseURL that replaces scheme and host of the provider's own; empty: its own.
	BaseURL string
}

// Live tells whether messages handed to the provider could reach people: always,
// unless its base URL leads to this very machine.
func (p Provider) Live() bool {
	u, err := url.Parse(p.BaseURL)
	if err != nil {
		return true
	}
	host := strings.TrimSuffix(strings.ToLower(u.Hostname()), ".")
	if host == "localhost" {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return err != nil || !ip.Unmap().IsLoopback()
}

// RefuseLive is an error when c is not the wall clock and one of the configured
// providers is live: a rehearsal must not write to people. Every process that
// sends calls it before it starts.
func RefuseLive(c Clock, configured ...Provider) error {
	if _, ok := c.(realClock); ok {
		return nil
	}
	var live []string
	for _, p := range configured {
		if p.Live() {
			live = append(live, p.Name)
		}
	}
	if len(live) == 0 {
		return nil
	}
	return fmt.Errorf("business time is rehearsed (table duly_clock) and live providers are configured: %s. "+
		"Either unset their credentials or point their base URL at this machine, or end the rehearsal", strings.Join(live, ", "))
}
