-- name: PutInboxRequest :one
INSERT INTO inbox_requests (source, query, headers, body, key_id) VALUES (@source, @query, @headers, @body, @key_id) RETURNING id;

-- name: DropInboxRequest :exec
-- Nothing in it was new: another delivery of the same request was faster.
DELETE FROM inbox_requests r WHERE r.id = $1 AND NOT EXISTS (SELECT FROM inbox i WHERE i.request_id = r.id);

-- name: PutInboxEvents :execrows
-- In the order of their ids, so that two requests cannot wait for each other.
INSERT INTO inbox (source, event_id, kind, request_id, part, at, next_try)
SELECT @source::text, e.event_id, e.kind, @request_id::bigint, e.part, @at::timestamptz, clock_timestamp() + sqlc.arg(lease)::interval
FROM (SELECT unnest(@event_ids::text[]) AS event_id, unnest(@kinds::text[]) AS kind, unnest(@parts::int[]) AS part) e
ORDER BY e.event_id
ON CONFLICT (source, event_id) DO NOTHING;

-- name: InboxBySource :many
SELECT * FROM inbox WHERE source = @source AND event_id = ANY(@event_ids::text[]) ORDER BY id;

-- name: InboxByID :one
SELECT * FROM inbox WHERE id = $1;

-- name: InboxRequest :one
SELECT * FROM inbox_requests WHERE id = $1;

-- name: ClaimInbox :many
UPDATE inbox SET next_try = clock_timestamp() + sqlc.arg(lease)::interval
WHERE id IN (
  SELECT i.id FROM inbox i WHERE i.state = 'pending' AND i.next_try <= clock_timestamp()
  ORDER BY i.next_try, i.id LIMIT sqlc.arg(max) FOR UPDATE SKIP LOCKED)
RETURNING *;

-- name: SettleInbox :exec
-- What is done stays done: a slower run of the same event changes nothing.
UPDATE inbox SET
  state = @state, outcome = @outcome, error_code = @error_code, attempts = attempts + 1,
  next_try = clock_timestamp() + sqlc.arg(retry)::interval,
  processed_at = CASE WHEN @state::text = 'pending' THEN processed_at ELSE clock_timestamp() END,
  contact_id = @contact_id, debtors = @debtors::uuid[]
WHERE id = @id AND state <> 'done';

-- name: ListInbox :many
-- Newest first; empty filters take all.
SELECT * FROM inbox
WHERE (@source::text = '' OR source = @source::text) AND (@state::text = '' OR state = @state::text)
  AND (@before::bigint = 0 OR id < @before::bigint)
ORDER BY id DESC LIMIT sqlc.arg(max);

-- name: LockInbox :many
-- Those that ReplayInbox would take, so that it sees assignments that were made before.
SELECT id FROM inbox
WHERE (id = ANY(@ids::bigint[]) OR cardinality(@ids::bigint[]) = 0)
  AND (@source::text = '' OR source = @source::text) AND (@state::text = '' OR state = @state::text)
ORDER BY id FOR UPDATE;

-- name: ReplayInbox :execrows
-- Events by id, else by source and state (empty: any), are to be processed again. Not those
-- that a person has assigned: what they said stands until they take it back.
UPDATE inbox SET state = 'pending', next_try = clock_timestamp(), attempts = 0, error_code = ''
WHERE (id = ANY(@ids::bigint[]) OR cardinality(@ids::bigint[]) = 0)
  AND (@source::text = '' OR source = @source::text) AND (@state::text = '' OR state = @state::text)
  AND NOT EXISTS (SELECT FROM inbox_assignments a WHERE a.inbox_id = inbox.id AND a.state <> 'undone');

-- name: InboxBacklog :one
SELECT count(*) AS pending, coalesce(min(received_at), clock_timestamp())::timestamptz AS oldest,
       (SELECT count(*) FROM inbox p WHERE p.state IN ('unmatched', 'failed')) AS people
FROM inbox WHERE state = 'pending';

-- name: ForgetInbox :execrows
-- Bodies of events that are done are wiped after a while: what they said is facts.
UPDATE inbox_requests r SET body = '', query = '', headers = '{}', key_id = ''
WHERE r.received_at < @before AND r.body <> ''
  AND NOT EXISTS (SELECT FROM inbox i WHERE i.request_id = r.id AND i.state <> 'done');

-- name: AddContactAttempts :exec
INSERT INTO contact_attempts (attempt, contact_id)
SELECT a.attempt, a.contact FROM (SELECT unnest(@attempts::uuid[]) AS attempt, unnest(@contacts::text[]) AS contact) a
ON CONFLICT DO NOTHING;

-- name: ContactByAttempt :one
SELECT c.* FROM contact_attempts a JOIN contacts c ON c.id = a.contact_id WHERE a.attempt = $1;

-- name: NoteDelivery :execrows
INSERT INTO deliveries (contact_id, status, rank, at, code, provider_id)
VALUES (@contact_id, @status, @rank, @at, @code, @provider_id)
ON CONFLICT (contact_id) DO UPDATE SET
  status = excluded.status, rank = excluded.rank, at = excluded.at, code = excluded.code,
  provider_id = coalesce(nullif(excluded.provider_id, ''), deliveries.provider_id), updated_at = clock_timestamp()
WHERE deliveries.rank < excluded.rank;

-- name: DeliveryOf :one
SELECT * FROM deliveries WHERE contact_id = $1;

-- name: AccountsOfDebtor :many
SELECT id, creditor_id, key, currency FROM accounts WHERE debtor_id = $1 ORDER BY created_at, id;

-- name: HandOvers :many
SELECT id FROM contacts WHERE debtor_id = ANY(@debtors::uuid[]) AND state = 'sending' ORDER BY id;

-- name: InboxUnderOtherKeys :many
SELECT id, source, key_id, body FROM inbox_requests
WHERE key_id <> '' AND key_id <> @newest::text
ORDER BY id LIMIT sqlc.arg(max) FOR UPDATE SKIP LOCKED;

-- name: ResealInbox :exec
UPDATE inbox_requests SET key_id = @key_id, body = @body WHERE id = @id AND key_id = @was::text;

-- name: EraseInbox :execrows
-- What was told of a debtor, with the requests that told it. A batch of reports about
-- several debtors goes as a whole once all of it is done: what it said is facts.
UPDATE inbox_requests r SET body = '', query = '', headers = '{}', key_id = ''
WHERE r.body <> '' AND r.id IN (SELECT i.request_id FROM inbox i WHERE @debtor::uuid = ANY(i.debtors))
  AND NOT EXISTS (SELECT FROM inbox p WHERE p.request_id = r.id AND p.state = 'pending');
