-- name: LockIncarnation :exec
SELECT pg_advisory_xact_lock(hashtextextended('duly incarnation', 0));

-- name: Incarnation :one
SELECT system, timeline, database, relation, seen_at, seen_wall, clock_timestamp()::timestamptz AS wall FROM incarnation;

-- name: PutIncarnation :exec
INSERT INTO incarnation (system, timeline, database, relation, seen_at, seen_wall)
VALUES (@system, @timeline, @database, @relation, @seen_at, clock_timestamp())
ON CONFLICT (one) DO UPDATE SET system = EXCLUDED.system, timeline = EXCLUDED.timeline, database = EXCLUDED.database,
  relation = EXCLUDED.relation, seen_at = EXCLUDED.seen_at, seen_wall = EXCLUDED.seen_wall;

-- name: SeeIncarnation :exec
UPDATE incarnation SET seen_at = @seen_at, seen_wall = clock_timestamp();

-- name: AddGap :exec
INSERT INTO incarnation_gaps (from_at, until_at, from_wall, until_wall) VALUES (@from_at, @until_at, @from_wall, @until_wall);

-- name: GapAround :one
-- The stretch without anybody looking in which a wall instant lies.
SELECT from_at, until_at FROM incarnation_gaps WHERE from_wall <= @wall AND until_wall >= @wall ORDER BY id DESC LIMIT 1;

-- name: AddRestore :one
INSERT INTO restores (noticed, what, by, since, until, noticed_wall) VALUES (@noticed, @what, @by, @since, @until, clock_timestamp()) RETURNING id;

-- name: Restores :many
SELECT * FROM restores ORDER BY id DESC LIMIT sqlc.arg(max);

-- name: NoteLookedTo :exec
UPDATE restores SET looked_to = @looked_to WHERE id = @id;

-- name: NoteLookedThrough :exec
UPDATE restores SET looked_to = NULL, looked_at = @looked_at WHERE id = @id;

-- name: RestoreDone :execrows
-- With those before it: the providers are asked about all at once.
UPDATE restores SET done_at = @done_at, done_by = @done_by, done_reason = @done_reason WHERE id <= @id AND done_at IS NULL;

-- name: OpenCasesAfter :many
-- Open cases in order of id, for who looks at all of them.
SELECT id FROM cases WHERE status = 'open' AND (sqlc.narg(after)::uuid IS NULL OR id > sqlc.narg(after)::uuid) ORDER BY id LIMIT sqlc.arg(max);
