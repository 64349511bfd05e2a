package dunning

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/duly/duly/dunning/answers"
)

// replied is an open case of a debtor with a number and an address.
func replied(t testing.TB, more ...Body) Facts {
	return base(t, append([]Body{
		PointKnown{ID: "n", Channel: SMS, PointKind: "mobile"}, PointKnown{ID: "e", Channel: Email},
	}, more...)...)
}

// reply reads a text as it would come in by SMS from the number.
func reply(text string) TakeReply {
	return replyOn(SMS, "n", text)
}

func replyOn(ch Channel, point, text string) TakeReply {
	r := answers.Read(answers.Input{Text: text, Channel: string(ch), Today: answers.Date(DateOf(noon))})
	return TakeReply{ID: "in/1", Channel: ch, Point: point, Reading: r, Received: noon}
}

// kinds lists facts by kind with what distinguishes them.
func kinds(facts []Fact) string {
	var out []string
	for _, x := range facts {
		s := string(x.Body.Kind())
		switch b := x.Body.(type) {
		case OptedOut:
			s += ":" + string(b.Channel) + b.Point
			if b.Everything {
				s += "everything"
			}
		case HoldPlaced:
			s += ":" + string(b.HoldKind)
		case StatusKnown:
			s += ":" + b.Status
		case TaskOpened:
			s += ":" + b.Reason
		case ContactLogged:
			s += ":" + b.Outcome
			if b.Answer != "" {
				s += "→" + b.Answer
			}
		case PointDead:
			s += ":" + b.ID + " " + b.Reason
		case NoticeReceived:
			s += ":" + b.Notice
		case WishStated:
			s += ":" + b.Wish
		case TimesInconvenient:
			s += ":" + b.From + "-" + b.To
		case PromiseMade:
			s += ":" + b.Amount.Decimal() + " " + b.Due.String()
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

func TestRepliesBecomeFacts(t *testing.T) {
	confirmed := "contact_logged:received→opt_out_confirmation"
	for _, c := range []struct {
		about string
		cmd   TakeReply
		want  string
	}{
		{"a stop word refuses the channel that it came by", reply("STOP"), confirmed + ", opted_out:sms"},
		{"a wish about calls refuses calls", reply("stop calling me"), confirmed + ", opted_out:call"},
		{"a wish without a channel refuses everything, and a person looks", reply("leave me alone"), confirmed + ", opted_out:everything, task_opened:opt_out"},
		{"a wish to cease is a notice and a hold besides", replyOn(Email, "e", "do not contact me again"), confirmed + ", opted_out:everything, notice_received:cease_communication, hold_placed:cease, task_opened:opt_out"},
		{"a stranger's wish is about the number alone", reply("wrong number, stop texting me"), "contact_logged:wrong_person→opt_out_confirmation, opted_out:smsn, point_dead:n wrong_person"},
		{"a stranger", reply("wrong number"), "contact_logged:wrong_person, point_dead:n wrong_person"},
		{"HELP is answered", reply("HELP"), "contact_logged:received→auto_reply_to_consumer"},
		{"a lawyer", reply("talk to my lawyer"), "contact_logged:received, status_known:attorney, hold_placed:represented, task_opened:represented"},
		{"a threat with a lawyer is for a person", reply("I will get a lawyer"), "contact_logged:received, task_opened:represented"},
		{"bankruptcy", reply("I filed chapter 7"), "contact_logged:received, status_known:bankruptcy, hold_placed:bankruptcy, task_opened:bankruptcy"},
		{"death", reply("he passed away in May"), "contact_logged:received, status_known:deceased, hold_placed:deceased, task_opened:deceased"},
		{"a dispute", reply("I dispute this debt"), "contact_logged:received, dispute_raised, task_opened:dispute"},
		{"a refusal to pay", reply("I refuse to pay"), "contact_logged:received, notice_received:refuses_to_pay, task_opened:refusal"},
		{"a promise is a proposal", reply("I will pay on Friday"), "contact_logged:received, task_opened:will_pay"},
		{"said to be paid", reply("I already paid"), "contact_logged:received, task_opened:paid"},
		{"a call back", reply("please call me"), "contact_logged:received, wish_stated:callback_request, task_opened:call_me"},
		{"a time", reply("don't call before noon"), "contact_logged:received, times_inconvenient:00:00-12:00"},
		{"a place", reply("don't call me at work"), "contact_logged:received, wish_stated:inconvenient_place"},
		{"thanks", reply("ok thanks"), "contact_logged:received"},
		{"what cannot be read", reply("qwertz"), "contact_logged:received, task_opened:unclear"},
		{"a machine is not the debtor", replyOn(Email, "e", "I am out of the office until Monday. I paid."), ""},
		{"start without a refusal changes nothing", reply("START"), "contact_logged:received"},
		{"a bare yes to nothing is for a person", reply("yes"), "contact_logged:received, task_opened:start"},
	} {
		t.Run(c.about, func(t *testing.T) {
			f := replied(t)
			facts, err := Handle(f, c.cmd, "debtor", noon)
			if err != nil {
				t.Fatal(err)
			}
			if got := kinds(facts); got != c.want {
				t.Fatalf("%+v\n got %s\nwant %s", c.cmd.Reading.Findings, got, c.want)
			}
			g, err := f.Apply(facts)
			if err != nil {
				t.Fatal(err)
			}
			if again, err := Handle(g, c.cmd, "debtor", noon.Add(time.Minute)); err != nil || len(again) > 0 {
				t.Fatalf("the reply again gives %s, %v", kinds(again), err)
			}
		})
	}
}

func TestRepliesAreRefused(t *testing.T) {
	for _, c := range []struct {
		about string
		cmd   TakeReply
		want  error
	}{
		{"without an id", TakeReply{Channel: SMS, Reading: reply("x").Reading}, ErrInvalid},
		{"without a reading", TakeReply{ID: "i", Channel: SMS}, ErrInvalid},
		{"by a channel that there is not", TakeReply{ID: "i", Channel: "pigeon", Reading: reply("x").Reading}, ErrInvalid},
		{"from a point of somebody else", TakeReply{ID: "i", Channel: SMS, Point: "z", Reading: reply("x").Reading}, ErrUnknown},
		{"from a point of another channel", TakeReply{ID: "i", Channel: SMS, Point: "e", Reading: reply("x").Reading}, ErrInvalid},
	} {
		if facts, err := Handle(replied(t), c.cmd, "debtor", noon); !errors.Is(err, c.want) || len(facts) > 0 {
			t.Errorf("%s: %d facts, %v", c.about, len(facts), err)
		}
	}
}

func TestAReplySurvivesJSON(t *testing.T) {
	c := reply("I will pay $50 on Friday")
	b, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	back, err := DecodeCommand("take_reply", b)
	if err != nil {
		t.Fatal(err)
	}
	one, err1 := Handle(replied(t), c, "debtor", noon)
	two, err2 := Handle(replied(t), back, "debtor", noon)
	if err1 != nil || err2 != nil || !reflect.DeepEqual(one, two) {
		t.Fatalf("%v %v\n%v\n%v", err1, err2, one, two)
	}
}

func TestStartTakesARefusalBack(t *testing.T) {
	out := OptedOut{ID: "o", Channel: SMS, Refusal: RefusesKeyword, StopWord: true}
	f := replied(t, out)
	facts, err := Handle(f, reply("START"), "debtor", noon)
	if err != nil || kinds(facts) != "contact_logged:received, opted_in" {
		t.Fatal(kinds(facts), err)
	}
	g, _ := f.Apply(facts)
	if g.OptOuts[0].Withdrawn.IsZero() {
		t.Error("the refusal stands")
	}
}

func TestWhatAStartDoesNotTakeBack(t *testing.T) {
	unproven := reply("START")
	unproven.Unproven = true
	stop := OptedOut{ID: "o", Channel: SMS, Refusal: RefusesKeyword, StopWord: true}
	for _, c := range []struct {
		about string
		known []Body
		reply TakeReply
		want  string
	}{
		{"everything was refused: a person asks what is meant", []Body{OptedOut{ID: "o", Everything: true}}, reply("START"), "contact_logged:received, task_opened:start"},
		{"all that is electronic was refused", []Body{OptedOut{ID: "o"}}, reply("START"), "contact_logged:received, task_opened:start"},
		{
			"the channel and everything were refused: the channel comes back, the rest is asked",
			[]Body{stop, OptedOut{ID: "all", Everything: true}},
			reply("START"), "contact_logged:received, opted_in, task_opened:start",
		},
		{"they asked in writing to be left alone", []Body{NoticeReceived{ID: "n", Notice: NoticeCease}}, reply("START"), "contact_logged:received, task_opened:start"},
		{"another channel was refused", []Body{OptedOut{ID: "o", Channel: Email}}, reply("START"), "contact_logged:received"},
		{"nothing was refused", nil, reply("START"), "contact_logged:received"},
		{"nobody vouches for the sender", []Body{stop}, unproven, "contact_logged:received, task_opened:start"},
	} {
		t.Run(c.about, func(t *testing.T) {
			facts, err := Handle(replied(t, c.known...), c.reply, "debtor", noon)
			if err != nil || kinds(facts) != c.want {
				t.Errorf("%s, %v; want %s", kinds(facts), err, c.want)
			}
		})
	}
	refusal := reply("STOP")
	refusal.Unproven = true
	if facts, err := Handle(replied(t), refusal, "debtor", noon); err != nil || !strings.Contains(kinds(facts), "opted_out") {
		t.Errorf("a refusal that nobody vouches for: %s, %v", kinds(facts), err)
	}
}

func TestAYesAnswersAConfirmationOnly(t *testing.T) {
	sent := func(purpose string) Facts {
		return replied(t, OptedOut{ID: "o", Channel: SMS}, ContactPlanned{ID: "m", Step: CourtesyConfirm, Channel: SMS, Point: "n", Purpose: purpose}, ContactMoved{ID: "m", State: ContactAccepted})
	}
	if facts, _ := Handle(sent(purposeConfirm), reply("yes"), "debtor", noon); kinds(facts) != "contact_logged:received, opted_in" {
		t.Error("after a confirmation:", kinds(facts))
	}
	if facts, _ := Handle(sent("collect"), reply("yes"), "debtor", noon); kinds(facts) != "contact_logged:received, task_opened:start" {
		t.Error("after another message:", kinds(facts))
	}
	later := reply("yes")
	later.Received = noon.Add(48 * time.Hour)
	if facts, _ := Handle(sent(purposeConfirm), later, "debtor", noon.Add(48*time.Hour)); slices.ContainsFunc(facts, func(x Fact) bool { return x.Body.Kind() == "opted_in" }) {
		t.Error("two days later:", kinds(facts))
	}
}

func TestPromisesByReply(t *testing.T) {
	for _, c := range []struct {
		about, text string
		within      int
		want        string
	}{
		{"a date within the days is a promise of all that is overdue", "I will pay on Friday", 7, "promise_made:100.00 2024-03-08"},
		{"the whole amount too", "I will pay 100 EUR on Friday", 7, "promise_made:100.00 2024-03-08"},
		{"a part is for a person", "I will pay 50 EUR on Friday", 7, "task_opened:will_pay"},
		{"another currency is for a person", "I will pay 100 GBP on Friday", 7, "task_opened:will_pay"},
		{"a date beyond the days is for a person", "I will pay on March 30", 7, "task_opened:will_pay"},
		{"where nobody allowed it a person decides", "I will pay on Friday", 0, "task_opened:will_pay"},
		{"what is not said surely is for a person", "can I pay on Friday?", 7, "task_opened:will_pay"},
		{"what comes with another matter is for a person", "I will pay on Friday. Call me.", 7, "wish_stated:callback_request, task_opened:call_me"},
	} {
		f := replied(t)
		f.Creditor.PromiseWithin = c.within
		facts, err := Handle(f, reply(c.text), "debtor", noon)
		if got := strings.TrimPrefix(kinds(facts), "contact_logged:received, "); err != nil || got != c.want {
			t.Errorf("%s: %s, %v; want %s", c.about, got, err, c.want)
		}
	}
}

func TestAProposalNamesDateAndAmount(t *testing.T) {
	facts, err := Handle(replied(t), reply("I will pay 50 EUR on Friday"), "debtor", noon)
	if err != nil {
		t.Fatal(err)
	}
	task := facts[len(facts)-1].Body.(TaskOpened)
	s := task.Suggest
	if s == nil || s.Command != "make_promise" || s.Due != (Date{2024, 3, 8}) || s.Amount != eur("50.00") || task.Contact != "in/1" || task.Queue != "" && task.Queue != "supervisor" {
		t.Fatalf("%+v %+v", task, s)
	}
}

func TestRepliesDoNotPileUp(t *testing.T) {
	f := replied(t)
	first, _ := Handle(f, reply("qwertz"), "debtor", noon)
	f, _ = f.Apply(first)
	second := reply("asdf")
	second.ID = "in/2"
	facts, err := Handle(f, second, "debtor", noon.Add(time.Minute))
	if err != nil || kinds(facts) != "contact_logged:received" {
		t.Errorf("a second unreadable reply: %s, %v", kinds(facts), err)
	}
	other := reply("I filed for bankruptcy")
	other.ID = "in/3"
	if facts, _ := Handle(f, other, "debtor", noon.Add(time.Minute)); !strings.Contains(kinds(facts), "task_opened:bankruptcy") {
		t.Errorf("another matter opens no task: %s", kinds(facts))
	}
	again := reply("I dispute this")
	again.ID = "in/4"
	disputed, _ := Handle(f, reply2("in/5", "I dispute this"), "debtor", noon)
	f, _ = f.Apply(disputed)
	if facts, _ := Handle(f, again, "debtor", noon.Add(time.Minute)); strings.Contains(kinds(facts), "dispute_raised") {
		t.Errorf("disputed twice: %s", kinds(facts))
	}
}

func reply2(id, text string) TakeReply {
	c := reply(text)
	c.ID = id
	return c
}

// TestContactsWaitForAReply: while nobody has looked at a reply the case writes
// nothing, and after some days it goes on.
func TestContactsWaitForAReply(t *testing.T) {
	f := replied(t)
	f.Creditor.Role = "first_party"
	if d := Decide(f, noon); d.Verb != VerbSend || d.WakeAt.After(noon) {
		t.Fatalf("nothing is due: %+v", d)
	}
	facts, _ := Handle(f, reply("qwertz"), "debtor", noon)
	g, err := f.Apply(facts)
	if err != nil {
		t.Fatal(err)
	}
	d := Decide(g, noon.Add(time.Minute))
	if d.Verb != VerbLook || d.Rule != "task:reply" || d.WakeAt.IsZero() || d.WakeAt.Sub(noon) > 5*24*time.Hour {
		t.Fatalf("decided %+v", d)
	}
	if after := Decide(g, d.WakeAt); after.Verb != VerbSend {
		t.Errorf("after the days: %+v", after)
	}
	done, err := Handle(g, FinishTask{ID: g.Tasks[0].ID, Outcome: "done"}, "user:1", noon.Add(time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	h, _ := g.Apply(done)
	if d := Decide(h, noon.Add(2*time.Hour)); d.Verb != VerbSend {
		t.Errorf("after the task: %+v", d)
	}
}

func TestAReplyWithoutAnOpenCaseAsksNobody(t *testing.T) {
	f := replied(t, CaseClosed{Reason: "paid"})
	facts, err := Handle(f, reply("leave me alone"), "debtor", noon)
	if err != nil || !strings.Contains(kinds(facts), "opted_out:everything") || strings.Contains(kinds(facts), "task_opened") {
		t.Error(kinds(facts), err)
	}
}

func TestALateReplyCountsFromWhenItCame(t *testing.T) {
	facts, err := Handle(replied(t), reply("STOP"), "debtor", noon.Add(3*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range facts {
		if !x.At.Equal(noon) {
			t.Errorf("%s holds from %s", x.Body.Kind(), x.At)
		}
	}
	out := facts[1].Body.(OptedOut)
	if !out.Recorded.Equal(noon.Add(3*time.Hour)) || out.Reader != answers.Version || out.During != "in/1" {
		t.Errorf("%+v", out.Told)
	}
}
