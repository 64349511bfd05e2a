package postgres

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/duly/duly/internal/postgres/sqlgen"
	"github.com/duly/duly/internal/proposal"
)

// stateGovern is raised where two people are needed; the constraint's name says why.
const stateGovern = "DU003"

// governed are the refusals of the database, by the name of the rule.
var governed = map[string]error{
	"proposals_person": proposal.ErrNobody, "proposals_base": proposal.ErrStale, "proposals_change": proposal.ErrSame, "proposals_reason": proposal.ErrReason,
	"proposals_follows_fkey": proposal.ErrFollows,
	"proposal_ends_person":   proposal.ErrNobody, "proposal_ends_once": proposal.ErrEnded, "proposal_ends_maker": proposal.ErrMaker,
	"proposal_ends_hand": proposal.ErrHand, "activation_looks_hand": proposal.ErrHand, "four_eyes_hand": proposal.ErrHand,
	"proposal_ends_own": proposal.ErrOwn, "proposal_ends_base": proposal.ErrStale, "proposal_ends_words": proposal.ErrWords,
	"release_activations_earlier": proposal.ErrNever, "release_activations_approved": proposal.ErrStale,
	"release_activations_four_eyes": proposal.ErrFourEyes, "release_activations_reason": proposal.ErrReason,
	"activation_looks_person": proposal.ErrNobody, "activation_looks_own": proposal.ErrOwnLook, "activation_looks_back": ErrNotFound,
	"four_eyes_order": proposal.ErrOrder, "four_eyes_person": proposal.ErrNobody, "four_eyes_own": proposal.ErrOwnOff, "four_eyes_reason": proposal.ErrReason,
}

// governs turns the refusals about two people into the errors of package proposal.
func governs(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		if e := governed[pg.ConstraintName]; e != nil && (pg.Code == stateGovern || pg.Code == stateCheck || pg.Code == stateForeign) {
			return e
		}
	}
	return explain(err)
}

// said is an error for the caller: a refusal about two people as it is, because its
// sentence is for people, another one with what was tried.
func said(err error, what string, args ...any) error {
	if err = governs(err); proposal.Refused(err) {
		return err
	}
	return fmt.Errorf("%s: %w", fmt.Sprintf(what, args...), err)
}

// inReleases runs f in a transaction under the lock of all that put releases into force.
// Where f puts another one into force, the starter looks at every account again that owes:
// when its case opens, and whether one does, was found by the release before.
func (s *Store) inReleases(ctx context.Context, f func(q *sqlgen.Queries) error) error {
	return pgx.BeginFunc(ctx, s.pool, func(t pgx.Tx) error {
		q := sqlgen.New(t)
		if err := q.LockReleases(ctx); err != nil {
			return err
		}
		before, _, err := orNone(q.CurrentRelease(ctx))
		if err != nil {
			return err
		}
		if err := f(q); err != nil {
			return err
		}
		after, _, err := orNone(q.CurrentRelease(ctx))
		if err != nil || after.Version == before.Version {
			return err
		}
		_, err = t.Exec(ctx, lookAgain)
		return err
	})
}

// lookAgain forgets what the starter has found. What was paid long ago keeps it: no
// configuration opens a case where nothing is owed.
const lookAgain = `UPDATE accounts a SET checked_version = NULL
WHERE a.checked_version IS NOT NULL
  AND NOT EXISTS (SELECT FROM account_standings s WHERE s.account_id = a.id AND (s.body->>'open')::bigint <= 0)
  AND NOT EXISTS (SELECT FROM cases c WHERE c.account_id = a.id AND c.status = 'open')`

// Propose keeps a proposal: p's ID, Release, Base, By, Reason, Made and Follows, with all
// files of the configuration and the versions of its sequences. Errors are those of
// package proposal: ErrStale where Base is not in force, ErrNobody, ErrReason, ErrSame.
func (s *Store) Propose(ctx context.Context, p proposal.Proposal, files map[string][]byte, sequences map[string]string) error {
	paths, contents := ordered(files)
	ids := slices.Sorted(maps.Keys(sequences))
	versions := make([]string, len(ids))
	for i, id := range ids {
		versions[i] = sequences[id]
	}
	var follows *string
	if p.Follows != "" {
		follows = &p.Follows
	}
	err := s.inReleases(ctx, func(q *sqlgen.Queries) error {
		err := q.AddProposal(ctx, sqlgen.AddProposalParams{ID: p.ID, Release: p.Release, Base: p.Base, By: p.By, Reason: cleanText(p.Reason), At: micros(p.Made), Follows: follows})
		if err != nil {
			return err
		}
		if err := q.AddProposalFiles(ctx, p.ID, paths, contents); err != nil {
			return err
		}
		return q.AddProposalSequences(ctx, p.ID, ids, versions)
	})
	if err != nil {
		return said(err, "keeping a proposal")
	}
	return nil
}

