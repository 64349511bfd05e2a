package api

import (
	"encoding/json"
	"slices"
	"strings"

	generator "github.com/invopop/jsonschema"
)

// bodies are examples of bodies that say more than what a schema alone gives.
var bodies = map[string]string{
	"record_payment":   `{"amount":{"amount":"20.00","currency":"USD"}}`,
	"make_promise":     `{"amount":{"amount":"60.00","currency":"USD"},"due":"2026-03-12"}`,
	"agree_plan":       `{"count":3,"first":"2026-03-12"}`,
	"place_hold":       `{"hold":"hardship","scope":"account","until":"2026-04-01T00:00:00Z"}`,
	"raise_dispute":    `{"medium":"call","words":"The goods did not arrive."}`,
	"log_contact":      `{"direction":"outbound","channel":"call","outcome":"conversation"}`,
	"write_note":       `{"text":"Will call back on Monday."}`,
	"send_message":     `{"channel":"email","template":"friendly-reminder"}`,
	"opt_out":          `{"channel":"sms","medium":"call"}`,
	"describe_debt":    `{"class":"consumer"}`,
	"give_consent":     `{"basis":"express","channel":"sms","medium":"portal","words":"You may text me."}`,
	"revoke_consent":   `{"id":"consent-1","medium":"sms","words":"STOP"}`,
	"opt_in":           `{"channel":"sms","medium":"portal"}`,
	"state_wish":       `{"wish":"callback_request","medium":"call","words":"Please call me on Monday."}`,
	"withdraw_wish":    `{"id":"wish-1","medium":"call"}`,
	"know_person":      `{"id":"person-1","relation":"spouse"}`,
	"know_location":    `{"place":"NY","zone":"America/New_York","medium":"call"}`,
	"know_point":       `{"id":"phone-1","channel":"sms","point_kind":"mobile"}`,
	"receive_notice":   `{"notice":"cease_communication","medium":"letter","written":true}`,
	"offer_settlement": `{"amount":{"amount":"90.00","currency":"USD"},"due":"2026-03-20"}`,
	"hand_back":        `{}`,
	"tryCommand":       `{"command":"make_promise","with":{"amount":{"amount":"60.00","currency":"USD"},"due":"2026-03-12"}}`,
	"import_payments":  `{"rows":[{"account":"C-1","payment":"P-17","date":"2026-03-02","amount":"20.00","currency":"USD"}]}`,
	"import_items":     `{"rows":[{"account":"C-1","invoice":"I-1","issued":"2026-01-10","due":"2026-02-10","amount":"120.00","currency":"USD"}]}`,
	"publishRelease":   `{"files":{"queues.yaml":"queues: []\n"}}`,
	"switchOn":         `{"scope":"channel","subject":"sms","reason":"the provider doubles messages"}`,
	"switchOff":        `{"scope":"channel","subject":"sms","reason":"the provider is mended"}`,
	"endRestore":       `{"reason":"looked up at the providers; payments are in again"}`,
	"addHook":          `{"url":"https://erp.example.com/duly","kinds":["case.paid","promise.broken"]}`,
	"replayHook":       `{"since":"2026-03-01T00:00:00Z"}`,
	"runBulk":          `{"action":"hold","cases":["0b8d5c0e-3a56-4d8e-9c8f-0d5c5d1f9a11"],"count":1,"until":"2026-03-20"}`,
	"addUser":          `{"name":"ada","title":"Ada","grants":[{"creditor":"acme","role":"collector"}]}`,
	"setGrants":        `{"grants":[{"creditor":"acme","role":"supervisor"}]}`,
	"addKey":           `{"name":"ERP","creditor":"acme","scopes":["view","payment"],"expires":"2026-12-31T00:00:00Z"}`,
	"saveView":         `{"place":"/cases","name":"Large and old","query":"status=open&mindays=60"}`,
	"dropView":         `{"place":"/cases","name":"Large and old"}`,
	"replayInbox":      `{"ids":[17]}`,
	"resolve_dispute":  `{"id":"d-1","outcome":"rejected"}`,
	"finish_task":      `{"id":"t-1","outcome":"done"}`,
	"reverse_payment":  `{"payment":"P-17","reason":"chargeback"}`,
}

