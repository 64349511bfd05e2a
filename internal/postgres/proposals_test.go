package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/duly/duly/internal/identity"
	"github.com/duly/duly/internal/pgtest"
	"github.com/duly/duly/internal/postgres"
	"github.com/duly/duly/internal/proposal"
)

// office is a store with a release in force and people.
type office struct {
	*postgres.Store
	t                 *testing.T
	ann, bob, cat     string // "user:<id>"
	annsKey, bobsKey  string // "key:<id>"
	disabled, nowhere string
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{Store: pgtest.New(t), t: t, nowhere: "user:" + uuid.NewString()}
	o.ann, o.bob, o.cat, o.disabled = o.user("ann"), o.user("bob"), o.user("cat"), o.user("dan")
	o.must(o.Disable(t.Context(), strings.TrimPrefix(o.disabled, "user:"), noon))
	o.annsKey, o.bobsKey = o.key(o.ann), o.key(o.bob)
	o.publish("r1")
	return o
}

func (o *office) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) user(name string) string {
	o.t.Helper()
	id, err := o.AddUser(o.t.Context(), identity.User{Name: name, Created: noon})
	o.must(err)
	return "user:" + id
}

func (o *office) key(by string) string {
	o.t.Helper()
	id := strings.ReplaceAll(uuid.NewString(), "-", "")[:12]
	o.must(o.AddKey(o.t.Context(), identity.HashToken(id), identity.Key{ID: id, Name: "k", Creditor: "*", Scopes: []identity.Permission{identity.Publish, identity.Approve}, By: by, Created: noon}))
	return "key:" + id
}

func (o *office) publish(version string) {
	o.t.Helper()
	_, err := o.PublishRelease(o.t.Context(), postgres.Release{Version: version, Published: noon, By: "cli", Files: of("a.yaml", version), Sequences: map[string]string{"s": version}})
	o.must(err)
}

func of(pairs ...string) map[string][]byte {
	out := map[string][]byte{}
	for i := 0; i+1 < len(pairs); i += 2 {
		out[pairs[i]] = []byte(pairs[i+1])
	}
	return out
}

// propose keeps a proposal of a release by that name and returns its id.
func (o *office) propose(by, release, base, follows string) string {
	o.t.Helper()
	id, err := o.tryPropose(by, release, base, follows)
	o.must(err)
	return id
}

func (o *office) tryPropose(by, release, base, follows string) (string, error) {
	p := proposal.Proposal{ID: uuid.NewString(), Release: release, Base: base, By: by, Reason: "kinder words", Made: noon, Follows: follows}
	return p.ID, o.Propose(o.t.Context(), p, of("a.yaml", release, "b.yaml", ""), map[string]string{"s": release})
}

func (o *office) end(id, by string, v proposal.Verdict) error {
	return o.EndProposal(o.t.Context(), id, proposal.End{Verdict: v, By: by, Words: "looked at it", At: noon.Add(time.Hour)})
}

func (o *office) inForce() string {
	o.t.Helper()
	v, _, err := o.CurrentVersion(o.t.Context())
	o.must(err)
	return v
}

func TestAnApprovedProposalIsInForce(t *testing.T) {
	o := newOffice(t)
	id := o.propose(o.ann, "r2", "r1", "")
	open, err := o.Proposals(t.Context(), true)
	if err != nil || len(open) != 1 {
		t.Fatalf("%d open, %v", len(open), err)
	}
	want := proposal.Proposal{
		ID: id, Release: "r2", Base: "r1", By: o.ann, Person: strings.TrimPrefix(o.ann, "user:"), Reason: "kinder words", Made: noon,
		Changes: []proposal.Change{{Path: "a.yaml", What: "changed"}, {Path: "b.yaml", What: "added"}},
	}
	if !cmp.Equal(open[0], want) {
		t.Error(cmp.Diff(want, open[0]))
	}
	if o.inForce() != "r1" {
		t.Error("a proposal came into force by being made")
	}
	o.must(o.end(id, o.bob, proposal.Approved))
	r, ok, err := o.CurrentRelease(t.Context())
	if err != nil || !ok || r.Version != "r2" || string(r.Files["a.yaml"]) != "r2" || r.Files["b.yaml"] == nil || r.By != o.ann {
		t.Errorf("in force is %+v, %v", r, err)
	}
	if from, err := o.ReleaseOf(t.Context(), "s", "r2"); from != "r2" || err != nil {
		t.Errorf("the sequence came with %q, %v", from, err)
	}
	all, err := o.Activations(t.Context())
	if last := all[len(all)-1]; err != nil || last.Proposal != id || last.By != o.bob || last.Reason != "kinder words" || last.Back {
		t.Errorf("put into force: %+v, %v", last, err)
	}
	got, files, err := o.Proposal(t.Context(), id)
	if err != nil || got.Open() || got.End.Verdict != proposal.Approved || got.End.By != o.bob || got.End.Words != "looked at it" || len(files) != 2 {
		t.Errorf("afterwards: %+v, %v", got, err)
	}
	if open, err = o.Proposals(t.Context(), true); err != nil || len(open) != 0 {
		t.Errorf("%d are open still, %v", len(open), err)
	}
	if _, _, err := o.Proposal(t.Context(), uuid.NewString()); !errors.Is(err, postgres.ErrNotFound) {
		t.Errorf("a proposal that is not there: %v", err)
	}
}

