package contactfile_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/duly/duly/internal/contactfile"
)

// plain is a third party's call to a consumer in Ohio on a Tuesday at noon:
// nothing stands against it.
const plain = `{"id": "X", "jurisdiction": "US", "citation": "c",
 "facts": {"collector": {"id": "agency-1", "role": "third_party"},
  "debts": [{"id": "D1", "kind": "credit_card", "class": "consumer", "status": "open"}],
  "consumer": {"id": "C1", "addresses": [{"id": "home", "kind": "residence", "state": "OH", "zip": "43215", "tz": "America/New_York"}],
   "phones": [{"id": "m1", "kind": "mobile", "area_code": "614", "area_code_tz": "America/New_York", "person": "C1"},
              {"id": "l1", "kind": "landline", "area_code": "614", "area_code_tz": "America/New_York", "person": "C1"},
              {"id": "w1", "kind": "work", "area_code": "614", "area_code_tz": "America/New_York", "person": "C1"}],
   "emails": [{"id": "e1", "kind": "personal", "person": "C1"}, {"id": "ew", "kind": "employer", "person": "C1", "employer_provided_known": true}], "flags": {}},
  "history": [], "preferences": [], "notices": []},
 "question": {"channel": "call", "at": "2026-05-05T12:00:00-04:00", "to_person": "C1", "address_id": "m1", "debts": ["D1"], "purpose": "collect"}}`

// patched merges patches into the plain case: objects are merged, anything
// else is replaced.
func patched(t *testing.T, patches ...string) []byte {
	t.Helper()
	var c map[string]any
	decode(t, plain, &c)
	for _, p := range patches {
		var m map[string]any
		decode(t, p, &m)
		merge(c, m)
	}
	data, err := json.Marshal(map[string]any{"meta": map[string]any{}, "cases": []any{c}})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func decode(t *testing.T, s string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(s), v); err != nil {
		t.Fatalf("%s: %v", s, err)
	}
}

func merge(into, from map[string]any) {
	for k, v := range from {
		a, ok1 := into[k].(map[string]any)
		b, ok2 := v.(map[string]any)
		if ok1 && ok2 {
			merge(a, b)
		} else {
			into[k] = v
		}
	}
}

