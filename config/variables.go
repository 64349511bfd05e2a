package config

import (
	"errors"
	"strings"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/liquid"
	"github.com/duly/duly/internal/locale"
)

// variables is what templates see. Names are stable: templates of customers
// depend on them. docs/templates.md lists them.
func variables(c Creditor, r RenderRequest) map[string]any {
	return map[string]any{
		"creditor": map[string]any{
			"name": c.Name, "on_behalf_of": text(c.OnBehalfOf), "address": list(c.Address, func(s string) any { return s }),
			"phone": text(c.Phone), "phone_link": text(telLink(c.Phone)), "email": text(c.Email), "website": text(c.Website), "license": text(c.License),
		},
		"debtor":      map[string]any{"name": text(r.DebtorName), "kind": text(r.DebtorKind), "address": list(postal(r), func(s string) any { return s })},
		"reference":   text(r.Reference),
		"today":       day(r.Today),
		"items":       list(r.Items, item),
		"credit":      amount(r.Credit),
		"total":       amount(r.Total),
		"pay_by":      day(r.PayBy),
		"notice":      map[string]any{"ends": day(r.NoticeEnds)},
		"plan":        plan(r.Plan),
		"instalment":  instalment(r.Instalment),
		"links":       map[string]any{"pay": text(orText(r.Links.Pay, c.PaymentPage)), "account": text(r.Links.Account), "opt_out": text(r.Links.OptOut)},
		"itemization": itemization(r.Itemization),
		"disclosures": []any{},
		"parts":       partsOf(nil),
	}
}

// postal are the lines of a letter's address below the debtor's name; none for other messages.
func postal(r RenderRequest) (out []string) {
	if r.Channel != dunning.Letter {
		return nil
	}
	for i, l := range strings.Split(r.To, "\n") {
		if l = squeeze(l); l != "" && (i > 0 || l != squeeze(r.DebtorName)) {
			out = append(out, l)
		}
	}
	return out
}

func itemization(n *dunning.Itemization) any {
	if n == nil {
		return nil
	}
	return map[string]any{"date": day(n.Date), "owed": amount(n.Owed), "interest": amount(n.Interest), "fees": amount(n.Fees), "paid": amount(n.Paid)}
}

func orText(a, b string) string {
	if a == "" {
		return b
	}
	return a
}

// telLink keeps the digits of a number for a tel: link.
func telLink(phone string) string {
	out := make([]rune, 0, len(phone))
	for _, r := range phone {
		if r == '+' || r >= '0' && r <= '9' {
			out = append(out, r)
		}
	}
	if len(out) == 0 {
		return ""
	}
	return "tel:" + string(out)
}

// text is nil when there is none, so that {% if %} works as people expect.
func text(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func amount(a money.Amount) any {
	if a.Currency() == "" {
		return nil
	}
	return a
}

func day(d dunning.Date) any {
	if d.IsZero() {
		return nil
	}
	return d
}

func list[T any](in []T, f func(T) any) []any {
	out := make([]any, len(in))
	for i, v := range in {
		out[i] = f(v)
	}
	return out
}

func item(i RenderItem) any {
	return map[string]any{
		"number": text(i.Number), "issued": day(i.Issued), "due": day(i.Due),
		"amount": amount(i.Amount), "open": amount(i.Open), "days_overdue": i.DaysOverdue,
	}
}

func plan(p *RenderPlan) any {
	if p == nil {
		return nil
	}
	return map[string]any{
		"answer_by": day(p.AnswerBy),
		"options": list(p.Options, func(o RenderPlanOption) any {
			return map[string]any{"instalments": o.Instalments, "each": amount(o.Each), "first": day(o.First)}
		}),
	}
}

func instalment(i *RenderInstalment) any {
	if i == nil {
		return nil
	}
	return map[string]any{"number": i.Number, "of": i.Of, "due": day(i.Due), "amount": amount(i.Amount)}
}

// filters write amounts and dates in a language.
func filters(tag string) map[string]liquid.Filter {
	return map[string]liquid.Filter{
		"money": liquid.NewFilter(0, 0, func(in any, _ []any) (any, error) {
			a, ok := in.(money.Amount)
			if !ok {
				return nil, errors.New("works on amounts only")
			}
			return locale.Money(a, tag), nil
		}),
		"date": liquid.NewFilter(0, 1, func(in any, args []any) (any, error) {
			d, ok := in.(dunning.Date)
			if !ok {
				return nil, errors.New("works on dates only")
			}
			if len(args) == 1 {
				if args[0] != "short" && args[0] != "long" {
					return nil, errors.New(`takes "short" or "long"`)
				}
				if args[0] == "short" {
					return locale.ShortDate(d, tag), nil
				}
			}
			return locale.Date(d, tag), nil
		}),
	}
}
