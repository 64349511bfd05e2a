package activities

import (
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/workflows"
)

// timedID is a uuid of version 7 (RFC 9562, 5.7): random, and begun by the wall instant at
// which it was made, in milliseconds. A decision that the journal does not hold so tells
// when it was stored.
func timedID(wall time.Time) string {
	id := uuid.New()
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(wall.UnixMilli()))
	copy(id[:6], ms[2:])
	id[6] = id[6]&0x0f | 0x70
	return id.String()
}

// timeOf reads when a timed id was made; zero when the id does not tell.
func timeOf(id string) time.Time {
	u, err := uuid.Parse(id)
	if err != nil || u.Version() != 7 {
		return time.Time{}
	}
	ms := append([]byte{0, 0}, u[:6]...)
	return time.UnixMilli(int64(binary.BigEndian.Uint64(ms)))
}

// forgot tells that the database does not know what Temporal does: cases and decisions are
// never deleted, so it was restored to before them. A case without an intent proves nothing.
func (j *job) forgot(ctx context.Context) error {
	if j.Memory == nil || j.req.Intent == "" {
		return nil
	}
	return wrap(codeStore, j.Memory.Forgot(ctx, timeOf(j.req.Intent)))
}

// maxRecalls bounds how many contacts of one case are looked for in one lapse.
const maxRecalls = 200

// recall looks at the providers for what left in the time that the database has forgotten,
// before anything else of the case is done, and writes down what it finds. It may be
// repeated at any time: what is known is not looked for.
func (j *job) recall(ctx context.Context) error {
	if j.Memory == nil {
		return nil
	}
	lapses, err := j.Memory.Lapses(ctx)
	if err != nil {
		return wrap(codeStore, err)
	}
	for i := len(lapses) - 1; i >= 0; i-- { // the oldest first: what it finds moves the others
		if err := j.recallFrom(ctx, lapses[i]); err != nil {
			return err
		}
	}
	return nil
}

func (j *job) recallFrom(ctx context.Context, l dunning.Lapse) error {
	for range maxRecalls {
		r, err := j.missing(ctx, l)
		if err != nil || r == nil {
			return err
		}
		if err := j.probe(ctx, r); err != nil || r.nothing() {
			return err
		}
		if err := j.remember(ctx, r); err != nil || r.nothing() {
			return err
		}
	}
	j.log().Warn("one case was looked for too often in what the database has forgotten", slog.String("case", j.req.Case))
	return wrap(codeFacts, errors.New("too many contacts in one lapse"))
}

// recalled is a contact that may have left in a lapse, and what is found out about it.
type recalled struct {
	dunning.Missing
	lapse   dunning.Lapse
	version int64 // of the debtor, when it was missed
	facts   dunning.Facts
	now     bool     // by the records it is due only now: it left within the lapse only if that is proven
	found   lookedUp // about Missing.Contact
	retried bool     // it was refused, and left under a later id
}

// nothing reports whether it did not leave, as far as one has to reckon with it.
func (r *recalled) nothing() bool {
	if r.now {
		return r.found.Found != dunning.EvidenceAccepted && !r.retried
	}
	return r.found.Found == dunning.EvidenceNotAccepted && !r.retried
}

// missing asks the core what may have left; nil: nothing. What is about to leave is asked
// about in any case.
func (j *job) missing(ctx context.Context, l dunning.Lapse) (r *recalled, err error) {
	err = j.transact(ctx, func(t *turn) error {
		r = nil
		f, err := dunning.Fold(t.frame.Setup, t.history)
		if err != nil {
			return wrap(codeFacts, err)
		}
		m, ok, err := f.Missing(l)
		if ok && !l.Closed.IsZero() {
			ok, err = t.couldLeave(m, l)
		}
		now := err == nil && !ok && (j.verb == dunning.VerbSend || j.verb == dunning.VerbOffer)
		if now {
			m, ok, err = f.MissingNow(l, t.at)
		}
		if ok {
			r = &recalled{Missing: m, lapse: l, version: t.version, facts: f, now: now}
		}
		return wrap(codeFacts, err)
	})
	return r, err
}

// couldLeave reports whether a missing contact is so as well by what was known when all was put
// right. A message that a person asks for, a step that is begun again or a debt that comes back
// after that is new, even though it would have been due in the lapse: a channel without records
// could never say that it did not leave then, and it would never leave.
func (t *turn) couldLeave(m dunning.Missing, l dunning.Lapse) (bool, error) {
	f, err := dunning.Fold(t.frame.Setup, l.Reckoned(t.history))
	if err != nil {
		return false, err
	}
	then, ok, err := f.Missing(l)
	return ok && then.Contact.ID == m.Contact.ID, err
}

// probe asks the provider about the contact, and about those by which it would have been
// tried again.
func (j *job) probe(ctx context.Context, r *recalled) error {
	for i, c := range r.Tries() {
		e, err := j.probeOne(ctx, r, c)
		if err != nil {
			return err
		}
		if r.now && e.Found == dunning.EvidenceCannotKnow && e.Again { // it would leave without anybody having asked
			return wrap(codeStore, errUnread)
		}
		if i == 0 {
			r.found = e
		}
		switch {
		case i == 0 && e.Found != dunning.EvidenceNotAccepted:
			return nil
		case e.Found == dunning.EvidenceAccepted:
			r.retried = true
			return nil
		}
	}
	return nil
}

