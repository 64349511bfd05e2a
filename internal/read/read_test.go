package read_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/read"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

func day(n int) dunning.Date { return dunning.DateOf(noon.AddDate(0, 0, n)) }

func TestScope(t *testing.T) {
	for _, c := range []struct {
		why   string
		scope read.Scope
		sees  []string
	}{
		{"the zero scope sees nothing", read.Scope{}, nil},
		{"no names see nothing", read.Only(), nil},
		{"an empty name is nobody", read.Only(""), nil},
		{"one name sees that creditor", read.Only("a"), []string{"a"}},
		{"everything sees all", read.Everything(), []string{"a", "b", "c"}},
		{"a filter narrows everything", read.Everything().Within("b"), []string{"b"}},
		{"a filter narrows some", read.Only("a", "b").Within("b", "c"), []string{"b"}},
		{"a filter never widens", read.Only("a").Within("b"), nil},
		{"both of two scopes is what both see", read.Only("a", "b").And(read.Only("b", "c")), []string{"b"}},
		{"nothing in common is nothing", read.Only("a").And(read.Only("b")), nil},
		{"everything takes nothing away", read.Only("a").And(read.Everything()), []string{"a"}},
		{"nor does it add anything", read.Everything().And(read.Only("a")), []string{"a"}},
		{"a filter of nothing leaves nothing wider", read.Scope{}.Within(), nil},
	} {
		var sees []string
		for _, id := range []string{"", "a", "b", "c"} {
			if c.scope.Allows(id) {
				sees = append(sees, id)
			}
		}
		if !slices.Equal(sees, c.sees) {
			t.Errorf("%s: it sees %q, not %q", c.why, sees, c.sees)
		}
	}
}

func TestCursors(t *testing.T) {
	good := read.Cursor{Order: "cases/next", Values: []string{"2026-03-02T12:00:00Z", "x"}}.Encode()
	for _, c := range []struct {
		why, text, order string
		n                int
		want             []string
		bad              bool
	}{
		{why: "no cursor is the start", order: "cases/next", n: 2},
		{why: "what was written is read", text: good, order: "cases/next", n: 2, want: []string{"2026-03-02T12:00:00Z", "x"}},
		{why: "a cursor of another order", text: good, order: "cases/age", n: 2, bad: true},
		{why: "too few values", text: good, order: "cases/next", n: 3, bad: true},
		{why: "no base64", text: "%%%", order: "cases/next", n: 2, bad: true},
		{why: "no JSON", text: "AAAA", order: "cases/next", n: 2, bad: true},
		{why: "a cursor of a megabyte", text: string(make([]byte, 1<<20)), order: "cases/next", n: 2, bad: true},
	} {
		got, err := read.DecodeCursor(c.text, c.order, c.n)
		if errors.Is(err, read.ErrBadCursor) != c.bad || !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, %v", c.why, got, err)
		}
	}
	if _, err := read.TimeOf("yesterday"); !errors.Is(err, read.ErrBadCursor) {
		t.Errorf("an instant that is none: %v", err)
	}
	if at, err := read.TimeOf(read.CursorTime(noon.In(time.FixedZone("x", 3600)))); err != nil || !at.Equal(noon) {
		t.Errorf("an instant is read back as %v, %v", at, err)
	}
}

func FuzzDecodeCursor(f *testing.F) {
	f.Add(read.Cursor{Order: "o", Values: []string{"a", "b"}}.Encode())
	f.Add("e30")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := read.DecodeCursor(text, "o", 2)
		if err == nil && text != "" && len(got) != 2 {
			t.Errorf("%q gives %q", text, got)
		}
	})
}

func TestPageSizes(t *testing.T) {
	for limit, want := range map[int]int{-1: read.DefaultLimit, 0: read.DefaultLimit, 1: 1, 500: 500, 501: read.MaxLimit} {
		if got := (read.Page{Limit: limit}).Size(); got != want {
			t.Errorf("a limit of %d gives pages of %d, not %d", limit, got, want)
		}
	}
}

func TestAllWalksEveryPageAndStopsAtErrors(t *testing.T) {
	broken := errors.New("broken")
	fetch := func(p read.Page) (read.List[int], error) {
		n, _ := strconv.Atoi(p.After)
		if n == 6 {
			return read.List[int]{}, broken
		}
		return read.List[int]{Rows: []int{n, n + 1}, Next: strconv.Itoa(n + 2)}, nil
	}
	var got []int
	var last error
	for x, err := range read.All(fetch) {
		if last = err; err == nil {
			got = append(got, x)
		}
	}
	if !slices.Equal(got, []int{0, 1, 2, 3, 4, 5}) || !errors.Is(last, broken) {
		t.Errorf("%v, %v", got, last)
	}
	for x := range read.All(fetch) {
		if x == 1 {
			break // must not go on asking
		}
	}
}

