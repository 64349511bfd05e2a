package config

import (
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/sms"
)

// Preview is a template filled in for an invented debtor.
type Preview struct {
	Message dunning.Message
	SMS     sms.Info // what it costs as a text message; zero for other channels
}

// Preview fills a template with SampleRequest, as people see it before they
// publish it. The language is resolved as for a debtor with that locale.
func (c *Config) Preview(creditor string, ch dunning.Channel, name, locale string) (Preview, error) {
	cr, ok := c.Creditor(creditor)
	if !ok {
		_, err := c.Render(RenderRequest{Creditor: creditor, Channel: ch, Template: name})
		return Preview{}, err
	}
	m, err := c.Render(SampleRequest(cr, ch, name, locale))
	if err != nil {
		return Preview{}, err
	}
	p := Preview{Message: m}
	if ch == dunning.SMS {
		p.SMS = sms.Count(m.Text)
	}
	return p, nil
}
