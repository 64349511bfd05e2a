package postgres

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/duly/duly/dunning"
	"github.com/duly/duly/internal/postgres/sqlgen"
	"github.com/duly/duly/internal/read"
	"github.com/duly/duly/internal/sampling"
)

// A Store keeps samples and reads populations.
var _ sampling.Store = (*Store)(nil)

// --- populations -----------------------------------------------------------------

// nearLimit finds a counting rule that had counted something and was at its limit or one below.
const nearLimit = `jsonb_path_exists(j.body, '$.checks[*].rules[*] ? (@.limit > 0 && @.count > 0 && @.count >= @.limit - 1)')`

// unread is the least confidence with which a reply was read; 0: it was not read at all.
const unread = `coalesce((SELECT min(coalesce((regexp_match(r, '([0-9]{1,3})$'))[1]::int, 0))
   FROM jsonb_array_elements_text(CASE WHEN jsonb_typeof(f.body->'reading') = 'array' THEN f.body->'reading' ELSE '[]' END) r), 0)`

// SamplePopulation reads what a sample is drawn from, with what makes each row risky, as of
// the frozen instant; see sampling.Store. All of it is read at one instant.
func (s *Store) SamplePopulation(ctx context.Context, q sampling.Ask) (found []sampling.Found, frozen sampling.Frozen, err error) {
	err = pgx.BeginTxFunc(ctx, s.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		// Compiling this statement takes longer than running it.
		if _, err := tx.Exec(ctx, "SET LOCAL jit = off"); err != nil {
			return err
		}
		if frozen = q.Frozen; frozen == (sampling.Frozen{}) {
			now, err := sqlgen.New(tx).FreezeJournal(ctx)
			if err != nil {
				return err
			}
			frozen = sampling.Frozen{Seq: now.Seq, At: now.At}
		}
		a := &ask{}
		sql := a.population(q, frozen)
		r, err := tx.Query(ctx, sql, append([]any{planned}, a.args...)...)
		if err != nil {
			return err
		}
		found, err = pgx.CollectRows(r, scanFound)
		return err
	})
	if err != nil {
		return nil, frozen, fmt.Errorf("reading the population of a sample: %w", explain(err))
	}
	return found, frozen, nil
}

func scanFound(row pgx.CollectableRow) (f sampling.Found, err error) {
	err = row.Scan(&f.ID, &f.Creditor, &f.NearLimit, &f.ByHand, &f.Doubtful, &f.UnsureReply, &f.Protected, &f.AfterOptIn, &f.Places)
	return f, err
}

// population is the statement: the rows of the kind, then what the debtors' logs say of them.
func (a *ask) population(q sampling.Ask, frozen sampling.Frozen) string {
	at, unsure, protected := a.p(micros(frozen.At)), a.p(sampling.UnsureBelow), a.p(sampling.Protections())
	return `WITH pop AS MATERIALIZED (` + a.subjects(q, frozen, at, unsure) + ` LIMIT ` + a.p(max(q.Limit, 1)) + `),
 log AS MATERIALIZED (SELECT f.debtor_id,
   min(f.at) FILTER (WHERE f.kind = 'hold_placed' AND f.body->>'hold' = ANY(` + protected + `::text[])) AS protected,
   min(f.at) FILTER (WHERE f.kind = 'contact_logged' AND f.body->>'direction' = 'inbound' AND ` + unread + ` < ` + unsure + `::int) AS unsure,
   array_agg(f.at) FILTER (WHERE f.kind = 'opted_in') AS lifted,
   (array_agg(f.body->'places' ORDER BY f.version DESC, f.seq DESC) FILTER (WHERE f.kind = 'debtor_known'))[1] AS places
  FROM facts f JOIN (SELECT DISTINCT debtor_id FROM pop) d ON d.debtor_id = f.debtor_id
  WHERE f.kind IN ('hold_placed', 'contact_logged', 'opted_in', 'debtor_known') AND f.recorded_at <= ` + at + `::timestamptz GROUP BY f.debtor_id)
 SELECT p.id, p.creditor_id, p.near_limit, p.by_hand, p.doubtful, p.unsure OR coalesce(l.unsure <= p.at, false), coalesce(l.protected <= p.at, false),
   EXISTS (SELECT 1 FROM unnest(l.lifted) o WHERE o <= p.at AND NOT EXISTS (
     SELECT 1 FROM contacts e JOIN attempts x ON x.contact_id = e.id AND x.state = 'sending' AND x.recorded_at <= ` + at + `::timestamptz
     WHERE e.debtor_id = p.debtor_id AND e.reserved_at > o AND e.reserved_at < p.at)),
   coalesce((SELECT array_agg(v ORDER BY v) FROM jsonb_array_elements_text(CASE WHEN jsonb_typeof(l.places) = 'array' THEN l.places ELSE '[]' END) v), '{}')
 FROM pop p LEFT JOIN log l ON l.debtor_id = p.debtor_id`
}

