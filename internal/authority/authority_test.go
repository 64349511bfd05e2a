package authority

import (
	"slices"
	"testing"
	"time"

	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/identity"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// TestEveryCommandHasAPermission: a new command is refused until somebody decides who may
// give it, and the table names no command that is gone.
func TestEveryCommandHasAPermission(t *testing.T) {
	known := identity.Permissions()
	for _, name := range dunning.CommandNames() {
		if p := Of(name); !slices.Contains(known, p) || !p.Changes() {
			t.Errorf("%s needs %q, which nobody can have or which changes nothing", name, p)
		}
		if identity.Auditor.Can(Of(name)) || identity.Admin.Can(Of(name)) {
			t.Errorf("auditors and admins may give %s", name)
		}
	}
	for name := range needs {
		if !slices.Contains(dunning.CommandNames(), name) {
			t.Errorf("there is no command %s", name)
		}
	}
	if slices.Contains(known, Of("make_coffee")) {
		t.Error("an unknown command needs a permission that somebody has")
	}
}

func who(roles ...identity.Role) identity.Principal {
	p := identity.Principal{By: "user:1"}
	for _, r := range roles {
		p.Grants = append(p.Grants, identity.Grant{Creditor: "acme", Role: r})
	}
	return p
}

func shipped(t *testing.T) []config.Role {
	t.Helper()
	cfg, err := config.Default()
	if err != nil {
		t.Fatal(err)
	}
	return cfg.Roles()
}

func day(n int) dunning.Date { return dunning.DateOf(noon).AddDays(n) }

func TestLimits(t *testing.T) {
	roles := shipped(t)
	f := dunning.Facts{Zones: []*time.Location{time.UTC}}
	f.Holds = []dunning.HoldState{{HoldPlaced: dunning.HoldPlaced{ID: "h", HoldKind: dunning.HoldManual}}}
	in := func(days int) time.Time { return noon.AddDate(0, 0, days) }
	key := identity.Principal{By: "key:1", Scopes: []identity.Permission{identity.Promise, identity.Hold, identity.Plan}, Creditor: "acme"}
	for name, c := range map[string]struct {
		who identity.Principal
		cmd dunning.Command
		ok  bool
	}{
		"a collector's promise within two weeks":               {who(identity.Collector), dunning.MakePromise{Due: day(14)}, true},
		"a day later is beyond":                                {who(identity.Collector), dunning.MakePromise{Due: day(15)}, false},
		"a supervisor may allow a month":                       {who(identity.Supervisor), dunning.MakePromise{Due: day(30)}, true},
		"of two roles the wider counts":                        {who(identity.Collector, identity.Supervisor), dunning.MakePromise{Due: day(30)}, true},
		"a role of another creditor does not count":            {identity.Principal{By: "u", Grants: []identity.Grant{{Creditor: "acme", Role: identity.Collector}, {Creditor: "other", Role: identity.Supervisor}}}, dunning.MakePromise{Due: day(30)}, false},
		"a program has the limits of whoever gave it the key":  {key, dunning.MakePromise{Due: day(300)}, true},
		"a plan of six instalments":                            {who(identity.Collector), dunning.AgreePlan{Count: 6, First: day(7)}, true},
		"seven are too many":                                   {who(identity.Collector), dunning.AgreePlan{Count: 7, First: day(7)}, false},
		"seven written out are too many":                       {who(identity.Collector), dunning.AgreePlan{Instalments: make([]dunning.Instalment, 7)}, false},
		"a first instalment in a month is late":                {who(identity.Collector), dunning.AgreePlan{Count: 3, First: day(31)}, false},
		"written out, too":                                     {who(identity.Collector), dunning.AgreePlan{Instalments: []dunning.Instalment{{Due: day(31)}}}, false},
		"a manual hold of thirty days":                         {who(identity.Collector), dunning.PlaceHold{HoldKind: dunning.HoldManual, Until: in(30)}, true},
		"longer is beyond":                                     {who(identity.Collector), dunning.PlaceHold{HoldKind: dunning.HoldManual, Until: in(31)}, false},
		"without an end is beyond":                             {who(identity.Collector), dunning.PlaceHold{HoldKind: dunning.HoldManual}, false},
		"but nobody needs authority to stop for a death":       {who(identity.Collector), dunning.PlaceHold{HoldKind: dunning.HoldDeceased}, true},
		"nor for a cease":                                      {who(identity.Collector), dunning.PlaceHold{HoldKind: dunning.HoldCease}, true},
		"making a manual hold longer is placing one":           {who(identity.Collector), dunning.ExtendHold{ID: "h", Until: in(31)}, false},
		"making it open is beyond":                             {who(identity.Collector), dunning.ExtendHold{ID: "h"}, false},
		"a hold that is not there is the core's to refuse":     {who(identity.Collector), dunning.ExtendHold{ID: "x"}, true},
		"a role that the configuration does not name has none": {who("auditor"), dunning.MakePromise{Due: day(1)}, false},
		"a note has no limit":                                  {who(identity.Collector), dunning.WriteNote{}, true},
	} {
		t.Run(name, func(t *testing.T) {
			err := Check(c.who, "acme", LimitsOf(c.who, "acme", roles), f, c.cmd, noon)
			if (err == nil) != c.ok {
				t.Errorf("error %v, want ok %v", err, c.ok)
			}
			if err != nil && (AsRefusal(err) == nil || AsRefusal(err).Limit == "") {
				t.Errorf("%v is no refusal with words", err)
			}
		})
	}
}

func TestTasksAreEndedByWhoMay(t *testing.T) {
	f := dunning.Facts{}
	for _, k := range []dunning.TaskKind{dunning.TaskDraft, dunning.TaskApproval, dunning.TaskCall, dunning.TaskEscalation, dunning.TaskUnknown, dunning.TaskParked, dunning.TaskReply, dunning.TaskSettlement} {
		f.Tasks = append(f.Tasks, dunning.TaskState{TaskOpened: dunning.TaskOpened{ID: string(k), Task: k}})
	}
	for role, ends := range map[identity.Role][]dunning.TaskKind{
		identity.Collector:  {dunning.TaskCall, dunning.TaskEscalation, dunning.TaskReply},
		identity.Supervisor: {dunning.TaskDraft, dunning.TaskCall, dunning.TaskEscalation, dunning.TaskUnknown, dunning.TaskParked, dunning.TaskReply, dunning.TaskSettlement},
		identity.Operations: {dunning.TaskCall, dunning.TaskEscalation, dunning.TaskReply, dunning.TaskUnknown, dunning.TaskParked},
		identity.Compliance: {dunning.TaskDraft},
		identity.Legal: {
			dunning.TaskDraft, dunning.TaskApproval, dunning.TaskCall, dunning.TaskEscalation, dunning.TaskUnknown, dunning.TaskParked, dunning.TaskReply, dunning.TaskSettlement,
		},
		identity.Auditor: nil,
		identity.Admin:   nil,
	} {
		for _, task := range f.Tasks {
			err := Check(who(role), "acme", Limits{}, f, dunning.FinishTask{ID: task.ID}, noon)
			if may := slices.Contains(ends, task.Task); (err == nil) != may {
				t.Errorf("%s ends a task %s: %v, want may %v", role, task.Task, err, may)
			}
		}
		err := Check(who(role), "acme", Limits{}, f, dunning.FinishTask{ID: "none"}, noon)
		if some := len(ends) > 0; (err == nil) != some {
			t.Errorf("%s learns whether a task is there: %v", role, err)
		}
	}
}

func TestCommandsKnowTheirNames(t *testing.T) {
	for _, name := range dunning.CommandNames() {
		cmd, err := dunning.DecodeCommand(name, []byte("{}"))
		if err != nil || Name(cmd) != name {
			t.Errorf("%s is called %q, %v", name, Name(cmd), err)
		}
	}
	if Name(nil) != "" {
		t.Error("nothing has a name")
	}
}

// TestSettlementsAreWithinAuthority: what is given up is bounded by part and by amount, more
// asks for approval, and nobody approves their own or what is beyond them, too.
func TestSettlementsAreWithinAuthority(t *testing.T) {
	roles := shipped(t)
	usd := func(s string) money.Amount { return money.MustParse(s, "USD") }
	owes := func(t *testing.T, amount string, more ...dunning.Fact) dunning.Facts {
		f, err := dunning.Fold(dunning.Setup{Account: "a", Case: "c", Currency: "USD"}, append([]dunning.Fact{
			{At: noon, Account: "a", Body: dunning.Item{Key: "i", Due: day(-20), Amount: usd(amount)}},
			{At: noon, Account: "a", Case: "c", Body: dunning.CaseOpened{Sequence: "s"}},
		}, more...))
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	offered := func(by, amount, owed string) []dunning.Fact {
		s := dunning.SettlementOffered{ID: "s", Items: []string{"i"}, Amount: usd(amount), Owed: usd(owed), Due: day(9), Approval: true}
		return []dunning.Fact{
			{At: noon, Account: "a", By: by, Body: s},
			{At: noon, Account: "a", By: by, Body: dunning.TaskOpened{ID: "c/task/settlement/s", Task: dunning.TaskSettlement}},
		}
	}
	approve := dunning.FinishTask{ID: "c/task/settlement/s", Outcome: "approved"}
	key := identity.Principal{By: "key:1", Scopes: []identity.Permission{identity.Settlement}, Creditor: "acme"}
	for name, c := range map[string]struct {
		who   identity.Principal
		facts dunning.Facts
		cmd   dunning.Command
		field string // of the refusal; "-": none expected
	}{
		"a tenth of a thousand is a collector's":             {who(identity.Collector), owes(t, "1000"), dunning.OfferSettlement{Percent: 10}, "-"},
		"a cent more is not":                                 {who(identity.Collector), owes(t, "1000"), dunning.OfferSettlement{Amount: usd("899.99")}, "amount"},
		"nor is a tenth of three thousand: the amount, too":  {who(identity.Collector), owes(t, "3000"), dunning.OfferSettlement{Percent: 10}, "amount"},
		"with approval anything may be proposed":             {who(identity.Collector), owes(t, "3000"), dunning.OfferSettlement{Percent: 90, Approval: true}, "-"},
		"a supervisor may give up thirty percent":            {who(identity.Supervisor), owes(t, "3000"), dunning.OfferSettlement{Percent: 30}, "-"},
		"thirty-one are too many":                            {who(identity.Supervisor), owes(t, "3000"), dunning.OfferSettlement{Percent: 31}, "amount"},
		"a role without limits gives up nothing":             {who(identity.Operations), owes(t, "1000"), dunning.OfferSettlement{Percent: 1}, "amount"},
		"a program has the limits of whoever gave it a key":  {key, owes(t, "1000"), dunning.OfferSettlement{Percent: 50}, "-"},
		"a supervisor approves a collector's":                {who(identity.Supervisor), owes(t, "1000", offered("user:9", "750", "1000")...), approve, "-"},
		"but not their own":                                  {who(identity.Supervisor), owes(t, "1000", offered("user:1", "750", "1000")...), approve, ""},
		"nor what is beyond them":                            {who(identity.Supervisor), owes(t, "1000", offered("user:9", "600", "1000")...), approve, ""},
		"that is legal's":                                    {who(identity.Legal), owes(t, "1000", offered("user:9", "600", "1000")...), approve, "-"},
		"one's own may be rejected":                          {who(identity.Supervisor), owes(t, "1000", offered("user:1", "750", "1000")...), dunning.FinishTask{ID: approve.ID, Outcome: "rejected"}, "-"},
		"a collector approves none":                          {who(identity.Collector), owes(t, "1000", offered("user:9", "990", "1000")...), approve, ""},
		"an amount above what is owed is the core's refusal": {who(identity.Collector), owes(t, "1000"), dunning.OfferSettlement{Amount: usd("1200")}, "-"},
	} {
		t.Run(name, func(t *testing.T) {
			err := Check(c.who, "acme", LimitsOf(c.who, "acme", roles), c.facts, c.cmd, noon)
			switch r := AsRefusal(err); {
			case (r == nil) != (c.field == "-"):
				t.Errorf("refused: %v, want field %q", err, c.field)
			case r != nil && r.Field != c.field:
				t.Errorf("the refusal is about %q, want %q: %v", r.Field, c.field, err)
			}
		})
	}
}

// TestLimitsAreTheWidestOfTheRoles: of each limit the widest that a role there has.
func TestLimitsAreTheWidestOfTheRoles(t *testing.T) {
	both := who(identity.Collector, identity.Supervisor)
	both.Grants = append(both.Grants, identity.Grant{Creditor: "other", Role: identity.Legal})
	got := LimitsOf(both, "acme", shipped(t))
	if got.PromiseWithin != 30 || got.PlanInstalments != 12 || got.PlanFirstDue != 30 || got.HoldFor != 90 || got.SettlementPercent != 30 || got.Settlement["USD"].Minor() != 200000 || got.None {
		t.Errorf("collector and supervisor: %+v", got)
	}
	if got := LimitsOf(both, "nobody", shipped(t)); got.PromiseWithin != 0 || got.HoldFor != 0 || got.Settlement != nil || got.None {
		t.Errorf("without a role there: %+v", got)
	}
}

// TestACaseIsGivenAwayByWhoHasIt: others cannot take it off somebody, supervisors can.
func TestACaseIsGivenAwayByWhoHasIt(t *testing.T) {
	leased := func(owner string) dunning.Facts {
		return dunning.Facts{Leases: []dunning.LeaseState{{LeaseTaken: dunning.LeaseTaken{ID: "l", Owner: owner}}}}
	}
	key := identity.Principal{By: "key:1", Scopes: []identity.Permission{identity.TakeOver}, Creditor: "acme"}
	for name, c := range map[string]struct {
		who   identity.Principal
		facts dunning.Facts
		ok    bool
	}{
		"one's own":                    {who(identity.Collector), leased("1"), true},
		"a colleague's":                {who(identity.Collector), leased("2"), false},
		"a colleague's, by supervisor": {who(identity.Supervisor), leased("2"), true},
		"a team's":                     {who(identity.Collector), leased("team:late"), true},
		"nobody's":                     {who(identity.Collector), dunning.Facts{}, true},
		"by a program":                 {key, leased("2"), true},
	} {
		for _, cmd := range []dunning.Command{dunning.HandOver{ID: "x"}, dunning.HandBack{}} {
			if err := Check(c.who, "acme", LimitsOf(c.who, "acme", shipped(t)), c.facts, cmd, noon); (err == nil) != c.ok {
				t.Errorf("%s, %T: %v", name, cmd, err)
			}
		}
	}
	if err := Check(who(identity.Collector), "acme", Limits{}, dunning.Facts{}, dunning.DismissMention{ID: "n", User: "2"}, noon); err == nil {
		t.Error("somebody says for another that they have read a note")
	}
	if err := Check(who(identity.Collector), "acme", Limits{}, dunning.Facts{}, dunning.DismissMention{ID: "n", User: "1"}, noon); err != nil {
		t.Error(err)
	}
}
