-- name: AddHook :exec
INSERT INTO hooks (id, creditor_id, url, secret, kinds, by, created_at)
VALUES (@id, @creditor_id, @url, @secret, @kinds, @by, @created_at);

-- name: AllHooks :many
SELECT * FROM hooks WHERE ended_at IS NULL ORDER BY created_at, id;

-- name: HookByID :one
SELECT * FROM hooks WHERE id = $1;

-- name: EndHook :execrows
UPDATE hooks SET ended_at = @at WHERE id = @id AND ended_at IS NULL;

-- name: HookSecret :one
-- "newest older@unix-seconds older@unix-seconds": each older one signs until its instant.
SELECT secret FROM hooks WHERE id = $1 AND ended_at IS NULL FOR UPDATE;

-- name: SetHookSecret :exec
UPDATE hooks SET secret = @secret WHERE id = @id;

-- name: CancelDeliveries :exec
UPDATE hook_deliveries SET next_at = NULL, problem = 'the webhook was removed' WHERE hook_id = $1 AND next_at IS NOT NULL;

-- name: NewHookEvents :many
-- With the fact that each tells of, oldest first. What is about no debtor says itself what it is.
SELECT e.seq, e.id, e.creditor_id, e.kind, e.at, e.body AS said, coalesce(d.key, '')::text AS debtor_key, coalesce(f.version, 0)::bigint AS version,
       f.account_id, f.case_id, coalesce(f.by, '')::text AS by, coalesce(f.source, '')::text AS source, f.body,
       a.key AS account_key, a.currency AS account_currency
FROM hook_events e
LEFT JOIN facts f ON f.debtor_id = e.debtor_id AND f.version = e.version AND f.seq = e.fact
LEFT JOIN debtors d ON d.id = e.debtor_id
LEFT JOIN accounts a ON a.id = f.account_id
WHERE e.spread_at IS NULL ORDER BY e.seq LIMIT sqlc.arg(max) FOR UPDATE OF e SKIP LOCKED;

-- name: AddDeliveries :exec
INSERT INTO hook_deliveries (hook_id, event, name, body, next_at)
SELECT n.hook, n.event, n.name, n.body, @now::timestamptz
FROM (SELECT unnest(@hooks::uuid[]) AS hook, unnest(@events::bigint[]) AS event, unnest(@names::text[]) AS name, unnest(@bodies::bytea[]) AS body) n
ON CONFLICT (hook_id, event) DO NOTHING;

-- name: MarkSpread :exec
UPDATE hook_events SET spread_at = @now WHERE seq = ANY(@seqs::bigint[]);

-- name: ClaimDeliveries :many
-- Webhooks take turns, so that one with a long queue keeps no other waiting; those of the
-- list have to wait.
WITH due AS MATERIALIZED (
  SELECT q.id FROM (
    SELECT c.id, c.next_at, row_number() OVER (PARTITION BY k.id ORDER BY c.next_at, c.id) AS turn
    FROM hooks k CROSS JOIN LATERAL (
      SELECT x.id, x.next_at FROM hook_deliveries x WHERE x.hook_id = k.id AND x.next_at <= @now::timestamptz AND (x.claimed_until IS NULL OR x.claimed_until < @now::timestamptz)
      ORDER BY x.next_at, x.id LIMIT sqlc.arg(max) FOR UPDATE SKIP LOCKED) c
    WHERE k.ended_at IS NULL AND k.id <> ALL(@waiting::uuid[])) q
  ORDER BY q.turn, q.next_at, q.id LIMIT sqlc.arg(max))
UPDATE hook_deliveries d SET claimed_until = @until::timestamptz, tries = d.tries + 1
FROM due, hooks h, hook_events e
WHERE d.id = due.id AND h.id = d.hook_id AND e.seq = d.event
RETURNING d.id, d.tries, d.name, d.body, e.id AS event_id, h.id AS hook_id, h.url, h.secret;

-- name: EndDelivery :exec
UPDATE hook_deliveries SET claimed_until = NULL, delivered_at = sqlc.narg(delivered_at), next_at = sqlc.narg(next_at), status = @status, problem = @problem
WHERE id = @id;

-- name: DeliveriesOf :many
SELECT d.id, d.name, d.tries, d.next_at, d.delivered_at, d.status, d.problem, e.id AS event_id, e.created_at
FROM hook_deliveries d JOIN hook_events e ON e.seq = d.event
WHERE d.hook_id = @hook AND d.id < @before ORDER BY d.id DESC LIMIT sqlc.arg(max);

-- name: ReplayDelivery :execrows
UPDATE hook_deliveries SET next_at = @now, claimed_until = NULL, tries = 0 WHERE id = @id AND hook_id = @hook;

-- name: ReplaySince :execrows
UPDATE hook_deliveries d SET next_at = @now, claimed_until = NULL, tries = 0
FROM hook_events e WHERE e.seq = d.event AND d.hook_id = @hook AND e.created_at >= @since;

-- name: ReplayAfter :execrows
UPDATE hook_deliveries SET next_at = @now, claimed_until = NULL, tries = 0 WHERE hook_id = @hook AND id > @after;

-- name: DropOldHookEvents :exec
-- Deliveries go with them; those under way keep theirs.
DELETE FROM hook_events e WHERE e.created_at < @before AND e.spread_at IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM hook_deliveries d WHERE d.event = e.seq AND d.next_at IS NOT NULL);
