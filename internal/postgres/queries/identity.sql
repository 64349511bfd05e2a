-- name: AddUser :exec
INSERT INTO users (id, name, title, email, password, must_change, oidc_issuer, oidc_subject, created_at)
VALUES (@id, @name, @title, @email, @password, @must_change, @oidc_issuer, @oidc_subject, @created_at);

-- name: UserByName :one
SELECT * FROM users WHERE name = $1;

-- name: UserByID :one
SELECT * FROM users WHERE id = $1;

-- name: UserBySubject :one
SELECT * FROM users WHERE oidc_issuer = $1 AND oidc_subject = $2 AND oidc_subject <> '';

-- name: AllUsers :many
SELECT * FROM users ORDER BY name;

-- name: AllGrants :many
SELECT * FROM user_grants ORDER BY user_id, creditor_id, role;

-- name: GrantsOf :many
SELECT creditor_id, role FROM user_grants WHERE user_id = $1 ORDER BY creditor_id, role;

-- name: DropOtherGrants :exec
-- All but those given: what stays is neither taken nor given anew.
DELETE FROM user_grants u WHERE u.user_id = @user_id
  AND NOT EXISTS (SELECT 1 FROM (SELECT unnest(@creditors::text[]) AS creditor, unnest(@roles::text[]) AS role) g WHERE g.creditor = u.creditor_id AND g.role = u.role);

-- name: AddGrants :exec
INSERT INTO user_grants (user_id, creditor_id, role)
SELECT @user_id::uuid, g.creditor, g.role FROM (SELECT unnest(@creditors::text[]) AS creditor, unnest(@roles::text[]) AS role) g
ON CONFLICT DO NOTHING;

-- name: SetPassword :execrows
UPDATE users SET password = @password, must_change = @must_change WHERE id = @id;

-- name: SetUser :execrows
UPDATE users SET title = @title, email = @email WHERE id = @id;

-- name: SetSettings :execrows
UPDATE users SET settings = @settings WHERE id = @id;

-- name: SetDisabled :execrows
UPDATE users SET disabled_at = sqlc.narg(at) WHERE id = @id;

-- name: CountAdmins :one
-- Those who can still let others in.
SELECT count(*) FROM users u JOIN user_grants g ON g.user_id = u.id
WHERE u.disabled_at IS NULL AND g.role = 'admin' AND g.creditor_id = '*' AND u.id <> @besides;

-- name: AddSession :exec
INSERT INTO sessions (hash, id, user_id, method, agent, created_at, seen_at, expires_at)
VALUES (@hash, @id, @user_id, @method, @agent, @created_at, @created_at, @expires_at);

-- name: SessionByHash :one
SELECT sqlc.embed(s), sqlc.embed(u) FROM sessions s JOIN users u ON u.id = s.user_id
WHERE s.hash = @hash AND s.expires_at > @now AND s.seen_at > @idle_since AND u.disabled_at IS NULL;

-- name: TouchSession :exec
UPDATE sessions SET seen_at = @now WHERE hash = @hash AND seen_at < @now;

-- name: SetFlash :exec
UPDATE sessions SET flash = @flash WHERE hash = @hash;

-- name: DropSession :execrows
DELETE FROM sessions WHERE hash = $1;

-- name: DropSessionOf :execrows
DELETE FROM sessions WHERE user_id = $1 AND id = $2;

-- name: DropSessionsOf :execrows
DELETE FROM sessions WHERE user_id = @user_id AND hash <> @besides;

-- name: DropOldSessions :exec
DELETE FROM sessions WHERE expires_at <= @now OR seen_at <= @idle_since;

-- name: SessionsOf :many
SELECT * FROM sessions WHERE user_id = $1 ORDER BY seen_at DESC, id;

-- name: AddSignin :exec
INSERT INTO signins (hash, nonce, verifier, next, expires_at) VALUES (@hash, @nonce, @verifier, @next, @expires_at);

-- name: TakeSignin :one
-- A state is good for one answer.
DELETE FROM signins WHERE hash = @hash AND expires_at > @now RETURNING nonce, verifier, next;

-- name: DropOldSignins :exec
DELETE FROM signins WHERE expires_at <= $1;

-- name: AddKey :exec
INSERT INTO api_keys (id, hash, name, creditor_id, scopes, by, created_at, expires_at)
VALUES (@id, @hash, @name, @creditor_id, @scopes, @by, @created_at, sqlc.narg(expires_at));

-- name: KeyByHash :one
SELECT * FROM api_keys WHERE hash = $1;

-- name: KeyOwner :one
-- The user behind whoever made a key.
SELECT u.id, u.name, u.title, u.disabled_at,
  ARRAY(SELECT g.creditor_id || '/' || g.role FROM user_grants g WHERE g.user_id = u.id ORDER BY g.creditor_id, g.role)::text[] AS grants
FROM users u WHERE u.id = duly_person(@by::text);

-- name: LockUsers :exec
SELECT pg_advisory_xact_lock(hashtext('duly users'));

-- name: ActingAs :exec
-- Says for this transaction who changes users, roles and keys.
SELECT set_config('duly.by', @by::text, true);

-- name: AllKeys :many
SELECT * FROM api_keys ORDER BY created_at DESC, id;

-- name: RevokeKey :execrows
UPDATE api_keys SET revoked_at = @at WHERE id = @id AND revoked_at IS NULL;

-- name: TouchKey :exec
UPDATE api_keys SET used_at = @now WHERE id = @id AND (used_at IS NULL OR used_at < @before);

-- name: BeginAnswer :execrows
-- An answer that was never finished (a crash) may be taken over after a while.
INSERT INTO idempotent_answers (by, key, request, created_at) VALUES (@by, @key, @request, @now)
ON CONFLICT (by, key) DO UPDATE SET created_at = excluded.created_at
WHERE idempotent_answers.status = 0 AND idempotent_answers.request = excluded.request
  AND idempotent_answers.created_at < @abandoned;

-- name: AnswerOf :one
SELECT request, status, type, body FROM idempotent_answers WHERE by = $1 AND key = $2;

-- name: FinishAnswer :exec
UPDATE idempotent_answers SET status = @status, type = @type, body = @body WHERE by = @by AND key = @key;

-- name: ForgetAnswer :exec
DELETE FROM idempotent_answers WHERE by = $1 AND key = $2 AND status = 0;

-- name: DropOldAnswers :exec
DELETE FROM idempotent_answers WHERE created_at < $1;

-- name: PutView :exec
INSERT INTO saved_views (user_id, place, name, query) VALUES (@user_id, @place, @name, @query)
ON CONFLICT (user_id, place, name) DO UPDATE SET query = excluded.query;

-- name: DropView :exec
DELETE FROM saved_views WHERE user_id = $1 AND place = $2 AND name = $3;

-- name: ViewsOf :many
SELECT place, name, query FROM saved_views WHERE user_id = $1 ORDER BY place, name;
