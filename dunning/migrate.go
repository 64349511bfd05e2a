package dunning

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// A case keeps its version of a sequence until a previewed, recorded migration moves it
// (DESIGN 2.8). A person asks for it (Migrate → MigrationAsked); it takes effect at the
// first look at which nothing that was begun under the old version is unfinished
// (Migrated, a decision like any other). What is done stays done; what is new and lies
// behind an item is waived and recorded; what is new and lies ahead keeps its time.

type (
	// Migrate moves the case to another published version of its sequence, or to another
	// sequence. Setup.Target must be that version. Steps says which step of the new version
	// a step of the old one has become, where their ids differ. AtOnce accepts that a
	// message leaves within a day that would not have left so soon.
	Migrate struct {
		ID       string            `json:"id"`
		Sequence string            `json:"sequence,omitempty"` // "" = the one that it follows
		Version  string            `json:"sequence_version"`
		Steps    map[string]string `json:"steps,omitempty"`
		AtOnce   bool              `json:"at_once,omitempty"`
		Reason   string            `json:"reason"`
	}
	// CancelMigration takes back a migration that waits; ID "" means whichever does.
	CancelMigration struct {
		ID string `json:"id,omitempty"`
	}
)

func (Migrate) command()         {}
func (CancelMigration) command() {}

// MigrationAsked asks that the case moves to another version as soon as nothing begun
// under its own is unfinished.
type MigrationAsked struct {
	ID           string            `json:"id"`
	FromSequence string            `json:"from_sequence"`
	FromVersion  string            `json:"from_version"`
	Sequence     string            `json:"sequence"`
	Version      string            `json:"sequence_version"`
	Steps        map[string]string `json:"steps,omitempty"` // old step → new step, where the ids differ
	AtOnce       bool              `json:"at_once,omitempty"`
	Reason       string            `json:"reason"`
}

// MigrationEnded ends one that was asked for without moving the case. Outcome:
// withdrawn, replaced (another was asked for), closed (with the case), refused (a message
// would have left at once).
type MigrationEnded struct {
	ID      string `json:"id"`
	Outcome string `json:"outcome"`
}

// Migrated moves the case. It says for every item what became of its progress, so that
// what follows does not depend on the old version any more.
type Migrated struct {
	ID           string            `json:"id"`
	FromSequence string            `json:"from_sequence"`
	FromVersion  string            `json:"from_version"`
	Sequence     string            `json:"sequence"`
	Version      string            `json:"sequence_version"`
	Steps        map[string]string `json:"steps,omitempty"`
	Reason       string            `json:"reason,omitempty"`
	Moves        []ItemsMoved      `json:"moves"`
	Notices      []NoticeKept      `json:"notices,omitempty"`
	Since        []ItemSince       `json:"since,omitempty"` // of items that left the sequence once; facts written before it was kept have none
}

// ItemSince is since when an item stands where it does, and when it last came back, by the
// version followed so far: a bounce takes an item back from exhausted only if the step was
// its last by that version, so that the new one would read the same facts otherwise.
type ItemSince struct {
	Item     string    `json:"item"`
	Disposed time.Time `json:"disposed"`
	Revived  time.Time `json:"revived,omitzero"`
}

// ItemsMoved is what a migration does to items that stand alike.
type ItemsMoved struct {
	Items    []string    `json:"items"`
	From     string      `json:"from,omitempty"`    // the step that was next; "" = none was left
	To       string      `json:"to,omitempty"`      // the step that is next; "" = none is left
	Carried  []string    `json:"carried,omitempty"` // steps of the new version that count as done: they were, or were behind
	Waived   []string    `json:"waived,omitempty"`  // steps of the new version that will not run: their place or time is behind
	Standing Disposition `json:"standing"`
}

// NoticeKept is how many notice days a dispute's hold had by the old version.
type NoticeKept struct {
	Hold string `json:"hold"`
	Days int    `json:"days"`
}

// Kind implementations.
func (MigrationAsked) Kind() Kind { return "migration_asked" }
func (MigrationEnded) Kind() Kind { return "migration_ended" }
func (Migrated) Kind() Kind       { return "migrated" }

