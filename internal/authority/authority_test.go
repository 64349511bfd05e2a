package authority

import (
	"slices"
	"testing"
	"time"

	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
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
			err := check(c.who, "acme", limitsOf(c.who, "acme", roles), f, c.cmd, noon)
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
	for _, k := range []dunning.TaskKind{dunning.TaskDraft, dunning.TaskApproval, dunning.TaskCall, dunning.TaskEscalation, dunning.TaskUnknown, dunning.TaskParked} {
		f.Tasks = append(f.Tasks, dunning.TaskState{TaskOpened: dunning.TaskOpened{ID: string(k), Task: k}})
	}
	for role, ends := range map[identity.Role][]dunning.TaskKind{
		identity.Collector:  {dunning.TaskCall, dunning.TaskEscalation},
		identity.Supervisor: {dunning.TaskDraft, dunning.TaskCall, dunning.TaskEscalation, dunning.TaskUnknown, dunning.TaskParked},
		identity.Operations: {dunning.TaskCall, dunning.TaskEscalation, dunning.TaskUnknown, dunning.TaskParked},
		identity.Compliance: {dunning.TaskDraft},
		identity.Legal:      {dunning.TaskDraft, dunning.TaskApproval, dunning.TaskCall, dunning.TaskEscalation, dunning.TaskUnknown, dunning.TaskParked},
		identity.Auditor:    nil,
		identity.Admin:      nil,
	} {
		for _, task := range f.Tasks {
			err := mayEnd(who(role), "acme", f, dunning.FinishTask{ID: task.ID})
			if may := slices.Contains(ends, task.Task); (err == nil) != may {
				t.Errorf("%s ends a task %s: %v, want may %v", role, task.Task, err, may)
			}
		}
		err := mayEnd(who(role), "acme", f, dunning.FinishTask{ID: "none"})
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