func TestWaitsFor(t *testing.T) {
	later := noon.Add(time.Hour)
	for _, c := range []struct {
		why  string
		d    dunning.Decision
		want read.Wait
	}{
		{"a step that matures", dunning.Decision{Verb: dunning.VerbSend, Waiting: "matures", At: noon, WakeAt: later}, read.WaitTimer},
		{"spacing", dunning.Decision{Waiting: "spacing", At: noon, WakeAt: later}, read.WaitTimer},
		{"a reminder of a plan", dunning.Decision{Waiting: "courtesy", At: noon, WakeAt: later}, read.WaitTimer},
		{"quiet hours", dunning.Decision{Deferred: true, Rule: "hours", At: noon, WakeAt: later, NotBefore: later}, read.WaitWindow},
		{"a refusal that time does not cure", dunning.Decision{Deferred: true, Rule: "consent", At: noon}, read.WaitRefused},
		{"a person was asked about a refusal", dunning.Decision{Waiting: "refused", Deferred: true, At: noon, WakeAt: later}, read.WaitRefused},
		{"a hold", dunning.Decision{Waiting: "hold", Rule: "hold:dispute", At: noon}, read.WaitHold},
		{"a plan", dunning.Decision{Waiting: "plan", At: noon}, read.WaitPlan},
		{"a promise", dunning.Decision{Waiting: "promise", At: noon}, read.WaitPromise},
		{"a lease", dunning.Decision{Waiting: "lease", At: noon}, read.WaitLease},
		{"a call", dunning.Decision{Waiting: "task", Rule: "task:call", At: noon}, "task:call"},
		{"a draft", dunning.Decision{Waiting: "task", Rule: "task:draft", At: noon}, read.WaitApproval},
		{"a referral", dunning.Decision{Waiting: "task", Rule: "task:approval", At: noon}, read.WaitApproval},
		{"an unknown message", dunning.Decision{Waiting: "unknown", At: noon}, read.WaitUnknown},
		{"an offer", dunning.Decision{Waiting: "offer", At: noon}, read.WaitOffer},
		{"payment data", dunning.Decision{Waiting: "stale", At: noon}, read.WaitFeed},
		{"due now", dunning.Decision{Verb: dunning.VerbSend, At: noon, WakeAt: noon}, read.WaitWorker},
	} {
		got := read.WaitsFor(c.d)
		if got != c.want {
			t.Errorf("%s: waits for %q, not %q", c.why, got, c.want)
		}
		if !slices.Contains(read.Waits(), got) {
			t.Errorf("%s: filters do not offer %q", c.why, got)
		}
	}
}

func TestAge(t *testing.T) {
	dues := []read.Due{
		{Due: day(-91), Open: 1},
		{Due: day(-90), Open: 2},
		{Due: day(-61), Open: 4},
		{Due: day(-60), Open: 8},
		{Due: day(-31), Open: 16},
		{Due: day(-30), Open: 32},
		{Due: day(-1), Open: 64},
		{Due: day(0), Open: 128},
		{Due: day(1), Open: 256},
	}
	b := read.Age(dues, "USD", day(0))
	got := []int64{b.Over90.Minor(), b.To90.Minor(), b.To60.Minor(), b.To30.Minor(), b.Current.Minor(), b.Overdue.Minor(), b.Total.Minor()}
	if want := []int64{1, 6, 24, 96, 384, 127, 511}; !slices.Equal(got, want) {
		t.Errorf("buckets %v, not %v: an item due today is not overdue, bucket ends belong to the younger bucket", got, want)
	}
	if b.Oldest != 91 {
		t.Errorf("the oldest is %d days", b.Oldest)
	}
	if b := read.Age([]read.Due{{Due: day(5), Open: 3}}, "JPY", day(0)); b.Oldest != 0 || b.Overdue.Minor() != 0 || b.Total.String() != "3 JPY" {
		t.Errorf("nothing is overdue: %+v", b)
	}
}

// story builds a log and folds it.
type story struct {
	t   *testing.T
	log []dunning.Fact
	v   int64
}