// subjects are the rows of a kind: id, creditor, debtor, at and what the row itself says.
func (a *ask) subjects(q sampling.Ask, frozen sampling.Frozen, at, unsure string) string {
	c := &conds{ask: a}
	switch q.Kind {
	case sampling.Contacts:
		c.common(q, "c.creditor_id", "c.reserved_at", "k.sequence_id")
		c.eq("c.channel", q.Filter.Channel)
		c.eq("c.step", q.Filter.Step)
		c.eq("c.template", q.Filter.Template)
		c.add("j.seq <= %s::bigint", frozen.Seq)
		return `SELECT c.id, c.creditor_id, c.debtor_id, c.reserved_at AS at, ` + nearLimit + ` AS near_limit,
    c.step = '` + dunning.StepAsked + `' OR EXISTS (SELECT 1 FROM tasks t WHERE t.case_id = c.case_id AND t.kind = 'draft' AND t.step = c.step AND t.outcome = 'approved'
                               AND t.ended_at <= c.reserved_at) AS by_hand,
    EXISTS (SELECT 1 FROM attempts x WHERE x.contact_id = c.id AND x.state IN ('unknown', 'bounced') AND x.recorded_at <= ` + at + `::timestamptz) AS doubtful,
    false AS unsure
   FROM contacts c JOIN decisions j ON j.id = c.decision_id JOIN cases k ON k.id = c.case_id
   WHERE EXISTS (SELECT 1 FROM attempts x WHERE x.contact_id = c.id AND x.state = 'sending' AND x.recorded_at <= ` + at + `::timestamptz)` + c.and()
	case sampling.KeptBack, sampling.Decisions:
		c.common(q, "k.creditor_id", "j.at", "k.sequence_id")
		c.eq("j.step", q.Filter.Step)
		c.eq("j.rule", q.Filter.Rule)
		c.eq("j.body->'contact'->>'channel'", q.Filter.Channel)
		c.add("j.seq <= %s::bigint", frozen.Seq)
		switch {
		case q.Kind == sampling.KeptBack, q.Filter.Verdict == sampling.VerdictKept:
			c.add("j.deferred")
		case q.Filter.Verdict == sampling.VerdictAllowed:
			c.add("NOT j.deferred")
		}
		return `SELECT j.id, k.creditor_id, k.debtor_id, j.at, ` + nearLimit + ` AS near_limit, false AS by_hand, false AS doubtful, false AS unsure
   FROM decisions j JOIN cases k ON k.id = j.case_id WHERE true` + c.and()
	}
	c.common(q, "l.creditor_id", "l.at", "k.sequence_id")
	c.add("f.recorded_at <= " + at + "::timestamptz")
	if q.Filter.Step != "" {
		c.add("false") // what people log and what debtors write belongs to no step
	}
	sure := "false"
	if q.Kind == sampling.Calls {
		c.add("l.channel = 'call' AND l.direction = 'outbound'")
		c.eq("l.channel", q.Filter.Channel)
	} else {
		c.add("l.direction = 'inbound'")
		c.eq("l.channel", q.Filter.Channel)
		sure = unread + " < " + unsure + "::int"
	}
	return `SELECT ` + logged + ` AS id, l.creditor_id, l.debtor_id, l.at, false AS near_limit, l.by LIKE 'user:%' AS by_hand, false AS doubtful, ` + sure + ` AS unsure
   FROM logged_contacts l JOIN facts f ON f.debtor_id = l.debtor_id AND f.version = l.version AND f.seq = l.seq LEFT JOIN cases k ON k.id = l.case_id
   WHERE true` + c.and()
}