// MigrationState is a migration that was asked for, and its end.
type MigrationState struct {
	MigrationAsked
	By           string
	Asked, Ended time.Time
	Outcome      string // moved, or as in MigrationEnded; "" while it waits
}

// Name is the sequence and its version, as decisions name it: "id@version".
func (s *Sequence) Name() string {
	if s == nil {
		return ""
	}
	return s.ID + "@" + s.Version
}

// Current reports whether a setup has the versions that the facts of its case speak of: the
// one that it was last moved to, and the one that it is to move to. A setup that was loaded
// before its debtor was locked may be older than the facts, and is then to be loaded again.
// ref is what it was loaded for: a target that was asked for there and is not here cannot be
// read, and loading it again changes nothing.
func (s *Setup) Current(ref CaseRef, history []Fact) bool {
	follows, target := s.versions(history)
	unread := s.Target == nil && target == ref.TargetSequence+"@"+ref.TargetVersion
	return follows == s.Sequence.Name() && (target == "" || unread || target == s.Target.Name())
}

// Follows is Current for the version that is followed alone.
func (s *Setup) Follows(history []Fact) bool {
	follows, _ := s.versions(history)
	return follows == s.Sequence.Name()
}

// versions are what the facts of the case say that it follows and is to follow.
func (s *Setup) versions(history []Fact) (follows, target string) {
	follows = s.Sequence.Name()
	for _, x := range history {
		if x.Case != s.Case || x.Case == "" {
			continue
		}
		switch b := x.Body.(type) {
		case MigrationAsked:
			target = b.Sequence + "@" + b.Version
		case MigrationEnded: // what replaces another is asked for after the other has ended
			target = ""
		case Migrated:
			follows, target = b.Sequence+"@"+b.Version, ""
		}
	}
	return follows, target
}

// addMigration plays what was asked, ended and carried out.
func (f *Facts) addMigration(x Fact) {
	switch b := x.Body.(type) {
	case MigrationAsked:
		f.Migrations = append(f.Migrations, MigrationState{MigrationAsked: b, By: x.By, Asked: x.At})
	case MigrationEnded:
		f.endMigration(b.ID, b.Outcome, x.At)
	case Migrated:
		f.endMigration(b.ID, "moved", x.At)
		f.migrate(b, x.At)
		f.MigratedAt, f.moved, f.movedCase = x.At, &b, x.Case
	}
}

// LastMove is the last migration that took effect, nil when the account's cases never moved.
func (f *Facts) LastMove() *Migrated { return f.moved }

func (f *Facts) endMigration(id, outcome string, at time.Time) {
	endAll(f.Migrations, func(m *MigrationState) bool { return m.ID == id && m.Ended.IsZero() },
		func(m *MigrationState) { m.Ended, m.Outcome = at, outcome })
}

// follow makes the target the sequence when the last fact that moved the case led to it:
// facts are read with the version that was followed when they were loaded.
func (f *Facts) follow() {
	m, s, t := f.moved, f.Sequence, f.Target
	if m == nil || f.movedCase != f.Case || t == nil || s == nil || t.ID != m.Sequence || t.Version != m.Version || s.ID != m.FromSequence || s.Version != m.FromVersion {
		return
	}
	f.Sequence, f.Target = t, nil
}

// migrate carries progress over into the new version, as it is written in the fact.
func (f *Facts) migrate(b Migrated, at time.Time) {
	f.rename(b.Steps)
	for _, m := range b.Moves {
		for _, k := range m.Items {
			if it := f.item(k); it != nil {
				it.move(m, at)
			}
		}
	}
	for _, s := range b.Since {
		if it := f.item(s.Item); it != nil {
			it.disposed, it.revived = s.Disposed, s.Revived
		}
	}
	for _, n := range b.Notices {
		if h := f.holdOf(n.Hold, false); h != nil {
			h.Notice = n.Days
		}
	}
}

func (it *ItemState) move(m ItemsMoved, at time.Time) {
	it.from = ""
	for _, s := range m.Carried { // the instant of what was really done stays that of its own fact
		it.counted = append(it.counted, count{s, it.Round, "carried", time.Time{}})
	}
	for _, s := range m.Waived {
		it.counted = append(it.counted, count{s, it.Round, "waived", at})
	}
	if it.Disposition != m.Standing {
		it.Disposition, it.disposed = m.Standing, at
		if m.Standing == InSequence {
			it.revived = at
		}
	}
}