// then adds facts of one transaction.
func (s *story) then(by string, bodies ...dunning.Body) *story {
	s.v++
	for _, b := range bodies {
		f := dunning.Fact{Version: s.v, At: noon.Add(time.Duration(s.v) * time.Hour), By: by, Account: "a", Body: b}
		if k := b.Kind(); k == "debtor_known" || k == "feed_seen" {
			f.Account = ""
		}
		s.log = append(s.log, f)
	}
	return s
}

func (s *story) fold() dunning.Facts {
	s.t.Helper()
	f, err := dunning.Fold(dunning.Setup{Creditor: dunning.Creditor{ID: "c"}, Debtor: "d", Account: "a", Case: "k", Currency: "USD"}, s.log)
	if err != nil {
		s.t.Fatal(err)
	}
	return f
}

func (s *story) work() []string {
	s.t.Helper()
	var out []string
	for _, w := range read.WorkOf(s.fold(), s.log) {
		text := w.Kind + " " + w.ID
		if w.Owner != "" {
			text += " of " + w.Owner
		}
		out = append(out, text)
	}
	return out
}

func usd(s string) money.Amount { return money.MustParse(s, "USD") }

func opened(t *testing.T) *story {
	return (&story{t: t}).then("import",
		dunning.Item{Key: "A", Due: day(-40), Amount: usd("100.00")}, dunning.Item{Key: "B", Due: day(-10), Amount: usd("50.00")},
		dunning.DebtorKnown{DebtorKind: "consumer", Zones: []string{"America/New_York"}},
	).then("system", dunning.CaseOpened{Sequence: "s", Version: "v"})
}

func TestStanding(t *testing.T) {
	s := opened(t).then("import", dunning.Payment{ID: "p1", Amount: usd("30.00")}).
		then("user:u1", dunning.PromiseMade{ID: "m1", Amount: usd("70.00"), Due: day(3)}).
		then("user:u1", dunning.LeaseTaken{ID: "l1", Owner: "user:u1", Until: noon.Add(99 * time.Hour)}).
		then("debtor", dunning.DisputeRaised{ID: "q1", Item: "B"}).
		then("user:u1", dunning.HoldPlaced{ID: "h1", HoldKind: dunning.HoldManual, Scope: dunning.ScopeAccount, Contact: true}).
		then("user:u1", dunning.HoldLifted{ID: "h1"})
	st := read.Summarise(s.fold())
	if st.Open != 12000 || st.Items != 2 || st.Oldest != day(-40) || len(st.Dues) != 2 || st.Dues[0].Open != 7000 || st.LastPaid != 3000 {
		t.Errorf("what is owed: %+v", st)
	}
	if st.Promise == nil || st.Promise.State != "open" || st.Lease == nil || st.Lease.Owner != "user:u1" {
		t.Errorf("promise %+v, lease %+v", st.Promise, st.Lease)
	}
	if len(st.Holds) != 1 || st.Holds[0].Kind != dunning.HoldDispute || !st.Holds[0].In(noon.Add(100*time.Hour)) || st.Holds[0].In(noon) {
		t.Errorf("a dispute is a hold from when it was raised, and a lifted hold is none: %+v", st.Holds)
	}
	s.then("user:u1", dunning.ItemsDisposed{Items: []string{"A"}, To: dunning.WrittenOff}).
		then("user:u1", dunning.LeaseEnded{ID: "l1", Outcome: "handed_back"})
	if st := read.Summarise(s.fold()); st.Open != 5000 || st.Items != 1 || st.Oldest != day(-10) || st.Lease != nil {
		t.Errorf("what is written off is not owed, a lease given back is none: %+v", st)
	}
	body, err := json.Marshal(st)
	var back read.Standing
	if err == nil {
		err = json.Unmarshal(body, &back)
	}
	back.Version = st.Version
	if diff := cmp.Diff(st, back, cmp.AllowUnexported(money.Amount{})); err != nil || diff != "" {
		t.Errorf("a standing survives JSON: %v %s", err, diff)
	}
}

func TestTodayIsTheDebtorsDay(t *testing.T) {
	at := time.Date(2026, 3, 3, 2, 0, 0, 0, time.UTC) // still the 2nd in New York
	for _, c := range []struct {
		why   string
		zones []string
		want  dunning.Date
	}{
		{"without a zone it is the day in UTC", nil, dunning.Date{Year: 2026, Month: 3, Day: 3}},
		{"the first zone counts", []string{"America/New_York", "Asia/Tokyo"}, dunning.Date{Year: 2026, Month: 3, Day: 2}},
		{"a zone that nobody knows is passed over", []string{"Mars/Base", "America/New_York"}, dunning.Date{Year: 2026, Month: 3, Day: 2}},
	} {
		got := read.Standing{Zones: c.zones}.Today(at, func(name string) *time.Location {
			z, err := time.LoadLocation(name)
			if err != nil {
				return nil
			}
			return z
		})
		if got != c.want {
			t.Errorf("%s: %s", c.why, got)
		}
	}
}

