package dunning

import "testing"

// What is still to pay is what must come for the settlement to be kept: paid to the cent it is
// kept, a cent less and it is not.
func TestStillToSettle(t *testing.T) {
	on := func(day int, b Body) Fact {
		return Fact{At: noon.AddDate(0, 0, day), Account: "acc", Case: "case", By: "import", Body: b}
	}
	offer := offerOf("s")
	offer.Accepted = true
	for _, c := range []struct {
		why          string
		facts        []Fact
		left, beside string
	}{
		{"nothing has come", nil, "60", "0"},
		{"a part has come", []Fact{on(1, Payment{ID: "p", Amount: eur("20")})}, "40", "0"},
		{"what was added to the invoice since is to be paid as well", []Fact{on(1, ItemCorrected{Item: "A", Amount: eur("110")})}, "70", "0"},
		{"what was taken off it is less to give up", []Fact{on(1, ItemCorrected{Item: "A", Amount: eur("90")})}, "60", "0"},
		{"never more than there is", []Fact{on(1, ItemCorrected{Item: "A", Amount: eur("50")})}, "50", "0"},
		{"a new invoice is owed beside it", []Fact{on(1, Item{Key: "new", Due: DateOf(noon), Amount: eur("30")})}, "60", "30"},
		{"one that is with an agency is not", []Fact{on(1, Item{Key: "new", Due: DateOf(noon), Amount: eur("30")}), on(1, ItemsDisposed{Items: []string{"new"}, To: Referred})}, "60", "0"},
		{"one that has ended asks for nothing", []Fact{on(1, SettlementEnded{"s", "withdrawn"})}, "0", "0"},
	} {
		t.Run(c.why, func(t *testing.T) {
			f := settling(t, offer, c.facts)
			left, beside := f.StillToSettle("s")
			if left != eur(c.left) || beside != eur(c.beside) {
				t.Errorf("%s and %s beside, want %s and %s", left, beside, c.left, c.beside)
			}
		})
	}
	f := settling(t, offer, nil)
	if left, beside := f.StillToSettle("none"); !left.IsZero() || !beside.IsZero() {
		t.Errorf("of no settlement: %s, %s", left, beside)
	}
}

// settling is an account with a settlement, and what happened then.
func settling(t *testing.T, offer SettlementOffered, facts []Fact) Facts {
	t.Helper()
	f, err := desk(t).Apply(append([]Fact{{At: noon, Account: "acc", Case: "case", By: "user:u1", Body: offer}}, facts...))
	if err != nil {
		t.Fatal(err)
	}
	return f
}
