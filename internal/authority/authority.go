// Package authority decides whether somebody may give a command about a case: by the
// permission that the command needs, and by the limits of their roles.
//
// It owns the table from commands to permissions and the reading of limits
// (config/roles.yaml). It does not own what a command does or whether it is possible now
// (package dunning), the matrix of roles and permissions (internal/identity), nor how a
// refusal is shown or recorded: console and API do that. Both give commands through
// Service.Do, so that what a person may do in one they may do in the other.
package authority

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"github.com/duly/duly/commands"
	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/identity"
)

// needs is the permission that each command asks for.
var needs = map[string]identity.Permission{
	"record_payment":  identity.Payment,
	"reverse_payment": identity.Payment,
	"place_hold":      identity.Hold,
	"lift_hold":       identity.Hold,
	"extend_hold":     identity.Hold,
	"raise_dispute":   identity.Dispute,
	"resolve_dispute": identity.Dispute,
	"make_promise":    identity.Promise,
	"agree_plan":      identity.Plan,
	"cancel_plan":     identity.Plan,
	"decline_offer":   identity.Plan,
	"take_lease":      identity.TakeOver,
	"hand_back":       identity.TakeOver,
	"log_contact":     identity.Call,
	"finish_task":     identity.Tasks, // at least; see ofTask
	"write_note":      identity.Note,
	"send_message":    identity.Message,
	"take_reply":      identity.Consent,
	"opt_out":         identity.Consent,
	"opt_in":          identity.Consent,
	"mark_point":      identity.Consent,
	"give_consent":    identity.Consent,
	"revoke_consent":  identity.Consent,
	"state_times":     identity.Consent,
	"state_wish":      identity.Consent,
	"withdraw_wish":   identity.Consent,
	"record_status":   identity.Consent,
	"describe_debt":   identity.Consent,
	"know_person":     identity.Consent,
	"know_location":   identity.Consent,
	"know_point":      identity.Consent,
	"record_notice":   identity.Consent,
	"receive_notice":  identity.Consent,
	"change_notice":   identity.Consent,
	"check_number":    identity.Consent,
	"report_delivery": identity.Operate,
	"waive_step":      identity.WriteOff,
	"recall":          identity.WriteOff,
}

// ofTask is who may end a task, by its kind: a draft is not approved by whoever may end
// tasks. Kinds that are left out need Tasks.
var ofTask = map[dunning.TaskKind]identity.Permission{
	dunning.TaskDraft:      identity.ApproveDraft,
	dunning.TaskApproval:   identity.ApproveReferral,
	dunning.TaskCall:       identity.Call,
	dunning.TaskEscalation: identity.TakeOver,
	dunning.TaskManual:     identity.Call,
}

// Of is the permission that a command of a name needs. A name that is not in the table
// needs one that nobody has: a new command is refused until somebody decides.
func Of(name string) identity.Permission {
	if p, ok := needs[name]; ok {
		return p
	}
	return "unknown_command"
}

// OfTask is the permission to end a task of a kind.
func OfTask(kind dunning.TaskKind) identity.Permission {
	if p, ok := ofTask[kind]; ok {
		return p
	}
	return identity.Tasks
}

// Refusal is a command that somebody may not give. Creditor is whose case it is.
type Refusal struct {
	Permission identity.Permission
	Creditor   string
	// Limit says which limit is exceeded, in words; "" when the permission is missing.
	Limit string
}

func (r *Refusal) Error() string {
	if r.Limit != "" {
		return r.Limit
	}
	return fmt.Sprintf("this needs the permission %q", r.Permission)
}

// Service gives commands within authority. All fields are required.
type Service struct {
	Commands *commands.Service
	// Roles are those of the published configuration, for their limits.
	Roles func(context.Context) ([]config.Role, error)
}

// Do gives a command about an account (ref.Case may be "") as somebody, under the debtor's
// lock and with fresh facts. Errors are those of commands.Service.Do, or a *Refusal.
func (s *Service) Do(ctx context.Context, who identity.Principal, ref dunning.CaseRef, name string, cmd dunning.Command) (commands.Result, error) {
	if name != "finish_task" && !who.Can(Of(name), ref.Creditor) {
		return commands.Result{}, &Refusal{Permission: Of(name), Creditor: ref.Creditor}
	}
	roles, err := s.Roles(ctx)
	if err != nil {
		return commands.Result{}, err
	}
	limits := limitsOf(who, ref.Creditor, roles)
	return s.Commands.Write(ctx, ref, func(f dunning.Facts, at time.Time) ([]dunning.Fact, error) {
		if err := check(who, ref.Creditor, limits, f, cmd, at); err != nil {
			return nil, err
		}
		return dunning.Handle(f, cmd, who.By, at)
	})
}

