package dunning

import (
	"slices"
	"testing"
	"time"
)

// TestConsentEndsWithTheFirst: a consent that expires and is revoked ends with whichever
// comes first.
func TestConsentEndsWithTheFirst(t *testing.T) {
	day := func(n int) time.Time { return noon.AddDate(0, 0, n) }
	f := base(t)
	for _, c := range []struct {
		about          string
		until, revoked time.Time
		want           time.Time
	}{
		{"neither", time.Time{}, time.Time{}, time.Time{}},
		{"it expires", day(3), time.Time{}, day(3)},
		{"it is revoked", time.Time{}, day(2), day(2)},
		{"it expires before it is revoked", day(1), day(2), day(1)},
		{"it is revoked before it expires", day(3), day(2), day(2)},
	} {
		got := f.consent(&ConsentState{Consented: Consented{ID: "c", Until: c.until}, Revoked: c.revoked})
		if !got.Revoked.Equal(c.want) {
			t.Errorf("%s: it ends %v", c.about, got.Revoked)
		}
	}
}

// TestAPeriodEndsWithTheLater: a notice's printed end counts when it is later than 30 days
// after its receipt, and those when they are.
func TestAPeriodEndsWithTheLater(t *testing.T) {
	f := base(t)
	received := Date{2024, 3, 1}
	for _, c := range []struct {
		about string
		ends  Date
		want  Date
	}{
		{"no end was printed", Date{}, Date{2024, 3, 31}},
		{"one too early was", Date{2024, 3, 20}, Date{2024, 3, 31}},
		{"one later was", Date{2024, 4, 9}, Date{2024, 4, 9}},
	} {
		n := NoticeState{NoticeSent: NoticeSent{ID: "n", Notice: NoticeValidation, Ends: c.ends, Received: received}}
		if got := f.periodEnds(&n); got != contactDate(c.want) {
			t.Errorf("%s: the period ends %v, want %v", c.about, got, c.want)
		}
	}
}

// TestAnOrderAsksForWhatIsOverdue: a message that a person orders lists no invoice that is
// not due yet, and none that was written off.
func TestAnOrderAsksForWhatIsOverdue(t *testing.T) {
	f := base(t,
		Item{Key: "today", Due: DateOf(noon), Amount: eur("5.00")}, Item{Key: "yesterday", Due: DateOf(noon).AddDays(-1), Amount: eur("6.00")},
		Item{Key: "written off", Due: Date{2024, 3, 1}, Amount: eur("7.00")}, ItemsDisposed{Items: []string{"written off"}, To: WrittenOff})
	var keys []string
	for _, l := range f.alongNow(noon) {
		keys = append(keys, l.Key)
	}
	if want := []string{"A", "yesterday"}; !slices.Equal(keys, want) {
		t.Errorf("it lists %v, want %v", keys, want)
	}
}