func TestWhoMayEndAProposal(t *testing.T) {
	o := newOffice(t)
	made := func(by string) func() string {
		return func() string { return o.propose(by, "p"+uuid.NewString(), "r1", "") }
	}
	anew := func() string {
		return o.propose(o.bob, "p"+uuid.NewString(), "r1", o.propose(o.ann, "p"+uuid.NewString(), "r1", ""))
	}
	twins := func() string {
		v := "p" + uuid.NewString()
		o.propose(o.ann, v, "r1", "")
		return o.propose(o.bob, v, "r1", "")
	}
	for _, c := range []struct {
		why  string
		make func() string
		by   string
		v    proposal.Verdict
		want error
	}{
		{"the maker approves", made(o.ann), o.ann, proposal.Approved, proposal.ErrOwn},
		{"the maker rejects", made(o.ann), o.ann, proposal.Rejected, proposal.ErrOwn},
		{"the maker's key approves", made(o.ann), o.annsKey, proposal.Approved, proposal.ErrOwn},
		{"the owner of the key that made it approves", made(o.annsKey), o.ann, proposal.Approved, proposal.ErrOwn},
		{"the key that made it approves", made(o.annsKey), o.annsKey, proposal.Approved, proposal.ErrOwn},
		{"another key of the owner of the key that made it approves", made(o.annsKey), o.key(o.ann), proposal.Approved, proposal.ErrOwn},
		{"a key that was made with the key that made it approves", made(o.annsKey), o.key(o.annsKey), proposal.Approved, proposal.ErrOwn},
		{"the maker of the proposal that this one was made from approves", anew, o.ann, proposal.Approved, proposal.ErrOwn},
		{"whoever made it anew approves", anew, o.bob, proposal.Approved, proposal.ErrOwn},
		{"the maker of another proposal of the very same content approves", twins, o.ann, proposal.Approved, proposal.ErrOwn},
		{"the command line approves", made(o.ann), "cli", proposal.Approved, proposal.ErrNobody},
		{"a name that is no user's id approves", made(o.ann), "user:bob", proposal.Approved, proposal.ErrNobody},
		{"a user who is not there approves", made(o.ann), o.nowhere, proposal.Approved, proposal.ErrNobody},
		{"a user who is shut out approves", made(o.ann), o.disabled, proposal.Approved, proposal.ErrNobody},
		{"a key that is not there approves", made(o.ann), "key:none", proposal.Approved, proposal.ErrNobody},
		{"another withdraws", made(o.ann), o.bob, proposal.Withdrawn, proposal.ErrMaker},
		{"the maker withdraws", made(o.ann), o.ann, proposal.Withdrawn, nil},
		{"the owner withdraws what the key made", made(o.annsKey), o.ann, proposal.Withdrawn, nil},
		{"another rejects", made(o.ann), o.bob, proposal.Rejected, nil},
		{"a third approves what was made anew", anew, o.cat, proposal.Rejected, nil},
		{"nothing of the kind", made(o.ann), o.bob, "postponed", postgres.ErrRefused},
	} {
		t.Run(c.why, func(t *testing.T) {
			id := c.make()
			if err := o.end(id, c.by, c.v); !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
			if o.inForce() != "r1" {
				t.Fatal("it came into force")
			}
			p, _, err := o.Proposal(t.Context(), id)
			if o.must(err); p.Open() != (c.want != nil) {
				t.Errorf("open is %v", p.Open())
			}
		})
	}
	if err := o.EndProposal(t.Context(), o.propose(o.ann, "x1", "r1", ""), proposal.End{Verdict: proposal.Rejected, By: o.bob, Words: "  ", At: noon}); !errors.Is(err, proposal.ErrWords) {
		t.Errorf("a rejection without words: %v", err)
	}
	if err := o.end(uuid.NewString(), o.bob, proposal.Approved); err == nil {
		t.Error("a proposal that is not there was approved")
	}
}