// logged is the id of a contact that was logged: where its fact stands.
const logged = `l.debtor_id || ':' || l.version || ':' || l.seq`

// common narrows to creditors, span and sequence.
func (c *conds) common(q sampling.Ask, creditor, at, sequence string) {
	c.add(creditor+" = ANY(%s::text[])", q.Creditors)
	c.between(at, q.From, q.Until)
	c.eq(sequence, q.Filter.Sequence)
}

// makers are the users who made what left by a contact c: who approved the draft of its step, who
// ordered it, who planned it.
const makers = `coalesce((SELECT array_agg(DISTINCT f.by ORDER BY f.by) FROM facts f
   WHERE f.debtor_id = c.debtor_id AND f.by LIKE 'user:%' AND f.at <= c.reserved_at AND (
      f.kind = 'task_ended' AND f.body->>'outcome' = 'approved' AND EXISTS (SELECT 1 FROM tasks t
         WHERE t.debtor_id = f.debtor_id AND t.id = f.body->>'id' AND t.kind = 'draft' AND t.case_id = c.case_id AND t.step = c.step)
   OR f.kind = 'message_asked' AND f.case_id = c.case_id AND c.step = '` + dunning.StepAsked + `'
   OR f.kind = 'contact_planned' AND f.body->>'id' = c.id)), '{}')`

// subjectsByID tell of drawn rows: by contact, by decision, by what was logged.
var subjectsByID = map[sampling.Kind]string{
	sampling.Contacts: `SELECT c.id, c.creditor_id, c.debtor_id, c.case_id, c.decision_id, c.id, c.reserved_at, c.channel, c.step, ` + makers + `
   FROM contacts c WHERE c.id = ANY($1::text[])`,
	sampling.Decisions: `SELECT j.id, k.creditor_id, k.debtor_id, j.case_id, j.id, coalesce(c.id, ''), j.at, coalesce(j.body->'contact'->>'channel', ''), j.step, ` + makers + `
   FROM decisions j JOIN cases k ON k.id = j.case_id LEFT JOIN contacts c ON c.decision_id = j.id WHERE j.id = ANY($1::text[])`,
	sampling.Calls: `SELECT ` + logged + `, l.creditor_id, l.debtor_id, l.case_id, NULL::text, l.id, l.at, l.channel, '',
     array(SELECT DISTINCT x FROM unnest(ARRAY[l.by, 'user:' || nullif(f.body->>'collector', '')]) x WHERE x LIKE 'user:%' ORDER BY x)
   FROM logged_contacts l JOIN facts f ON f.debtor_id = l.debtor_id AND f.version = l.version AND f.seq = l.seq
   WHERE (l.debtor_id, l.version, l.seq) IN (SELECT split_part(x, ':', 1)::uuid, split_part(x, ':', 2)::bigint, split_part(x, ':', 3)::int FROM unnest($1::text[]) x)`,
	sampling.Replies: `SELECT ` + logged + `, l.creditor_id, l.debtor_id, l.case_id, NULL::text, l.id, l.at, l.channel, '',
     array(SELECT DISTINCT f.by FROM facts f JOIN tasks t ON t.debtor_id = f.debtor_id AND t.id = f.body->>'id' AND t.kind = 'reply'
           WHERE f.debtor_id = l.debtor_id AND f.kind = 'task_ended' AND f.by LIKE 'user:%' AND strpos(t.id, l.id) > 0 ORDER BY 1)
   FROM logged_contacts l
   WHERE (l.debtor_id, l.version, l.seq) IN (SELECT split_part(x, ':', 1)::uuid, split_part(x, ':', 2)::bigint, split_part(x, ':', 3)::int FROM unnest($1::text[]) x)`,
}

// SampleSubjects tells of rows of a population; see sampling.Store.
func (s *Store) SampleSubjects(ctx context.Context, k sampling.Kind, ids []string) ([]sampling.Row, error) {
	if k == sampling.KeptBack {
		k = sampling.Decisions
	}
	return rows(ctx, s, "rows of a sample", subjectsByID[k], []any{ids}, func(row pgx.CollectableRow) (r sampling.Row, err error) {
		var caseID, decision *string
		err = row.Scan(&r.ID, &r.Creditor, &r.Debtor, &caseID, &decision, &r.Contact, &r.At, &r.Channel, &r.Step, &r.People)
		r.Case, r.Decision = value(caseID), value(decision)
		return r, err
	})
}

