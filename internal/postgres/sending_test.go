package postgres_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/codec"
	"github.com/duly/duly/internal/postgres"
)

// texted hands a text to the number of a debtor over and returns the contact; last are the
// states that followed.
func (b *bundle) texted(number string, at time.Time, last ...dunning.ContactMoved) string {
	b.t.Helper()
	id := b.ref.Case + "/0/nudge/sms/1"
	b.must(b.in(func(tx *postgres.Tx) error {
		point := dunning.PointKnown{ID: "m", Channel: dunning.SMS, PointKind: "mobile"}
		if _, _, err := tx.Append(b.t.Context(), b.debtor, []dunning.Fact{{At: noon, By: "system", Body: point}}); err != nil {
			return err
		}
		d := b.decision("plan-"+b.ref.Case, "", 1, noon)
		if err := tx.StoreDecision(b.t.Context(), d); err != nil {
			return err
		}
		facts := []dunning.Fact{b.caseFact(dunning.ContactPlanned{ID: id, Step: "nudge", Channel: dunning.SMS, Ordinal: 1, Point: "m", Decision: d.ID})}
		for _, m := range append([]dunning.ContactMoved{{State: dunning.ContactSending}}, last...) {
			m.ID = id
			x := b.caseFact(m)
			x.At = at
			facts = append(facts, x)
		}
		_, _, err := tx.Append(b.t.Context(), b.debtor, facts)
		return err
	}))
	if _, err := b.Pool().Exec(b.t.Context(), "UPDATE contact_points SET value = $2 WHERE debtor_id = $1 AND id = 'm'", b.debtor, number); err != nil {
		b.t.Fatal(err)
	}
	return id
}

// TestWhoseMessageItIs: what a provider's records show is another contact's when its id is
// recorded there, and may be another's while that one is in doubt about the same number.
func TestWhoseMessageItIs(t *testing.T) {
	const number = "+15005550006"
	unknown := dunning.ContactMoved{State: dunning.ContactUnknown}
	for _, c := range []struct {
		about  string
		number string
		after  time.Duration // of the other's hand-over
		other  []dunning.ContactMoved
		taken  []string
		rivals int
	}{
		{"another debtor of the same number is in doubt, too", number, time.Minute, []dunning.ContactMoved{unknown}, nil, 1},
		{"another one's text is under way", number, time.Minute, nil, nil, 1},
		{"another one's was accepted, and it is known as which", number, time.Minute, []dunning.ContactMoved{{State: dunning.ContactAccepted, ProviderID: "SM1"}}, []string{"SM1"}, 0},
		{"a person said that it was sent, and nobody knows as which", number, time.Minute, []dunning.ContactMoved{unknown, {State: dunning.ContactAccepted}}, nil, 1},
		{"another one's was proven not to be taken", number, time.Minute, []dunning.ContactMoved{unknown, {State: dunning.ContactFailed, Class: dunning.FailedNow, Code: "x"}}, nil, 0},
		{"another number", "+15005550007", time.Minute, []dunning.ContactMoved{unknown}, nil, 0},
		{"another day", number, 25 * time.Hour, []dunning.ContactMoved{unknown}, nil, 0},
	} {
		t.Run(c.about, func(t *testing.T) {
			b := newBundle(t).open()
			mine := dunning.ContactPlanned{ID: b.texted(number, noon, unknown), Channel: dunning.SMS, Point: "m"}
			bundleOf(t, b.Store, "D-2").open().texted(c.number, noon.Add(c.after), c.other...)
			ask := func(k dunning.ContactPlanned) (taken []string, rivals int) {
				b.must(b.in(func(tx *postgres.Tx) (err error) {
					taken, rivals, err = tx.Others(t.Context(), b.debtor, k, []string{"SM1", "SM2"}, noon.Add(-time.Hour), noon.Add(time.Hour))
					return err
				}))
				return taken, rivals
			}
			if taken, rivals := ask(mine); !slices.Equal(taken, c.taken) || rivals != c.rivals {
				t.Errorf("taken %v, %d rivals; want %v, %d", taken, rivals, c.taken, c.rivals)
			}
			// After a restore a contact is asked about that the database has forgotten: to it, the
			// debtor's own other text is a rival as well.
			mine.ID = b.ref.Case + "/0/nudge/sms/2"
			if taken, rivals := ask(mine); !slices.Equal(taken, c.taken) || rivals != c.rivals+1 {
				t.Errorf("asked about one that is not stored: taken %v, %d rivals; want %v, %d", taken, rivals, c.taken, c.rivals+1)
			}
		})
	}
}