func TestMadeByKnowsTheWholeChain(t *testing.T) {
	o := newOffice(t)
	id := o.propose(o.bob, "r3", "r1", o.propose(o.annsKey, "r2", "r1", ""))
	for by, want := range map[string]bool{o.ann: true, o.bob: true, o.cat: false} {
		if made, err := o.MadeBy(t.Context(), id, strings.TrimPrefix(by, "user:")); made != want || err != nil {
			t.Errorf("%s: %v, %v; want %v", by, made, err, want)
		}
	}
}

func TestWhatMayBeProposed(t *testing.T) {
	o := newOffice(t)
	for _, c := range []struct {
		why, by, release, base string
		want                   error
	}{
		{"by the command line", "cli", "p1", "r1", proposal.ErrNobody},
		{"by nobody", "", "p2", "r1", proposal.ErrNobody},
		{"by a user who is shut out", o.disabled, "p3", "r1", proposal.ErrNobody},
		{"over what was never in force", o.ann, "p4", "r9", proposal.ErrStale},
		{"what is in force", o.ann, "r1", "r1", proposal.ErrSame},
		{"by a user", o.ann, "p5", "r1", nil},
		{"by a key", o.annsKey, "p6", "r1", nil},
	} {
		if _, err := o.tryPropose(c.by, c.release, c.base, ""); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.why, err, c.want)
		}
	}
	o.publish("r2")
	if _, err := o.tryPropose(o.ann, "p7", "r1", ""); !errors.Is(err, proposal.ErrStale) {
		t.Errorf("over what is no longer in force: %v", err)
	}
	p := proposal.Proposal{ID: uuid.NewString(), Release: "p8", Base: "r2", By: o.ann, Reason: "x", Made: noon}
	if err := o.Propose(t.Context(), p, nil, nil); !errors.Is(err, proposal.ErrReason) {
		t.Errorf("without a reason: %v", err)
	}
}

func TestAProposalOverAnOldReleaseIsNotApproved(t *testing.T) {
	o := newOffice(t)
	old, other := o.propose(o.ann, "r2", "r1", ""), o.propose(o.ann, "r3", "r1", "")
	o.must(o.end(other, o.bob, proposal.Approved))
	if err := o.end(old, o.bob, proposal.Approved); !errors.Is(err, proposal.ErrStale) || o.inForce() != "r3" {
		t.Errorf("%v, in force %s", err, o.inForce())
	}
	if err := o.end(old, o.bob, proposal.Rejected); err != nil {
		t.Errorf("it can be rejected: %v", err)
	}
	if err := o.end(other, o.cat, proposal.Rejected); !errors.Is(err, proposal.ErrEnded) {
		t.Errorf("what was approved was rejected: %v", err)
	}
}

// TestTwoCheckersAtOnce: whoever is second is told, and there is one end and one activation.
func TestTwoCheckersAtOnce(t *testing.T) {
	o := newOffice(t)
	for round := range 6 {
		id := o.propose(o.ann, fmt.Sprintf("n%d", round), o.inForce(), "")
		before, err := o.Activations(t.Context())
		o.must(err)
		errs := make([]error, 2)
		var both sync.WaitGroup
		for i, e := range []proposal.End{{Verdict: proposal.Approved, By: o.bob, At: noon}, {Verdict: []proposal.Verdict{proposal.Rejected, proposal.Approved}[round%2], By: o.cat, Words: "not so", At: noon}} {
			both.Go(func() { errs[i] = o.EndProposal(t.Context(), id, e) })
		}
		both.Wait()
		if (errs[0] == nil) == (errs[1] == nil) || !errors.Is(errors.Join(errs...), proposal.ErrEnded) {
			t.Fatalf("round %d: %v and %v", round, errs[0], errs[1])
		}
		p, _, err := o.Proposal(t.Context(), id)
		o.must(err)
		after, err := o.Activations(t.Context())
		o.must(err)
		if want := map[bool]int{true: 1, false: 0}[p.End.Verdict == proposal.Approved]; len(after)-len(before) != want {
			t.Errorf("round %d: %s, and %d activations", round, p.End.Verdict, len(after)-len(before))
		}
	}
}