// limitsOf are the limits of the roles that somebody holds for a creditor. nil: none
// apply, because it is a program whose key was given the scope by a person.
func limitsOf(who identity.Principal, creditor string, roles []config.Role) []config.Limits {
	if len(who.Grants) == 0 && len(who.Scopes) > 0 {
		return nil
	}
	out := []config.Limits{{}}
	held := who.Roles(creditor)
	for _, r := range roles {
		if slices.Contains(held, identity.Role(r.ID)) {
			out = append(out, r.Limits)
		}
	}
	return out
}

// most is the widest of a limit over the roles, and whether any applies.
func most(limits []config.Limits, of func(config.Limits) int) (int, bool) {
	widest := 0
	for _, l := range limits {
		widest = max(widest, of(l))
	}
	return widest, limits != nil
}

// check holds a command against authority.
func check(who identity.Principal, creditor string, limits []config.Limits, f dunning.Facts, cmd dunning.Command, at time.Time) error {
	exceeded := func(p identity.Permission, format string, args ...any) error {
		return &Refusal{Permission: p, Creditor: creditor, Limit: fmt.Sprintf(format, args...)}
	}
	switch c := cmd.(type) {
	case dunning.FinishTask:
		return mayEnd(who, creditor, f, c)
	case dunning.MakePromise:
		if days, ok := most(limits, func(l config.Limits) int { return l.PromiseWithin }); ok && f.Today(at).AddDays(days).Before(c.Due) {
			return exceeded(identity.Promise, "your roles allow promises up to %d days from today; ask a supervisor", days)
		}
	case dunning.AgreePlan:
		n, first := max(c.Count, len(c.Instalments)), c.First
		if len(c.Instalments) > 0 {
			first = c.Instalments[0].Due
		}
		if most, ok := most(limits, func(l config.Limits) int { return l.PlanInstalments }); ok && n > most {
			return exceeded(identity.Plan, "your roles allow plans of up to %d instalments; ask a supervisor", most)
		}
		if days, ok := most(limits, func(l config.Limits) int { return l.PlanFirstDue }); ok && f.Today(at).AddDays(days).Before(first) {
			return exceeded(identity.Plan, "your roles allow the first instalment up to %d days from today; ask a supervisor", days)
		}
	case dunning.PlaceHold:
		if !protects(c.HoldKind) {
			return holdFor(limits, c.Until, at, exceeded)
		}
	case dunning.ExtendHold:
		if h := holdOf(f, c.ID); h != nil && !protects(h.HoldKind) {
			return holdFor(limits, c.Until, at, exceeded)
		}
	}
	return nil
}

// holdFor refuses holds that end later than the limit, or never.
func holdFor(limits []config.Limits, until, at time.Time, exceeded func(identity.Permission, string, ...any) error) error {
	days, ok := most(limits, func(l config.Limits) int { return l.HoldFor })
	if ok && (until.IsZero() || until.After(at.AddDate(0, 0, days))) {
		return exceeded(identity.Hold, "your roles allow holds of up to %d days with an end; ask a supervisor", days)
	}
	return nil
}

// protects tells holds that law or decency asks for: nobody needs more authority to stop.
func protects(k dunning.HoldKind) bool {
	return !slices.Contains([]dunning.HoldKind{dunning.HoldManual, dunning.HoldHardship, dunning.HoldRecall}, k)
}

func holdOf(f dunning.Facts, id string) *dunning.HoldState {
	for i := range f.Holds {
		if f.Holds[i].ID == id {
			return &f.Holds[i]
		}
	}
	return nil
}

// mayEnd asks for the permission of the task's kind. A task that is not there is left to
// the core, which says so; but only to who may end tasks of some kind.
func mayEnd(who identity.Principal, creditor string, f dunning.Facts, c dunning.FinishTask) error {
	for _, t := range f.Tasks {
		if t.ID == c.ID {
			if p := OfTask(t.Task); !who.Can(p, creditor) && !who.Can(identity.Tasks, creditor) || needsApproval(p) && !who.Can(p, creditor) {
				return &Refusal{Permission: p, Creditor: creditor}
			}
			return nil
		}
	}
	for _, p := range []identity.Permission{identity.Tasks, identity.Call, identity.TakeOver, identity.ApproveDraft, identity.ApproveReferral} {
		if who.Can(p, creditor) {
			return nil
		}
	}
	return &Refusal{Permission: identity.Tasks, Creditor: creditor}
}

func needsApproval(p identity.Permission) bool {
	return p == identity.ApproveDraft || p == identity.ApproveReferral
}

// AsRefusal is the refusal in an error, nil if there is none.
func AsRefusal(err error) *Refusal {
	var r *Refusal
	if errors.As(err, &r) {
		return r
	}
	return nil
}

// names are the names of commands by their types.
var names = func() map[reflect.Type]string {
	out := map[reflect.Type]string{}
	for _, name := range dunning.CommandNames() {
		if cmd, err := dunning.DecodeCommand(name, []byte("{}")); err == nil {
			out[reflect.TypeOf(cmd)] = name
		}
	}
	return out
}()

// Name is the name of a command, "" for one that has none.
func Name(cmd dunning.Command) string { return names[reflect.TypeOf(cmd)] }