func TestWorkOf(t *testing.T) {
	reply := dunning.ContactLogged{ID: "r1", Direction: "inbound", Channel: dunning.Email, Outcome: "received"}
	call := dunning.TaskOpened{ID: "t1", Task: dunning.TaskCall, Queue: "early"}
	promise := dunning.PromiseMade{ID: "m1", Amount: usd("20.00"), Due: day(3)}
	broken := dunning.PromiseEnded{ID: "m1", Outcome: "broken"}
	for _, c := range []struct {
		why  string
		s    *story
		want []string
	}{
		{"an open case alone is no work", opened(t), nil},
		{"an open task is", opened(t).then("system", call), []string{"task:call t1"}},
		{"a task that is done is not", opened(t).then("system", call).then("user:u1", dunning.TaskEnded{ID: "t1", Outcome: "conversation"}), nil},
		{
			"who has the case has its tasks",
			opened(t).then("system", call).then("user:u1", dunning.LeaseTaken{ID: "l1", Owner: "user:u1", Until: noon.Add(99 * time.Hour)}),
			[]string{"task:call t1 of user:u1", "lease l1 of user:u1"},
		},
		{"a reply waits for a reader", opened(t).then("debtor", reply), []string{"reply r1"}},
		{"whatever a person does afterwards answers it", opened(t).then("debtor", reply).then("user:u1", dunning.NoteWritten{ID: "n1", Text: "x"}), nil},
		{"what Duly sends afterwards does not", opened(t).then("debtor", reply).then("system", dunning.StepPassed{Step: "x"}), []string{"reply r1"}},
		{"a reply that was understood needs no reader", opened(t).then("debtor", reply, dunning.OptedOut{Channel: dunning.Email}), nil},
		{"in whichever order it was recorded", opened(t).then("debtor", promise, reply), nil},
		{"a task about it shows it", opened(t).then("debtor", reply).then("system", call), []string{"task:call t1"}},
		{"a broken promise waits for somebody", opened(t).then("debtor", promise).then("system", broken), []string{"promise_broken m1"}},
		{"a new promise replaces it", opened(t).then("debtor", promise).then("system", broken).
			then("debtor", dunning.PromiseMade{ID: "m2", Amount: usd("20.00"), Due: day(9)}), nil},
		{"a task hides it: whoever calls sees it", opened(t).then("debtor", promise).then("system", broken, call), []string{"task:call t1"}},
		{
			"a promised call is its own work, of who promised it",
			opened(t).then("user:u1", dunning.CallbackSet{ID: "k1", When: noon.Add(time.Hour), Owner: "u1"}),
			[]string{"callback k1 of u1"},
		},
		{
			"who has the case makes it",
			opened(t).then("user:u1", dunning.CallbackSet{ID: "k1", When: noon.Add(time.Hour), Owner: "u1"}).
				then("user:u2", dunning.LeaseTaken{ID: "l1", Owner: "u2", Until: noon.Add(99 * time.Hour)}),
			[]string{"callback k1 of u2", "lease l1 of u2"},
		},
		{
			"a conversation is the call that was promised",
			opened(t).then("user:u1", dunning.CallbackSet{ID: "k1", When: noon.Add(99 * time.Hour)}).
				then("user:u1", dunning.ContactLogged{ID: "c1", Direction: "outbound", Channel: dunning.Call, Outcome: "conversation"}),
			nil,
		},
		{
			"an attempt before its time is not",
			opened(t).then("user:u1", dunning.CallbackSet{ID: "k1", When: noon.Add(99 * time.Hour)}).
				then("user:u1", dunning.ContactLogged{ID: "c1", Direction: "outbound", Channel: dunning.Call, Outcome: "no_answer"}),
			[]string{"callback k1"},
		},
		{
			"who is mentioned has the note to read, whoever has the case",
			opened(t).then("user:u1", dunning.NoteWritten{ID: "n1", Text: "x", Mentions: []string{"u2", "u3"}}).
				then("user:u1", dunning.LeaseTaken{ID: "l1", Owner: "u1", Until: noon.Add(99 * time.Hour)}).
				then("user:u3", dunning.MentionSeen{ID: "n1", User: "u3"}),
			[]string{"mention n1/u2 of u2", "lease l1 of u1"},
		},
		{"reading a note answers no reply", opened(t).then("user:u1", dunning.NoteWritten{ID: "n1", Mentions: []string{"u2"}}).then("debtor", reply).
			then("user:u2", dunning.MentionSeen{ID: "n1", User: "u2"}, dunning.NotePinned{ID: "n1"}), []string{"reply r1"}},
		{
			"a team has the case: anybody of its queue may take it",
			opened(t).then("system", call).then("user:u1", dunning.LeaseTaken{ID: "l1", Owner: "team:late", Until: noon.Add(99 * time.Hour)}),
			[]string{"task:call t1", "lease l1"},
		},
		{"a closed case asks for nothing but its open tasks", opened(t).then("debtor", reply).then("system", dunning.CaseClosed{Reason: "paid"}), nil},
	} {
		if got := c.s.work(); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, not %q", c.why, got, c.want)
		}
	}
}