// TestTwoApprovalsOverOneBase: of two proposals over one release only one comes into force.
func TestTwoApprovalsOverOneBase(t *testing.T) {
	o := newOffice(t)
	ids := []string{o.propose(o.ann, "r2", "r1", ""), o.propose(o.ann, "r3", "r1", "")}
	errs := make([]error, 2)
	var both sync.WaitGroup
	for i := range ids {
		both.Go(func() { errs[i] = o.end(ids[i], o.bob, proposal.Approved) })
	}
	both.Wait()
	if (errs[0] == nil) == (errs[1] == nil) || !errors.Is(errors.Join(errs...), proposal.ErrStale) {
		t.Errorf("%v and %v", errs[0], errs[1])
	}
}

func TestFourEyesGuardReleases(t *testing.T) {
	o := newOffice(t)
	o.publish("r2") // nobody is asked while four eyes are off
	o.must(o.StepFourEyes(t.Context(), proposal.Step{Step: proposal.StepOn, By: "cli", Reason: "as agreed", At: noon}))
	publish := func(v string) error {
		_, err := o.PublishRelease(t.Context(), postgres.Release{Version: v, Published: noon, By: o.bob, Files: of("a", v)})
		return err
	}
	for _, v := range []string{"r9", "r1"} {
		if err := publish(v); !errors.Is(err, proposal.ErrFourEyes) {
			t.Errorf("publishing %s: %v", v, err)
		}
	}
	if err := publish("r2"); err != nil {
		t.Errorf("what is in force changes nothing: %v", err)
	}
	if _, err := o.Release(t.Context(), "r9"); !errors.Is(err, postgres.ErrNotFound) {
		t.Errorf("a release that was refused is stored: %v", err)
	}
	rejected, approved := o.propose(o.ann, "r3", "r2", ""), o.propose(o.ann, "r4", "r2", "")
	o.must(o.end(rejected, o.bob, proposal.Rejected))
	const activate = `INSERT INTO release_activations (release, at, by, proposal) VALUES ($1, now(), $2, $3)`
	for why, args := range map[string][]any{
		"a proposal that nobody decided": {"r2", o.bob, approved}, "one that was rejected": {"r2", o.bob, rejected}, "no proposal": {"r1", o.bob, nil},
	} {
		if state, rule := refusal(t, o.Store, activate, args...); state != "DU003" {
			t.Errorf("an activation by %s: %q %q", why, state, rule)
		}
	}
	o.must(o.end(approved, o.bob, proposal.Approved))
	if state, rule := refusal(t, o.Store, activate, "r2", o.bob, approved); rule != "release_activations_approved" {
		t.Errorf("an approval for another release: %q %q", state, rule)
	}
	if state, _ := refusal(t, o.Store, activate, "r4", o.bob, approved); state == "" {
		t.Error("an approval is good for one activation")
	}
	if o.inForce() != "r4" {
		t.Errorf("in force is %s", o.inForce())
	}
}

func TestTheFirstReleaseNeedsNobody(t *testing.T) {
	s := pgtest.New(t)
	if err := s.StepFourEyes(t.Context(), proposal.Step{Step: proposal.StepOn, By: "cli", Reason: "as agreed", At: noon}); err != nil {
		t.Fatal(err)
	}
	if ok, err := s.PublishRelease(t.Context(), postgres.Release{Version: "r1", Published: noon, Files: of("a", "b")}); !ok || err != nil {
		t.Errorf("%v, %v", ok, err)
	}
}