// rename gives steps their new ids in everything that happened so far.
func (f *Facts) rename(steps map[string]string) {
	if len(steps) == 0 {
		return
	}
	to := func(s *string) {
		if n, ok := steps[*s]; ok && *s != "" {
			*s = n
		}
	}
	for i := range f.Items {
		it := &f.Items[i]
		for j := range it.counted {
			to(&it.counted[j].step)
		}
		for j := range it.marks {
			to(&it.marks[j].step)
		}
	}
	for i := range f.Contacts {
		if c := &f.Contacts[i]; c.Account == f.Account {
			to(&c.Step)
			c.Items = slices.Clone(c.Items)
			for j := range c.Items {
				to(&c.Items[j].Step)
			}
		}
	}
	for i := range f.Tasks {
		to(&f.Tasks[i].Step)
	}
	for i := range f.Offers {
		to(&f.Offers[i].Step)
	}
}

// --- asking ------------------------------------------------------------------

// Migration is the one that was asked for and waits, nil when none does.
func (f *Facts) Migration() *MigrationState {
	for i := range f.Migrations {
		if f.Migrations[i].Ended.IsZero() {
			return &f.Migrations[i]
		}
	}
	return nil
}

func (f *Facts) handleMigration(c Command, at time.Time) ([]Fact, error) {
	if c, ok := c.(CancelMigration); ok {
		return f.cancelMigration(c, at)
	}
	m := c.(Migrate)
	if slices.ContainsFunc(f.Migrations, func(s MigrationState) bool { return s.ID == m.ID }) {
		return nil, nil
	}
	if err := f.mayMigrate(m); err != nil {
		return nil, err
	}
	asked := f.asks(m)
	if p := f.preview(asked, at); p.Outcome == MigrationRefused {
		return nil, fmt.Errorf("migrate: step %s would reach out at %s, within a day, and by the version followed now nothing would: allow it (at_once), or move the case later: %w",
			p.After.Step, p.After.At.UTC().Format(time.RFC3339), ErrConflict)
	}
	var out []Fact
	if w := f.Migration(); w != nil {
		out = append(out, f.fact(at, MigrationEnded{w.ID, "replaced"}))
	}
	return append(out, f.fact(at, asked)), nil
}

func (f *Facts) asks(m Migrate) MigrationAsked {
	return MigrationAsked{
		ID: m.ID, FromSequence: f.Sequence.ID, FromVersion: f.Sequence.Version, Sequence: f.Target.ID, Version: f.Target.Version,
		Steps: stepMap(m.Steps), AtOnce: m.AtOnce, Reason: m.Reason,
	}
}

// stepMap leaves out what changes nothing.
func stepMap(steps map[string]string) map[string]string {
	out := maps.Clone(steps)
	maps.DeleteFunc(out, func(from, to string) bool { return from == to })
	if len(out) == 0 {
		return nil
	}
	return out
}

func (f *Facts) mayMigrate(m Migrate) error {
	switch t := f.Target; {
	case f.Case == "" || !f.CaseOpen || f.Sequence == nil:
		return fmt.Errorf("migrate: only an open case follows a sequence; one that is closed keeps its version: %w", ErrConflict)
	case m.ID == "" || m.Reason == "":
		return fmt.Errorf("migrate: needs an id and a reason: %w", ErrInvalid)
	case t == nil || t.Version != m.Version || m.Sequence != "" && t.ID != m.Sequence || m.Sequence == "" && t.ID != f.Sequence.ID:
		return fmt.Errorf("migrate: that is no published version of the sequence: %w", ErrUnknown) // and does not repeat what was sent
	case t.Name() == f.Sequence.Name():
		return fmt.Errorf("migrate: the case follows that version already: %w", ErrConflict)
	}
	return checkSteps(f.Sequence, f.Target, m.Steps)
}

// StepsOf are the entries of a map whose old step a version has: one map may serve cases of
// several versions.
func StepsOf(s *Sequence, steps map[string]string) map[string]string {
	out := maps.Clone(steps)
	maps.DeleteFunc(out, func(from, _ string) bool { return s.StepIndex(from) < 0 })
	return out
}