// --- what is kept -------------------------------------------------------------------

// AddSample keeps a sample with its population, its rows and its first round.
// ErrTaken when there is one of that id.
func (s *Store) AddSample(ctx context.Context, x sampling.Sample, members []byte, drawn []sampling.Row) error {
	arg, err := sampleParams(x, members)
	if err != nil {
		return err
	}
	err = pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		q := sqlgen.New(tx)
		if err := q.AddSample(ctx, arg); err != nil {
			return err
		}
		for _, r := range drawn {
			if err := q.AddSampleRow(ctx, sampleRowParams(x.ID, r)); err != nil {
				return err
			}
		}
		return q.AddSampleRound(ctx, sqlgen.AddSampleRoundParams{SampleID: x.ID, Round: 1, At: micros(x.At), By: x.By})
	})
	if err != nil {
		return fmt.Errorf("keeping a sample: %w", explain(err))
	}
	return nil
}

func sampleParams(x sampling.Sample, members []byte) (arg sqlgen.AddSampleParams, err error) {
	arg = sqlgen.AddSampleParams{
		ID: x.ID, Title: cleanText(x.Title), Kind: string(x.Kind), Creditors: x.Creditors, FromAt: micros(x.From), UntilAt: micros(x.Until), Method: string(x.Method),
		Size: int32(x.Size), Seed: x.Seed, Algorithm: x.Algorithm, Population: int32(x.Population), Digest: x.Digest[:], Members: members, //nolint:gosec // bounded
		FrozenSeq: x.Frozen.Seq, FrozenAt: micros(x.Frozen.At), Checklist: x.Checklist, At: micros(x.At), By: x.By,
	}
	if arg.Filter, err = encodeJSON(x.Filter); err != nil {
		return arg, err
	}
	if arg.Context, err = encodeJSON(x.Context); err != nil {
		return arg, err
	}
	arg.Questions, err = encodeJSON(x.Questions)
	return arg, err
}

func sampleRowParams(sample string, r sampling.Row) sqlgen.AddSampleRowParams {
	return sqlgen.AddSampleRowParams{
		SampleID: sample, N: int32(r.N), Subject: r.ID, Stage: string(r.Stage), Key: r.Key[:], Ticket: int32(r.Ticket), Weight: int32(r.Weight), //nolint:gosec // small
		Risks: append([]string{}, r.Risks...), CreditorID: r.Creditor, DebtorID: r.Debtor, CaseID: textOrNil(r.Case), DecisionID: textOrNil(r.Decision),
		ContactID: r.Contact, At: micros(r.At), Channel: r.Channel, Step: r.Step, People: append([]string{}, r.People...),
	}
}

