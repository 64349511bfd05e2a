-- name: PutBulk :execrows
INSERT INTO bulk_batches (id, action, params, words, by, at, starts_at, undo_until)
VALUES (@id, @action, @params, @words, @by, @at, clock_timestamp() + sqlc.arg(delay)::interval, clock_timestamp() + sqlc.arg(undo)::interval)
ON CONFLICT (id) DO NOTHING;

-- name: PutBulkItems :exec
INSERT INTO bulk_items (batch, seq, case_id, creditor_id)
SELECT @batch::uuid, row_number() OVER (ORDER BY x.n), c.id, c.creditor_id
FROM (SELECT unnest(@cases::uuid[]) AS id, generate_subscripts(@cases::uuid[], 1) AS n) x JOIN cases c ON c.id = x.id;

-- name: BulkByID :one
SELECT id, action, params, words, by, at, made_at, starts_at, undo_until, state, undone_by, undone_at, clock_timestamp()::timestamptz AS now
FROM bulk_batches WHERE id = $1;

-- name: ListBulk :many
-- Those that reach a creditor of the list; a null list: all.
SELECT b.id, b.action, b.params, b.words, b.by, b.at, b.made_at, b.starts_at, b.undo_until, b.state, b.undone_by, b.undone_at, clock_timestamp()::timestamptz AS now
FROM bulk_batches b
WHERE (sqlc.narg(creditors)::text[] IS NULL OR EXISTS (
    SELECT FROM bulk_items i WHERE i.batch = b.id AND i.creditor_id = ANY(sqlc.narg(creditors)::text[])))
ORDER BY b.made_at DESC, b.id LIMIT sqlc.arg(max);

-- name: BulkCounts :many
SELECT batch, state, count(*) AS n FROM bulk_items WHERE batch = ANY(@batches::uuid[]) GROUP BY batch, state ORDER BY batch, state;

-- name: BulkCreditors :many
SELECT DISTINCT creditor_id FROM bulk_items WHERE batch = $1 ORDER BY creditor_id;

-- name: BulkItems :many
SELECT i.seq, i.case_id, i.creditor_id, i.state, i.reason FROM bulk_items i
WHERE i.batch = @batch AND (@state::text = '' OR i.state = @state::text) AND i.seq > @after::int
  AND (sqlc.narg(creditors)::text[] IS NULL OR i.creditor_id = ANY(sqlc.narg(creditors)::text[]))
ORDER BY i.seq LIMIT sqlc.arg(max);