func TestRepliesGoToTheQueueOfTheLastTask(t *testing.T) {
	s := opened(t).then("system", dunning.TaskOpened{ID: "t1", Task: dunning.TaskCall, Queue: "late"}).
		then("user:u1", dunning.TaskEnded{ID: "t1", Outcome: "done"}).
		then("debtor", dunning.ContactLogged{ID: "r1", Direction: "inbound", Channel: dunning.SMS})
	if w := read.WorkOf(s.fold(), s.log); len(w) != 1 || w[0].Queue != "late" {
		t.Errorf("%+v", w)
	}
}

func TestRank(t *testing.T) {
	owes := func(amount string, days int) read.Standing {
		return read.Standing{Currency: "USD", Open: usd(amount).Minor(), Oldest: day(-days)}
	}
	call := read.Work{Kind: "task:call", Opened: noon}
	for _, c := range []struct {
		why           string
		first, second read.Work
		a, b          read.Standing
	}{
		{"what is due earlier", read.Work{Due: noon, Opened: noon}, read.Work{Due: noon.Add(time.Hour), Opened: noon}, owes("1.00", 0), owes("1.00", 0)},
		{"a promised call before a reply of a week ago", read.Work{Kind: read.WorkCallback, Due: noon}, read.Work{Kind: read.WorkReply, Opened: noon.AddDate(0, 0, -7)}, owes("50.00", 1), owes("9000.00", 100)},
		{"a reply before a call of the same age", read.Work{Kind: read.WorkReply, Opened: noon}, call, owes("50.00", 1), owes("50.00", 1)},
		{"the larger debt", call, call, owes("1000.00", 1), owes("999.99", 1)},
		{"the older debt", call, call, owes("50.00", 60), owes("50.00", 30)},
		{"a call not yet tried", call, read.Work{Kind: "task:call", Opened: noon, Tries: 1}, owes("50.00", 1), owes("50.00", 1)},
		{
			"a doubt whether something was sent",
			read.Work{Kind: "task:unknown", Opened: noon},
			read.Work{Kind: "task:no_channel", Opened: noon},
			owes("50.00", 1), owes("50.00", 1),
		},
	} {
		x, y := read.Rank(c.first, c.a), read.Rank(c.second, c.b)
		if !x.At.Before(y.At) {
			t.Errorf("%s comes first: %s is not before %s", c.why, x.At, y.At)
		}
	}
}

// TestRankIsTheSumOfItsReasons adds what a rank says of itself.
func TestRankIsTheSumOfItsReasons(t *testing.T) {
	w := read.Work{Kind: "task:call", Opened: noon, Tries: 2}
	r := read.Rank(w, read.Standing{Currency: "USD", Open: 1234567, Oldest: day(-100)})
	at := noon
	for _, p := range r.Parts {
		at = at.Add(-time.Duration(p.Hours) * time.Hour)
	}
	if !at.Equal(r.At) {
		t.Errorf("the parts %+v lead to %s, the rank is %s", r.Parts, at, r.At)
	}
	want := []read.Part{
		{Code: "opened", Hours: -24},
		{Code: "amount", Hours: 36, Value: "12345.67 USD"},
		{Code: "age", Hours: 12, Value: day(-100).String()},
		{Code: "tried", Hours: -12},
	}
	if diff := cmp.Diff(want, r.Parts); diff != "" {
		t.Error(diff)
	}
}