func TestConventions(t *testing.T) {
	const both = ""
	q := func(s string) string { return `{"question": {` + s + `}}` }
	prefs := func(s string) string { return `{"facts": {"preferences": [` + s + `]}}` }
	notices := func(s string) string { return `{"facts": {"notices": [` + s + `]}}` }
	history := func(s string) string { return `{"facts": {"history": [` + s + `]}}` }
	flags := func(s string) string { return `{"facts": {"consumer": {"flags": {` + s + `}}}}` }
	first := `{"facts": {"collector": {"id": "creditor-1", "role": "first_party"}}}`
	sms, mail := q(`"channel": "sms"`), q(`"channel": "email", "address_id": "e1"`)
	text := func(s string) string {
		return prefs(`{"kind": "inbound_text", "by": "C1", "received_at": "2026-05-04T12:00:00-04:00", "address_id": "m1", "text": "` + s + `"}`)
	}
	place := func(j, state, zip, tz string) string {
		return `{"jurisdiction": "` + j + `", "facts": {"consumer": {"phones": [{"id": "m1", "kind": "mobile", "person": "C1", "area_code_tz": "` + tz + `"}], "addresses": [{"id": "home", "state": "` + state + `", "zip": "` + zip + `", "tz": "` + tz + `"}]}}}`
	}
	for _, c := range []struct {
		name    string
		reading string // both when empty
		patches []string
		rule    string // refusing rule expected among the reasons; empty = allowed
	}{
		{"nothing mentioned is in order", both, nil, ""},
		{"an unknown role is refused", both, []string{`{"facts": {"collector": {"role": "broker"}}}`}, "-"},
		{"an unknown channel is refused", both, []string{q(`"channel": "pigeon"`)}, "-"},
		{"an unknown zone is refused", both, []string{`{"facts": {"consumer": {"known_location_tz": "Mars/Olympus"}}}`}, "-"},
		{"no zone at all is refused", both, []string{`{"facts": {"consumer": {"addresses": [], "phones": []}}}`}, "US-F-TIME-01"},
		{"unknown fields are ignored", both, []string{`{"facts": {"weather": "rain"}, "mood": 3}`}, ""},
		{"another person's phone gives no zone", both, []string{`{"facts": {"consumer": {"phones": [{"id": "m1", "kind": "mobile", "area_code_tz": "Pacific/Honolulu", "person": "spouse"}]}}}`}, ""},
		{"one's own does", both, []string{`{"facts": {"consumer": {"phones": [{"id": "m1", "kind": "mobile", "area_code_tz": "Pacific/Honolulu", "person": "C1"}]}}}`}, "US-F-TIME-02"},
		{"a first party under another name is a third party", both, []string{`{"facts": {"collector": {"role": "first_party", "uses_other_name": true}}}`, sms, `{"question": {"at": "2026-05-05T22:00:00-04:00"}}`}, "US-F-TIME-03"},
		{"an email at night by a first party meets no law", both, []string{first, mail, q(`"at": "2026-05-05T23:00:00-04:00"`)}, ""},
		{"a commercial debt meets no federal hours under literal", "literal", []string{`{"facts": {"debts": [{"id": "D1", "class": "commercial", "kind": "trade_invoice"}]}}`, q(`"at": "2026-05-05T23:00:00-04:00"`)}, ""},
		{"but the courtesy window under strict", "strict", []string{`{"facts": {"debts": [{"id": "D1", "class": "commercial", "kind": "trade_invoice"}]}}`, q(`"at": "2026-05-05T23:00:00-04:00"`)}, "POLICY-COURTESY"},
		{"a stop word in spaces and capitals", both, []string{sms, text("  sToP ")}, "US-CTIA-01"},
		{"two words that are one", both, []string{first, sms, text("opt out")}, "US-CTIA-01"},
		{"with a full stop", both, []string{first, sms, text("Stop.")}, "US-CTIA-01"},
		{"words of one's own", both, []string{first, sms, text("Please take me off your list")}, "US-CTIA-01"},
		{"more words of one's own", both, []string{first, sms, text("don’t text me any more")}, "US-CTIA-01"},
		{"HELP is no refusal", both, []string{first, sms, text("HELP")}, ""},
		{"INFO is none", both, []string{first, sms, text("info")}, ""},
		{"a promise to pay is none", both, []string{first, sms, text("I will stop by your office on Friday to pay")}, ""},
		{"a question about the end is none", both, []string{first, sms, text("when does my plan end?")}, ""},
		{"words around a stop word", both, []string{first, sms, text("Stop, please.")}, "US-CTIA-01"},
		{"a stop word with a picture", both, []string{first, sms, text("Stop 🛑")}, "US-CTIA-01"},
		{"words of one's own", both, []string{first, sms, text("Do not ever text me again")}, "US-CTIA-01"},
		{"a stop word of another language", both, []string{first, sms, text("ALTO")}, "US-CTIA-01"},
		{"rude words", both, []string{first, sms, text("fuck off")}, "US-CTIA-01"},
		{"a wrong number", both, []string{first, sms, text("You have the wrong number")}, "US-CTIA-01"},
		{"calls refused by text are refused", both, []string{text("stop calling me")}, "US-F-MEDIA-01"},
		{"a job that ended is no refusal", both, []string{first, sms, text("I ceased working there, can I pay later?")}, ""},
		{"a refused medium of another name", both, []string{first, sms, prefs(`{"kind": "media_opt_out", "by": "C1", "received_at": "2026-05-04T12:00:00-04:00", "scope": {"channel": "text"}}`), `{"facts": {"collector": {"id": "K1", "role": "third_party"}}}`}, "US-F-MEDIA-01"},
		{"a refused medium that is not known is every medium", both, []string{prefs(`{"kind": "media_opt_out", "by": "C1", "received_at": "2026-05-04T12:00:00-04:00", "scope": {"channel": "pigeon"}}`)}, "US-F-MEDIA-01"},
		{"a bankruptcy of an unknown stage is open", both, []string{first, flags(`"bankruptcy": {"chapter": 13, "petition_at": "2026-05-01T12:00:00-04:00", "status": "pending"}`)}, "US-F-BK-01"},
		{"one without a stage too", both, []string{first, flags(`"bankruptcy": {"chapter": 13, "petition_at": "2026-05-01T12:00:00-04:00"}`)}, "US-F-BK-01"},
		{"a breathing space of an unknown kind is a standard one", both, []string{first, place("GB-EAW", "ENG", "SW1A", "Europe/London"), q(`"channel": "letter", "address_id": "home", "at": "2026-04-30T10:00:00+01:00"`), flags(`"breathing_space": {"type": "other", "start": "2026-03-02", "days": 60}`)}, "GB-BS-01"},
		{"a cease on file without a date", both, []string{notices(`{"kind": "cease_communication", "by": "C1", "written": true}`)}, "US-F-CEASE-01"},
		{"a state in small letters", both, []string{sms, place("US-NY", "ny", "10001", "America/New_York"), q(`"at": "2026-09-15T12:00:00-04:00"`)}, "US-NYC-ECOMM-01"},
		{"a country in small letters", both, []string{sms, place("us-NY", "NY", "10001", "America/New_York"), q(`"at": "2026-09-15T12:00:00-04:00"`)}, "US-NYC-ECOMM-01"},
		{"no country", both, []string{`{"jurisdiction": ""}`}, "-"},
		{"a past contact without an instant", both, []string{history(`{"id": "h", "direction": "outbound", "channel": "call", "outcome": "no_answer", "debts": ["D1"]}`)}, "-"},
		{"a talk on a channel of another name was a call", both, []string{history(`{"id": "h", "at": "2026-05-04T12:00:00-04:00", "direction": "outbound", "channel": "phone", "outcome": "conversation", "person": "C1", "address_id": "m1", "debts": ["D1"]}`)}, "US-F-FREQ-02"},
		{"dials on a channel of another name count", both, []string{history(strings.TrimSuffix(strings.Repeat(`{"id": "h", "at": "2026-05-04T12:00:00-04:00", "direction": "outbound", "channel": "phone", "outcome": "no_answer", "person": "C1", "address_id": "m1", "debts": ["D1"]},`, 7), ","))}, "US-F-FREQ-01"},
		{"what came in on an unknown channel excuses no answer at night", both, []string{q(`"at": "2026-05-05T23:00:00-04:00"`), history(`{"id": "h", "at": "2026-05-05T22:00:00-04:00", "direction": "inbound", "channel": "phone", "outcome": "received", "person": "C1", "address_id": "m1", "debts": ["D1"]}`)}, "US-F-TIME-01"},
		{"START takes STOP back", both, []string{first, sms, prefs(`{"kind": "inbound_text", "by": "C1", "received_at": "2026-05-04T13:00:00-04:00", "address_id": "m1", "text": "start"}, {"kind": "inbound_text", "by": "C1", "received_at": "2026-05-04T12:00:00-04:00", "address_id": "m1", "text": "STOP"}`)}, ""},
		{"a STOP after START stands", both, []string{first, sms, prefs(`{"kind": "inbound_text", "by": "C1", "received_at": "2026-05-04T11:00:00-04:00", "address_id": "m1", "text": "start"}, {"kind": "inbound_text", "by": "C1", "received_at": "2026-05-04T12:00:00-04:00", "address_id": "m1", "text": "STOP"}`)}, "US-CTIA-01"},
		{"STOP from one number covers another under strict", "strict", []string{first, sms, text("STOP"), q(`"address_id": "m2"`)}, "US-CTIA-01"},
		{"and not under literal", "literal", []string{first, sms, text("STOP"), q(`"address_id": "m2"`)}, ""},
		{"a refused medium", both, []string{prefs(`{"kind": "media_opt_out", "by": "C1", "received_at": "2026-05-04T12:00:00-04:00", "scope": {"channel": "call"}}`)}, "US-F-MEDIA-01"},
		{"a refusal of tomorrow is not yet known", both, []string{prefs(`{"kind": "media_opt_out", "by": "C1", "received_at": "2026-05-06T12:00:00-04:00", "scope": {"channel": "call"}}`)}, ""},
		{"consent answered outright with none", both, []string{first, q(`"channel": "prerecorded_call", "consent": "none"`), prefs(`{"kind": "tcpa_consent", "given_by": "C1", "at": "2026-05-01T12:00:00-04:00"}`)}, "US-TCPA-01"},
		{"consent on file", both, []string{first, q(`"channel": "prerecorded_call"`), prefs(`{"kind": "tcpa_consent", "given_by": "C1", "at": "2026-05-01T12:00:00-04:00"}`)}, ""},
		{"a landline without a place is at home", both, []string{q(`"address_id": "l1"`), prefs(`{"kind": "inconvenient_place", "by": "C1", "received_at": "2026-05-01T12:00:00-04:00", "place": "home"}`)}, "US-F-PLACE-01"},
		{"a letter to an inconvenient place", both, []string{q(`"channel": "letter", "address_id": "home"`), prefs(`{"kind": "inconvenient_place", "by": "C1", "received_at": "2026-05-01T12:00:00-04:00", "place": "home"}`)}, "US-F-PLACE-01"},
		{"an employer's address", both, []string{q(`"channel": "email", "address_id": "ew"`)}, "US-F-EMAIL-01"},
		{"an employer's address not known to be one", both, []string{q(`"channel": "email", "address_id": "ew"`), `{"facts": {"consumer": {"emails": [{"id": "ew", "kind": "employer", "person": "C1"}]}}}`}, ""},
		{"work numbers where the employer forbids it", both, []string{q(`"address_id": "w1"`), flags(`"employer_prohibits": true`)}, "US-F-WORK-01"},
		{"representation stands without a letter to the attorney", both, []string{flags(`"attorney": {"known": true, "contact_known": true, "debts": ["D1"]}`)}, "US-F-ATTY-01"},
		{"an attorney who is not known", both, []string{flags(`"attorney": {"known": false, "contact_known": false, "debts": ["D1"]}`)}, ""},
		{"an oral wish to be left alone is no cease", both, []string{notices(`{"kind": "cease_communication", "by": "C1", "written": false, "received_at": "2026-05-01T12:00:00-04:00"}`)}, ""},
		{"a letter sent and not received is none yet", both, []string{notices(`{"kind": "cease_communication", "by": "C1", "medium": "letter", "written": true, "sent_at": "2026-05-01T12:00:00-04:00"}`)}, ""},
		{"a refusal to pay by email", both, []string{notices(`{"kind": "refuses_to_pay", "by": "C1", "medium": "email", "received_at": "2026-05-01T12:00:00-04:00"}`)}, "US-F-CEASE-01"},
		{"a dispute in a period that must be computed", both, []string{notices(`{"kind": "validation_notice", "sent_at": "2026-03-02T12:00:00-05:00", "channel": "letter"}, {"kind": "dispute", "by": "C1", "written": true, "received_at": "2026-04-08T12:00:00-04:00", "debts": ["D1"]}`)}, "US-F-DISP-01"},
		{"one on the day after its end", both, []string{notices(`{"kind": "validation_notice", "sent_at": "2026-03-02T12:00:00-05:00", "channel": "letter"}, {"kind": "dispute", "by": "C1", "written": true, "received_at": "2026-04-09T12:00:00-04:00", "debts": ["D1"]}`)}, ""},
		{"a conversation about nothing in particular starts no silence", both, []string{history(`{"id": "h", "at": "2026-05-04T12:00:00-04:00", "direction": "inbound", "channel": "call", "outcome": "conversation", "person": "C1", "address_id": "m1", "debts": []}`)}, ""},
		{"one about the debt does", both, []string{history(`{"id": "h", "at": "2026-05-04T12:00:00-04:00", "direction": "inbound", "channel": "call", "outcome": "conversation", "person": "C1", "address_id": "m1", "debts": ["D1"]}`)}, "US-F-FREQ-02"},
		{"one with another firm does not", both, []string{history(`{"id": "h", "at": "2026-05-04T12:00:00-04:00", "direction": "outbound", "channel": "call", "outcome": "conversation", "person": "C1", "address_id": "m1", "debts": ["D1"], "collector_id": "other"}`)}, ""},
		{"a message without opt-out words", both, []string{sms, q(`"content": {"opt_out_notice": false}`)}, "US-F-OPTNOTICE-01"},
		{"an opt-out that wants a log-in", both, []string{mail, q(`"content": {"opt_out_notice": true, "method": "log in to your account and change your settings"}`)}, "US-F-OPTNOTICE-01"},
		{"an opt-out by reply", both, []string{mail, q(`"content": {"opt_out_notice": true, "method": "reply STOP"}`)}, ""},
		{"an opt-out that costs a fee", both, []string{mail, q(`"content": {"opt_out_notice": true, "method": "send 1 USD processing fee"}`)}, "US-F-OPTNOTICE-01"},
		{"an initial communication without its disclosure", both, []string{q(`"channel": "letter", "address_id": "home", "purpose": "initial_communication", "content": {"mini_miranda": false}`)}, "US-F-DISC-01"},
		{"a threat of suit on a time-barred debt", both, []string{`{"facts": {"debts": [{"id": "D1", "class": "consumer", "time_barred": true}]}}`, q(`"channel": "letter", "address_id": "home", "content": {"threat": "legal action"}`)}, "US-F-TIMEBAR-01"},
		{"a voicemail that others hear, with nothing said about it", both, []string{q(`"purpose": "voicemail", "address_id": "l1"`), `{"facts": {"consumer": {"phones": [{"id": "l1", "kind": "landline", "person": "C1", "area_code_tz": "America/New_York", "shared": true}]}}}`}, ""},
		{"one whose business name shows a debt", both, []string{q(`"purpose": "limited_content_voicemail", "address_id": "l1", "content": {"business_name": "ABC Debt Recovery", "indicates_debt_collection": true}`), `{"facts": {"consumer": {"phones": [{"id": "l1", "kind": "landline", "person": "C1", "area_code_tz": "America/New_York", "shared": true}]}}}`}, "US-F-LCM-01"},
		{"a demand inside the validation period", both, []string{notices(`{"kind": "validation_notice", "sent_at": "2026-04-20T12:00:00-04:00", "channel": "letter"}`), q(`"channel": "letter", "address_id": "home", "content": {"demand": "pay within 7 days"}`)}, "US-F-VAL-02"},
		{"a validation notice by email", both, []string{mail, q(`"purpose": "validation_notice"`)}, "US-F-ESIGN-01"},
		{"postcards", both, []string{q(`"channel": "postcard", "address_id": "home"`)}, "US-F-MAIL-01"},
		{"public social media", both, []string{q(`"channel": "social_public", "address_id": "profile"`)}, "US-F-SOCIAL-01"},
		{"a roommate", both, []string{q(`"to_person": "roommate", "address_id": "x1"`)}, "US-F-THIRD-01"},
		{"a son of the deceased", both, []string{flags(`"deceased": {"at": "2026-03-01T12:00:00-05:00"}`), q(`"to_person": "son", "address_id": "x1"`)}, "US-F-THIRD-01"},
		{"the attorney may always be written to", both, []string{flags(`"attorney": {"known": true, "contact_known": true, "debts": ["D1"]}`), q(`"to_person": "attorney", "address_id": "attorney", "at": "2026-05-05T22:30:00-04:00"`)}, ""},
		{"a bureau hears nothing before a letter", both, []string{q(`"channel": "credit_report", "to_person": "cra", "address_id": "cra"`)}, "US-F-CRA-01"},
		{"a bankruptcy stays a creditor too", both, []string{first, flags(`"bankruptcy": {"chapter": 13, "petition_at": "2026-05-01T12:00:00-04:00", "status": "open"}`)}, "US-F-BK-01"},
		{"a stop by text reaches unrelated texts from February 2027", both, []string{first, sms, q(`"at": "2027-02-15T12:00:00-05:00", "purpose": "fraud_alert_unrelated", "automated": true`), prefs(`{"kind": "tcpa_revocation", "by": "C1", "received_at": "2026-09-04T10:00:00-04:00", "text": "STOP", "address_id": "m1", "in_reply_to": "payment_reminder"}`)}, "US-TCPA-04"},
		{"and not before", both, []string{first, sms, q(`"at": "2026-12-15T12:00:00-05:00", "purpose": "fraud_alert_unrelated", "automated": true`), prefs(`{"kind": "tcpa_revocation", "by": "C1", "received_at": "2026-09-04T10:00:00-04:00", "text": "STOP", "address_id": "m1", "in_reply_to": "payment_reminder"}`)}, ""},
		{"a confirmation at night answers a stop at night", both, []string{sms, q(`"at": "2026-05-05T23:02:00-04:00", "purpose": "opt_out_confirmation", "content": {"only_confirmation": true}`), prefs(`{"kind": "inbound_text", "by": "C1", "received_at": "2026-05-05T23:00:00-04:00", "address_id": "m1", "text": "STOP"}`)}, ""},
		{"a number reported reassigned", both, []string{first, sms, `{"facts": {"number_checks": [{"address_id": "m1", "at": "2026-05-01T12:00:00-04:00", "reassigned": true}]}}`}, "US-TCPA-07"},
		{"marketing mail after ten business days", both, []string{first, mail, q(`"purpose": "commercial_offer"`), prefs(`{"kind": "marketing_unsubscribe", "by": "C1", "received_at": "2026-04-20T12:00:00-04:00"}`)}, "US-CANSPAM-02"},
		{"within them it may still be under way", both, []string{first, mail, q(`"purpose": "commercial_offer"`), prefs(`{"kind": "marketing_unsubscribe", "by": "C1", "received_at": "2026-04-21T12:00:00-04:00"}`)}, ""},
		{"it says nothing about statements", both, []string{first, mail, q(`"purpose": "account_statement_past_due"`), prefs(`{"kind": "marketing_unsubscribe", "by": "C1", "received_at": "2026-04-01T12:00:00-04:00"}`)}, ""},
		{"New York City is NY and its ZIP codes", both, []string{mail, place("US-NY-NYC", "NY", "11201", "America/New_York"), q(`"at": "2026-09-15T12:00:00-04:00"`)}, "US-NYC-ECOMM-01"},
		{"Albany is not", both, []string{sms, place("US-NY", "NY", "12207", "America/New_York"), q(`"at": "2026-09-15T12:00:00-04:00"`)}, ""},
		{"Washington State", both, []string{
			place("US-WA", "WA", "98101", "America/Los_Angeles"), q(`"at": "2026-05-05T15:00:00-04:00"`),
			history(strings.TrimSuffix(strings.Repeat(`{"id": "h", "at": "2026-05-04T12:00:00-07:00", "direction": "outbound", "channel": "letter", "outcome": "sent", "person": "C1", "address_id": "home", "debts": ["D1"]},`, 3), ",")),
		}, "US-WA-FREQ-01"},
		{"a third text of the day to a mobile in Washington", both, []string{
			place("US-WA", "WA", "98101", "America/Los_Angeles"), sms, q(`"at": "2026-05-05T15:00:00-07:00"`),
			history(strings.TrimSuffix(strings.Repeat(`{"id": "h", "at": "2026-05-05T12:00:00-07:00", "direction": "outbound", "channel": "sms", "outcome": "delivered", "person": "C1", "address_id": "m1", "debts": ["D1"]},`, 2), ",")),
		}, "US-WA-CELL-01"},
		{"Western Australia is not Washington", both, []string{place("AU", "WA", "6000", "Australia/Perth"), q(`"at": "2026-11-10T06:00:00+08:00"`)}, "AU-TIME-01"},
		{"Ontario is CA-ON, not California", both, []string{place("CA-ON", "ON", "M5V", "America/Toronto")}, "CA-ON-NOTICE-01"},
		{"a breathing space in England", both, []string{first, place("GB-EAW", "ENG", "SW1A", "Europe/London"), q(`"channel": "letter", "address_id": "home", "at": "2026-04-30T10:00:00+01:00"`), flags(`"breathing_space": {"type": "standard", "start": "2026-03-02", "days": 60}`)}, "GB-BS-01"},
		{"free on day sixty-one", both, []string{first, place("GB-EAW", "ENG", "SW1A", "Europe/London"), q(`"channel": "letter", "address_id": "home", "at": "2026-05-01T10:00:00+01:00"`), flags(`"breathing_space": {"type": "standard", "start": "2026-03-02", "days": 60}`)}, ""},
		{"a crisis lasts thirty days after the treatment", both, []string{first, place("GB-EAW", "ENG", "SW1A", "Europe/London"), q(`"channel": "letter", "address_id": "home", "at": "2026-04-01T23:00:00+01:00"`), flags(`"breathing_space": {"type": "mental_health_crisis", "treatment_ended": "2026-03-02", "plus_days": 30}`)}, "GB-BS-02"},
		{"a lump sum from a consumer in Germany", both, []string{first, place("DE", "BE", "10117", "Europe/Berlin"), `{"facts": {"debts": [{"id": "D1", "class": "consumer", "kind": "invoice", "amount": "1200.00", "currency": "EUR", "due": "2026-03-02", "invoice_received": "2026-03-02", "notice_of_30_day_rule": true}]}}`, q(`"channel": "charge", "address_id": "invoice", "at": "2026-04-20T12:00:00+02:00", "content": {"lump_sum": "40.00"}`)}, "DE-PAUSCH-01"},
		{"default interest from a consumer who was told", both, []string{first, place("DE", "BE", "10117", "Europe/Berlin"), `{"facts": {"debts": [{"id": "D1", "class": "consumer", "kind": "invoice", "amount": "1200.00", "currency": "EUR", "due": "2026-03-02", "invoice_received": "2026-03-02", "notice_of_30_day_rule": true}]}}`, q(`"channel": "charge", "address_id": "invoice", "at": "2026-04-02T00:00:00+02:00", "content": {"default_interest": "base+5"}`)}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			readings := []string{c.reading}
			if c.reading == both {
				readings = []string{"strict", "literal"}
			}
			for _, r := range readings {
				expect(t, ask(t, packs(t), patched(t, c.patches...), r)[0], r, c.rule)
			}
		})
	}
}

