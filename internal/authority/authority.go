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
	"strconv"
	"strings"
	"time"

	"github.com/duly/duly/commands"
	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
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

	"withdraw_promise":    identity.Promise,
	"hand_over":           identity.TakeOver,
	"pin_note":            identity.Note,
	"unpin_note":          identity.Note,
	"dismiss_mention":     identity.Note,
	"set_callback":        identity.Call,
	"move_callback":       identity.Call,
	"cancel_callback":     identity.Call,
	"offer_settlement":    identity.Settlement,
	"accept_settlement":   identity.Settlement,
	"decline_settlement":  identity.Settlement,
	"withdraw_settlement": identity.Settlement,
	"migrate":             identity.Migrate,
	"cancel_migration":    identity.Migrate,
}

// ofTask is who may end a task, by its kind: a draft is not approved by whoever may end
// tasks. Kinds that are left out need Tasks.
var ofTask = map[dunning.TaskKind]identity.Permission{
	dunning.TaskDraft:      identity.ApproveDraft,
	dunning.TaskApproval:   identity.ApproveReferral,
	dunning.TaskCall:       identity.Call,
	dunning.TaskEscalation: identity.TakeOver,
	dunning.TaskManual:     identity.Call,
	dunning.TaskReply:      identity.Call,
	dunning.TaskSettlement: identity.ApproveSettlement,
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
	// Field is the member of the command that is beyond the limit, such as "due"; "" for none.
	Field string
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
	limits := LimitsOf(who, ref.Creditor, roles)
	return s.Commands.Write(ctx, commands.Toward(ref, cmd), func(f dunning.Facts, at time.Time) ([]dunning.Fact, error) {
		if err := Check(who, ref.Creditor, limits, f, cmd, at); err != nil {
			return nil, err
		}
		return dunning.Handle(f, cmd, who.By, at)
	})
}

// Limits are what the roles that somebody holds for a creditor allow: of each limit the
// widest. Nothing else in Duly reads limits.
type Limits struct {
	config.Limits
	// None: no limit applies, because it is a program whose key was given the scope by a person.
	None bool
}

// LimitsOf are somebody's limits for a creditor.
func LimitsOf(who identity.Principal, creditor string, roles []config.Role) Limits {
	if len(who.Grants) == 0 && len(who.Scopes) > 0 {
		return Limits{None: true}
	}
	var out Limits
	held := who.Roles(creditor)
	for _, r := range roles {
		if slices.Contains(held, identity.Role(r.ID)) {
			out.widen(r.Limits)
		}
	}
	return out
}

func (l *Limits) widen(by config.Limits) {
	l.PromiseWithin, l.PlanInstalments = max(l.PromiseWithin, by.PromiseWithin), max(l.PlanInstalments, by.PlanInstalments)
	l.PlanFirstDue, l.HoldFor = max(l.PlanFirstDue, by.PlanFirstDue), max(l.HoldFor, by.HoldFor)
	l.SettlementPercent = max(l.SettlementPercent, by.SettlementPercent)
	for currency, most := range by.Settlement {
		if l.Settlement == nil {
			l.Settlement = map[string]money.Amount{}
		}
		if most.Minor() > l.Settlement[currency].Minor() {
			l.Settlement[currency] = most
		}
	}
}

// Settles reports whether a settlement is within the limits: by the part and by the amount
// that is given up. A currency without a limit allows none.
func (l Limits) Settles(s dunning.SettlementOffered) bool {
	most := l.Settlement[s.Owed.Currency()]
	return l.None || s.GivenUpPermille() <= 10*l.SettlementPercent && s.GivenUp().Minor() <= most.Minor()
}

// Check holds a command against authority beyond its permission; what a form asks before it
// is sent, and Do again. Errors are a *Refusal.
func Check(who identity.Principal, creditor string, limits Limits, f dunning.Facts, cmd dunning.Command, at time.Time) error {
	c := checking{who: who, creditor: creditor, limits: limits, facts: f, at: at}
	switch cmd := cmd.(type) {
	case dunning.FinishTask:
		return c.mayEnd(cmd)
	case dunning.HandOver, dunning.HandBack:
		return c.mayGiveAway()
	case dunning.DismissMention:
		if !limits.None && cmd.User != strings.TrimPrefix(who.By, "user:") {
			return c.beyond(identity.Note, "user", "Only who is mentioned can say that they have read it.")
		}
	case dunning.OfferSettlement:
		return c.settlement(cmd)
	}
	if limits.None {
		return nil
	}
	return c.days(cmd)
}

// checking is one command held against authority.
type checking struct {
	who      identity.Principal
	creditor string
	limits   Limits
	facts    dunning.Facts
	at       time.Time
}

func (c checking) beyond(p identity.Permission, field, format string, args ...any) error {
	return &Refusal{Permission: p, Creditor: c.creditor, Field: field, Limit: fmt.Sprintf(format, args...)}
}

// days are the limits that are counted in days and instalments.
func (c checking) days(cmd dunning.Command) error {
	switch cmd := cmd.(type) {
	case dunning.MakePromise:
		if n := c.limits.PromiseWithin; c.day(n).Before(cmd.Due) {
			return c.beyond(identity.Promise, "due", "You may accept promises up to %d days ahead, until %s. For longer ask a supervisor, or agree a plan.", n, c.day(n))
		}
	case dunning.AgreePlan:
		return c.plan(cmd)
	case dunning.PlaceHold:
		if !protects(cmd.HoldKind) {
			return c.holdFor(cmd.Until)
		}
	case dunning.ExtendHold:
		if h := c.facts.HoldMeant(cmd.ID, c.at); h != nil && !protects(h.HoldKind) {
			return c.holdFor(cmd.Until)
		}
	}
	return nil
}