// checkSteps refuses a map that names steps that are not there.
func checkSteps(from, to *Sequence, steps map[string]string) error {
	for _, k := range slices.Sorted(maps.Keys(steps)) {
		if from.StepIndex(k) < 0 {
			return fmt.Errorf("migrate: the version followed now has no step %q: %w", k, ErrInvalid)
		}
		if to.StepIndex(steps[k]) < 0 {
			return fmt.Errorf("migrate: the new version has no step %q for %s to become: %w", steps[k], k, ErrInvalid)
		}
	}
	return nil
}

func (f *Facts) cancelMigration(c CancelMigration, at time.Time) ([]Fact, error) {
	for i := range f.Migrations {
		m := &f.Migrations[i]
		switch {
		case c.ID != "" && m.ID != c.ID, c.ID == "" && !m.Ended.IsZero():
			continue
		case m.Outcome == "moved":
			return nil, fmt.Errorf("migration: the case has moved; to move it back is another migration: %w", ErrConflict)
		case !m.Ended.IsZero():
			return nil, nil
		}
		return []Fact{f.fact(at, MigrationEnded{m.ID, "withdrawn"})}, nil
	}
	return nil, fmt.Errorf("migration: none waits on this case: %w", ErrUnknown)
}

// --- taking effect -----------------------------------------------------------

// judgeMigration moves the case as soon as nothing is unfinished.
func (f *Facts) judgeMigration(at time.Time) []Fact {
	m := f.Migration()
	if m == nil || f.Target == nil || !f.CaseOpen || f.Target.ID != m.Sequence || f.Target.Version != m.Version {
		return nil
	}
	switch p := f.preview(m.MigrationAsked, at); p.Outcome {
	case MigrationRefused:
		return []Fact{f.fact(at, MigrationEnded{m.ID, "refused"})}
	case MigrationMoves:
		return f.moving(m.MigrationAsked, p.Moves, at)
	}
	return nil
}

// voided are kinds of open tasks that ask about a step of the old version: they are
// answered by asking again, if the new version still has a reason to.
var voided = []TaskKind{TaskDraft, TaskParked, TaskCatchUp, TaskFailed}

// moving are the facts of a migration that takes effect now.
func (f *Facts) moving(m MigrationAsked, moves []ItemsMoved, at time.Time) []Fact {
	var out []Fact
	for i := range f.Tasks {
		if t := &f.Tasks[i]; t.Ended.IsZero() && slices.Contains(voided, t.Task) {
			out = append(out, f.fact(at, TaskEnded{ID: t.ID, Outcome: outcomeMoot}))
		}
	}
	b := Migrated{
		ID: m.ID, FromSequence: f.Sequence.ID, FromVersion: f.Sequence.Version, Sequence: m.Sequence, Version: m.Version,
		Steps: m.Steps, Reason: m.Reason, Moves: moves,
	}
	for i := range f.Items {
		if it := &f.Items[i]; !it.disposed.IsZero() {
			b.Since = append(b.Since, ItemSince{it.Key, it.disposed, it.revived})
		}
	}
	for i := range f.Holds { // the default of the version by which it was resolved
		if h := &f.Holds[i]; h.HoldKind == HoldDispute && h.Outcome == "rejected" {
			b.Notices = append(b.Notices, NoticeKept{h.ID, h.Notice})
		}
	}
	return append(out, f.fact(at, b))
}

// unfinished is what was begun under the version followed now and keeps a migration
// waiting; until is when it ends by itself at the latest, zero when only a fact ends it.
func (f *Facts) unfinished(m MigrationAsked, at time.Time) (why string, until time.Time) {
	for _, look := range []func(time.Time) (wait, bool){
		f.waitPlan, f.waitPromise, f.waitSettled, f.waitSettlement, f.waitLease, f.waitUnknown, f.waitOffer,
	} {
		if w, ok := look(at); ok {
			return w.state, w.until
		}
	}
	for i := range f.Tasks {
		t := &f.Tasks[i]
		if t.Ended.IsZero() && t.Task != TaskSupervisor && t.Task != TaskReply && !slices.Contains(voided, t.Task) {
			return "task:" + string(t.Task), t.Until
		}
	}
	if f.halfSent() {
		return "step", time.Time{}
	}
	if f.inOutbox(m.Steps) {
		return "letter", time.Time{}
	}
	return "delivery", f.mayBounce(m.Steps, at)
}

