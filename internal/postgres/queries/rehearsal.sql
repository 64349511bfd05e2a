-- name: AddScript :execrows
-- A row that is there already stays as it is.
INSERT INTO rehearsal_script (key, at, kind, body)
SELECT r.key, r.at, r.kind, r.body::jsonb FROM (SELECT unnest(@keys::text[]) AS key, unnest(@ats::timestamptz[]) AS at,
  unnest(@kinds::text[]) AS kind, unnest(@bodies::text[]) AS body) r
ON CONFLICT (key) DO NOTHING;

-- name: DueScript :many
SELECT key, at, kind, body FROM rehearsal_script
WHERE done_at IS NULL AND kind <> 'audience' AND at <= sqlc.arg(now)::timestamptz
ORDER BY at, key LIMIT sqlc.arg(max);

-- name: ScriptDone :exec
UPDATE rehearsal_script SET done_at = clock_timestamp() WHERE key = $1;

-- name: UnreadMessages :many
SELECT attempt, at, channel, recipient, key_id, sealed FROM sandbox_messages
WHERE read_at IS NULL
ORDER BY at, attempt LIMIT sqlc.arg(max);

-- name: MessageRead :exec
UPDATE sandbox_messages SET read_at = clock_timestamp() WHERE attempt = $1;

-- name: EarliestScript :one
SELECT e.at FROM (SELECT LEAST(
  (SELECT min(r.at) FROM rehearsal_script r WHERE r.done_at IS NULL AND r.kind <> 'audience' AND r.at > sqlc.arg(after)::timestamptz),
  (SELECT min(s.at) FROM sandbox_messages s WHERE s.read_at IS NULL AND s.at > sqlc.arg(after)::timestamptz
     AND EXISTS (SELECT FROM rehearsal_script a WHERE a.kind = 'audience'))
)::timestamptz AS at) e WHERE e.at IS NOT NULL;

-- name: ScriptLeft :one
SELECT count(*) FROM rehearsal_script WHERE done_at IS NULL AND kind <> 'audience';

-- name: EarliestWork :one
-- All that a rehearsal waits for, in one question: cases, openings, script and unread messages. While somebody
-- plays (there is an audience), accounts at which the starter has not looked since something was new hold the clock
-- where it is: it is not known yet when they are to be opened.
--
-- The clock is read several times a step, mostly while something is due. Then it stands, whatever else waits: the
-- questions that look at every account (below ELSE) are asked only when nothing is due.
SELECT e.at FROM (SELECT CASE WHEN q.at <= (SELECT t.now FROM duly_clock t) THEN q.at ELSE LEAST(q.at,
  (SELECT a.opens_at FROM accounts a JOIN debtors d ON d.id = a.debtor_id
   WHERE a.opens_at > sqlc.arg(after)::timestamptz AND a.checked_version >= d.version
     AND NOT EXISTS (SELECT FROM cases c WHERE c.account_id = a.id AND c.status = 'open')
   ORDER BY a.opens_at LIMIT 1),
  (SELECT t.now FROM duly_clock t WHERE t.now > sqlc.arg(after)::timestamptz
     AND EXISTS (SELECT FROM rehearsal_script a WHERE a.kind = 'audience')
     AND EXISTS (SELECT FROM accounts a JOIN debtors d ON d.id = a.debtor_id
       WHERE (a.checked_version IS NULL OR a.checked_version < d.version) AND EXISTS (SELECT FROM items i WHERE i.account_id = a.id)
         AND NOT EXISTS (SELECT FROM cases c WHERE c.account_id = a.id AND c.status = 'open')))
) END::timestamptz AS at FROM (SELECT LEAST(
  (SELECT min(n.next_at) FROM cases n WHERE n.status = 'open' AND n.next_at > sqlc.arg(after)::timestamptz),
  (SELECT min(p.pending_at) FROM cases p WHERE p.status = 'open' AND p.pending_at IS NOT NULL AND p.pending_at > sqlc.arg(after)::timestamptz),
  (SELECT min(r.at) FROM rehearsal_script r WHERE r.done_at IS NULL AND r.kind <> 'audience' AND r.at > sqlc.arg(after)::timestamptz),
  (SELECT min(s.at) FROM sandbox_messages s WHERE s.read_at IS NULL AND s.at > sqlc.arg(after)::timestamptz
     AND EXISTS (SELECT FROM rehearsal_script a WHERE a.kind = 'audience'))
) AS at OFFSET 0) q) e WHERE e.at IS NOT NULL;
