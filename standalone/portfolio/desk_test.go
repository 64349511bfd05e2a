package portfolio

import (
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
)

// TestTheEndIsAWorkingDay: whoever opens the console at the end finds people at work and
// debtors awake, on both sides of the Atlantic, whenever it began and however long it was.
func TestTheEndIsAWorkingDay(t *testing.T) {
	for days := range 30 {
		p := New(Options{Seed: 1, Accounts: 1, Start: start, Days: days})
		end := p.Until()
		if d := end.Weekday(); d == time.Saturday || d == time.Sunday {
			t.Errorf("after %d days it ends on a %s", days, d)
		}
		if late := start.AddDays(days).Days(dunning.DateOf(end)); late < 0 || late > 2 {
			t.Errorf("after %d days it ends %d days later", days, late)
		}
		for _, zone := range []string{"America/New_York", "America/Los_Angeles", "Europe/Berlin"} {
			z, err := time.LoadLocation(zone)
			if err != nil {
				t.Fatal(err)
			}
			if h := end.In(z).Hour(); h < 7 || h > 18 {
				t.Errorf("after %d days it ends at %d o’clock in %s", days, h, zone)
			}
		}
	}
}

// TestTheStageHasSomethingOfEverything: ids are the row's own, so that a crash repeats
// nothing, and every state that people work on is there.
func TestTheStageHasSomethingOfEverything(t *testing.T) {
	p := made(1, 1)
	seen := map[string]bool{}
	for _, set := range p.sets("stage/x", p.Until(), "user:a", "user:b") {
		for _, o := range set {
			seen[reflect.TypeOf(o.cmd).Name()] = true
			if id := reflect.ValueOf(o.cmd).FieldByName("ID"); !id.IsValid() || !strings.HasPrefix(id.String(), "stage/x/") {
				t.Errorf("%T has the id %v", o.cmd, id)
			}
		}
	}
	for _, want := range []string{"TakeLease", "HandOver", "SetCallback", "WriteNote", "PinNote", "OfferSettlement", "PlaceHold", "AgreePlan", "RaiseDispute"} {
		if !seen[want] {
			t.Errorf("nobody does %s", want)
		}
	}
}