// halfSent reports whether a step of which one channel has left still has others to send.
func (f *Facts) halfSent() bool {
	return slices.ContainsFunc(f.Items, func(it ItemState) bool {
		if !f.collectable(&it) {
			return false
		}
		n := f.nextStep(&it)
		return n < len(f.Sequence.Steps) && rung{item: &it, step: n}.begun(&f.Sequence.Steps[n])
	})
}

// mayBounce is until when a message may still come back that would re-open an entry which
// the new version does not have as it was: until then the step is not behind the item for
// certain. Zero: nothing may.
func (f *Facts) mayBounce(steps map[string]string, at time.Time) (until time.Time) {
	for i := range f.Contacts {
		c := &f.Contacts[i]
		if end := c.Moved.Add(bounceWindow); end.After(at) && f.otherEntries(c, steps) {
			until = later(until, end)
		}
	}
	return until
}

// inOutbox reports whether a letter waits that may still be called off, however late, and
// would then re-open an entry which the new version does not have as it was.
func (f *Facts) inOutbox(steps map[string]string) bool {
	for i := range f.Contacts {
		if c := &f.Contacts[i]; c.waits && f.otherEntries(c, steps) {
			return true
		}
	}
	return false
}

// otherEntries reports whether a message that was accepted did a step whose entries are
// others in the new version.
func (f *Facts) otherEntries(c *ContactFacts, steps map[string]string) bool {
	if c.Account != f.Account || c.Logged != nil || c.State != ContactAccepted {
		return false
	}
	return slices.ContainsFunc(c.Items, func(l ItemLine) bool {
		n, to := f.Sequence.StepIndex(l.Step), f.Target.StepIndex(image(steps, l.Step))
		return n >= 0 && to >= 0 && !sameEntries(&f.Sequence.Steps[n], &f.Target.Steps[to])
	})
}

// image is the id that a step has in the new version.
func image(steps map[string]string, step string) string {
	if to, ok := steps[step]; ok {
		return to
	}
	return step
}

// sameEntries reports whether two steps send by the same channels in the same order, so
// that an entry which left for the one has left for the other.
func sameEntries(a, b *Step) bool {
	if a.Verb != b.Verb || len(a.entries()) != len(b.entries()) || (a.Complete == CompleteAny) != (b.Complete == CompleteAny) {
		return false
	}
	for i, e := range a.entries() {
		if !slices.EqualFunc(e.alternatives(), b.entries()[i].alternatives(), func(x, y Channeled) bool { return x.Channel == y.Channel }) {
			return false
		}
	}
	return true
}

// moves is what becomes of every item's progress.
func (f *Facts) moves(m MigrationAsked, at time.Time) []ItemsMoved {
	g := f.clone()
	g.rename(m.Steps)
	g.Sequence, g.Target = f.Target, nil
	var out []ItemsMoved
	for i := range f.Items {
		mv := f.moveOf(&f.Items[i], &g, &g.Items[i], m.Steps, at)
		same := func(o ItemsMoved) bool {
			return o.From == mv.From && o.To == mv.To && o.Standing == mv.Standing && slices.Equal(o.Carried, mv.Carried) && slices.Equal(o.Waived, mv.Waived)
		}
		if n := slices.IndexFunc(out, same); n >= 0 {
			out[n].Items = append(out[n].Items, mv.Items...)
			continue
		}
		out = append(out, mv)
	}
	return out
}

// moveOf is what becomes of one item's progress: it by the old version, in g by the new.
func (f *Facts) moveOf(it *ItemState, g *Facts, in *ItemState, steps map[string]string, at time.Time) ItemsMoved {
	mv := ItemsMoved{Items: []string{it.Key}, From: f.Sequence.stepID(f.nextStep(it)), Standing: it.Disposition}
	behind, known := f.behind(it, steps), map[string]bool{}
	for i := range f.Sequence.Steps {
		known[image(steps, f.Sequence.Steps[i].ID)] = true
	}
	last := -1
	in.from = ""
	for i := range g.Sequence.Steps {
		s := &g.Sequence.Steps[i]
		if !behind[s.ID] {
			continue
		}
		last = i
		if !g.stepDone(in, s) || !f.alike(steps, s) {
			mv.Carried = append(mv.Carried, s.ID)
			in.counted = append(in.counted, count{s.ID, in.Round, "carried", time.Time{}})
		}
	}
	mv.Waived = g.waives(in, last, behind, known, at)
	mv.To = g.Sequence.stepID(g.nextStep(in))
	return mv
}

