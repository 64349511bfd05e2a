-- name: CaseRef :one
SELECT c.id, c.account_id, c.debtor_id, c.creditor_id, a.currency, c.sequence_id, c.sequence_version, c.status = 'open' AS open,
       c.target_sequence, c.target_version
FROM cases c JOIN accounts a ON a.id = c.account_id
WHERE c.id = $1;

-- name: CasesOf :many
SELECT c.id, c.account_id, c.debtor_id, c.creditor_id, a.currency, c.sequence_id, c.sequence_version, c.status = 'open' AS open,
       c.target_sequence, c.target_version
FROM cases c JOIN accounts a ON a.id = c.account_id
WHERE c.debtor_id = $1
ORDER BY c.created_at, c.id;

-- name: OpenCase :execrows
INSERT INTO cases (id, account_id, debtor_id, creditor_id, sequence_id, sequence_version, currency)
VALUES (@id, @account_id, @debtor_id, @creditor_id, @sequence_id, @sequence_version,
        coalesce((SELECT a.currency FROM accounts a WHERE a.id = @account_id), ''))
ON CONFLICT DO NOTHING;

-- name: InsertDecision :exec
INSERT INTO decisions (id, case_id, intent, debtor_version, verb, step, round, at, wake_at, waiting, rule, reason, not_before,
                       deferred, core, policies, zones, sequence, replans, wall, body)
VALUES (@id, @case_id, sqlc.narg(intent), @debtor_version, @verb, @step, @round, @at, sqlc.narg(wake_at), @waiting, @rule, @reason,
        sqlc.narg(not_before), @deferred, @core, @policies, @zones, @sequence, @replans, @wall, @body);

-- name: ProjectDecision :exec
-- A decision answers a nudge when it looked at the facts that the nudge was about.
UPDATE cases SET
  phase = CASE status WHEN 'closed' THEN 'closed' ELSE @phase::text END,
  waiting = CASE status WHEN 'closed' THEN '' ELSE @waiting::text END,
  waits_for = CASE status WHEN 'closed' THEN '' ELSE @waits_for::text END,
  next_verb = CASE status WHEN 'closed' THEN '' ELSE @verb::text END,
  next_step = CASE status WHEN 'closed' THEN '' ELSE @step::text END,
  next_at = CASE status WHEN 'closed' THEN NULL ELSE sqlc.narg(wake_at)::timestamptz END,
  next_decision = @decision::text,
  decided_at = @at::timestamptz,
  decided_version = @version::bigint,
  pending_at = CASE WHEN nudged_version > @version::bigint THEN pending_at END
WHERE id = @id;

-- name: DecisionByIntent :one
SELECT id, case_id, intent, core, policies, zones, replans, wall, body FROM decisions WHERE intent = $1;

-- name: DecisionByID :one
SELECT id, case_id, intent, core, policies, zones, replans, wall, body FROM decisions WHERE id = $1;

-- name: LatestDecision :one
SELECT id, case_id, intent, core, policies, zones, replans, wall, body FROM decisions WHERE case_id = $1 ORDER BY seq DESC LIMIT 1;

-- name: DecisionsOf :many
SELECT id, case_id, intent, core, policies, zones, replans, wall, body FROM decisions WHERE case_id = $1 ORDER BY seq;

-- name: DecisionsAfter :many
-- All decisions, in the order in which they were stored, a page at a time.
SELECT seq, id, case_id, intent, core, policies, zones, replans, wall, body FROM decisions WHERE seq > sqlc.arg(after)::bigint ORDER BY seq LIMIT sqlc.arg(max);

-- name: CaseState :one
SELECT c.id, c.account_id, c.debtor_id, c.creditor_id, a.currency, c.sequence_id, c.sequence_version, c.status = 'open' AS open,
       c.target_sequence, c.target_version, c.opened_at, c.closed_at, c.close_reason, c.phase, c.waiting, c.next_verb, c.next_step, c.next_at, c.next_decision,
       c.decided_at, c.decided_version, c.pending_at, a.key AS account_key, d.key AS debtor_key
FROM cases c JOIN accounts a ON a.id = c.account_id JOIN debtors d ON d.id = c.debtor_id
WHERE c.id = $1;

-- name: FindCases :many
-- Open and closed cases of an account key, newest first.
SELECT c.id FROM cases c JOIN accounts a ON a.id = c.account_id
WHERE a.key = @account_key AND (@creditor::text = '' OR a.creditor_id = @creditor::text)
ORDER BY c.status DESC, c.created_at DESC, c.id;

-- name: Overdue :many
SELECT id FROM cases
WHERE status = 'open' AND (next_at < sqlc.arg(before)::timestamptz OR pending_at < sqlc.arg(before)::timestamptz)
ORDER BY LEAST(next_at, pending_at), id
LIMIT sqlc.arg(max);

-- name: EarliestPending :one
-- The earliest wake-up, or fact not yet looked at, of an open case.
SELECT e.at FROM (SELECT LEAST(
  (SELECT min(n.next_at) FROM cases n WHERE n.status = 'open' AND n.next_at > sqlc.arg(after)::timestamptz),
  (SELECT min(p.pending_at) FROM cases p WHERE p.status = 'open' AND p.pending_at IS NOT NULL AND p.pending_at > sqlc.arg(after)::timestamptz)
)::timestamptz AS at) e WHERE e.at IS NOT NULL;

-- name: Stirred :many
-- Open cases to which something has happened that no decision has looked at yet.
SELECT id FROM cases WHERE status = 'open' AND pending_at IS NOT NULL;

-- name: EarliestOpening :one
SELECT a.opens_at FROM accounts a JOIN debtors d ON d.id = a.debtor_id
WHERE a.opens_at > sqlc.arg(after)::timestamptz AND a.checked_version >= d.version
  AND NOT EXISTS (SELECT FROM cases c WHERE c.account_id = a.id AND c.status = 'open')
ORDER BY a.opens_at
LIMIT 1;

-- name: Candidates :many
SELECT a.id AS account_id, a.creditor_id, a.debtor_id, a.currency, a.key AS account_key, d.version, a.opens_at
FROM accounts a JOIN debtors d ON d.id = a.debtor_id
WHERE (sqlc.narg(after)::uuid IS NULL OR a.id > sqlc.narg(after)::uuid)
  AND (sqlc.narg(now)::timestamptz IS NULL OR a.checked_version IS NULL OR a.checked_version < d.version OR a.opens_at <= sqlc.narg(now)::timestamptz)
  AND EXISTS (SELECT FROM items i WHERE i.account_id = a.id)
  AND NOT EXISTS (SELECT FROM cases c WHERE c.account_id = a.id AND c.status = 'open')
ORDER BY a.id
LIMIT @max;