// bodyExample is the example of an operation's body.
func (o Operation) bodyExample() any {
	for _, id := range []string{o.ID, strings.TrimSuffix(strings.TrimSuffix(o.ID, "_on_case"), "_on_account")} {
		if text, ok := bodies[id]; ok && o.fits(text) {
			return json.RawMessage(text)
		}
	}
	return exampleOf(needed(o.schema()), "")
}

// needed is a schema of objects without the members that may be left out: an example of a
// body shows what it must have, and the schema what it may.
func needed(s *generator.Schema) *generator.Schema {
	if s.Properties == nil {
		return s
	}
	least, props := *s, generator.NewProperties()
	for p := s.Properties.Oldest(); p != nil; p = p.Next() {
		if slices.Contains(s.Required, p.Key) {
			props.Set(p.Key, needed(p.Value))
		}
	}
	least.Properties = props
	return &least
}

// fits reports whether an example is one: a type that has changed makes it none, and the
// document then shows what follows from the schema.
func (o Operation) fits(text string) bool {
	c, err := newChecker(o.schema())
	return err == nil && c.check([]byte(text)) == nil
}

// words of members, so that examples read like something.
var exampleWords = map[string]string{
	"id": "0b8d5c0e-3a56-4d8e-9c8f-0d5c5d1f9a11", "case": "0b8d5c0e-3a56-4d8e-9c8f-0d5c5d1f9a11", "account": "5f1a3a44-7a9d-4a39-8a5f-2f2b6d3f0c11",
	"debtor": "9d0f6f5c-7e0a-4b6e-8a4e-1d6c2b7a9e11", "creditor": "acme", "currency": "USD", "amount": "20.00", "channel": "email", "step": "friendly-email", "queue": "early",
	"sequence": "consumer-standard", "account_key": "C-1", "debtor_key": "C-1", "by": "user:3c2f", "zone": "Europe/Berlin", "locale": "en", "url": "https://erp.example.com/duly",
	"scopes": "view", "medium": "call", "relation": "spouse", "class": "consumer", "wish": "callback_request", "point_kind": "mobile", "basis": "contract", "language": "en",
	"status": "open", "state": "accepted", "verb": "send", "template": "friendly-reminder", "direction": "outbound", "scope": "account", "kind": "payment", "name": "Ada Example",
}

// kindOf is the type of a schema, the first where null is another.
func kindOf(s *generator.Schema) string {
	if types, ok := s.Extras["type"].([]string); ok {
		return types[0]
	}
	return s.Type
}

// exampleOf makes a value that fits a schema; name is the member that it is for.
func exampleOf(s *generator.Schema, name string) any {
	kind := kindOf(s)
	switch {
	case len(s.Enum) > 0:
		return s.Enum[0]
	case len(s.AnyOf) > 0:
		return exampleOf(s.AnyOf[0], name)
	case len(s.OneOf) > 0:
		return exampleOf(s.OneOf[0], name)
	case kind == "object":
		return exampleObject(s)
	case kind == "array" && s.Items != nil && s.Items != generator.TrueSchema:
		return []any{exampleOf(s.Items, name)}
	case kind == "array":
		return []any{}
	case kind == "integer", kind == "number":
		return 1
	case kind == "boolean":
		return true
	case kind == "string":
		return exampleText(s, name)
	}
	return object{}
}

func exampleObject(s *generator.Schema) any {
	out := object{}
	if s.Properties == nil {
		return out
	}
	for p := s.Properties.Oldest(); p != nil; p = p.Next() {
		// What may be left out and would blow the example up is left out.
		if slices.Contains(s.Required, p.Key) || kindOf(p.Value) != "object" {
			out[p.Key] = exampleOf(p.Value, p.Key)
		}
	}
	return out
}

func exampleText(s *generator.Schema, name string) string {
	switch {
	case s.Format == "date-time":
		return "2026-03-02T14:00:00Z"
	case s.Format == "date":
		return "2026-03-02"
	case s.Format == "uri":
		return "https://erp.example.com/duly"
	case s.ContentEncoding == "base64":
		return "aGVsbG8="
	case strings.Contains(s.Pattern, "A-Z]{3}"):
		return "USD"
	case strings.Contains(s.Pattern, `\d{1,15}`):
		return "20.00"
	case strings.Contains(s.Pattern, "{64}"):
		return strings.Repeat("3f", 32)
	}
	if text, ok := exampleWords[name]; ok {
		return text
	}
	return strings.ReplaceAll(name, "_", " ") + " …"
}
