package postgres_test

import (
	"strings"
	"testing"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/postgres"
)

// TestOwnersOfAnAddress: a reply is matched whatever the case in which a creditor wrote
// the address, and by an index; a number is matched as it is, and its channel counts.
func TestOwnersOfAnAddress(t *testing.T) {
	f := newBundle(t)
	f.must(f.PutPoints(t.Context(), f.debtor,
		postgres.Point{ID: "e1", Channel: dunning.Email, Value: "John.Doe@Example.com"},
		postgres.Point{ID: "n1", Channel: dunning.SMS, Value: "+12125550177"},
		postgres.Point{ID: "c1", Channel: dunning.Call, Value: "+12125550177"}))
	for _, c := range []struct {
		about string
		ch    dunning.Channel
		value string
		want  string
	}{
		{"as it was written", dunning.Email, "John.Doe@Example.com", "e1"},
		{"in lower case, as providers give it", dunning.Email, "john.doe@example.com", "e1"},
		{"in upper case", dunning.Email, "JOHN.DOE@EXAMPLE.COM", "e1"},
		{"another address", dunning.Email, "johndoe@example.com", ""},
		{"an address is no number", dunning.SMS, "john.doe@example.com", ""},
		{"a number that takes texts", dunning.SMS, "+12125550177", "n1"},
		{"the same number for calls", dunning.Call, "+12125550177", "c1"},
		{"nobody", dunning.Email, "", ""},
	} {
		owners, err := f.Owners(t.Context(), c.ch, c.value)
		var got []string
		for _, o := range owners {
			got = append(got, o.Point)
		}
		if err != nil || strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, %v; want %q", c.about, got, err, c.want)
		}
	}
}