func (j *job) probeOne(ctx context.Context, r *recalled, c dunning.ContactPlanned) (lookedUp, error) {
	cannot := lookedUp{Evidence: dunning.Evidence{Found: dunning.EvidenceCannotKnow}}
	ch, ok := j.Channels[c.Channel]
	if !ok {
		return cannot, nil
	}
	m, err := j.draft(ctx, r, c)
	if refusal := (*RenderError)(nil); errors.As(err, &refusal) {
		// What cannot be written now could not be written then, unless the template was another.
		return cannot, nil
	} else if err != nil {
		return cannot, wrap(codeRender, err)
	}
	return j.askAbout(ctx, ch, inDoubt(r, c), m)
}

func (j *job) draft(ctx context.Context, r *recalled, c dunning.ContactPlanned) (dunning.Message, error) {
	if r.Known {
		return j.Renderer.Render(ctx, j.ref, c)
	}
	return j.Memory.Draft(ctx, j.ref, r.facts, r.Made[len(r.Made)-1], c)
}

// inDoubt is the contact as a hand-over within the lapse without an answer, at any instant
// of it: what kept it back, or brought it forward, may be forgotten too.
func inDoubt(r *recalled, c dunning.ContactPlanned) dunning.ContactFacts {
	return dunning.ContactFacts{ContactPlanned: c, State: dunning.ContactUnknown, At: r.lapse.Since, Code: r.lapse.Code()}
}

// remember writes down what was found out, if nothing has been written about the debtor
// since it was missed; else it is missed anew.
func (j *job) remember(ctx context.Context, r *recalled) error {
	return j.transact(ctx, func(t *turn) error {
		if t.version != r.version {
			return nil
		}
		e, err := t.ours(ctx, inDoubt(r, r.Contact), r.found)
		if err != nil {
			return wrap(codeStore, err)
		}
		if r.now && e.Code == codeOfOthers {
			r.found = lookedUp{Evidence: e}
			return nil
		}
		allowed, err := t.storeMade(ctx, r.Made)
		if err != nil {
			return err
		}
		f, err := dunning.Fold(t.frame.Setup, t.history)
		if err != nil {
			return wrap(codeFacts, err)
		}
		facts, err := f.Recalled(r.Missing, allowed, e, r.lapse, t.at)
		if err != nil {
			return wrap(codeFacts, err)
		}
		t.count(RecalledFromProvider)
		return t.append(ctx, facts...)
	})
}

// RecalledFromProvider is counted when a contact is written down that the database had
// forgotten, or may have.
const RecalledFromProvider = "recalled_after_restore"

// storeMade stores decisions of the past with what they made true; id is that of the last.
func (t *turn) storeMade(ctx context.Context, made []dunning.Decision) (id string, err error) {
	for i, d := range made {
		d.Version = t.version
		s, err := t.store(ctx, d, "", 0)
		if err != nil {
			return "", err
		}
		id = s.ID
		if i == len(made)-1 {
			break
		}
		if err := t.append(ctx, d.Effects...); err != nil {
			return "", err
		}
	}
	return id, nil
}

// Reconcile asks the providers about all that is uncertain in a case: hand-overs without an
// outcome, and what may have left in the time that the database has forgotten. It sends
// nothing and may be repeated. It returns the case's contacts that are in doubt afterwards,
// and wakes the case if it found anything out. Errors hold codes only.
func (a *Activities) Reconcile(ctx context.Context, caseID string) (doubt []dunning.ContactFacts, err error) {
	defer func() {
		if err != nil {
			err = a.outward(caseID, err)
		}
	}()
	j, err := a.begin(ctx, workflows.Request{Case: caseID}, dunning.VerbLook)
	if err != nil {
		return nil, err
	}
	before, _, err := j.doubts(ctx)
	if err != nil {
		return nil, err
	}
	if err := j.settleDoubts(ctx); err != nil {
		return nil, err
	}
	if err := j.recall(ctx); err != nil {
		return nil, err
	}
	after, doubt, err := j.doubts(ctx)
	if err == nil && after != before {
		err = j.transact(ctx, func(t *turn) error { return wrap(codeStore, t.tx.Nudge(ctx, t.ref.Case)) })
	}
	return doubt, err
}

// doubts are the debtor's version and the case's contacts whose outcome is not known.
func (j *job) doubts(ctx context.Context) (version int64, doubt []dunning.ContactFacts, err error) {
	err = j.transact(ctx, func(t *turn) error {
		version, doubt = t.version, t.contacts(dunning.ContactSending, dunning.ContactUnknown)
		return nil
	})
	return version, doubt, err
}

// settleDoubts seeks evidence about all hand-overs without an outcome.
func (j *job) settleDoubts(ctx context.Context) error {
	var unknown []dunning.ContactFacts
	err := j.transact(ctx, func(t *turn) (err error) {
		unknown, err = t.resolve(ctx)
		return err
	})
	if err != nil || len(unknown) == 0 {
		return err
	}
	return j.seekEvidence(ctx, unknown)
}