// alike reports whether a step of the new version sends as every old step does that has
// become it.
func (f *Facts) alike(steps map[string]string, s *Step) bool {
	for i := range f.Sequence.Steps {
		if old := &f.Sequence.Steps[i]; image(steps, old.ID) == s.ID && !sameEntries(old, s) {
			return false
		}
	}
	return true
}

// behind are the ids, in the new version, of the steps that an item has behind it.
func (f *Facts) behind(it *ItemState, steps map[string]string) map[string]bool {
	out, next := map[string]bool{}, f.nextStep(it)
	for i := range f.Sequence.Steps {
		if s := &f.Sequence.Steps[i]; i < next || f.stepDone(it, s) {
			out[image(steps, s.ID)] = true
		}
	}
	return out
}

// waives are the steps of the new version that will not run for an item: new ones that
// stand before a step it has behind it, and new ones whose day has passed and before which
// nothing is left to do. A step that both versions have is never waived: it is owed still.
func (f *Facts) waives(it *ItemState, last int, behind, known map[string]bool, at time.Time) (out []string) {
	fresh, ahead := len(it.counted) == 0 && len(it.marks) == 0, false
	entry := -1
	if fresh && f.Sequence.Entry == EntryMatching && len(f.Sequence.Steps) > 0 {
		entry = f.lastMatured(rung{item: it}, later(f.CaseSince, it.known)) - 1
	}
	for i := range f.Sequence.Steps {
		s := &f.Sequence.Steps[i]
		if behind[s.ID] {
			continue
		}
		begun := it.Disposition != InSequence && rung{item: it}.begun(s)
		over := i < last || it.Disposition == Exhausted || !ahead && f.passedBy(it, i, at)
		if i <= entry || begun && !f.stepDone(it, s) || !known[s.ID] && over {
			out = append(out, s.ID)
			it.counted = append(it.counted, count{s.ID, it.Round, "waived", at})
			continue
		}
		ahead = ahead || i > last
	}
	return out
}

// passedBy reports whether the day on which a step matures for an item is over.
func (f *Facts) passedBy(it *ItemState, step int, at time.Time) bool {
	t, ok := f.matures(it, step, f.stopsOf(it))
	return ok && !t.IsZero() && !f.daysAfter(t, 1).After(at)
}

// stepID is the id of a step by its index, "" after the last.
func (s *Sequence) stepID(i int) string {
	if i >= len(s.Steps) {
		return ""
	}
	return s.Steps[i].ID
}

// --- preview -----------------------------------------------------------------

// Outcomes of a migration as a preview tells them.
const (
	MigrationMoves   = "moves"   // now
	MigrationWaits   = "waits"   // when what Why names has ended
	MigrationRefused = "refused" // it would reach out at once, and AtOnce does not allow it
)

// MigrationPreview says what a migration would do to a case as it stands.
type MigrationPreview struct {
	Outcome string    `json:"outcome"`
	Why     string    `json:"why,omitempty"`   // waits: plan, promise, settlement, lease, unknown, offer, task:…, step, letter, delivery · refused: at_once
	Until   time.Time `json:"until,omitzero"`  // waits: when that ends by itself at the latest
	Before  Outlook   `json:"before,omitzero"` // the next thing by the version followed now
	After   Outlook   `json:"after,omitzero"`  // the next thing by the target, when it moves now
	AtOnce  bool      `json:"at_once,omitempty"`

	Moves []ItemsMoved `json:"moves,omitempty"`
}

