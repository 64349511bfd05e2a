package collect

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/duly/duly/config"
	"github.com/duly/duly/dunning"
	"github.com/duly/duly/dunning/money"
	"github.com/duly/duly/internal/authority"
	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/tell"
	"github.com/duly/duly/internal/web"
)

// Colleague is somebody who works on cases: who can be mentioned, and be given a case.
type Colleague struct {
	ID     string
	Handle string // the name that they sign in with, as after an @
	Name   string // for people
}

// limits are the authority of who fills in the form.
func (in input) limits() authority.Limits {
	return authority.LimitsOf(in.User, in.o.Creditor, in.o.config.Roles())
}

// within holds an order against authority, as the command itself will be: faults by input.
func (in input) within(f form, cmd dunning.Command) faults {
	err := authority.Check(in.User, in.o.Creditor, in.limits(), in.o.facts, cmd, in.o.at)
	if r := authority.AsRefusal(err); r != nil && r.Limit != "" {
		name := r.Field
		if name == "" {
			name = f.name
		}
		return faults{name: r.Limit}
	}
	return nil
}

// --- notes -----------------------------------------------------------------------

// mention is an @ and a name, not within a word: an email address mentions nobody.
var mention = regexp.MustCompile(`(^|[\s(,;:])@([a-z0-9][a-z0-9._-]*[a-z0-9])`)

// mentions are the ids of those whom a note names, and the names that nobody has.
func mentions(text string, people []Colleague) (ids, unknown []string) {
	for _, m := range mention.FindAllStringSubmatch(text, -1) {
		i := slices.IndexFunc(people, func(c Colleague) bool { return c.Handle == m[2] })
		switch {
		case i < 0:
			unknown = append(unknown, "@"+m[2])
		case !slices.Contains(ids, people[i].ID):
			ids = append(ids, people[i].ID)
		}
	}
	return ids, unknown
}

// handles are how colleagues are mentioned, for help and faults.
func handles(people []Colleague) string {
	var out []string
	for _, c := range people {
		out = append(out, "@"+c.Handle)
	}
	return strings.Join(out, " ")
}

func note(in input) (dunning.Command, map[string]string) {
	text := in.Value("text")
	if text == "" || len(text) > dunning.MaxNote {
		return nil, faults{"text": fmt.Sprintf("Write a note of up to %d characters.", dunning.MaxNote)}
	}
	ids, unknown := mentions(text, in.o.people)
	if len(unknown) > 0 {
		return nil, faults{"text": "Nobody who works on this case is called " + strings.Join(unknown, ", ") + ". There are " + handles(in.o.people) + "."}
	}
	return dunning.WriteNote{ID: in.id(), Text: text, Mentions: ids}, nil
}

// pinned puts a note that was just written on top, if that was asked for.
func pinned(in input, cmd dunning.Command) []dunning.Command {
	if n, ok := cmd.(dunning.WriteNote); ok && in.Value("pin") != "" {
		return []dunning.Command{dunning.PinNote{ID: n.ID}}
	}
	return nil
}

func pin(in input) (dunning.Command, map[string]string) {
	return dunning.PinNote{ID: in.Value("note")}, nil
}

func unpin(in input) (dunning.Command, map[string]string) {
	return dunning.UnpinNote{ID: in.Value("note")}, nil
}

func seen(in input) (dunning.Command, map[string]string) {
	return dunning.DismissMention{ID: in.Value("note"), User: userID(in.User)}, nil
}

func query(path, name, value string) string { return path + "?" + url.Values{name: {value}}.Encode() }

// Pinned are the notes on top of the case, the latest pin first.
func (p *casePage) Pinned() []dunning.NoteState {
	var out []dunning.NoteState
	for _, n := range p.facts.Notes {
		if !n.Pinned.IsZero() {
			out = append(out, n)
		}
	}
	slices.SortStableFunc(out, func(a, b dunning.NoteState) int { return b.Pinned.Compare(a.Pinned) })
	return out
}

