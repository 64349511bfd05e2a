-- name: BeginImport :one
-- A run that did not finish goes on; one that did begins anew.
INSERT INTO import_runs (id, kind, creditor_id, file_name, mapping, at)
VALUES (@id, @kind, @creditor_id, @file_name, @mapping, @at)
ON CONFLICT (id) DO UPDATE SET
  at = excluded.at, started_at = clock_timestamp(), finished_at = NULL,
  done_row = CASE WHEN import_runs.finished_at IS NULL THEN import_runs.done_row ELSE 0 END,
  counts = CASE WHEN import_runs.finished_at IS NULL THEN import_runs.counts ELSE '{}' END
RETURNING done_row, counts;

-- name: ForgetRejects :exec
DELETE FROM import_rejects r USING import_runs i WHERE r.run_id = @id AND i.id = r.run_id AND i.done_row < r.row;

-- name: AdvanceImport :execrows
UPDATE import_runs SET done_row = @done_row::bigint, counts = @counts::jsonb
WHERE id = @id AND finished_at IS NULL AND done_row < @done_row::bigint;

-- name: FinishImport :execrows
UPDATE import_runs SET finished_at = clock_timestamp() WHERE id = @id AND finished_at IS NULL;

-- name: ImportRuns :many
SELECT id, kind, creditor_id, file_name, mapping, at, started_at, finished_at, done_row, counts
FROM import_runs ORDER BY started_at DESC, id LIMIT sqlc.arg(max);

-- name: AddRejects :exec
INSERT INTO import_rejects (run_id, row, reason)
SELECT @run::text, r.n, r.reason FROM (SELECT unnest(@rows::bigint[]) AS n, unnest(@reasons::text[]) AS reason) r
ON CONFLICT (run_id, row) DO UPDATE SET reason = excluded.reason;

-- name: Rejects :many
SELECT row, reason FROM import_rejects WHERE run_id = $1 ORDER BY row;

-- name: AddRelease :execrows
INSERT INTO releases (version, published_at, by) VALUES (@version, @at, @by) ON CONFLICT DO NOTHING;

-- name: AddReleaseFiles :exec
INSERT INTO release_files (release, path, content)
SELECT @release::text, f.path, f.content FROM (SELECT unnest(@paths::text[]) AS path, unnest(@contents::bytea[]) AS content) f;

-- name: AddSequenceVersions :exec
-- A version of a sequence belongs to the first release that brought it.
INSERT INTO sequence_versions (sequence, version, release)
SELECT s.sequence, s.version, @release::text FROM (SELECT unnest(@sequences::text[]) AS sequence, unnest(@versions::text[]) AS version) s
ON CONFLICT DO NOTHING;

-- name: ReleaseByVersion :one
SELECT version, published_at, by FROM releases WHERE version = $1;

-- name: CurrentRelease :one
SELECT r.version, r.published_at, r.by FROM release_activations a JOIN releases r ON r.version = a.release ORDER BY a.seq DESC LIMIT 1;

-- name: ActivateRelease :execrows
-- Adds nothing when the release is in force already. The lock makes two publishers one after the other.
INSERT INTO release_activations (release, at, by)
SELECT @release::text, @at::timestamptz, @by::text
WHERE @release::text IS DISTINCT FROM (SELECT a.release FROM release_activations a ORDER BY a.seq DESC LIMIT 1);

-- name: LockReleases :exec
SELECT pg_advisory_xact_lock(hashtextextended('duly releases', 0));

-- name: Activations :many
SELECT release, at, by, proposal, back, reason FROM release_activations ORDER BY seq;

-- name: Releases :many
SELECT version, published_at, by FROM releases ORDER BY seq;

-- name: ReleaseFiles :many
SELECT path, content FROM release_files WHERE release = $1 ORDER BY path;

-- name: ReleaseOfSequence :one
SELECT release FROM sequence_versions WHERE sequence = @sequence AND version = @version;

-- name: PutSandbox :exec
INSERT INTO sandbox_messages (attempt, channel, at, recipient, subject, message)
VALUES (@attempt, @channel, @at, @recipient, @subject, @message) ON CONFLICT DO NOTHING;

-- name: HasSandbox :one
SELECT EXISTS (SELECT FROM sandbox_messages WHERE attempt = $1);

-- name: SandboxMessages :many
SELECT attempt, channel, at, message, key_id, sealed FROM sandbox_messages ORDER BY at DESC, attempt LIMIT sqlc.arg(max);

-- name: CountSandbox :one
SELECT count(*) FROM sandbox_messages;

-- name: PutLetter :exec
INSERT INTO letters (attempt, at, pdf, html) VALUES (@attempt, @at, @pdf, @html) ON CONFLICT DO NOTHING;

-- name: HasLetter :one
SELECT EXISTS (SELECT FROM letters WHERE attempt = $1);

-- name: AddAudit :exec
INSERT INTO audit (at, by, action, subject, detail) VALUES (@at, @by, @action, @subject, @detail);

-- name: AuditOf :many
SELECT at, by, action, subject, detail FROM audit WHERE @subject::text = '' OR subject = @subject::text ORDER BY id DESC LIMIT sqlc.arg(max);