func textOrNil(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// AddRound keeps a further round. ErrTaken or ErrRefused when it does not follow the latest.
func (s *Store) AddRound(ctx context.Context, sample string, r sampling.Round) error {
	err := s.q.AddSampleRound(ctx, sqlgen.AddSampleRoundParams{SampleID: sample, Round: int32(r.Round), Reason: cleanText(r.Reason), At: micros(r.At), By: r.By}) //nolint:gosec // small
	if err != nil {
		return fmt.Errorf("beginning a round of a sample: %w", explain(err))
	}
	return nil
}

// AddAnswer keeps an answer. ErrTaken when the row has one in this round; ErrRefused when the
// round is signed off or not the latest, or the answer is not whole.
func (s *Store) AddAnswer(ctx context.Context, sample string, g sampling.Given) error {
	answers, err := encodeJSON(g.Values)
	if err != nil {
		return err
	}
	arg := sqlgen.AddSampleAnswerParams{
		SampleID: sample, Round: int32(g.Round), N: int32(g.N), Answers: answers, Note: cleanText(g.Note), Fix: cleanText(g.Fix), Owner: g.Owner, Finding: g.Finding, //nolint:gosec // small
		At: micros(g.At), By: g.By,
	}
	if g.Due != "" {
		due, err := time.Parse(time.DateOnly, g.Due)
		if err != nil {
			return fmt.Errorf("due: %w", dunning.ErrInvalid)
		}
		arg.Due = &due
	}
	if err := s.q.AddSampleAnswer(ctx, arg); err != nil {
		return fmt.Errorf("keeping an answer: %w", explain(err))
	}
	return nil
}

// AddSignOff keeps a sign-off. ErrTaken when the round has one, or when its digest is not that
// of the answers as they are under the sample's lock: somebody answered meanwhile. ErrRefused
// when rows are open, or the signer made one of them.
func (s *Store) AddSignOff(ctx context.Context, sample string, o sampling.SignOff) error {
	err := pgx.BeginFunc(ctx, s.pool, func(tx pgx.Tx) error {
		q := sqlgen.New(tx)
		if _, err := q.LockSample(ctx, sample); err != nil {
			return err
		}
		r, err := reviewOf(ctx, q, sample)
		if err != nil {
			return err
		}
		if r.AnswersDigest(o.Round) != o.Digest {
			return fmt.Errorf("an answer came in between: %w", ErrTaken)
		}
		return q.AddSampleSignoff(ctx, sqlgen.AddSampleSignoffParams{
			SampleID: sample, Round: int32(o.Round), Digest: o.Digest[:], Words: cleanText(o.Words), At: micros(o.At), By: o.By, //nolint:gosec // small
		})
	})
	if err != nil {
		return fmt.Errorf("signing a sample off: %w", explain(err))
	}
	return nil
}

// SampleMembers are the compressed lines of a sample's population.
func (s *Store) SampleMembers(ctx context.Context, id string) ([]byte, error) {
	b, err := s.q.SampleMembers(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("population of sample %s: %w", id, explain(err))
	}
	return b, nil
}

// Review is a sample with all that came to it. ErrNotFound if there is none.
func (s *Store) Review(ctx context.Context, id string) (sampling.Review, error) {
	r, err := reviewOf(ctx, s.q, id)
	if err != nil {
		return r, fmt.Errorf("sample %s: %w", id, explain(err))
	}
	return r, nil
}

func reviewOf(ctx context.Context, q *sqlgen.Queries, id string) (r sampling.Review, err error) {
	row, err := q.SampleByID(ctx, id)
	if err != nil {
		return r, err
	}
	if r.Sample, err = sampleOf(row); err != nil {
		return r, err
	}
	for _, fill := range []func(context.Context, *sqlgen.Queries, *sampling.Review) error{reviewRows, reviewRounds, reviewAnswers} {
		if err := fill(ctx, q, &r); err != nil {
			return r, err
		}
	}
	return r, nil
}

func sampleOf(r sqlgen.SampleByIDRow) (sampling.Sample, error) {
	x := sampling.Sample{
		ID: r.ID, Algorithm: r.Algorithm, Population: int(r.Population), Digest: sampling.Key(r.Digest), Frozen: sampling.Frozen{Seq: r.FrozenSeq, At: r.FrozenAt},
		Checklist: r.Checklist, At: r.At, By: r.By,
		Plan: sampling.Plan{
			Title: r.Title, Kind: sampling.Kind(r.Kind), Creditors: r.Creditors, From: r.FromAt, Until: r.UntilAt, Method: sampling.Method(r.Method),
			Size: int(r.Size), Seed: r.Seed,
		},
	}
	for _, part := range []struct {
		raw  []byte
		into any
	}{{r.Filter, &x.Filter}, {r.Context, &x.Context}, {r.Questions, &x.Questions}} {
		if err := json.Unmarshal(part.raw, part.into); err != nil {
			return x, fmt.Errorf("sample %s cannot be read: %w", r.ID, err)
		}
	}
	return x, nil
}

func reviewRows(ctx context.Context, q *sqlgen.Queries, r *sampling.Review) error {
	all, err := q.SampleRows(ctx, r.ID)
	for _, x := range all {
		r.Rows = append(r.Rows, sampling.Row{
			N: int(x.N), ID: x.Subject, Stage: sampling.Method(x.Stage), Ticket: int(x.Ticket), Key: sampling.Key(x.Key), Weight: int(x.Weight), Risks: x.Risks,
			Creditor: x.CreditorID, Debtor: x.DebtorID, Case: value(x.CaseID), Decision: value(x.DecisionID), Contact: x.ContactID, At: x.At, Channel: x.Channel,
			Step: x.Step, People: x.People,
		})
	}
	return err
}

func reviewRounds(ctx context.Context, q *sqlgen.Queries, r *sampling.Review) error {
	all, err := q.SampleRounds(ctx, r.ID)
	if err != nil {
		return err
	}
	for _, x := range all {
		r.Rounds = append(r.Rounds, sampling.Round{Round: int(x.Round), Reason: x.Reason, At: x.At, By: x.By})
	}
	signed, err := q.SampleSignoffs(ctx, r.ID)
	for _, o := range signed {
		r.Rounds[o.Round-1].Signed = &sampling.SignOff{Round: int(o.Round), Digest: sampling.Key(o.Digest), Words: o.Words, At: o.At, By: o.By}
	}
	return err
}

func reviewAnswers(ctx context.Context, q *sqlgen.Queries, r *sampling.Review) error {
	all, err := q.SampleAnswers(ctx, r.ID)
	if err != nil {
		return err
	}
	r.Answers = []sampling.Given{}
	for _, x := range all {
		g := sampling.Given{Round: int(x.Round), N: int(x.N), Finding: x.Finding, At: x.At, By: x.By, Answer: sampling.Answer{Note: x.Note, Fix: x.Fix, Owner: x.Owner}}
		if x.Due != nil {
			g.Due = x.Due.Format(time.DateOnly)
		}
		if err := json.Unmarshal(x.Answers, &g.Values); err != nil {
			return err
		}
		r.Answers = append(r.Answers, g)
	}
	return nil
}

const sampleOrder = "samples"

// Samples lists samples that lie wholly within a scope, the newest first; see sampling.Store.
func (s *Store) Samples(ctx context.Context, scope read.Scope, p read.Page) (read.List[sampling.Summary], error) {
	after, err := read.DecodeCursor(p.After, sampleOrder, 2)
	if err != nil {
		return read.List[sampling.Summary]{}, err
	}
	a := &ask{}
	c := &conds{ask: a}
	if !scope.All() {
		c.add("s.creditors <@ %s::text[]", scope.Creditors())
	}
	if after != nil {
		if okInstant(after[0]) != nil || !isUUID(after[1]) {
			return read.List[sampling.Summary]{}, read.ErrBadCursor
		}
		c.add("(s.at, s.id) < (%s::text::timestamptz, %s::uuid)", after[0], after[1])
	}
	sql := `SELECT s.id, s.title, s.kind, s.creditors, s.from_at, s.until_at, s.method, s.size, s.seed, s.population, s.digest, s.checklist, s.at, s.by, r.round,
   coalesce(g.done, 0), coalesce(g.wrong, 0), o.at, coalesce(o.by, '')
  FROM samples s
  CROSS JOIN LATERAL (SELECT max(round) AS round FROM sample_rounds WHERE sample_id = s.id) r
  LEFT JOIN LATERAL (SELECT count(*)::int AS done, (count(*) FILTER (WHERE jsonb_path_exists(x.answers, '$.* ? (@ == "no")')))::int AS wrong
    FROM (SELECT DISTINCT ON (n) answers FROM sample_answers WHERE sample_id = s.id ORDER BY n, round DESC) x) g ON true
  LEFT JOIN sample_signoffs o ON o.sample_id = s.id AND o.round = r.round
  WHERE true` + c.and() + ` ORDER BY s.at DESC, s.id DESC LIMIT ` + a.p(p.Size()+1)
	all, err := rows(ctx, s, "samples", sql, a.args, scanSummary)
	if err != nil {
		return read.List[sampling.Summary]{}, err
	}
	return cut(all, p, sampleOrder, func(r sampling.Summary) []string { return []string{read.CursorTime(r.At), r.ID} }), nil
}

func scanSummary(row pgx.CollectableRow) (r sampling.Summary, err error) {
	var digest []byte
	var signed *time.Time
	err = row.Scan(&r.ID, &r.Title, &r.Kind, &r.Creditors, &r.From, &r.Until, &r.Method, &r.Size, &r.Seed, &r.Population, &digest, &r.Checklist, &r.At, &r.By, &r.Round,
		&r.Done, &r.Wrong, &signed, &r.Signer)
	copy(r.Digest[:], digest)
	r.Signed = orZero(signed)
	r.Title = cmp.Or(strings.TrimSpace(r.Title), r.ID)
	return r, err
}
