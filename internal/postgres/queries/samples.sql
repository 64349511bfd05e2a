-- name: AddSample :exec
INSERT INTO samples (id, title, kind, creditors, from_at, until_at, filter, method, size, seed, algorithm, population, digest, members, frozen_seq, frozen_at,
                     context, checklist, questions, at, by)
VALUES (@id, @title, @kind, @creditors, @from_at, @until_at, @filter, @method, @size, @seed, @algorithm, @population, @digest, @members, @frozen_seq, @frozen_at,
        @context, @checklist, @questions, @at, @by);

-- name: AddSampleRow :exec
INSERT INTO sample_rows (sample_id, n, subject, stage, key, ticket, weight, risks, creditor_id, debtor_id, case_id, decision_id, contact_id, at, channel, step, people)
VALUES (@sample_id, @n, @subject, @stage, @key, @ticket, @weight, @risks, @creditor_id, @debtor_id, @case_id, @decision_id, @contact_id, @at, @channel, @step, @people);

-- name: AddSampleRound :exec
INSERT INTO sample_rounds (sample_id, round, reason, at, by) VALUES (@sample_id, @round, @reason, @at, @by);

-- name: AddSampleAnswer :exec
INSERT INTO sample_answers (sample_id, round, n, answers, note, fix, owner, due, finding, at, by)
VALUES (@sample_id, @round, @n, @answers, @note, @fix, @owner, @due, @finding, @at, @by);

-- name: AddSampleSignoff :exec
INSERT INTO sample_signoffs (sample_id, round, digest, words, at, by) VALUES (@sample_id, @round, @digest, @words, @at, @by);

-- name: SampleByID :one
SELECT id, title, kind, creditors, from_at, until_at, filter, method, size, seed, algorithm, population, digest, frozen_seq, frozen_at, context, checklist, questions, at, by
FROM samples WHERE id = $1;

-- name: LockSample :one
SELECT id FROM samples WHERE id = $1 FOR UPDATE;

-- name: SampleMembers :one
SELECT members FROM samples WHERE id = $1;

-- name: SampleRows :many
SELECT * FROM sample_rows WHERE sample_id = $1 ORDER BY n;

-- name: SampleRounds :many
SELECT * FROM sample_rounds WHERE sample_id = $1 ORDER BY round;

-- name: SampleAnswers :many
SELECT * FROM sample_answers WHERE sample_id = $1 ORDER BY round, n;

-- name: SampleSignoffs :many
SELECT * FROM sample_signoffs WHERE sample_id = $1 ORDER BY round;

-- name: FreezeJournal :one
-- As of when a population is read.
SELECT coalesce(max(seq), 0)::bigint AS seq, clock_timestamp()::timestamptz AS at FROM decisions;