// Outlook is the next thing that a case will do if nothing else happens.
type Outlook struct {
	Verb    Verb      `json:"verb,omitempty"`
	Step    string    `json:"step,omitempty"`
	Channel Channel   `json:"channel,omitempty"`
	At      time.Time `json:"at,omitzero"`
	Waiting string    `json:"waiting,omitempty"` // when nothing but a fact brings the next thing
	Reason  string    `json:"reason,omitempty"`  // of closing
	Reaches bool      `json:"reaches,omitempty"` // reaches the debtor, or hands the debt on, within a day
}

// PreviewMigration tells what Migrate would do now: the same rules, nothing written. Its
// errors are those of the command, except that what would be refused for reaching out at
// once is an outcome.
func PreviewMigration(f Facts, m Migrate, at time.Time) (MigrationPreview, error) {
	if err := f.mayMigrate(m); err != nil {
		return MigrationPreview{}, err
	}
	return f.preview(f.asks(m), at), nil
}

func (f *Facts) preview(m MigrationAsked, at time.Time) MigrationPreview {
	old := f.clone()
	old.Migrations = nil
	p := MigrationPreview{Outcome: MigrationMoves, Before: NextThing(old, at)}
	if why, until := f.unfinished(m, at); why != "delivery" || !until.IsZero() {
		p.Outcome, p.Why, p.Until = MigrationWaits, why, until
		return p
	}
	p.Moves = f.moves(m, at)
	moved, err := old.Apply(f.moving(m, p.Moves, at))
	if err != nil { // cannot be: the facts are the core's own
		p.Outcome, p.Why = MigrationRefused, err.Error()
		return p
	}
	p.After = NextThing(moved, at)
	p.AtOnce = p.After.Reaches && !p.Before.Reaches
	if p.AtOnce && !m.AtOnce {
		p.Outcome, p.Why = MigrationRefused, "at_once"
	}
	return p
}

// WaitingMigration is the migration that waits on a case, and what it waits for at an
// instant: Why and Until of the preview; both are empty when it is to take effect at the
// next look. ok is false when none waits.
func WaitingMigration(f Facts, at time.Time) (m MigrationState, p MigrationPreview, ok bool) {
	w := f.Migration()
	if w == nil || !f.CaseOpen {
		return m, p, false
	}
	p.Outcome = MigrationMoves
	if f.Sequence == nil || f.Target == nil { // what it leads to was not loaded
		return *w, p, true
	}
	if why, until := f.unfinished(w.MigrationAsked, at); why != "delivery" || !until.IsZero() {
		p.Outcome, p.Why, p.Until = MigrationWaits, why, until
	}
	return *w, p, true
}

// reaching are verbs by which the debtor is reached, or the debt handed on.
var reaching = []Verb{VerbSend, VerbOffer, VerbCall, VerbRefer}

// maxOutlook bounds how many waits in a row an outlook follows.
const maxOutlook = 40

// NextThing follows a case through its waits until it does something, as if nothing else
// happened. It reads its arguments only.
func NextThing(f Facts, at time.Time) Outlook {
	f.Record = false
	soon := at.Add(24 * time.Hour)
	for range maxOutlook {
		g, made, err := Settle(f, at)
		if err != nil {
			return Outlook{Waiting: "unsettled"}
		}
		f = g
		d := made[len(made)-1]
		switch {
		case d.due(at) && d.Verb != VerbLook:
			return Outlook{Verb: d.Verb, Step: d.Step, Channel: d.Channel(), At: at, Reason: d.Reason, Reaches: slices.Contains(reaching, d.Verb) && at.Before(soon)}
		case d.WakeAt.IsZero():
			return Outlook{Waiting: d.Waiting}
		case !d.WakeAt.After(at):
			return Outlook{Waiting: d.Waiting, At: d.WakeAt}
		}
		at = d.WakeAt
	}
	return Outlook{Waiting: "far", At: at}
}

// movesBefore makes a decision that would sleep past the instant at which a waiting
// migration may take effect look again then.
func (f *Facts) movesBefore(d Decision, at time.Time) Decision {
	m := f.Migration()
	if m == nil || f.Target == nil || !f.CaseOpen || d.due(at) {
		return d
	}
	why, until := f.unfinished(m.MigrationAsked, at)
	if why == "delivery" && until.After(at) && (d.WakeAt.IsZero() || until.Before(d.WakeAt)) {
		return Decision{Verb: VerbLook, Waiting: "migration", WakeAt: until}
	}
	return d
}