// expect: allowed, refused by a rule, or (rule "-") not understood.
func expect(t *testing.T, l line, reading, rule string) {
	t.Helper()
	if l.Allowed != (rule == "") {
		t.Fatalf("%s: allowed %v: %+v", reading, l.Allowed, l)
	}
	if l.Allowed {
		return
	}
	if rule == "-" {
		if l.Rule != nil || l.NotBefore != nil || len(l.Warn) == 0 || len(l.Reasons) != 1 || l.Reasons[0].Rule != "" || l.Reasons[0].Text == "" {
			t.Errorf("%s: a case that is not understood says so: %+v", reading, l)
		}
		return
	}
	for _, r := range l.Reasons {
		if r.Rule == rule && r.Citation != "" && r.Text != "" {
			return
		}
	}
	t.Errorf("%s: no reason names %s: %+v", reading, rule, l)
}

// TestShape: every field is present in every line, lists are never null, and
// the order is that of the cases.
func TestShape(t *testing.T) {
	in := `{"cases": [` + plain + `, {"id": "BAD", "question": {"at": "noon"}}, ` + strings.Replace(plain, `"id": "X"`, `"id": "Y"`, 1) + `, {"id": "EMPTY"}]}`
	var out bytes.Buffer
	if err := contactfile.Answer(strings.NewReader(in), packs(t), "strict", &out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	var ids []string
	for _, l := range lines {
		var m map[string]any
		decode(t, l, &m)
		ids = append(ids, m["id"].(string))
		for _, f := range []string{"allowed", "rule", "not_before", "warn", "reasons"} {
			if _, ok := m[f]; !ok {
				t.Errorf("%s lacks %s", l, f)
			}
		}
		for _, f := range []string{"warn", "reasons"} {
			if m[f] == nil {
				t.Errorf("%s: %s is null", l, f)
			}
		}
	}
	if got := strings.Join(ids, " "); got != "X BAD Y EMPTY" {
		t.Errorf("answers for %s", got)
	}
}

func TestFilesThatAreNone(t *testing.T) {
	for _, c := range []struct{ name, in, ambiguity, says string }{
		{"no JSON", "hello", "strict", "not JSON"},
		{"half a file", `{"cases": [` + plain, "strict", "not JSON"},
		{"another form", `{"items": []}`, "strict", `no list "cases"`},
		{"a list alone", `[]`, "strict", "not JSON of the form"},
		{"another reading", `{"cases": []}`, "lenient", "strict or literal"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var out bytes.Buffer
			err := contactfile.Answer(strings.NewReader(c.in), packs(t), c.ambiguity, &out)
			if err == nil || !strings.Contains(err.Error(), c.says) || out.Len() > 0 {
				t.Errorf("error %v, output %q", err, out.String())
			}
		})
	}
	var out bytes.Buffer
	if err := contactfile.Answer(strings.NewReader(`{"cases": []}`), packs(t), "strict", &out); err != nil || out.Len() > 0 {
		t.Errorf("a file without cases has no answers: %v %q", err, out.String())
	}
}

