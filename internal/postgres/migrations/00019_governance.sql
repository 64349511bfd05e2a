-- Governance in the hash chain: every table on which it rests that is only ever added to
-- gets an order in which rows were added and the instant at which they were; users, their
-- roles and API keys, which do change, get a log of every change. Accounts that are in one
-- another's hand are not two people. Events for webhooks that are about no debtor.
-- See docs/decisions/2026-11-22-governance.md.

-- +goose Up

-- --- order and instant ---------------------------------------------------------------
-- Rows from before have the instant of this migration: nobody noted theirs.
ALTER TABLE releases ADD COLUMN recorded_at timestamptz NOT NULL DEFAULT clock_timestamp();
ALTER TABLE release_files ADD COLUMN pos bigint NOT NULL GENERATED ALWAYS AS IDENTITY, ADD COLUMN recorded_at timestamptz NOT NULL DEFAULT clock_timestamp();
ALTER TABLE sequence_versions ADD COLUMN pos bigint NOT NULL GENERATED ALWAYS AS IDENTITY, ADD COLUMN recorded_at timestamptz NOT NULL DEFAULT clock_timestamp();
ALTER TABLE release_activations ADD COLUMN recorded_at timestamptz NOT NULL DEFAULT clock_timestamp();
ALTER TABLE proposals ADD COLUMN recorded_at timestamptz NOT NULL DEFAULT clock_timestamp();
ALTER TABLE proposal_files ADD COLUMN pos bigint NOT NULL GENERATED ALWAYS AS IDENTITY, ADD COLUMN recorded_at timestamptz NOT NULL DEFAULT clock_timestamp();
ALTER TABLE proposal_sequences ADD COLUMN pos bigint NOT NULL GENERATED ALWAYS AS IDENTITY, ADD COLUMN recorded_at timestamptz NOT NULL DEFAULT clock_timestamp();
ALTER TABLE proposal_ends ADD COLUMN pos bigint NOT NULL GENERATED ALWAYS AS IDENTITY, ADD COLUMN recorded_at timestamptz NOT NULL DEFAULT clock_timestamp();
ALTER TABLE four_eyes ADD COLUMN recorded_at timestamptz NOT NULL DEFAULT clock_timestamp();
ALTER TABLE activation_looks ADD COLUMN pos bigint NOT NULL GENERATED ALWAYS AS IDENTITY, ADD COLUMN recorded_at timestamptz NOT NULL DEFAULT clock_timestamp();
ALTER TABLE samples ADD COLUMN pos bigint NOT NULL GENERATED ALWAYS AS IDENTITY;
ALTER TABLE sample_rows ADD COLUMN pos bigint NOT NULL GENERATED ALWAYS AS IDENTITY, ADD COLUMN recorded_at timestamptz NOT NULL DEFAULT clock_timestamp();
ALTER TABLE sample_rounds ADD COLUMN pos bigint NOT NULL GENERATED ALWAYS AS IDENTITY;
ALTER TABLE sample_answers ADD COLUMN pos bigint NOT NULL GENERATED ALWAYS AS IDENTITY;
ALTER TABLE sample_signoffs ADD COLUMN pos bigint NOT NULL GENERATED ALWAYS AS IDENTITY;

-- +goose StatementBegin
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['release_files', 'sequence_versions', 'proposal_files', 'proposal_sequences', 'proposal_ends', 'activation_looks',
                              'samples', 'sample_rows', 'sample_rounds', 'sample_answers', 'sample_signoffs'] LOOP
    EXECUTE format('CREATE UNIQUE INDEX %I ON %I (pos)', name || '_pos', name);
  END LOOP;
END $$;
-- +goose StatementEnd

-- --- the log of users, roles and keys ------------------------------------------------

-- What became of users, their roles and API keys, written by triggers in the transaction
-- of the change, so that no way in goes past it. It holds ids, codes and digests: no name,
-- no address, nothing that opens anything.
CREATE TABLE access_events (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- Who changed it, as in the audit; '' where nobody said. person is that user.
  by          text NOT NULL DEFAULT '',
  person      uuid,
  kind        text NOT NULL CONSTRAINT access_events_kind CHECK (kind IN ('user', 'roles', 'key')),
  subject     text NOT NULL CONSTRAINT access_events_subject CHECK (subject <> ''), -- id of the user or the key
  what        text NOT NULL CONSTRAINT access_events_what CHECK (what IN (
                'found', 'made', 'renamed', 'password', 'identity', 'disabled', 'enabled', 'roles_given', 'roles_taken', 'revoked', 'changed', 'deleted')),
  -- How it is afterwards: what the three functions below say; of roles also which were moved.
  body        jsonb NOT NULL CONSTRAINT access_events_body CHECK (jsonb_typeof(body) = 'object')
);
CREATE INDEX access_events_of ON access_events (kind, subject, id);
CREATE TRIGGER access_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON access_events
  FOR EACH STATEMENT EXECUTE FUNCTION duly_refuse_change();

