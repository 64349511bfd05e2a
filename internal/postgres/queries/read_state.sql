-- name: AccountsOfDebtors :many
-- The accounts of debtors, each with its open case, else its newest.
SELECT a.id, a.debtor_id, a.creditor_id, a.currency,
       coalesce((SELECT c.id::text FROM cases c WHERE c.account_id = a.id ORDER BY c.status DESC, c.created_at DESC, c.id LIMIT 1), '')::text AS case_id
FROM accounts a WHERE a.debtor_id = ANY(@debtors::uuid[])
ORDER BY a.debtor_id, a.id;

-- name: LogsOf :many
SELECT debtor_id, version, kind, at, account_id, case_id, by, source, body
FROM facts WHERE debtor_id = ANY(@debtors::uuid[]) ORDER BY debtor_id, version, seq;

-- name: PutStandings :exec
INSERT INTO account_standings (account_id, debtor_id, creditor_id, version, body)
SELECT s.account_id, s.debtor_id, s.creditor_id, s.version, s.body
FROM (SELECT unnest(@accounts::uuid[]) AS account_id, unnest(@debtors::uuid[]) AS debtor_id, unnest(@creditors::text[]) AS creditor_id,
             unnest(@versions::bigint[]) AS version, unnest(@bodies::jsonb[]) AS body) s
ORDER BY s.account_id
ON CONFLICT (account_id) DO UPDATE SET version = excluded.version, body = excluded.body;

-- name: PutCaseStandings :exec
UPDATE cases c SET open_minor = s.open_minor, oldest_due = s.oldest_due, queue = s.queue, owner = s.owner
FROM (SELECT unnest(@cases::uuid[]) AS id, unnest(@opens::bigint[]) AS open_minor, NULLIF(unnest(@oldests::text[]), '')::date AS oldest_due,
             unnest(@queues::text[]) AS queue, unnest(@owners::text[]) AS owner) s
WHERE c.id = s.id AND (c.open_minor, c.oldest_due, c.queue, c.owner) IS DISTINCT FROM (s.open_minor, s.oldest_due, s.queue, s.owner);

-- name: ForgetWork :exec
DELETE FROM work w WHERE w.account_id = ANY(@of::uuid[]) AND NOT EXISTS (
  SELECT FROM (SELECT unnest(@accounts::uuid[]) AS account_id, unnest(@kinds::text[]) AS kind, unnest(@ids::text[]) AS id) k
  WHERE k.account_id = w.account_id AND k.kind = w.kind AND k.id = w.id);

-- name: PutWork :exec
INSERT INTO work (account_id, kind, id, debtor_id, creditor_id, case_id, queue, owner, due, opened_at, rank, body)
SELECT w.account_id, w.kind, w.id, w.debtor_id, w.creditor_id, NULLIF(w.case_id, '')::uuid, w.queue, w.owner, w.due, w.opened_at, w.rank, w.body
FROM (SELECT unnest(@accounts::uuid[]) AS account_id, unnest(@kinds::text[]) AS kind, unnest(@ids::text[]) AS id, unnest(@debtors::uuid[]) AS debtor_id,
             unnest(@creditors::text[]) AS creditor_id, unnest(@cases::text[]) AS case_id, unnest(@queues::text[]) AS queue,
             unnest(@owners::text[]) AS owner, NULLIF(unnest(@dues::text[]), '')::timestamptz AS due, unnest(@openeds::timestamptz[]) AS opened_at,
             unnest(@ranks::timestamptz[]) AS rank, unnest(@bodies::jsonb[]) AS body) w
ORDER BY w.account_id, w.kind, w.id
ON CONFLICT (account_id, kind, id) DO UPDATE SET
  case_id = excluded.case_id, queue = excluded.queue, owner = excluded.owner, due = excluded.due, opened_at = excluded.opened_at,
  rank = excluded.rank, body = excluded.body
WHERE (work.case_id, work.queue, work.owner, work.due, work.opened_at, work.rank, work.body)
  IS DISTINCT FROM (excluded.case_id, excluded.queue, excluded.owner, excluded.due, excluded.opened_at, excluded.rank, excluded.body);

-- name: DebtorsFrom :many
-- All debtors in id order, a page at a time.
SELECT id FROM debtors WHERE sqlc.narg(after)::uuid IS NULL OR id > sqlc.narg(after)::uuid ORDER BY id LIMIT sqlc.arg(max);

-- name: SetWaits :exec
UPDATE cases c SET waits_for = CASE c.status WHEN 'open' THEN w.waits_for ELSE '' END
FROM (SELECT unnest(@cases::uuid[]) AS id, unnest(@waits::text[]) AS waits_for) w
WHERE c.id = w.id AND c.waits_for IS DISTINCT FROM CASE c.status WHEN 'open' THEN w.waits_for ELSE '' END;

-- name: PlannedDecisions :many
-- What the open cases of debtors are doing.
SELECT c.id AS case_id, d.body FROM cases c JOIN decisions d ON d.id = c.next_decision
WHERE c.debtor_id = ANY(@debtors::uuid[]) AND c.status = 'open' ORDER BY c.id;