// TestExpectedIsNeverRead: the answer does not change with what is expected.
func TestExpectedIsNeverRead(t *testing.T) {
	a := ask(t, packs(t), patched(t), "strict")[0]
	b := ask(t, packs(t), patched(t, `{"expected": {"allowed": false, "rule": "US-F-BK-01"}, "ambiguous": true, "certainty": "unverified", "tags": ["dst"], "readings": {"strict": {"allowed": false}}}`), "strict")[0]
	if a.Allowed != b.Allowed || !a.Allowed {
		t.Errorf("%+v and %+v", a, b)
	}
}

func TestExplain(t *testing.T) {
	var out bytes.Buffer
	in := `{"cases": [` + plain + `, {"id": "BAD", "question": {"at": "noon"}}]}`
	if err := contactfile.Explain(strings.NewReader(in), packs(t), "literal", &out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"X\nAllowed: call at Tue 2026-05-05 12:00:00 EDT.", "  America/New_York, where it is 12:00:00 on Tue 2026-05-05 (address home)", "  US-OH (address home)", "allows   US-F-TIME-01, Convenient hours [us-federal]", "Reading: literal.", "BAD\nRefused: the case cannot be understood."} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("missing %q in\n%s", want, out.String())
		}
	}
}

// FuzzAnswer: whatever a file holds, the answer is an error or one line a case.
func FuzzAnswer(f *testing.F) {
	set := packs(f)
	f.Add([]byte(`{"cases": [` + plain + `]}`))
	f.Add([]byte(`{"cases": [{}, null, 3, {"facts": {"preferences": [{"kind": "inconvenient_time", "days": ["x"]}]}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var out bytes.Buffer
		if err := contactfile.Answer(bytes.NewReader(data), set, "strict", &out); err != nil {
			return
		}
		var file struct {
			Cases []json.RawMessage `json:"cases"`
		}
		if err := json.Unmarshal(data, &file); err != nil {
			t.Fatal(err)
		}
		if file.Cases == nil {
			file.Cases = make([]json.RawMessage, bytes.Count(out.Bytes(), []byte("\n"))&1) // one case by itself, or an empty list
		}
		if n := bytes.Count(out.Bytes(), []byte("\n")); n != len(file.Cases) {
			t.Fatalf("%d lines for %d cases", n, len(file.Cases))
		}
	})
}

// One case by itself is answered like a file that holds it.
func TestOneCase(t *testing.T) {
	var one, file bytes.Buffer
	if err := contactfile.Answer(strings.NewReader(plain), packs(t), "strict", &one); err != nil {
		t.Fatal(err)
	}
	if err := contactfile.Answer(strings.NewReader(`{"cases": [`+plain+`]}`), packs(t), "strict", &file); err != nil {
		t.Fatal(err)
	}
	if one.String() != file.String() || one.Len() == 0 {
		t.Errorf("%q and %q", one.String(), file.String())
	}
}

// A request is bounded in size, in cases and in time; within the bounds it is
// answered as a file is.
func TestRequestsAreBounded(t *testing.T) {
	set := packs(t)
	ask := func(ctx context.Context, in string) (string, error) {
		var out bytes.Buffer
		err := contactfile.AnswerRequest(ctx, strings.NewReader(in), set, "strict", &out)
		return out.String(), err
	}
	many := func(n int) string {
		return `{"cases": [` + strings.Repeat(`{"id": "x"},`, n-1) + `{"id": "x"}]}`
	}
	if out, err := ask(t.Context(), many(contactfile.MaxRequestCases)); err != nil || strings.Count(out, "\n") != contactfile.MaxRequestCases {
		t.Errorf("the most cases: %d lines, %v", strings.Count(out, "\n"), err)
	}
	if out, err := ask(t.Context(), many(contactfile.MaxRequestCases+1)); !errors.Is(err, contactfile.ErrTooLarge) || out != "" {
		t.Errorf("one case more: %q, %v", out, err)
	}
	if out, err := ask(t.Context(), plain+strings.Repeat(" ", contactfile.MaxRequestBytes)); !errors.Is(err, contactfile.ErrTooLarge) || out != "" {
		t.Errorf("too many bytes: %q, %v", out, err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if out, err := ask(ended, many(3)); !errors.Is(err, context.Canceled) || out != "" {
		t.Errorf("ended: %q, %v", out, err)
	}
	if out, err := ask(t.Context(), plain); err != nil || !strings.HasPrefix(out, `{"id":"X","allowed":true`) {
		t.Errorf("one case: %q, %v", out, err)
	}
}

// TestEncodings: a byte order mark in front of UTF-8 is no fault, and UTF-16 is
// refused with what to do about it.
func TestEncodings(t *testing.T) {
	in := `{"cases": [` + plain + `]}`
	var without, with bytes.Buffer
	if err := contactfile.Answer(strings.NewReader(in), packs(t), "strict", &without); err != nil {
		t.Fatal(err)
	}
	if err := contactfile.Answer(strings.NewReader("\xef\xbb\xbf"+in), packs(t), "strict", &with); err != nil || with.String() != without.String() {
		t.Errorf("with a mark: %v: %s", err, with.String())
	}
	for _, mark := range []string{"\xff\xfe", "\xfe\xff"} {
		err := contactfile.Answer(strings.NewReader(mark+"{\x00"), packs(t), "strict", &with)
		if err == nil || !strings.Contains(err.Error(), "UTF-8") {
			t.Errorf("UTF-16: %v", err)
		}
	}
}
