package tell

import (
	"reflect"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/read"
)

var noon = time.Date(2026, 3, 3, 12, 0, 0, 0, time.UTC)

// TestEveryKindHasWords: a fact of every kind, with every member filled, is told without a
// code, without JSON, and nothing of it is left out.
func TestEveryKindHasWords(t *testing.T) {
	raw := regexp.MustCompile(`[a-z]_[a-z]|[{}"\[\]]`)
	kinds := dunning.Kinds()
	if len(kinds) < 50 {
		t.Fatalf("only %d kinds of facts", len(kinds))
	}
	for _, kind := range kinds {
		t.Run(string(kind), func(t *testing.T) {
			empty, err := dunning.DecodeBody(kind, []byte("{}"))
			if err != nil {
				t.Fatal(err)
			}
			if l := Fact(empty, nil); l.Title == "" || raw.MatchString(l.Title) || l.Mark == "" {
				t.Errorf("empty: %+v", l)
			}
			v := reflect.New(reflect.TypeOf(empty)).Elem()
			n := fill(v)
			body := v.Interface().(dunning.Body)
			l, details := Fact(body, nil), Speech{}.Details(body)
			all := l.Title + " | " + l.Text
			for _, d := range details {
				all += " | " + d.Name + ": " + d.Value
			}
			if raw.MatchString(all) {
				t.Errorf("it holds a code or JSON: %s", all)
			}
			if len(details)+len(l.said) != n {
				t.Errorf("%d members: %d details, said %v: %s", n, len(details), l.said, all)
			}
		})
	}
}

// fill sets every member of a struct and says how many there are.
func fill(v reflect.Value) (n int) {
	for i := range v.NumField() {
		f, field := v.Field(i), v.Type().Field(i)
		if field.Anonymous {
			n += fill(f)
			continue
		}
		n++
		set(f)
	}
	return n
}

func set(f reflect.Value) {
	switch f.Interface().(type) {
	case time.Time:
		f.Set(reflect.ValueOf(noon))
		return
	case dunning.Date:
		f.Set(reflect.ValueOf(dunning.DateOf(noon)))
		return
	case money.Amount:
		f.Set(reflect.ValueOf(money.MustParse("1234.50", "EUR")))
		return
	}
	switch f.Kind() {
	case reflect.String:
		f.SetString("x1")
	case reflect.Bool:
		f.SetBool(true)
	case reflect.Int, reflect.Int64:
		f.SetInt(3)
	case reflect.Slice:
		f.Set(reflect.MakeSlice(f.Type(), 1, 1))
		set(f.Index(0))
	case reflect.Map:
		f.Set(reflect.MakeMap(f.Type()))
		f.SetMapIndex(reflect.ValueOf("k"), reflect.ValueOf("v"))
	case reflect.Pointer:
		f.Set(reflect.New(f.Type().Elem()))
		set(f.Elem())
	case reflect.Struct:
		fill(f)
	}
}

// TestFactsInWords pins sentences that people know from the case page.
func TestFactsInWords(t *testing.T) {
	people, eur := People{"1": "Rosa Diaz"}, func(s string) money.Amount { return money.MustParse(s, "EUR") }
	day := dunning.DateOf(noon)
	speech := Speech{People: people, Point: func(id string) string { return map[string]string{"e1": "ada@example.invalid"}[id] }}
	for _, c := range []struct {
		about, title, text, details string
		body                        dunning.Body
	}{
		{"a payment", "Paid 1,234.50 EUR", "", "id: p1", dunning.Payment{ID: "p1", Amount: eur("1234.50")}},
		{"a promise with its grace", "Promised 20.00 EUR by 2026-03-03", "", "id: p1 | days of grace: 2", dunning.PromiseMade{ID: "p1", Amount: eur("20.00"), Due: day, Grace: 2}},
		{"a plan with its instalments", "Plan of 2 instalments", "", "id: pl | items: A | instalments: 10.00 EUR on 2026-03-03; 5.00 EUR on 2026-03-03", dunning.PlanAgreed{ID: "pl", Items: []string{"A"}, Instalments: []dunning.Instalment{{Due: day, Amount: eur("10.00")}, {Due: day, Amount: eur("5.00")}}}},
		{"a hold says what it stops and what not", "Held: breathing space", "", "id: h | scope: debtor | until: 2026-03-03 12:00:00 UTC | stops contact: yes | stops the clock: no", dunning.HoldPlaced{ID: "h", HoldKind: dunning.HoldBreathingSpace, Scope: dunning.ScopeDebtor, Until: noon, Contact: true}},
		{"a message with its lines and address", "Email “friendly reminder” planned", "Step friendly email", "id: c1 | address: ada@example.invalid (e1) | items: A 10.00 EUR, counts for friendly email; B 5.00 EUR, listed along", dunning.ContactPlanned{ID: "c1", Step: "friendly-email", Channel: dunning.Email, Template: "friendly-reminder", Point: "e1", Items: []dunning.ItemLine{{Key: "A", Step: "friendly-email", Amount: eur("10.00")}, {Key: "B", Amount: eur("5.00")}}}},
		{"a state of a message", "Message accepted by the provider", "", "id: c1 | provider’s id: SM1", dunning.ContactMoved{ID: "c1", State: dunning.ContactAccepted, ProviderID: "SM1"}},
		{"who took the case, and until when", "Taken over by Rosa Diaz", "", "id: l | until: 2026-03-03 12:00:00 UTC", dunning.LeaseTaken{ID: "l", Owner: "1", Until: noon}},
		{"who handed it over", "Handed over to team late", "ill", "id: l | from: Rosa Diaz", dunning.LeaseTaken{ID: "l", Owner: dunning.TeamOwner + "late", From: "user:1", Words: "ill"}},
		{"a note keeps its words as they are", "Note", "a_b {c}", "id: n", dunning.NoteWritten{ID: "n", Text: "a_b {c}"}},
		{"an id is never made readable", "Disputed: INV_1-2", "", "id: d_1", dunning.DisputeRaised{ID: "d_1", Item: "INV_1-2"}},
		{"evidence of places", "Debtor known", "consumer", "places: US-MA | evidence: US-MA by address", dunning.DebtorKnown{DebtorKind: "consumer", Places: []string{"US-MA"}, Evidence: map[string]string{"US-MA": "address"}}},
		{"what a reply seems to ask", "Reply: SMS", "", "id: t | task: reply | reason: SMS | seems to ask: intent promise to pay, confidence 80, amount 5.00 EUR", dunning.TaskOpened{ID: "t", Task: dunning.TaskReply, Reason: "sms", Suggest: &dunning.Suggestion{Intent: "promise_to_pay", Confidence: 80, Amount: eur("5.00")}}},
		{"hours at which nobody may call", "Inconvenient times", "Mon, Tue 09:00 to 12:00 America/New_York", "", dunning.TimesInconvenient{Days: []string{"Mon", "Tue"}, From: "09:00", To: "12:00", Zone: "America/New_York"}},
		{"a whole day", "Inconvenient times", "every day the whole day UTC", "", dunning.TimesInconvenient{From: "00:00", To: "00:00", Zone: "UTC"}},
		{"a notice that came back", "Notice came back", "", "id: n | undeliverable: yes", dunning.NoticeChanged{ID: "n", Undeliverable: true}},
	} {
		t.Run(c.about, func(t *testing.T) {
			l := Fact(c.body, people)
			var details []string
			for _, d := range speech.Details(c.body) {
				details = append(details, d.Name+": "+d.Value)
			}
			if got := strings.Join(details, " | "); l.Title != c.title || l.Text != c.text || got != c.details {
				t.Errorf("%q, %q\n got %s\nwant %s", l.Title, l.Text, got, c.details)
			}
		})
	}
}