func TestGoingBack(t *testing.T) {
	o := newOffice(t)
	o.publish("r2")
	o.must(o.StepFourEyes(t.Context(), proposal.Step{Step: proposal.StepOn, By: o.ann, Reason: "as agreed", At: noon}))
	back := func(v, reason string) (bool, error) { return o.GoBack(t.Context(), v, o.annsKey, reason, noon) }
	o.propose(o.ann, "r3", "r2", "")
	if _, err := back("r3", "broken links"); err == nil {
		t.Error("going back to what is only proposed")
	}
	if _, err := back("r1", ""); !errors.Is(err, proposal.ErrReason) {
		t.Errorf("without a reason: %v", err)
	}
	if ok, err := back("r1", "broken links"); !ok || err != nil || o.inForce() != "r1" {
		t.Errorf("%v, %v, in force %s", ok, err, o.inForce())
	}
	if ok, err := back("r1", "broken links"); ok || err != nil {
		t.Errorf("to where one is: %v, %v", ok, err)
	}
	waiting, err := o.GoneBack(t.Context())
	if err != nil || len(waiting) != 1 || waiting[0].Release != "r1" || waiting[0].Reason != "broken links" || "user:"+waiting[0].Person != o.ann {
		t.Fatalf("%+v, %v", waiting, err)
	}
	for by, want := range map[string]error{o.ann: proposal.ErrOwnLook, o.annsKey: proposal.ErrOwnLook, "cli": proposal.ErrNobody, o.disabled: proposal.ErrNobody} {
		if err := o.LookAt(t.Context(), waiting[0].Activation, by, "", noon); !errors.Is(err, want) {
			t.Errorf("%s looks: %v, want %v", by, err, want)
		}
	}
	o.must(o.LookAt(t.Context(), waiting[0].Activation, o.bob, "links are broken indeed", noon))
	if err := o.LookAt(t.Context(), waiting[0].Activation, o.cat, "", noon); !errors.Is(err, postgres.ErrTaken) {
		t.Errorf("a second look: %v", err)
	}
	if err := o.LookAt(t.Context(), 1, o.cat, "", noon); !errors.Is(err, postgres.ErrNotFound) {
		t.Errorf("a look at what is no going back: %v", err)
	}
	if waiting, err := o.GoneBack(t.Context()); err != nil || len(waiting) != 0 {
		t.Errorf("%+v, %v", waiting, err)
	}
}

func TestFourEyesNeedTwoToSwitchOff(t *testing.T) {
	o := newOffice(t)
	for _, c := range []struct {
		why, step, by, reason string
		want                  error
		required              bool
	}{
		{"off before on", proposal.StepOff, o.ann, "no need", proposal.ErrOrder, false},
		{"asking before on", proposal.StepAsk, o.ann, "no need", proposal.ErrOrder, false},
		{"on without a reason", proposal.StepOn, o.ann, " ", proposal.ErrReason, false},
		{"on, by the command line", proposal.StepOn, "cli", "as agreed", nil, true},
		{"on again", proposal.StepOn, o.ann, "as agreed", proposal.ErrOrder, true},
		{"off at once", proposal.StepOff, o.ann, "no need", proposal.ErrOrder, true},
		{"asked by the command line", proposal.StepAsk, "cli", "no need", proposal.ErrNobody, true},
		{"asked by who is shut out", proposal.StepAsk, o.disabled, "no need", proposal.ErrNobody, true},
		{"asked", proposal.StepAsk, o.annsKey, "no need", nil, true},
		{"agreed by who asked", proposal.StepOff, o.ann, "no need", proposal.ErrOwnOff, true},
		{"agreed by the command line", proposal.StepOff, "cli", "no need", proposal.ErrNobody, true},
		{"kept on by another", proposal.StepOn, o.bob, "we do need it", nil, true},
		{"agreed to what was taken back", proposal.StepOff, o.bob, "no need", proposal.ErrOrder, true},
		{"asked again", proposal.StepAsk, o.ann, "no need", nil, true},
		{"agreed by another", proposal.StepOff, o.bob, "no need", nil, false},
	} {
		err := o.StepFourEyes(t.Context(), proposal.Step{Step: c.step, By: c.by, Reason: c.reason, At: noon})
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.why, err, c.want)
		}
		if f, err := o.FourEyes(t.Context()); err != nil || f.Required != c.required {
			t.Errorf("%s: required is %v, %v", c.why, f.Required, err)
		}
	}
}

func TestProposalsAreEvidence(t *testing.T) {
	o := newOffice(t)
	o.must(o.end(o.propose(o.ann, "r2", "r1", ""), o.bob, proposal.Approved))
	o.must(o.StepFourEyes(t.Context(), proposal.Step{Step: proposal.StepOn, By: "cli", Reason: "as agreed", At: noon}))
	_, err := o.GoBack(t.Context(), "r1", o.ann, "broken", noon)
	o.must(err)
	waiting, err := o.GoneBack(context.Background())
	o.must(err)
	o.must(o.LookAt(t.Context(), waiting[0].Activation, o.bob, "", noon))
	for table, column := range map[string]string{
		"proposals": "reason", "proposal_files": "path", "proposal_sequences": "version", "proposal_ends": "words", "four_eyes": "reason",
		"activation_looks": "words", "release_activations": "reason",
	} {
		for _, sql := range []string{"UPDATE %s SET " + column + " = 'other'", "DELETE FROM %s", "TRUNCATE %s CASCADE"} {
			if state, _ := refusal(t, o.Store, fmt.Sprintf(sql, table)); state != "DU001" {
				t.Errorf("%s is not refused: %q", fmt.Sprintf(sql, table), state)
			}
		}
	}
}