// TestWhatDoesNotMatterChangesNothing checks the list of kinds that are passed over: after
// any of them, standing and work are as before.
func TestWhatDoesNotMatterChangesNothing(t *testing.T) {
	planned := dunning.ContactPlanned{ID: "c1", Step: "s", Channel: dunning.Email, Items: []dunning.ItemLine{{Key: "A", Step: "s"}}}
	bodies := []dunning.Body{
		dunning.FeedSeen{Until: noon},
		planned,
		dunning.ContactMoved{ID: "c1", State: dunning.ContactSending},
		dunning.ContactMoved{ID: "c1", State: dunning.ContactAccepted},
		dunning.ContactMoved{ID: "c1", State: dunning.ContactBounced, Permanent: true},
		dunning.StepsWaived{Items: []string{"A"}, Steps: []string{"s"}},
		dunning.StepPassed{Items: []string{"A"}, Step: "s"},
		dunning.StepCounted{Items: []string{"A"}, Step: "s"},
		dunning.EntryEnded{Items: []string{"A"}, Step: "s"},
		dunning.RoundBegun{Items: []string{"A"}, Step: "s"},
		dunning.PointKnown{ID: "p", Channel: dunning.Email},
		dunning.PointDead{ID: "p", Reason: "invalid"},
		dunning.Consented{ID: "x", Basis: "express"},
		dunning.TimesInconvenient{Days: []string{"Mon"}, From: "09:00", To: "10:00"},
		dunning.NoticeSent{Notice: "validation_notice"},
	}
	s := opened(t).then("debtor", dunning.ContactLogged{ID: "r1", Direction: "inbound", Channel: dunning.Email}).
		then("system", dunning.PromiseMade{ID: "m", Amount: usd("1.00"), Due: day(1)}).then("system", dunning.PromiseEnded{ID: "m", Outcome: "broken"})
	before, work := read.Summarise(s.fold()), read.WorkOf(s.fold(), s.log)
	for _, b := range bodies {
		if read.Matters(b.Kind()) {
			t.Errorf("%s matters: leave it out of this test", b.Kind())
		}
		s.then("system", b)
		after := read.Summarise(s.fold())
		after.Version = before.Version
		if diff := cmp.Diff(before, after, cmp.AllowUnexported(money.Amount{})); diff != "" {
			t.Errorf("%s changes the standing: %s", b.Kind(), diff)
		}
		if diff := cmp.Diff(work, read.WorkOf(s.fold(), s.log)); diff != "" {
			t.Errorf("%s changes the work: %s", b.Kind(), diff)
		}
	}
	if !read.MattersIn([]dunning.Fact{{By: "user:u1", Body: dunning.NoticeSent{}}}) || read.MattersIn([]dunning.Fact{{By: "system", Body: dunning.NoticeSent{}}}) {
		t.Error("what a person does matters whatever it is: it answers replies")
	}
}

func TestTimelineFilter(t *testing.T) {
	row := read.TimelineRow{At: noon, Group: read.GroupNote, By: "user:u1"}
	for _, c := range []struct {
		why   string
		f     read.TimelineFilter
		keeps bool
	}{
		{"nothing asked keeps all", read.TimelineFilter{}, true},
		{"its group", read.TimelineFilter{Groups: []string{read.GroupTask, read.GroupNote}}, true},
		{"another group", read.TimelineFilter{Groups: []string{read.GroupTask}}, false},
		{"somebody else", read.TimelineFilter{By: "user:u2"}, false},
		{"from is included", read.TimelineFilter{From: noon}, true},
		{"until is not", read.TimelineFilter{Until: noon}, false},
	} {
		if got := c.f.Keeps(row); got != c.keeps {
			t.Errorf("%s: %v", c.why, got)
		}
	}
	if g := read.GroupOf(dunning.ContactLogged{Direction: "inbound"}); g != read.GroupReply {
		t.Errorf("an inbound contact is in group %s", g)
	}
	for _, b := range []dunning.Body{
		dunning.Item{},
		dunning.PromiseMade{},
		dunning.HoldPlaced{},
		dunning.TaskOpened{},
		dunning.NoteWritten{},
		dunning.CaseOpened{},
		dunning.OptedOut{},
		dunning.ContactMoved{},
		dunning.SettlementOffered{},
		dunning.CallbackSet{},
	} {
		if !slices.Contains(read.Groups(), read.GroupOf(b)) {
			t.Errorf("%s is in no group that a filter offers", b.Kind())
		}
	}
}
