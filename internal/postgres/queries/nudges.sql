-- A nudge that is not delivered yet takes further ones in.
-- name: Nudge :exec
INSERT INTO nudges (case_id)
SELECT n.id FROM (SELECT unnest(sqlc.arg(cases)::uuid[]) AS id) n ORDER BY n.id
ON CONFLICT (case_id) WHERE delivered_at IS NULL DO UPDATE SET generation = nudges.generation + 1;

-- name: MarkNudged :exec
-- A nudged case is pending at the instant of the debtor's latest facts until a
-- decision has looked at them.
UPDATE cases c SET nudged_version = d.version, pending_at = coalesce(c.pending_at,
  (SELECT max(f.at) FROM facts f WHERE f.debtor_id = d.id AND f.version = d.version))
FROM debtors d
WHERE c.id = ANY(sqlc.arg(cases)::uuid[]) AND c.status = 'open' AND d.id = c.debtor_id;

-- name: Notify :exec
SELECT pg_notify('duly_nudge', @payload::text);

-- name: ClaimNudges :many
UPDATE nudges n SET claimed_until = clock_timestamp() + sqlc.arg(claim)::interval
FROM cases c
WHERE c.id = n.case_id AND n.id IN (
  SELECT u.id FROM nudges u
  WHERE u.delivered_at IS NULL AND (u.claimed_until IS NULL OR u.claimed_until < clock_timestamp())
  ORDER BY u.id LIMIT sqlc.arg(max) FOR UPDATE SKIP LOCKED)
RETURNING n.id, n.case_id, n.generation, c.status = 'open' AS open;

-- name: DeliverNudges :many
-- Rows that somebody is nudging at this moment are skipped: they stay undelivered.
UPDATE nudges n SET delivered_at = clock_timestamp(), claimed_until = NULL
WHERE n.id IN (
  SELECT u.id FROM nudges u
  JOIN (SELECT unnest(@ids::bigint[]) AS id, unnest(@generations::bigint[]) AS generation) seen
    ON u.id = seen.id AND u.generation = seen.generation
  WHERE u.delivered_at IS NULL
  ORDER BY u.id FOR UPDATE OF u SKIP LOCKED)
RETURNING n.id;

-- name: ReleaseNudges :many
UPDATE nudges n SET claimed_until = NULL
WHERE n.id = ANY(@ids::bigint[]) AND n.delivered_at IS NULL
RETURNING n.case_id;

-- name: PruneNudges :execrows
DELETE FROM nudges WHERE delivered_at < @before::timestamptz;