// Mentioned are the notes that mention who looks and that they have not yet read.
func (p *casePage) Mentioned() []dunning.NoteState {
	var out []dunning.NoteState
	for _, n := range p.facts.Notes {
		if slices.Contains(n.Waits(), p.me) {
			out = append(out, n)
		}
	}
	return out
}

// Handles are how colleagues are mentioned.
func (p *casePage) Handles() string { return handles(p.people) }

// --- callbacks ---------------------------------------------------------------------

// instant reads a day and a time of the debtor's clock.
func (in input) instant(f faults) time.Time {
	day := in.date("day", f)
	clock, err := time.Parse("15:04", in.Value("time"))
	if err != nil {
		f["time"] = "Write a time as HH:MM, such as 16:30."
		return time.Time{}
	}
	return time.Date(day.Year, day.Month, day.Day, clock.Hour(), clock.Minute(), 0, 0, in.o.zone()).UTC()
}

func callback(in input) (dunning.Command, map[string]string) {
	f := faults{}
	c := dunning.SetCallback{ID: in.id(), When: in.instant(f), Owner: userID(in.User), Words: in.Value("about")}
	if in.Value("owner") == "anybody" {
		c.Owner = ""
	}
	return c, f
}

// wished records that the call was the debtor's wish: law reads that.
func wished(in input, cmd dunning.Command) []dunning.Command {
	c, ok := cmd.(dunning.SetCallback)
	if !ok || in.Value("asked") == "" {
		return nil
	}
	w := dunning.WishStated{ID: uuid.NewSHA1(uuid.MustParse(c.ID), []byte("wish")).String(), Wish: dunning.WishCallback}
	w.Medium, w.Words = "call", c.Words
	return []dunning.Command{dunning.StateWish{WishStated: w}}
}

func moveCallback(in input) (dunning.Command, map[string]string) {
	f := faults{}
	return dunning.MoveCallback{ID: in.Value("callback"), When: in.instant(f)}, f
}

func cancelCallback(in input) (dunning.Command, map[string]string) {
	return dunning.CancelCallback{ID: in.Value("callback")}, nil
}

// Callback is the call that was promised, nil for none.
func (p *casePage) Callback() *dunning.CallbackState { return p.facts.OpenCallback() }

// At is an instant on the debtor's clock for an input of a kind: day or time.
func (p *casePage) At(t time.Time, kind string) string {
	layout := time.DateOnly
	if kind == "time" {
		layout = "15:04"
	}
	return t.In(p.zone()).Format(layout)
}

// NextCall suggests when to call back: the next quarter of an hour three hours from now at
// which a call is allowed as far as can be said.
func (p *casePage) NextCall() time.Time {
	t := p.at.Add(3 * time.Hour).Truncate(15 * time.Minute)
	v := p.facts.Reach(t, dunning.Ask{Channel: dunning.Call, Purpose: "collect"})
	if !v.Allowed && v.NotBefore.After(t) {
		return v.NotBefore.Add(14 * time.Minute).Truncate(15 * time.Minute)
	}
	return t
}

// --- hand over -----------------------------------------------------------------------

func handOver(in input) (dunning.Command, map[string]string) {
	f := faults{}
	c := dunning.HandOver{ID: in.id(), Owner: in.Value("owner"), Until: in.leaseEnd(f), Words: in.Value("words")}
	team, isTeam := strings.CutPrefix(c.Owner, dunning.TeamOwner)
	queues := in.o.config.Queues()
	switch {
	case isTeam && !slices.ContainsFunc(queues, func(q config.Queue) bool { return q.ID == team }),
		!isTeam && !slices.ContainsFunc(in.o.people, func(c Colleague) bool { return c.ID == in.Value("owner") }):
		f["owner"] = "Choose a colleague or a team."
	}
	if c.Words == "" {
		f["words"] = "Say what the other is to know."
	}
	return c, f
}

// takenBack is how a case that was handed over is taken back.
func takenBack(in input) string {
	l := in.o.Standing.Lease
	if l == nil || l.Owner != userID(in.User) {
		return "back"
	}
	until := in.o.at.Add(leaseFor)
	return "handover?" + url.Values{"owner": {l.Owner}, "words": {"Taken back at once."}, "lease": {until.In(in.o.zone()).Format(time.DateOnly)}}.Encode()
}