CREATE FUNCTION duly_digest(what text) RETURNS text LANGUAGE sql IMMUTABLE AS
  'SELECT CASE WHEN what = '''' THEN '''' ELSE encode(sha256(convert_to(what, ''UTF8'')), ''hex'') END';

CREATE FUNCTION duly_user_body(u users) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object('name', duly_digest(u.name), 'password', duly_digest(u.password), 'must_change', u.must_change,
    'identity', duly_digest(CASE WHEN u.oidc_subject = '' THEN '' ELSE u.oidc_issuer || ' ' || u.oidc_subject END), 'disabled', u.disabled_at IS NOT NULL)
$$;

CREATE FUNCTION duly_roles_body(which uuid) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object('roles', coalesce(jsonb_agg(g.creditor_id || '/' || g.role ORDER BY g.creditor_id COLLATE "C", g.role COLLATE "C"), '[]'))
  FROM user_grants g WHERE g.user_id = which
$$;

CREATE FUNCTION duly_key_body(k api_keys) RETURNS jsonb LANGUAGE sql STABLE AS $$
  SELECT jsonb_build_object('owner', k."by", 'hash', encode(k.hash, 'hex'), 'creditor', k.creditor_id, 'scopes', to_jsonb(k.scopes),
    'made', k.created_at AT TIME ZONE 'UTC', 'expires', k.expires_at AT TIME ZONE 'UTC', 'revoked', k.revoked_at AT TIME ZONE 'UTC')
$$;

-- What the audit knows of the time before, so that accounts are in the hands they are in;
-- then how everything stands now.
INSERT INTO access_events (recorded_at, by, person, kind, subject, what, body)
SELECT a.recorded_at, a.by, duly_person(a.by), CASE a.action WHEN 'roles_changed' THEN 'roles' ELSE 'user' END, a.subject,
       CASE a.action WHEN 'user_added' THEN 'made' WHEN 'password_reset' THEN 'password' WHEN 'user_enabled' THEN 'enabled' ELSE 'roles_given' END, '{}'
FROM audit a WHERE a.action IN ('user_added', 'password_reset', 'user_enabled', 'roles_changed') AND EXISTS (SELECT FROM users u WHERE u.id::text = a.subject) ORDER BY a.id;
INSERT INTO access_events (kind, subject, what, body) SELECT 'user', u.id::text, 'found', duly_user_body(u) FROM users u ORDER BY u.id;
INSERT INTO access_events (kind, subject, what, body) SELECT 'roles', u.id::text, 'found', duly_roles_body(u.id) FROM users u ORDER BY u.id;
INSERT INTO access_events (kind, subject, what, body) SELECT 'key', k.id, 'found', duly_key_body(k) FROM api_keys k ORDER BY k.id;

-- Whoever changes something says who they are with set_config('duly.by', …).
-- +goose StatementBegin
CREATE FUNCTION duly_access_event(which text, subject text, what text, body jsonb, otherwise text DEFAULT '') RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  who text := coalesce(nullif(current_setting('duly.by', true), ''), otherwise);
BEGIN
  INSERT INTO access_events ("by", person, kind, subject, what, body) VALUES (who, duly_person(who), which, subject, what, body);
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION duly_log_user() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  b jsonb; -- as it was, with what is told so far: a row says what it changed and nothing else
  n jsonb;
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM duly_access_event('user', NEW.id::text, 'made', duly_user_body(NEW));
    RETURN NULL;
  ELSIF TG_OP = 'DELETE' THEN
    PERFORM duly_access_event('user', OLD.id::text, 'deleted', '{}');
    RETURN NULL;
  END IF;
  b := duly_user_body(OLD);
  n := duly_user_body(NEW);
  IF OLD.name <> NEW.name THEN
    b := b || jsonb_build_object('name', n->'name');
    PERFORM duly_access_event('user', NEW.id::text, 'renamed', b);
  END IF;
  IF OLD.password <> NEW.password OR OLD.must_change <> NEW.must_change THEN
    b := b || jsonb_build_object('password', n->'password', 'must_change', n->'must_change');
    PERFORM duly_access_event('user', NEW.id::text, 'password', b);
  END IF;
  IF OLD.oidc_issuer <> NEW.oidc_issuer OR OLD.oidc_subject <> NEW.oidc_subject THEN
    b := b || jsonb_build_object('identity', n->'identity');
    PERFORM duly_access_event('user', NEW.id::text, 'identity', b);
  END IF;
  IF (OLD.disabled_at IS NULL) <> (NEW.disabled_at IS NULL) THEN
    b := b || jsonb_build_object('disabled', n->'disabled');
    PERFORM duly_access_event('user', NEW.id::text, CASE WHEN NEW.disabled_at IS NULL THEN 'enabled' ELSE 'disabled' END, b);
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER users_log AFTER INSERT OR UPDATE OR DELETE ON users FOR EACH ROW EXECUTE FUNCTION duly_log_user();

