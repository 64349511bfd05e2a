package config

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
)

func shippedConfig(t testing.TB) *Config {
	t.Helper()
	c, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestShippedConfigurationHasNeitherFaultsNorWarnings(t *testing.T) {
	c := shippedConfig(t)
	if w := c.Warnings(); len(w) > 0 {
		t.Errorf("warnings:\n%v", w)
	}
	for _, id := range []string{"consumer-standard", "business-standard", "final-only"} {
		if c.Sequence(id) == nil {
			t.Errorf("sequence %s is not shipped", id)
		}
	}
	if len(c.Policies()) == 0 || !strings.Contains(c.PolicyVersions(), "house@") || !strings.Contains(c.PolicyVersions(), "us-federal@") {
		t.Errorf("policies %s", c.PolicyVersions())
	}
	if len(c.PolicySpecs()) != len(c.Policies()) {
		t.Error("a pack has no specification")
	}
	if _, ok := c.Mapping("ibm-ar"); !ok {
		t.Errorf("mappings %v", c.Mappings())
	}
}

// What is embedded is what is in the directory: the directives of default.go
// forget nothing.
func TestEmbeddedFilesAreTheDirectory(t *testing.T) {
	onDisk, err := Load(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	if a, b := onDisk.Release(), shippedConfig(t).Release(); a.Version != b.Version {
		t.Errorf("embedded files differ from the directory: %v", a.Changes(b))
	}
}

// The sample of the design, compiled: every value is where the core looks.
func TestConsumerStandardCompiles(t *testing.T) {
	s := shippedConfig(t).Sequence("consumer-standard")
	if s.Title != "Consumers, standard" || s.Priority != 10 || s.Spacing != 3 || s.Ladder != dunning.LadderLeading ||
		s.Include != dunning.IncludeAllOverdue || s.Entry != dunning.EntryFirst || s.CatchUp != dunning.CatchUpRun {
		t.Errorf("head: %+v", s)
	}
	if s.Tolerance["USD"] != money.MustParse("1.00", "USD") || s.Tolerance["EUR"] != money.MustParse("1", "EUR") {
		t.Errorf("tolerance %v", s.Tolerance)
	}
	if want := (dunning.Window{Days: [7]bool{false, true, true, true, true, true, false}, From: 9 * 60, To: 18 * 60, SkipHolidays: true}); s.Window != want {
		t.Errorf("window %+v", s.Window)
	}
	var steps []string
	for _, x := range s.Steps {
		steps = append(steps, x.ID+":"+string(x.Verb))
	}
	if got := strings.Join(steps, " "); got != "friendly-email:send nudge:send offer-plan:offer_plan call:call collector:escalate final-notice:send legal:refer" {
		t.Errorf("steps %s", got)
	}
	nudge, offer, call, coll, final, legal := s.Steps[1], s.Steps[2], s.Steps[3], s.Steps[4], s.Steps[5], s.Steps[6]
	if *nudge.At != 8 || nudge.When.String() != `!debtor.replied_since("friendly-email")` || nudge.Send[0].Channel != dunning.SMS ||
		nudge.Send[0].Else[0].Channel != dunning.Email || nudge.Send[0].Else[0].Template != "nudge" {
		t.Errorf("nudge %+v", nudge)
	}
	if !slices.Equal(offer.Offer.Instalments, []int{3, 6}) || offer.Offer.FirstDue != 7 || offer.Offer.OpenFor != 10 || offer.Offer.Minimum["USD"].Minor() != 2000 {
		t.Errorf("offer %+v", offer.Offer)
	}
	if *call.Call != (dunning.CallStep{Queue: "early", Attempts: 3, Within: 5}) || *coll.Escalate != (dunning.EscalateStep{Queue: "late", SLA: 5, OnTimeout: "continue"}) {
		t.Errorf("call %+v, collector %+v", call.Call, coll.Escalate)
	}
	if final.Mode != dunning.ModeDraft || final.Complete != dunning.CompleteAll || final.Unknown != dunning.UnknownAsk || len(final.Send) != 2 || final.Send[1].Channel != dunning.Letter {
		t.Errorf("final notice %+v", final)
	}
	if *legal.At != 60 || *legal.After != 14 || legal.Refer.To != "legal" || legal.Refer.Approval != "legal" || legal.Refer.Minimum["EUR"].Minor() != 50000 {
		t.Errorf("legal %+v", legal)
	}
	if s.Plan != (dunning.PlanTerms{Cure: 5, DefaultAfter: 2, Remind: 3}) {
		t.Errorf("plan %+v", s.Plan)
	}
	if s.On.PromiseBroken.Goto != "call" || s.On.PlanBroken.Goto != "final-notice" || s.On.DisputeRejected.Notice != 7 || s.On.Paid.Send[0].Template != "thank-you" {
		t.Errorf("on %+v", s.On)
	}
	if s.End.Escalate == nil || s.End.Escalate.Queue != "late" {
		t.Errorf("end %+v", s.End)
	}
}

// A final notice and the referral after it are at least 14 days apart in every sample.
func TestSamplesLeaveTimeBeforeReferral(t *testing.T) {
	for _, s := range shippedConfig(t).Sequences() {
		for _, x := range s.Steps {
			if x.Verb == dunning.VerbRefer && (x.After == nil || *x.After < 14) {
				t.Errorf("%s: step %s refers without 14 days of waiting", s.ID, x.ID)
			}
		}
	}
}

func TestSelect(t *testing.T) {
	usd := func(s string) money.Amount { return money.MustParse(s, "USD") }
	cases := []struct {
		what string
		view dunning.View
		want string
	}{
		{"a consumer above the threshold", dunning.View{DebtorKind: "consumer", Balance: usd("25.00")}, "consumer-standard"},
		{"a consumer one cent below it is nobody's", dunning.View{DebtorKind: "consumer", Balance: usd("24.99")}, ""},
		{"a business at any amount", dunning.View{DebtorKind: "business", Balance: usd("1.00")}, "business-standard"},
		{"the tag wins by priority", dunning.View{DebtorKind: "consumer", Balance: usd("100.00"), Tags: []string{"final-only"}}, "final-only"},
		{"the threshold is in the account's own currency", dunning.View{DebtorKind: "consumer", Balance: money.MustParse("25", "JPY")}, "consumer-standard"},
		{"a debtor of unknown kind is reported, not guessed", dunning.View{Balance: usd("100.00")}, ""},
	}
	c := shippedConfig(t)
	for _, x := range cases {
		got := ""
		if s := c.Select(x.view); s != nil {
			got = s.ID
		}
		if got != x.want {
			t.Errorf("%s: got %q, want %q", x.what, got, x.want)
		}
	}
}

func TestShippedCreditors(t *testing.T) {
	c := shippedConfig(t)
	agency, ok := c.Creditor("demo-agency")
	if !ok || agency.Role != "third_party" || agency.OnBehalfOf != "Lakeside Clinic" || agency.Stale != 24 || agency.Queues.Supervisor != "supervisor" {
		t.Errorf("agency %+v", agency)
	}
	de, _ := c.Creditor("demo-de")
	if de.Zone != "Europe/Berlin" || de.Holidays != "de-by" || de.Stale != 48 || de.Fees == nil || de.Fees.ByStep["final-notice"]["EUR"].Minor() != 250 ||
		de.Fees.Interest.Rate != "6.27" || !de.Fees.Interest.FromNotice || de.Fees.Claim {
		t.Errorf("demo-de %+v %+v", de, de.Fees)
	}
	if _, ok := c.Creditor("nobody"); ok || len(c.Creditors()) < 3 {
		t.Error("creditors are wrong")
	}
}

func TestShippedRoles(t *testing.T) {
	c := shippedConfig(t)
	collector, ok := c.Role("collector")
	if !ok || !collector.Can("promise") || collector.Can("approve_referral") || collector.Limits.PromiseWithin != 14 ||
		collector.Limits.Settlement["USD"].Minor() != 20000 || collector.Limits.WriteOff != nil {
		t.Errorf("collector %+v", collector)
	}
	legal, _ := c.Role("legal")
	if !legal.Can("approve_referral") {
		t.Error("the sample sequences need legal's approval")
	}
	if len(c.Queues()) != 7 || len(c.Roles()) != 5 {
		t.Errorf("%d queues, %d roles", len(c.Queues()), len(c.Roles()))
	}
}
