-- name: CasesWithoutNext :many
-- Open cases that nothing will ever wake: no instant, no nudge on its way, no task,
-- and no open hold that somebody owns.
SELECT c.id, c.waiting, c.decided_at FROM cases c
WHERE c.status = 'open' AND c.next_at IS NULL AND c.pending_at IS NULL AND c.waiting <> 'hold'
  AND NOT EXISTS (SELECT FROM nudges n WHERE n.case_id = c.id AND n.delivered_at IS NULL)
  AND NOT EXISTS (SELECT FROM tasks t WHERE t.case_id = c.id AND t.ended_at IS NULL)
ORDER BY c.id LIMIT sqlc.arg(max);

-- name: CasesLate :many
SELECT c.id, LEAST(c.next_at, c.pending_at)::timestamptz AS at FROM cases c
WHERE c.status = 'open' AND (c.next_at < sqlc.arg(before)::timestamptz OR c.pending_at < sqlc.arg(before)::timestamptz) -- each by its index
ORDER BY LEAST(c.next_at, c.pending_at), c.id LIMIT sqlc.arg(max);

-- name: NudgesLate :many
SELECT n.case_id, n.created_at FROM nudges n JOIN cases c ON c.id = n.case_id
WHERE n.delivered_at IS NULL AND c.status = 'open' AND n.created_at < clock_timestamp() - sqlc.arg(late)::interval
ORDER BY n.id LIMIT sqlc.arg(max);

-- name: ContactsStuck :many
-- In the provider's hands, or unknown past the deadline, and nobody has looked.
SELECT c.id, c.case_id, c.state, c.state_at FROM contacts c
WHERE (c.state = 'sending' AND c.state_at < sqlc.arg(before)::timestamptz)
   OR (c.state = 'unknown' AND coalesce(c.deadline, c.state_at) < sqlc.arg(before)::timestamptz
       AND NOT EXISTS (SELECT FROM tasks t WHERE t.case_id = c.case_id AND t.ended_at IS NULL))
ORDER BY c.state_at, c.id LIMIT sqlc.arg(max);

-- name: HoldsWithoutOwner :many
-- Cases that wait for an open hold which nobody owns.
SELECT DISTINCT c.id FROM cases c JOIN facts f ON f.debtor_id = c.debtor_id
WHERE c.status = 'open' AND c.waiting = 'hold' AND c.next_at IS NULL
  AND f.kind = 'hold_placed' AND f.body->>'until' IS NULL AND coalesce(f.body->>'owner', '') = ''
  AND NOT EXISTS (SELECT FROM facts l WHERE l.debtor_id = f.debtor_id AND l.kind IN ('hold_lifted', 'hold_extended') AND l.body->>'id' = f.body->>'id')
  AND NOT EXISTS (SELECT FROM tasks t WHERE t.case_id = c.id AND t.ended_at IS NULL)
ORDER BY c.id LIMIT sqlc.arg(max);

-- name: VersionsWrong :many
-- Debtors whose version is not that of their last facts.
SELECT d.id, d.version, coalesce(m.version, 0)::bigint AS logged
FROM debtors d LEFT JOIN LATERAL (SELECT f.version FROM facts f WHERE f.debtor_id = d.id ORDER BY f.version DESC LIMIT 1) m ON true
WHERE d.version <> coalesce(m.version, 0)
ORDER BY d.id LIMIT sqlc.arg(max);

-- name: Totals :one
SELECT (SELECT count(*) FROM cases WHERE status = 'open') AS open_cases,
       (SELECT count(*) FROM cases WHERE status = 'closed') AS closed_cases,
       (SELECT count(*) FROM contacts) AS contacts,
       (SELECT count(*) FROM contacts WHERE state = 'unknown') AS unknown,
       (SELECT count(*) FROM tasks WHERE ended_at IS NULL) AS open_tasks,
       (SELECT count(*) FROM nudges WHERE delivered_at IS NULL) AS nudges;
