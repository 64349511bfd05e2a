package dunning

import (
	"slices"
	"testing"
	"time"

	"github.com/duly/duly/dunning/contact"
)

// noticeCase is a case of an agency whose step is a validation notice by a channel, with
// what became of it.
func noticeCase(t *testing.T, ch Channel, more ...Body) Facts {
	t.Helper()
	step := 3
	seq := &Sequence{ID: "s", Steps: []Step{{ID: "one", At: &step, Verb: VerbSend, Send: []Channeled{
		{Channel: ch, Template: "validation-notice", Notices: []string{NoticeValidation, "debt_letter"}, NoticeDays: 45},
	}}}}
	s := Setup{
		Creditor: Creditor{ID: "c", Role: "third_party"}, Debtor: "d", Account: "a", Case: "k", Currency: "EUR", Sequence: seq,
		Zone: func(string) *time.Location { return time.UTC },
	}
	before := noon.Add(-time.Hour)
	history := []Fact{
		{At: noon.AddDate(0, 0, -9), Account: "a", Body: Item{Key: "A", Due: Date{2024, 3, 1}, Amount: eur("100.00")}},
		{At: noon.AddDate(0, 0, -4), Account: "a", Case: "k", Body: CaseOpened{Sequence: "s"}},
		{At: before, Body: DebtorKnown{DebtorKind: "consumer", Zones: []string{"UTC"}, Country: "US"}},
		{At: before, Body: PointKnown{ID: "p", Channel: ch}},
		{At: before, Account: "a", Case: "k", Body: ContactPlanned{
			ID: noticeContact, Step: "one", Channel: ch, Template: "validation-notice", Point: "p", Ordinal: 1, Automatic: true,
			Items:   []ItemLine{{Key: "A", Step: "one", Amount: eur("100.00")}},
			Notices: []string{NoticeValidation, "debt_letter"}, NoticeEnds: Date{2024, 4, 19},
		}},
		{At: before, Account: "a", Case: "k", Body: ContactMoved{ID: noticeContact, State: ContactSending}},
	}
	f, err := Fold(s, history)
	if err != nil {
		t.Fatal(err)
	}
	return grow(t, f, ofCase(noon, more...))
}

const noticeContact = "k/0/one/x/1"

func ofCase(at time.Time, list ...Body) []Fact {
	out := make([]Fact, len(list))
	for i, b := range list {
		out[i] = Fact{At: at, Account: "a", Case: "k", Body: b}
	}
	return out
}