-- +goose StatementBegin
CREATE FUNCTION duly_log_roles() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM duly_access_event('roles', c.user_id::text, CASE TG_OP WHEN 'INSERT' THEN 'roles_given' ELSE 'roles_taken' END,
    duly_roles_body(c.user_id) || jsonb_build_object('moved', c.moved))
  FROM (SELECT x.user_id, jsonb_agg(x.creditor_id || '/' || x.role ORDER BY x.creditor_id COLLATE "C", x.role COLLATE "C") AS moved FROM changed x GROUP BY x.user_id ORDER BY x.user_id) c;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER user_grants_log_given AFTER INSERT ON user_grants REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION duly_log_roles();
CREATE TRIGGER user_grants_log_taken AFTER DELETE ON user_grants REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION duly_log_roles();
-- A role is taken and another given; none is changed into another.
-- +goose StatementBegin
CREATE FUNCTION duly_refuse_role_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% of % is refused: a role is taken and another is given', TG_OP, TG_TABLE_NAME USING ERRCODE = 'DU001';
END $$;
-- +goose StatementEnd
CREATE TRIGGER user_grants_no_change BEFORE UPDATE OR TRUNCATE ON user_grants FOR EACH STATEMENT EXECUTE FUNCTION duly_refuse_role_change();

-- +goose StatementBegin
CREATE FUNCTION duly_log_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM duly_access_event('key', NEW.id, 'made', duly_key_body(NEW), NEW."by");
  ELSIF TG_OP = 'DELETE' THEN
    PERFORM duly_access_event('key', OLD.id, 'deleted', '{}');
  ELSIF duly_key_body(OLD) <> duly_key_body(NEW) OR OLD.id <> NEW.id THEN -- that it was used is no change
    PERFORM duly_access_event('key', NEW.id, CASE WHEN OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL THEN 'revoked' ELSE 'changed' END, duly_key_body(NEW));
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER api_keys_log AFTER INSERT OR UPDATE OR DELETE ON api_keys FOR EACH ROW EXECUTE FUNCTION duly_log_key();

-- --- two accounts of one hand ----------------------------------------------------------

-- In whose hands an account is: of whoever made it, let it in again, gave it a role, a
-- password or an identity elsewhere, and in whose hands these are.
-- +goose StatementBegin
CREATE FUNCTION duly_hands(who uuid) RETURNS SETOF uuid LANGUAGE sql STABLE AS $$
  WITH RECURSIVE hands(id) AS (
    SELECT who
    UNION
    SELECT e.person FROM hands h JOIN access_events e ON e.kind IN ('user', 'roles') AND e.subject = h.id::text
    WHERE e.person IS NOT NULL AND e.person <> h.id AND e.what IN ('made', 'enabled', 'roles_given', 'password', 'identity')
  )
  SELECT id FROM hands WHERE id <> who
$$;
-- +goose StatementEnd

-- One of the two is in the hands of the other: they are not two people.
CREATE FUNCTION duly_tied(a uuid, b uuid) RETURNS boolean LANGUAGE sql STABLE AS
  'SELECT b IN (SELECT duly_hands(a)) OR a IN (SELECT duly_hands(b))';

-- Everybody who had a hand in a proposal's content, as duly_made has it.
-- +goose StatementBegin
CREATE FUNCTION duly_makers(which uuid) RETURNS SETOF uuid LANGUAGE sql STABLE AS $$
  WITH RECURSIVE line(id) AS (
    SELECT which
    UNION
    SELECT o.id FROM line c JOIN proposals p ON p.id = c.id JOIN proposals o ON o.id = p.follows OR o.release = p.release
  )
  SELECT DISTINCT p.person FROM line c JOIN proposals p ON p.id = c.id
$$;
-- +goose StatementEnd
CREATE OR REPLACE FUNCTION duly_made(which uuid, who uuid) RETURNS boolean LANGUAGE sql STABLE AS
  'SELECT who IN (SELECT duly_makers(which))';

-- These run after the checks of schema version 12, whose names come first, and under the
-- same lock: the person is filled in.
-- +goose StatementBegin
CREATE FUNCTION duly_check_hands() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  other uuid;
  rule  text := TG_TABLE_NAME || '_hand';