// TestSinceFence: what is measured is the wall's time since the hand-over was written down,
// whatever business time and the clocks of workers say.
func TestSinceFence(t *testing.T) {
	b := newBundle(t).open()
	id := b.texted("+15005550006", noon.Add(1000*time.Hour), dunning.ContactMoved{State: dunning.ContactUnknown, Code: "fenced:1"})
	since, ok, err := b.SinceFence(t.Context(), id)
	if err != nil || !ok || since <= 0 || since > time.Minute {
		t.Errorf("%v %v, %v", since, ok, err)
	}
	if _, ok, err := b.SinceFence(t.Context(), "nothing"); ok || err != nil {
		t.Errorf("a contact that was never handed over: %v, %v", ok, err)
	}
}

// TestAMessageHasOneContact: who was first keeps a provider's id, and the doctor names whom
// it is recorded for as well.
func TestAMessageHasOneContact(t *testing.T) {
	b := newBundle(t).open()
	accepted := dunning.ContactMoved{State: dunning.ContactAccepted, ProviderID: "SM1"}
	first := b.texted("+15005550006", noon, accepted)
	second := bundleOf(t, b.Store, "D-2").open().texted("+15005550006", noon, accepted)
	var holder string
	b.must(b.Pool().QueryRow(t.Context(), "SELECT contact_id FROM provider_messages WHERE channel = 'sms' AND provider_id = 'SM1'").Scan(&holder))
	if holder != first {
		t.Errorf("%s has it, want %s", holder, first)
	}
	found, err := b.Doctor(t.Context(), noon)
	b.must(err)
	twice := slices.DeleteFunc(found, func(v postgres.Violation) bool { return v.Kind != postgres.MessageTwice })
	if len(twice) != 1 || twice[0].Subject != second || twice[0].Detail != "sms" {
		t.Errorf("the doctor names %+v", twice)
	}
}

func TestTheSandboxIsSealed(t *testing.T) {
	b := newBundle(t).open()
	box := b.Sandbox()
	b.must(box.Put(t.Context(), "a0", noon, letterOf("a0"))) // before there was a key
	old, newest := codec.Generate(), codec.Generate()
	b.UseCipher(keys(t, old))
	b.must(box.Put(t.Context(), "a1", noon.Add(time.Minute), letterOf("a1")))
	b.must(box.Put(t.Context(), "a1", noon.Add(time.Hour), letterOf("again")))
	read := func() []dunning.Message {
		t.Helper()
		got, err := box.Latest(t.Context(), 10)
		b.must(err)
		return got
	}
	want := []dunning.Message{letterOf("a1"), letterOf("a0")}
	if d := cmp.Diff(want, read()); d != "" {
		t.Error(d)
	}
	unread, err := b.UnreadMessages(t.Context(), 10)
	b.must(err)
	if len(unread) != 2 || unread[0].Recipient != "ada@example.invalid" || unread[1].Recipient != "ada@example.invalid" {
		t.Errorf("unread %+v", unread)
	}
	var row string // without the instant at which it was written: its digits may be any, 12.34 seconds too
	b.must(b.Pool().QueryRow(t.Context(), "SELECT (to_jsonb(s) - 'created_at')::text || encode(sealed, 'escape') FROM sandbox_messages s WHERE attempt = 'a1'").Scan(&row))
	for _, secret := range []string{"ada@example", "12.34", "Reminder", "Acme"} {
		if strings.Contains(row, secret) {
			t.Errorf("%q lies in the database in clear", secret)
		}
	}
	b.UseCipher(keys(t, newest, old))
	if n, err := b.Reseal(t.Context()); n != 1 || err != nil {
		t.Errorf("%d moved under the new key, %v", n, err)
	}
	b.UseCipher(keys(t, newest))
	if d := cmp.Diff(want, read()); d != "" {
		t.Error(d)
	}
	b.UseCipher(nil)
	if _, err := box.Latest(t.Context(), 10); !errors.Is(err, postgres.ErrNoCipher) {
		t.Errorf("without a key: %v", err)
	}
}

// TestErasingReachesTheSandbox: the row stays, what it said is gone.
func TestErasingReachesTheSandbox(t *testing.T) {
	b := newBundle(t).open()
	b.UseCipher(keys(t, codec.Generate()))
	id := b.plannedMail(1)
	b.keep(id, letterOf("a1"))
	b.must(b.Sandbox().Put(t.Context(), "a1", noon, letterOf("a1")))
	b.must(b.Sandbox().Put(t.Context(), "of-another", noon, letterOf("of-another")))
	b.must(b.Erase(t.Context(), b.debtor))
	got, err := b.Sandbox().Latest(t.Context(), 10)
	b.must(err)
	if len(got) != 2 || got[0].To+got[0].Text != "" || got[1].To == "" {
		t.Errorf("left: %+v", got)
	}
	if has, err := b.Sandbox().Has(t.Context(), "a1"); !has || err != nil {
		t.Errorf("that there was a message is forgotten: %v", err)
	}
}