func TestTask(t *testing.T) {
	for _, c := range []struct {
		about string
		work  read.Work
		want  string
	}{
		{"a call names its attempt", read.Work{Kind: "task:call", Step: "first-call", Attempts: 3, Tries: 1}, "attempt 2 of 3"},
		{"more tries than asked for stay within", read.Work{Kind: "task:call", Attempts: 2, Tries: 5}, "attempt 2 of 2"},
		{"a draft waits for approval", read.Work{Kind: "task:draft", Step: "final-notice"}, "Approve the draft (final notice)"},
		{"a reply", read.Work{Kind: read.WorkReply, Reason: "sms"}, "answered by SMS"},
		{"a broken promise", read.Work{Kind: read.WorkBroken, Reason: "broken"}, "A promise was broken"},
		{"a promise kept in part", read.Work{Kind: read.WorkBroken, Reason: "partly"}, "kept only in part"},
		{"a kind of tomorrow is at least named", read.Work{Kind: "task:some_thing"}, "some thing"},
	} {
		t.Run(c.about, func(t *testing.T) {
			if got := Task(c.work); !strings.Contains(got, c.want) {
				t.Errorf("%q, want %q in it", got, c.want)
			}
		})
	}
}

func TestDecision(t *testing.T) {
	later := noon.Add(20 * time.Hour)
	for _, c := range []struct {
		about string
		d     dunning.Decision
		kind  string
		says  string
		at    time.Time
	}{
		{"held until an instant", dunning.Decision{Verb: dunning.VerbSend, Step: "nudge", Deferred: true, Rule: "quiet", Reason: "closed_hours", NotBefore: later, WakeAt: later}, "warn", "is held: closed hours", later},
		{"refused for good", dunning.Decision{Verb: dunning.VerbSend, Step: "nudge", Deferred: true, Rule: "r", Reason: "no_consent"}, "warn", "no consent. Time alone does not cure it", time.Time{}},
		{"a promise is waited for", dunning.Decision{Verb: dunning.VerbLook, Waiting: "promise", WakeAt: later}, "quiet", "Waits for the promise", later},
		{"a task is waited for", dunning.Decision{Verb: dunning.VerbLook, Waiting: "task", Rule: "task:call"}, "quiet", "Waits for a person: call", time.Time{}},
		{"the next step", dunning.Decision{Verb: dunning.VerbSend, Step: "nudge", Contact: &dunning.ContactPlanned{Channel: dunning.SMS}, WakeAt: later}, "info", "Send SMS “nudge”", later},
		{"the end", dunning.Decision{Verb: dunning.VerbClose, Reason: "paid"}, "good", "The case closes: paid", time.Time{}},
	} {
		t.Run(c.about, func(t *testing.T) {
			o := Decision(c.d)
			if look := c.kind == "quiet"; o.Look != look {
				t.Errorf("what it waits for may end later than the look: %+v", o)
			}
			if o.Kind != c.kind || !strings.Contains(o.Text, c.says) || !o.At.Equal(c.at) {
				t.Errorf("%+v", o)
			}
		})
	}
}