// day is the debtor's day so many days from now.
func (c checking) day(n int) dunning.Date { return c.facts.Today(c.at).AddDays(n) }

func (c checking) plan(cmd dunning.AgreePlan) error {
	n, first := max(cmd.Count, len(cmd.Instalments)), cmd.First
	if len(cmd.Instalments) > 0 {
		first = cmd.Instalments[0].Due
	}
	if most := c.limits.PlanInstalments; n > most {
		return c.beyond(identity.Plan, "count", "You may agree up to %d instalments. For more ask a supervisor.", most)
	}
	if days := c.limits.PlanFirstDue; c.day(days).Before(first) {
		return c.beyond(identity.Plan, "first", "You may set the first instalment up to %d days ahead, until %s. For later ask a supervisor.", days, c.day(days))
	}
	return nil
}

// holdFor refuses holds that end later than the limit, or never.
func (c checking) holdFor(until time.Time) error {
	days := c.limits.HoldFor
	switch {
	case until.IsZero():
		return c.beyond(identity.Hold, "until", "Name the day on which it comes back, until %s. To hold it open ask a supervisor.", c.day(days))
	case until.After(c.at.AddDate(0, 0, days)):
		return c.beyond(identity.Hold, "until", "You may hold a case up to %d days, until %s. For longer ask a supervisor.", days, c.day(days))
	}
	return nil
}

// settlement refuses to give up more than the limit, unless approval is asked for.
func (c checking) settlement(cmd dunning.OfferSettlement) error {
	offer := c.facts.OfferOf(cmd)
	if cmd.Approval || offer.Owed.Minor() == 0 || offer.Amount.Minor() <= 0 || c.limits.Settles(offer) {
		return nil // what makes no sense the core refuses
	}
	return c.beyond(identity.Settlement, "amount", "This gives up %s (%s %%). You may give up to %d %% and %s. Ask for approval, or for more money.",
		offer.GivenUp(), tenths(offer.GivenUpPermille()), c.limits.SettlementPercent, c.limits.Settlement[offer.Owed.Currency()].Decimal())
}

// Percent is the part that a settlement gives up, for people: "12.5".
func Percent(s dunning.SettlementOffered) string { return tenths(s.GivenUpPermille()) }

// tenths writes thousandths as percent.
func tenths(permille int) string {
	if permille%10 == 0 {
		return strconv.Itoa(permille / 10)
	}
	return fmt.Sprintf("%d.%d", permille/10, permille%10)
}

// mayGiveAway: a case that a colleague has is theirs to give away, or a supervisor's; who
// handed it over may take it back.
func (c checking) mayGiveAway() error {
	for _, l := range c.facts.Leases {
		mine := l.Owner == strings.TrimPrefix(c.who.By, "user:") || dunning.IsTeam(l.Owner) || l.From == c.who.By
		if l.Ended.IsZero() && !mine && !c.limits.None && !c.who.Can(identity.Team, c.creditor) {
			return c.beyond(identity.TakeOver, "", "A colleague has the case. They can give it away, or a supervisor can.")
		}
	}
	return nil
}

// protects tells holds that law or decency asks for: nobody needs more authority to stop.
func protects(k dunning.HoldKind) bool {
	return !slices.Contains([]dunning.HoldKind{dunning.HoldManual, dunning.HoldHardship, dunning.HoldRecall}, k)
}

// mayEnd asks for the permission of the task's kind. A task that is not there is left to
// the core, which says so; but only to who may end tasks of some kind.
func (c checking) mayEnd(cmd dunning.FinishTask) error {
	can := func(p identity.Permission) bool { return c.who.Can(p, c.creditor) }
	for _, t := range c.facts.Tasks {
		if t.ID != cmd.ID {
			continue
		}
		p := OfTask(t.Task)
		if !can(p) && (!can(identity.Tasks) || needsApproval(p)) {
			return &Refusal{Permission: p, Creditor: c.creditor}
		}
		return c.mayApprove(cmd)
	}
	if slices.ContainsFunc([]identity.Permission{
		identity.Tasks, identity.Call, identity.TakeOver, identity.ApproveDraft, identity.ApproveReferral, identity.ApproveSettlement,
	}, can) {
		return nil
	}
	return &Refusal{Permission: identity.Tasks, Creditor: c.creditor}
}

// mayApprove: nobody approves a settlement of their own, nor one beyond their limits.
func (c checking) mayApprove(cmd dunning.FinishTask) error {
	s := c.facts.ToApprove(cmd.ID)
	switch {
	case s == nil || cmd.Outcome != "approved":
		return nil
	case s.By == c.who.By:
		return c.beyond(identity.ApproveSettlement, "", "You offered this settlement yourself: somebody else approves it.")
	case !c.limits.Settles(s.SettlementOffered):
		return c.beyond(identity.ApproveSettlement, "", "This gives up %s (%s %%), which is beyond your limits, too: up to %d %% and %s. Ask legal.",
			s.GivenUp(), tenths(s.GivenUpPermille()), c.limits.SettlementPercent, c.limits.Settlement[s.Owed.Currency()].Decimal())
	}
	return nil
}

func needsApproval(p identity.Permission) bool {
	return p == identity.ApproveDraft || p == identity.ApproveReferral || p == identity.ApproveSettlement
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