BEGIN
  IF NOT duly_four_eyes() THEN
    RETURN NEW;
  END IF;
  CASE TG_TABLE_NAME
  WHEN 'proposal_ends' THEN
    IF NEW.verdict = 'approved' THEN
      SELECT m INTO other FROM duly_makers(NEW.proposal) m WHERE duly_tied(m, NEW.person) LIMIT 1;
    END IF;
  WHEN 'activation_looks' THEN
    SELECT p INTO other FROM release_activations a, duly_person(a."by") p WHERE a.seq = NEW.activation AND duly_tied(p, NEW.person);
  ELSE
    IF NEW.step = 'off' THEN
      SELECT f.person INTO other FROM (SELECT person FROM four_eyes ORDER BY seq DESC LIMIT 1) f WHERE duly_tied(f.person, NEW.person);
    END IF;
  END CASE;
  IF other IS NOT NULL THEN
    RAISE EXCEPTION 'one of the two accounts is in the hands of the other' USING ERRCODE = 'DU003', CONSTRAINT = rule;
  END IF;
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER proposal_ends_hand BEFORE INSERT ON proposal_ends FOR EACH ROW EXECUTE FUNCTION duly_check_hands();
CREATE TRIGGER activation_looks_hand BEFORE INSERT ON activation_looks FOR EACH ROW EXECUTE FUNCTION duly_check_hands();
CREATE TRIGGER four_eyes_hand BEFORE INSERT ON four_eyes FOR EACH ROW EXECUTE FUNCTION duly_check_hands();

-- --- events for webhooks -----------------------------------------------------------------

-- Some events are about the installation: then creditor_id is '*' and body says what.
ALTER TABLE hook_events ALTER COLUMN debtor_id DROP NOT NULL, ALTER COLUMN version DROP NOT NULL, ALTER COLUMN fact DROP NOT NULL,
  ADD COLUMN body jsonb,
  ADD CONSTRAINT hook_events_of CHECK ((body IS NULL) = (debtor_id IS NOT NULL AND version IS NOT NULL AND fact IS NOT NULL)),
  ADD CONSTRAINT hook_events_body CHECK (body IS NULL OR jsonb_typeof(body) = 'object');

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION duly_hook_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM hooks WHERE ended_at IS NULL) THEN
    INSERT INTO hook_events (creditor_id, debtor_id, version, fact, kind, at)
    SELECT d.creditor_id, n.debtor_id, n.version, n.seq, n.kind, n.at
    FROM added n JOIN debtors d ON d.id = n.debtor_id
    WHERE n.kind IN ('case_opened', 'case_closed', 'migrated', 'step_counted', 'contact_moved', 'items_disposed', 'payment', 'payment_reversed',
                     'promise_made', 'promise_ended', 'offer_opened', 'offer_ended', 'plan_agreed', 'plan_ended',
                     'settlement_offered', 'settlement_answered', 'settlement_ended', 'dispute_raised', 'dispute_resolved',
                     'hold_placed', 'hold_lifted', 'task_opened', 'opted_out')
    ORDER BY n.debtor_id, n.version, n.seq;
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd

-- Only webhooks of all creditors hear of the installation.
-- +goose StatementBegin
CREATE FUNCTION duly_hook_tell() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  said jsonb;
BEGIN
  IF NOT EXISTS (SELECT FROM hooks WHERE ended_at IS NULL AND creditor_id = '*') THEN
    RETURN NULL;
  END IF;
  CASE TG_TABLE_NAME
  WHEN 'proposals' THEN
    said := jsonb_build_object('id', NEW.id, 'release', NEW.release, 'base', NEW.base);
  WHEN 'proposal_ends' THEN
    SELECT jsonb_build_object('id', p.id, 'release', p.release, 'base', p.base, 'outcome', NEW.verdict) INTO said FROM proposals p WHERE p.id = NEW.proposal;
  ELSE
    IF NEW."by" <> 'system' THEN
      RETURN NULL; -- the daily one is told
    END IF;
    said := jsonb_build_object('head', NEW.seals || ':' || encode(NEW.head, 'hex'), 'rows', NEW.rows, 'outcome', CASE NEW.fault WHEN '' THEN 'whole' ELSE 'broken' END);
  END CASE;
  INSERT INTO hook_events (creditor_id, kind, at, body) VALUES ('*', TG_ARGV[0], NEW.at, said);
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER proposals_tell AFTER INSERT ON proposals FOR EACH ROW EXECUTE FUNCTION duly_hook_tell('proposal_made');
CREATE TRIGGER proposal_ends_tell AFTER INSERT ON proposal_ends FOR EACH ROW EXECUTE FUNCTION duly_hook_tell('proposal_ended');
CREATE TRIGGER chain_checks_tell AFTER INSERT ON chain_checks FOR EACH ROW EXECUTE FUNCTION duly_hook_tell('integrity_sealed');

-- Files that wait with their bodies, of which there is so much room.
CREATE INDEX import_uploads_kept ON import_uploads (by) INCLUDE (size) WHERE state IN ('check', 'checked', 'store');
