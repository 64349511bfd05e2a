-- name: ContactByID :one
SELECT * FROM contacts WHERE id = $1;

-- name: ContactsOf :many
SELECT * FROM contacts WHERE case_id = $1 ORDER BY reserved_at, id;

-- name: ContactByProvider :one
SELECT * FROM contacts WHERE channel = @channel AND provider_id = @provider_id::text ORDER BY reserved_at DESC LIMIT 1;

-- name: UnsettledContacts :many
-- Contacts whose hand-over has not come to an end, oldest first.
SELECT * FROM contacts WHERE state IN ('reserved', 'sending', 'unknown') AND state_at < @before ORDER BY state_at, id LIMIT sqlc.arg(max);

-- name: AttemptsOf :many
SELECT contact_id, seq, version, state, at, class, code, permanent, provider_id, retry_at, deadline
FROM attempts WHERE contact_id = $1 ORDER BY seq;

-- name: CountContacts :many
-- For summaries: how many contacts of a channel and step stand where.
SELECT channel, step, state, count(*) AS n FROM contacts GROUP BY channel, step, state ORDER BY channel, step, state;

-- name: SendDetails :one
-- What rendering a contact needs besides the fact itself.
SELECT c.case_id, c.debtor_id, ca.account_id, ca.creditor_id, a.key AS account_key, a.currency, d.key AS debtor_key,
       coalesce(p.name, '')::text AS name, coalesce(p.locale, '')::text AS locale, coalesce(p.country, '')::text AS country,
       coalesce(p.address, '{}')::text[] AS address, coalesce(cp.value, '')::text AS point_value, coalesce(cp.dead, '')::text AS point_dead,
       f.body
FROM contacts c
JOIN cases ca ON ca.id = c.case_id
JOIN accounts a ON a.id = ca.account_id
JOIN debtors d ON d.id = c.debtor_id
LEFT JOIN debtor_profiles p ON p.debtor_id = c.debtor_id
LEFT JOIN contact_points cp ON cp.debtor_id = c.debtor_id AND cp.id = c.point_id
JOIN facts f ON f.debtor_id = c.debtor_id AND f.version = c.version AND f.kind = 'contact_planned' AND f.body->>'id' = c.id
WHERE c.id = $1;

-- name: ItemsNamed :many
SELECT key, number, issued, due, amount_minor, currency FROM items WHERE account_id = @account AND key = ANY(sqlc.arg(keys)::text[]) ORDER BY key;

-- name: ItemsOf :many
SELECT key, number, issued, due, amount_minor, currency FROM items WHERE account_id = $1 ORDER BY due, key;

-- name: OpenTasks :many
-- A worklist: what is due first comes first, what has no limit last.
SELECT t.debtor_id, t.id, t.account_id, t.case_id, t.kind, t.queue, t.step, t.reason, t.contact_id, t.attempts, t.due, t.opened_at
FROM tasks t
WHERE t.ended_at IS NULL AND (@queue::text = '' OR t.queue = @queue::text) AND (sqlc.narg(case_id)::uuid IS NULL OR t.case_id = sqlc.narg(case_id)::uuid)
ORDER BY t.due NULLS LAST, t.opened_at, t.id
LIMIT sqlc.arg(max);

-- name: TimelineFacts :many
-- Facts that concern a case: its own, its account's and its debtor's.
SELECT f.version, f.seq, f.kind, f.at, f.account_id, f.case_id, f.by, f.source, f.body
FROM facts f JOIN cases c ON c.debtor_id = f.debtor_id
WHERE c.id = $1 AND (f.case_id = c.id OR f.case_id IS NULL AND (f.account_id = c.account_id OR f.account_id IS NULL))
ORDER BY f.version, f.seq;