// ordered are files as two lists, by path; an empty file is not null.
func ordered(files map[string][]byte) (paths []string, contents [][]byte) {
	paths = slices.Sorted(maps.Keys(files))
	contents = make([][]byte, len(paths))
	for i, p := range paths {
		contents[i] = append([]byte{}, files[p]...)
	}
	return paths, contents
}

// EndProposal decides a proposal; approving it puts its release into force in the same
// transaction. Errors: proposal.ErrOwn, ErrEnded, ErrStale, ErrMaker, ErrWords, ErrNobody;
// ErrNotFound where there is no such proposal.
func (s *Store) EndProposal(ctx context.Context, id string, e proposal.End) error {
	err := s.inReleases(ctx, func(q *sqlgen.Queries) error {
		err := q.EndProposal(ctx, sqlgen.EndProposalParams{Proposal: id, Verdict: string(e.Verdict), By: e.By, Words: cleanText(e.Words), At: micros(e.At)})
		if err != nil || e.Verdict != proposal.Approved {
			return err
		}
		return enforce(ctx, q, id, e)
	})
	if err != nil {
		return said(err, "deciding proposal %s", id)
	}
	return nil
}

// enforce makes the release of an approved proposal unless it is there, and puts it into
// force.
func enforce(ctx context.Context, q *sqlgen.Queries, id string, e proposal.End) error {
	_, err := q.ReleaseProposal(ctx, micros(e.At), id)
	switch {
	case err == nil:
		if err := q.ReleaseProposalFiles(ctx, id); err != nil {
			return err
		}
		if err := q.ReleaseProposalSequences(ctx, id); err != nil {
			return err
		}
	case !errors.Is(err, pgx.ErrNoRows): // none: it was published before
		return err
	}
	return q.ActivateProposal(ctx, micros(e.At), e.By, id)
}

// GoBack puts a release that was in force before into force again, without a second
// person, for emergencies. False if it is in force already. Errors: proposal.ErrNever; ErrReason where four
// eyes are required and there is no reason.
func (s *Store) GoBack(ctx context.Context, version, by, reason string, at time.Time) (bool, error) {
	changed := false
	err := s.inReleases(ctx, func(q *sqlgen.Queries) error {
		n, err := q.GoBack(ctx, sqlgen.GoBackParams{Release: version, At: micros(at), By: by, Reason: cleanText(reason)})
		changed = n == 1
		return err
	})
	if err != nil {
		return false, said(err, "going back to release %s", version)
	}
	return changed, nil
}

// GoneBack lists the goings back that no second person has looked at, the oldest first.
func (s *Store) GoneBack(ctx context.Context) ([]proposal.Back, error) {
	rows, err := s.q.GoneBack(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading goings back: %w", explain(err))
	}
	out := make([]proposal.Back, len(rows))
	for i, r := range rows {
		out[i] = proposal.Back{Activation: r.Seq, Release: r.Release, By: r.By, Person: r.Person, Reason: r.Reason, At: r.At}
	}
	return out, nil
}

// LookAt records that a second person looked at a going back. Errors:
// proposal.ErrOwnLook, ErrNobody; ErrTaken where somebody has looked already.
func (s *Store) LookAt(ctx context.Context, activation int64, by, words string, at time.Time) error {
	err := s.q.LookAtGoingBack(ctx, sqlgen.LookAtGoingBackParams{Activation: activation, By: by, Words: cleanText(words), At: micros(at)})
	if err != nil {
		return said(err, "looking at a going back")
	}
	return nil
}

// mostProposals bounds a list.
const mostProposals = 500

