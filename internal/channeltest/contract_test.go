package channeltest

import (
	"net/http"
	"strings"
	"testing"
)

func TestContractRefusesWhatTheProvidersWould(t *testing.T) {
	check := NeedContract(t)
	const (
		messages = "/2010-04-01/Accounts/ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/Messages.json"
		form     = "application/x-www-form-urlencoded"
	)
	cases := []struct {
		name, method, path, contentType, body string
		ok                                    bool
	}{
		{"a whole message", "POST", messages, form, "To=%2B12025550100&From=%2B15005550006&Body=x&ValidityPeriod=60", true},
		{"a message without a recipient", "POST", messages, form, "From=%2B15005550006&Body=x", false},
		{"a validity that is no number", "POST", messages, form, "To=%2B12025550100&Body=x&ValidityPeriod=long", false},
		{"a callback that is no address", "POST", messages, "application/json", `{"To":"+12025550100"}`, false},
		{"an account that is none", "POST", "/2010-04-01/Accounts/AC1/Messages.json", form, "To=%2B12025550100&Body=x", false},
		{"an address that does not exist", "POST", "/2010-04-01/Accounts/x/Massages.json", form, "To=1", false},
		{"a listing with filters", "GET", messages + "?To=%2B12025550100&DateSent%3E=2026-03-02T15:00:00Z&PageSize=200", "", "", true},
		{"a listing with a date that is none", "GET", messages + "?DateSent%3E=yesterday", "", "", false},
		{"a listing of too many", "GET", messages + "?PageSize=5000", "", "", false},
		{
			"a whole mail", "POST", "/v3/mail/send", "application/json",
			`{"personalizations":[{"to":[{"email":"a@example.com"}]}],"from":{"email":"b@example.com"},"subject":"s","content":[{"type":"text/plain","value":"v"}]}`, true,
		},
		{"a mail from nobody", "POST", "/v3/mail/send", "application/json", `{"personalizations":[{"to":[{"email":"a@example.com"}]}],"subject":"s"}`, false},
		{"a mail to an object", "POST", "/v3/mail/send", "application/json", `{"personalizations":{"to":"a@example.com"},"from":{"email":"b@example.com"}}`, false},
		{"a mail in another format", "POST", "/v3/mail/send", form, "to=a", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r, err := http.NewRequestWithContext(t.Context(), c.method, "http://127.0.0.1:1"+c.path, strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			if c.contentType != "" {
				r.Header.Set("Content-Type", c.contentType)
			}
			if err := check(r, []byte(c.body)); (err == nil) != c.ok {
				t.Errorf("accepted: %v, want %v (%v)", err == nil, c.ok, err)
			}
		})
	}
}