func grow(t *testing.T, f Facts, facts []Fact) Facts {
	t.Helper()
	f, err := f.Apply(facts)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// sentNotices are the kinds of notices that count as sent.
func sentNotices(f Facts) []string {
	var out []string
	for _, n := range f.Notices {
		if !n.FromDebtor && !n.Undeliverable {
			out = append(out, n.Notice)
		}
	}
	return out
}

func TestANoticeThatDulySendsIsKnownToTheLaw(t *testing.T) {
	both := []string{NoticeValidation, "debt_letter"}
	at := noon.Add(time.Minute)
	sending := Outcome{State: SendAccepted, ProviderID: "x"}
	inOutbox := Outcome{State: SendAccepted, ProviderID: "x", Waits: true}
	crossed := Outcome{State: SendAccepted, ProviderID: "x", Waits: true, Code: "crossed_in_post"}
	conclude := func(o Outcome) func(Facts) []Fact {
		return func(f Facts) []Fact { return f.Concluded(noticeContact, o, at) }
	}
	handle := func(c Command) func(Facts) []Fact {
		return func(f Facts) []Fact {
			facts, err := Handle(f, c, "provider", at)
			if err != nil {
				t.Fatal(err)
			}
			return facts
		}
	}
	posted := func(f Facts) []Fact { return f.LetterPosted(noticeContact, "b", at) }
	for _, c := range []struct {
		about string
		ch    Channel
		acts  []func(Facts) []Fact
		want  []string
	}{
		{"a mail that the provider took is a notice sent", Email, []func(Facts) []Fact{conclude(sending)}, both},
		{"one that it refused is none", Email, []func(Facts) []Fact{conclude(Outcome{State: SendFailed, Class: FailedNow})}, nil},
		{"of one that is unknown nobody knows", Email, []func(Facts) []Fact{conclude(Outcome{State: SendUnknown})}, nil},
		{
			"a look-up proves it", Email,
			[]func(Facts) []Fact{conclude(Outcome{State: SendUnknown}), func(f Facts) []Fact {
				return f.Proven(noticeContact, Evidence{Found: EvidenceAccepted, ProviderID: "x"}, at)
			}},
			both,
		},
		{"so does a report", Email, []func(Facts) []Fact{conclude(Outcome{State: SendUnknown}), handle(ReportDelivery{ID: "e", Contact: noticeContact, Report: Delivered})}, both},
		{"a letter in the outbox has not left", Letter, []func(Facts) []Fact{conclude(inOutbox)}, nil},
		{"nor has one about which something was committed meanwhile", Letter, []func(Facts) []Fact{conclude(crossed)}, nil},
		{"a letter is sent when its batch was posted", Letter, []func(Facts) []Fact{conclude(inOutbox), posted}, both},
		{"once, however often that is said", Letter, []func(Facts) []Fact{conclude(inOutbox), posted, posted}, both},
		{"a letter that is no outbox's business is sent when it was taken", Letter, []func(Facts) []Fact{conclude(sending)}, both},
		{"a letter that is called off never was one", Letter, []func(Facts) []Fact{conclude(inOutbox), func(f Facts) []Fact {
			return f.LetterCalledOff(noticeContact, "changed", at)
		}}, nil},
		{"a bounce takes it back", Email, []func(Facts) []Fact{conclude(sending), handle(ReportDelivery{ID: "b", Contact: noticeContact, Report: HardBounced})}, nil},
		{"the post brings it back", Letter, []func(Facts) []Fact{conclude(inOutbox), posted, handle(ReportDelivery{ID: "r", Contact: noticeContact, Report: ReturnedMail})}, nil},
		{"a mailbox that is full for now takes nothing back", Email, []func(Facts) []Fact{conclude(sending), handle(ReportDelivery{ID: "s", Contact: noticeContact, Report: SoftBounced})}, both},
		{"a held mail that was called back never left", Email, []func(Facts) []Fact{conclude(sending), func(f Facts) []Fact {
			f.contact(noticeContact).Hold = "h"
			return f.Proven(noticeContact, Evidence{Found: EvidenceNotAccepted}, at)
		}}, nil},
	} {
		t.Run(c.about, func(t *testing.T) {
			f := noticeCase(t, c.ch)
			for _, act := range c.acts {
				f = grow(t, f, act(f))
			}
			if got := sentNotices(f); !slices.Equal(got, c.want) {
				t.Errorf("notices %v, want %v", got, c.want)
			}
			for _, n := range f.Notices {
				if n.Channel != c.ch || n.Template != "validation-notice" || !slices.Equal(n.Debts, []string{"a"}) || n.Ends != (Date{2024, 4, 19}) {
					t.Errorf("the fact says %+v", n.NoticeSent)
				}
			}
		})
	}
}

// TestALateReturnTakesANoticeBack: a month later the step stays done, the notice does not.
func TestALateReturnTakesANoticeBack(t *testing.T) {
	f := noticeCase(t, Letter)
	f = grow(t, f, f.Concluded(noticeContact, Outcome{State: SendAccepted}, noon))
	late := noon.AddDate(0, 1, 0)
	facts, err := Handle(f, ReportDelivery{ID: "r", Contact: noticeContact, Report: ReturnedMail}, "post", late)
	if err != nil {
		t.Fatal(err)
	}
	f = grow(t, f, facts)
	if got := sentNotices(f); len(got) != 0 || f.contact(noticeContact).State != ContactAccepted {
		t.Errorf("notices %v, contact %s", got, f.contact(noticeContact).State)
	}
	again, err := Handle(f, ReportDelivery{ID: "r2", Contact: noticeContact, Report: ReturnedMail}, "post", late)
	if err != nil || slices.ContainsFunc(again, func(x Fact) bool { return x.Body.Kind() == "notice_changed" }) {
		t.Errorf("it was taken back twice: %v, %v", again, err)
	}
}

// TestAValidationNoticeIsAskedAboutAsOne: the packs judge it by what it is, the first
// message of all otherwise than a later one.
func TestAValidationNoticeIsAskedAboutAsOne(t *testing.T) {
	notice := Channeled{Channel: Letter, Template: "v", Notices: []string{NoticeValidation}}
	f := noticeCase(t, Letter)
	f.Contacts = nil
	if got := f.purpose("one", notice); got != "initial_communication_containing_validation_notice" {
		t.Errorf("the first message is for %q", got)
	}
	if got := noticeCase(t, Letter); got.purpose("one", notice) != "validation_notice" {
		t.Errorf("a later one is for %q", got.purpose("one", notice))
	}
	if got := f.purpose("one", Channeled{Channel: Letter, Template: "t"}); got != "collect" {
		t.Errorf("any other message is for %q", got)
	}
	failed := noticeCase(t, Letter, ContactMoved{ID: noticeContact, State: ContactFailed, Class: FailedNow})
	if failed.purpose("one", notice) != "initial_communication_containing_validation_notice" {
		t.Error("what never left is no first message")
	}
	c := f.plan(Decision{Step: "one", At: noon}, &f.Sequence.Steps[0], 0, 0, f.Sequence.Steps[0].Send[0])
	if c.NoticeEnds != DateOf(noon).AddDays(45) || len(c.Notices) != 2 || c.Purpose != "initial_communication_containing_validation_notice" {
		t.Errorf("planned %+v", c)
	}
}

// TestNoticeFirst: a law that wants a notice first, and days after it, is content with the
// one that Duly posted itself, and no longer when it came back.
func TestNoticeFirst(t *testing.T) {
	pack, faults := contact.Compile(contact.PackSpec{
		Pack: "x", Title: "X", Version: "1", Kind: "law", Jurisdiction: "*", Reviewed: "2026-11-21",
		Rules: []contact.RuleSpec{{
			ID: "X-1", Title: "A notice first", Citation: "x", Certainty: "text", Channels: []string{"sms"},
			Notice: &contact.NoticeSpec{Kind: "debt_letter", Days: 14},
		}},
	})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	may := func(f Facts, at time.Time) contact.Verdict {
		f.Policies = contact.Set{pack}
		return f.Policies.Check(f.Query(at, SMS, "collect", true))
	}
	f := noticeCase(t, Letter)
	f = grow(t, f, []Fact{{At: noon, Body: PointKnown{ID: "m", Channel: SMS}}})
	f = grow(t, f, f.Concluded(noticeContact, Outcome{State: SendAccepted, Waits: true}, noon))
	if v := may(f, noon.AddDate(0, 1, 0)); v.Allowed || v.Rule != "X-1" || !v.NotBefore.IsZero() {
		t.Errorf("a letter in the outbox is enough: %+v", v)
	}
	f = grow(t, f, f.LetterPosted(noticeContact, "b", noon))
	from := time.Date(noon.Year(), noon.Month(), noon.Day()+14, 0, 0, 0, 0, time.UTC)
	if v := may(f, noon); v.Allowed || !v.NotBefore.Equal(from) {
		t.Errorf("on the day it was posted: %+v", v)
	}
	if v := may(f, from); !v.Allowed {
		t.Errorf("fourteen days later: %+v", v)
	}
	facts, err := Handle(f, ReportDelivery{ID: "r", Contact: noticeContact, Report: ReturnedMail}, "post", from)
	if err != nil {
		t.Fatal(err)
	}
	if v := may(grow(t, f, facts), from.AddDate(1, 0, 0)); v.Allowed {
		t.Errorf("it came back: %+v", v)
	}
}

// TestTheLongestThatANoticeIsInThePost: a notice is received five business days after it was
// posted, at the latest; a printed end may not come before thirty days from there.
func TestTheLongestThatANoticeIsInThePost(t *testing.T) {
	nth := func(year int, month time.Month, w time.Weekday, n int) Date {
		d := Date{year, month, 1}
		return d.AddDays((int(w-d.Weekday())+7)%7 + 7*(n-1))
	}
	off := map[Date]bool{} // legal public holidays, 5 USC 6103(a), and the days on which they are kept
	for y := 2026; y < 2080; y++ {
		last := Date{y, time.May, 31}
		for _, d := range []Date{
			nth(y, 1, time.Monday, 3), nth(y, 2, time.Monday, 3), last.AddDays(-(int(last.Weekday()) + 6) % 7), nth(y, 9, time.Monday, 1), nth(y, 10, time.Monday, 2),
			nth(y, 11, time.Thursday, 4),
			{y, 1, 1},
			{y, 6, 19},
			{y, 7, 4},
			{y, 11, 11},
			{y, 12, 25},
		} {
			off[d] = true
			switch d.Weekday() {
			case time.Saturday:
				off[d.AddDays(-1)] = true
			case time.Sunday:
				off[d.AddDays(1)] = true
			}
		}
	}
	longest, when := 0, Date{}
	for posted := (Date{2026, 1, 1}); posted.Year < 2079; posted = posted.AddDays(1) {
		d := posted
		for n := 0; n < 5; {
			if d = d.AddDays(1); d.Weekday() != time.Saturday && d.Weekday() != time.Sunday && !off[d] {
				n++
			}
		}
		if days := posted.Days(d); days > longest {
			longest, when = days, posted
		}
	}
	if longest != NoticePost {
		t.Errorf("a notice posted on %s is received after %d days; %d are reckoned with", when, longest, NoticePost)
	}
}

// TestANoticeThatLayTooLongIsCalledOff: a letter prints the end of a period that is counted
// from its receipt. One that would be posted too late for that is written anew.
func TestANoticeThatLayTooLongIsCalledOff(t *testing.T) {
	pack, faults := contact.Compile(contact.PackSpec{
		Pack: "x", Title: "X", Version: "1", Kind: "law", Jurisdiction: "*", Reviewed: "2026-11-21", Calendars: map[string][]contact.HolidaySpec{"none": {}},
		Rules: []contact.RuleSpec{{
			ID: "X-1", Title: "No demand in the period", Citation: "x", Certainty: "text", Channels: []string{"sms"},
			Overshadow: &contact.OvershadowSpec{Period: contact.PeriodSpec{Notice: NoticeValidation, ReceiptDays: 5, Days: 30, Calendar: "none"}},
		}},
	})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	f := noticeCase(t, Letter) // of 5 March; it prints 19 April
	f = grow(t, f, f.Concluded(noticeContact, Outcome{State: SendAccepted, Waits: true}, noon))
	for _, c := range []struct {
		about    string
		policies contact.Set
		at       time.Time
		want     string
	}{
		{"on its day", contact.Set{pack}, noon, ""},
		{"on the last day: eleven in the post and thirty from there", contact.Set{pack}, noon.AddDate(0, 0, 4), ""},
		{"a day later the period would be too short", contact.Set{pack}, noon.AddDate(0, 0, 5), "notice_late"},
		{"no law knows of a period", nil, noon.AddDate(0, 1, 0), ""},
	} {
		f.Policies = c.policies
		if got, _ := f.LetterStands(noticeContact, c.at); got != c.want {
			t.Errorf("%s: %q, want %q", c.about, got, c.want)
		}
	}
	// The period must be long enough from the day that the letter bears: 11 March in UTC is the
	// twelfth already where this creditor is.
	f.Policies, f.Creditor.Zone = contact.Set{pack}, "Pacific/Auckland"
	f.Setup.Zone = func(name string) *time.Location {
		if name == "Pacific/Auckland" {
			return time.FixedZone(name, 13*3600)
		}
		return time.UTC
	}
	last := noon.AddDate(0, 0, 6)
	if got, _ := f.LetterStands(noticeContact, last); got != "notice_late" || f.LetterDay(last) != (Date{2024, 3, 12}) {
		t.Errorf("dated %v: %q", f.LetterDay(last), got)
	}
}