// Proposals lists the newest 500 proposals, the newest first, without their files; open:
// only those that nobody has decided.
func (s *Store) Proposals(ctx context.Context, open bool) ([]proposal.Proposal, error) {
	rows, err := s.q.Proposals(ctx, nil, open, mostProposals)
	if err != nil {
		return nil, fmt.Errorf("reading proposals: %w", explain(err))
	}
	out := make([]proposal.Proposal, len(rows))
	for i, r := range rows {
		out[i] = proposalOf(r)
	}
	return out, nil
}

// Proposal is one with all its files. ErrNotFound if there is none.
func (s *Store) Proposal(ctx context.Context, id string) (proposal.Proposal, map[string][]byte, error) {
	rows, err := s.q.Proposals(ctx, &id, false, 1)
	if err == nil && len(rows) == 0 {
		err = pgx.ErrNoRows
	}
	if err != nil {
		return proposal.Proposal{}, nil, fmt.Errorf("proposal: %w", explain(err))
	}
	list, err := s.q.ProposalFiles(ctx, id)
	if err != nil {
		return proposal.Proposal{}, nil, fmt.Errorf("files of proposal %s: %w", id, explain(err))
	}
	files := make(map[string][]byte, len(list))
	for _, f := range list {
		files[f.Path] = f.Content
	}
	return proposalOf(rows[0]), files, nil
}

func proposalOf(r sqlgen.ProposalsRow) proposal.Proposal {
	p := proposal.Proposal{
		ID: r.ID, Release: r.Release, Base: r.Base, By: r.By, Person: r.Person, Reason: r.Reason, Made: r.At, Follows: orEmpty(r.Follows),
		Changes: proposal.ChangesOf(r.Changes),
	}
	if r.Verdict != "" {
		p.End = &proposal.End{Verdict: proposal.Verdict(r.Verdict), By: r.EndedBy, Person: orEmpty(r.EndedPerson), Words: r.Words, At: orZero(r.EndedAt)}
	}
	return p
}

// MadeBy reports whether a user had a hand in a proposal: made it, one that it was made
// from, or one of the same content. Such a user cannot check it.
func (s *Store) MadeBy(ctx context.Context, id, user string) (bool, error) {
	made, err := s.q.MadeProposal(ctx, id, user)
	if err != nil {
		return false, fmt.Errorf("makers of proposal %s: %w", id, explain(err))
	}
	return made, nil
}

// Tied reports whether a user's account is in the hands of a maker of a proposal, or the
// other way round: made, let in again, given a role, a password or an identity by them, or
// by somebody who is in their hands. Where four eyes are required such a user cannot approve it.
func (s *Store) Tied(ctx context.Context, id, user string) (bool, error) {
	tied, err := s.q.ProposalTied(ctx, id, user)
	if err != nil {
		return false, fmt.Errorf("makers of proposal %s: %w", id, explain(err))
	}
	return tied, nil
}

// Hands are all pairs of a user and somebody in whose hands their account is; see Tied.
func (s *Store) Hands(ctx context.Context) (map[[2]string]bool, error) {
	rows, err := s.q.Hands(ctx)
	if err != nil {
		return nil, fmt.Errorf("in whose hands accounts are: %w", explain(err))
	}
	out := make(map[[2]string]bool, len(rows))
	for _, r := range rows {
		out[[2]string{r.ID, r.Hand}] = true
	}
	return out, nil
}

// FourEyes is whether a release needs two people, and how that came about.
func (s *Store) FourEyes(ctx context.Context) (proposal.FourEyes, error) {
	rows, err := s.q.FourEyes(ctx)
	if err != nil {
		return proposal.FourEyes{}, fmt.Errorf("reading whether four eyes are required: %w", explain(err))
	}
	var out proposal.FourEyes
	for _, r := range rows {
		out.Steps = append(out.Steps, proposal.Step{Step: r.Step, By: r.By, Person: orEmpty(r.Person), Reason: r.Reason, At: r.At})
		out.Required = r.Step != proposal.StepOff
	}
	return out, nil
}

// StepFourEyes changes the requirement: proposal.StepOn; StepAsk by one person and
// StepOff by another. Errors: proposal.ErrOrder, ErrOwnOff, ErrNobody, ErrReason.
func (s *Store) StepFourEyes(ctx context.Context, step proposal.Step) error {
	err := s.q.StepFourEyes(ctx, sqlgen.StepFourEyesParams{Step: step.Step, By: step.By, Reason: cleanText(step.Reason), At: micros(step.At)})
	if err != nil {
		return said(err, "four eyes")
	}
	return nil
}