-- name: ClaimBulk :one
-- One batch with work whose time has come. Nobody else gets it for the time of lease.
UPDATE bulk_batches SET next_at = clock_timestamp() + sqlc.arg(lease)::interval
WHERE id = (
  SELECT b.id FROM bulk_batches b WHERE b.state IN ('running', 'undoing') AND b.next_at <= clock_timestamp() AND b.starts_at <= clock_timestamp()
    AND (sqlc.narg(wanted)::uuid IS NULL OR b.id = sqlc.narg(wanted)::uuid)
  ORDER BY b.next_at, b.id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, action, params, by, state, undone_by;

-- name: BulkNext :many
-- What is left to do: to carry out, or to take back.
SELECT i.seq, i.case_id, i.creditor_id, i.state, i.undo FROM bulk_items i JOIN bulk_batches b ON b.id = i.batch
WHERE i.batch = @batch AND ((b.state = 'running' AND i.state = 'waiting') OR (b.state = 'undoing' AND i.state = 'done' AND i.undo IS NOT NULL))
ORDER BY i.seq LIMIT sqlc.arg(max);

-- name: BeginBulkItem :execrows
-- Says before anything is done what will take it back: so a crash loses nothing, and an undo
-- that comes meanwhile knows that the case has begun. None: it was dropped or done.
UPDATE bulk_items i SET undo = @undo::jsonb FROM bulk_batches b
WHERE b.id = i.batch AND i.batch = @batch AND i.seq = @seq AND i.state = 'waiting' AND b.state = 'running';

-- name: SettleBulkItem :exec
-- Also of a case that an undo has met while it was carried out: what was done is said.
UPDATE bulk_items SET state = @state, reason = @reason, undo = coalesce(sqlc.narg(undo)::jsonb, undo)
WHERE batch = @batch AND seq = @seq AND state IN ('waiting', 'done', 'dropped', 'kept');

-- name: ReopenUndo :exec
-- An undo that was over before the last case was carried out goes on.
UPDATE bulk_batches b SET state = 'undoing', next_at = clock_timestamp()
WHERE b.id = $1 AND b.state = 'undone' AND EXISTS (SELECT FROM bulk_items i WHERE i.batch = b.id AND i.state = 'done' AND i.undo IS NOT NULL);

-- name: ReleaseBulk :exec
UPDATE bulk_batches SET next_at = clock_timestamp() + sqlc.arg(pause)::interval WHERE id = @id;

-- name: EndBulk :exec
UPDATE bulk_batches b SET state = CASE b.state WHEN 'running' THEN 'done' ELSE 'undone' END
WHERE b.id = $1 AND (
  b.state = 'running' AND NOT EXISTS (SELECT FROM bulk_items i WHERE i.batch = b.id AND i.state = 'waiting')
  OR b.state = 'undoing' AND NOT EXISTS (SELECT FROM bulk_items i WHERE i.batch = b.id AND i.state = 'done' AND i.undo IS NOT NULL));

-- name: UndoBulk :execrows
-- Once, and only in time. What waits is dropped by DropBulk in the same transaction.
UPDATE bulk_batches SET state = 'undoing', undone_by = @by, undone_at = clock_timestamp(), next_at = clock_timestamp(), starts_at = least(starts_at, clock_timestamp())
WHERE id = @id AND state IN ('running', 'done') AND undo_until > clock_timestamp();

-- name: DropBulk :exec
-- What has begun is taken back like what is done.
UPDATE bulk_items SET state = CASE WHEN undo IS NULL THEN 'dropped' ELSE 'done' END WHERE batch = $1 AND state = 'waiting';

-- name: StopBulkItems :execrows
-- What waits is left as it is; what has begun may have been done, and counts as done.
UPDATE bulk_items i SET state = CASE WHEN b.state = 'running' AND i.undo IS NOT NULL THEN 'done' ELSE @state::text END, reason = @reason::text
FROM bulk_batches b
WHERE b.id = i.batch AND i.batch = @batch
  AND ((b.state = 'running' AND i.state = 'waiting') OR (b.state = 'undoing' AND i.state = 'done' AND i.undo IS NOT NULL));

-- name: StopBulk :exec
-- The order keeps why it was stopped beside what it was given.
UPDATE bulk_batches SET params = params || jsonb_build_object('stopped', @reason::text) WHERE id = @id;

-- name: BeginAssignment :execrows
-- Only an event that waits for a person, and only one assignment of it stands. The event is
-- locked, so that nobody has it processed again meanwhile.
INSERT INTO inbox_assignments (id, inbox_id, kind, creditor_id, debtor_id, account_id, payment, by, at, reason)
SELECT @id::uuid, i.id, @kind, @creditor_id, sqlc.narg(debtor_id)::uuid, sqlc.narg(account_id)::uuid, @payment, @by, @at, @reason
FROM (SELECT x.id FROM inbox x WHERE x.id = @inbox_id AND x.state IN ('unmatched', 'failed') FOR UPDATE) i
ON CONFLICT (inbox_id) WHERE state <> 'undone' DO NOTHING;

-- name: AssignmentOf :one
-- The one that stands.
SELECT id, inbox_id, kind, creditor_id, debtor_id, account_id, payment, by, at, reason, state, made_at, undone_by, undone_at, undo_reason
FROM inbox_assignments WHERE inbox_id = $1 AND state <> 'undone';

-- name: AssignmentByID :one
SELECT id, inbox_id, kind, creditor_id, debtor_id, account_id, payment, by, at, reason, state, made_at, undone_by, undone_at, undo_reason
FROM inbox_assignments WHERE id = $1;

-- name: ListAssignments :many
SELECT id, inbox_id, kind, creditor_id, debtor_id, account_id, payment, by, at, reason, state, made_at, undone_by, undone_at, undo_reason
FROM inbox_assignments
WHERE (sqlc.narg(creditors)::text[] IS NULL OR creditor_id = ANY(sqlc.narg(creditors)::text[]))
ORDER BY made_at DESC, id LIMIT sqlc.arg(max);

-- name: LockEvent :exec
-- Whoever changes an event and its assignment locks the event first: another order would
-- be a deadlock with who claims it meanwhile.
SELECT id FROM inbox WHERE id = $1 FOR UPDATE;

-- name: EndAssignment :execrows
UPDATE inbox_assignments SET state = 'done' WHERE id = $1 AND state = 'begun';

-- name: DropAssignment :execrows
-- What was refused before anything was booked leaves no trace but the audit.
DELETE FROM inbox_assignments WHERE id = $1 AND state = 'begun';

-- name: UndoAssignment :execrows
UPDATE inbox_assignments SET state = @state, undone_by = @by, undone_at = clock_timestamp(), undo_reason = @reason
WHERE id = @id AND state IN ('done', 'undoing');

-- name: SettleAssigned :exec
UPDATE inbox SET state = @state, outcome = @outcome, processed_at = clock_timestamp(), debtors = @debtors::uuid[] WHERE id = @id;

-- name: PutReject :exec
INSERT INTO import_rejects (run_id, row, line, column_name, field, reason)
SELECT @run_id, x.row, x.line, x.col, x.field, x.reason
FROM (SELECT unnest(@rows::bigint[]) AS row, unnest(@lines::bigint[]) AS line, unnest(@columns::text[]) AS col, unnest(@fields::text[]) AS field, unnest(@reasons::text[]) AS reason) x
ON CONFLICT (run_id, row) DO UPDATE SET line = excluded.line, column_name = excluded.column_name, field = excluded.field, reason = excluded.reason;

-- name: PutRejectFile :exec
INSERT INTO import_reject_files (run_id, name, key_id, body) VALUES (@run_id, @name, @key_id, @body)
ON CONFLICT (run_id) DO UPDATE SET name = excluded.name, key_id = excluded.key_id, body = excluded.body, made_at = clock_timestamp();

-- name: DropRejectFile :exec
DELETE FROM import_reject_files WHERE run_id = $1;

-- name: RejectFile :one
SELECT f.name, f.key_id, f.body, r.creditor_id FROM import_reject_files f JOIN import_runs r ON r.id = f.run_id WHERE f.run_id = $1;

-- name: PutUpload :exec
INSERT INTO import_uploads (id, kind, mapping, creditor_id, name, by, at, size, key_id, body)
VALUES (@id, @kind, @mapping, @creditor_id, @name, @by, @at, @size, @key_id, @body);

-- name: LockUploads :exec
SELECT pg_advisory_xact_lock(hashtextextended('duly uploads', 0));

-- name: UploadsKept :one
-- Bytes of files whose bodies are kept: of somebody, and of all.
SELECT coalesce(sum(size) FILTER (WHERE by = @by), 0)::bigint AS mine, coalesce(sum(size), 0)::bigint AS of_all
FROM import_uploads WHERE state IN ('check', 'checked', 'store');

-- name: UploadByID :one
SELECT id, kind, mapping, creditor_id, name, by, at, made_at, state, size, phase, bytes, rows, run_id, summary, fault, (octet_length(rejects) > 0)::bool AS has_rejects
FROM import_uploads WHERE id = $1;

-- name: ListUploads :many
SELECT id, kind, mapping, creditor_id, name, by, at, made_at, state, size, phase, bytes, rows, run_id, summary, fault, (octet_length(rejects) > 0)::bool AS has_rejects
FROM import_uploads
WHERE (sqlc.narg(creditors)::text[] IS NULL OR creditor_id = ANY(sqlc.narg(creditors)::text[])) AND state NOT IN ('stored', 'given_up')
ORDER BY made_at DESC, id LIMIT sqlc.arg(max);

-- name: ClaimUpload :one
UPDATE import_uploads SET next_try = clock_timestamp() + sqlc.arg(lease)::interval
WHERE id = (
  SELECT u.id FROM import_uploads u WHERE u.state IN ('check', 'store') AND u.next_try <= clock_timestamp()
    AND (sqlc.narg(wanted)::uuid IS NULL OR u.id = sqlc.narg(wanted)::uuid)
  ORDER BY u.next_try, u.id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, kind, mapping, creditor_id, name, by, at, state, size, key_id, body;

-- name: TellUpload :exec
-- Progress, which also keeps the lease.
UPDATE import_uploads SET phase = @phase, bytes = @bytes, rows = @rows, next_try = clock_timestamp() + sqlc.arg(lease)::interval
WHERE id = @id AND state IN ('check', 'store');

-- name: EndUpload :exec
UPDATE import_uploads SET state = @state, summary = @summary, fault = @fault, run_id = @run_id, rejects = @rejects, rejects_key = @rejects_key,
  body = CASE WHEN @state::text IN ('stored', 'failed') THEN ''::bytea ELSE body END
WHERE id = @id AND state IN ('check', 'store');

-- name: MoveUpload :execrows
UPDATE import_uploads SET state = @state, next_try = clock_timestamp(), phase = '', bytes = 0, rows = 0,
  body = CASE WHEN @state::text = 'given_up' THEN ''::bytea ELSE body END
WHERE id = @id AND state = ANY(@was::text[]);

-- name: UploadRejects :one
SELECT name, creditor_id, rejects_key, rejects FROM import_uploads WHERE id = $1;

-- name: ForgetUploads :execrows
-- Bodies that nobody came back for, and reject files that are old, go.
UPDATE import_uploads SET state = CASE WHEN state = 'stored' THEN state ELSE 'given_up' END, body = '', rejects = ''
WHERE made_at < @before AND (octet_length(body) > 0 OR octet_length(rejects) > 0);

-- name: ForgetRejectFiles :execrows
DELETE FROM import_reject_files WHERE made_at < @before;

-- name: RejectFilesUnderOtherKeys :many
SELECT run_id, key_id, body FROM import_reject_files WHERE key_id <> '' AND key_id <> @newest::text ORDER BY run_id LIMIT sqlc.arg(max) FOR UPDATE SKIP LOCKED;

-- name: ResealRejectFile :exec
UPDATE import_reject_files SET key_id = @key_id, body = @body WHERE run_id = @run_id AND key_id = @was::text;

-- name: UploadsUnderOtherKeys :many
SELECT id, key_id, body, rejects_key, rejects FROM import_uploads
WHERE (key_id <> '' AND key_id <> @newest::text AND octet_length(body) > 0) OR (rejects_key <> '' AND rejects_key <> @newest::text AND octet_length(rejects) > 0)
ORDER BY id LIMIT sqlc.arg(max) FOR UPDATE SKIP LOCKED;

-- name: ResealUpload :exec
UPDATE import_uploads SET key_id = @key_id, body = @body, rejects_key = @rejects_key, rejects = @rejects WHERE id = @id;

-- name: PutProcessReport :exec
INSERT INTO process_reports (process, kind, body) VALUES (@process, @kind, @body)
ON CONFLICT (process) DO UPDATE SET kind = excluded.kind, body = excluded.body, seen_at = clock_timestamp();

-- name: EndProcessReport :exec
DELETE FROM process_reports WHERE process = $1 OR seen_at < clock_timestamp() - interval '1 day';

-- name: ProcessReports :many
SELECT process, kind, seen_at, body, clock_timestamp()::timestamptz AS now FROM process_reports
WHERE seen_at > clock_timestamp() - interval '1 day' ORDER BY kind, process LIMIT 200;

-- name: HandleDeadLetter :execrows
INSERT INTO dead_letters_handled (kind, subject, since, by, at, reason) VALUES (@kind, @subject, @since, @by, @at, @reason)
ON CONFLICT (kind, subject, since) DO NOTHING;

-- name: PausedSenders :many
SELECT sender, paused_until::timestamptz AS paused_until FROM sender_pace WHERE paused_until > clock_timestamp() ORDER BY sender LIMIT 50;