// leaseEnd is the evening of the day that is named, else some days from now.
func (in input) leaseEnd(f faults) time.Time {
	if in.Value("lease") == "" {
		return in.o.at.Add(leaseFor)
	}
	day := in.date("lease", f)
	return time.Date(day.Year, day.Month, day.Day, 18, 0, 0, 0, in.o.zone()).UTC()
}

// Colleagues are those whom the case can be given to.
func (p *casePage) Colleagues() []Colleague {
	return slices.DeleteFunc(slices.Clone(p.people), func(c Colleague) bool { return c.ID == p.me })
}

// Teams are the queues that a case can be given to.
func (p *casePage) Teams() []config.Queue { return p.config.Queues() }

// Owner names who has a case: a person, or a team.
func (p *casePage) Owner(owner string) string { return ownerName(p.Names, owner) }

func ownerName(names map[string]string, owner string) string { return tell.People(names).Owner(owner) }

// MayGive reports whether who looks may give the case away.
func (p *casePage) MayGive() bool { return p.mayGive }

// --- settlements -----------------------------------------------------------------------

// settle offers to take less than all. What is above somebody's authority is proposed to
// somebody who has more.
func settle(in input) (dunning.Command, map[string]string) {
	f := faults{}
	c := dunning.OfferSettlement{ID: in.id(), Due: in.date("by", f), Accepted: in.Value("accepted") != ""}
	if given := in.Value("given"); given != "" && in.Value("take") == "" {
		c.Percent = in.number("given", 1, 99, f)
	} else {
		c.Amount = in.amount("take", f)
	}
	c.Approval = len(f) == 0 && !in.limits().Settles(in.o.facts.OfferOf(c))
	return c, f
}

func acceptSettlement(in input) (dunning.Command, map[string]string) {
	return dunning.AcceptSettlement{ID: in.Value("settlement")}, nil
}

func declineSettlement(in input) (dunning.Command, map[string]string) {
	return dunning.DeclineSettlement{ID: in.Value("settlement")}, nil
}

func withdrawSettlement(in input) (dunning.Command, map[string]string) {
	return dunning.WithdrawSettlement{ID: in.Value("settlement")}, nil
}

func withdrawPromise(in input) (dunning.Command, map[string]string) {
	return dunning.WithdrawPromise{ID: in.Value("promise")}, nil
}

func cancelMigration(in input) (dunning.Command, map[string]string) {
	return dunning.CancelMigration{ID: in.Value("migration")}, nil
}

// settling is what an order to settle comes to, in figures.
type settling struct {
	Pays, Of, GivenUp money.Amount
	Percent           string
	Approval          bool
	Within            string // authority in words
}

func settlingOf(in input, s dunning.SettlementOffered) *settling {
	l := in.limits()
	out := &settling{Pays: s.Amount, Of: s.Owed, GivenUp: s.GivenUp(), Percent: authority.Percent(s), Approval: s.Approval}
	most := l.Settlement[s.Owed.Currency()]
	out.Within = strconv.Itoa(l.SettlementPercent) + " %"
	if most.Minor() > 0 {
		out.Within += " and " + web.Money(most)
	}
	return out
}

// Settles says what a task asks to approve, nil for other tasks.
func (t taskView) Settles() *settling {
	if t.settles == nil {
		return nil
	}
	s := t.settles
	return &settling{Pays: s.Amount, Of: s.Owed, GivenUp: s.GivenUp(), Percent: authority.Percent(s.SettlementOffered)}
}

// Settleable reports whether a settlement can be offered.
func (p *casePage) Settleable() bool {
	return !p.Standing.Settlement.Live() && p.Plan == nil && p.Standing.Open > 0
}

// needOf is the permission by which a kind of task may be ended.
func needOf(kind dunning.TaskKind) identity.Permission { return authority.OfTask(kind) }
