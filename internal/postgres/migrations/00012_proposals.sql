-- Maker and checker: a configuration is proposed by one person and put into force by
-- another. What may not be is refused here as well as in the program, so that no way in
-- (console, API, command line, a mistake of ours) goes past it.
-- See docs/decisions/2026-11-22-maker-checker.md.

-- +goose Up

-- Which person somebody is: an API key counts as whoever made it. Null: nobody known.
-- +goose StatementBegin
CREATE FUNCTION duly_person(who text) RETURNS uuid LANGUAGE plpgsql STABLE AS $$
DECLARE
  owner text := who;
BEGIN
  FOR i IN 1..20 LOOP -- a key may have been made with a key
    EXIT WHEN owner IS NULL OR owner NOT LIKE 'key:%';
    owner := (SELECT k.by FROM api_keys k WHERE k.id = substr(owner, 5));
  END LOOP;
  IF owner LIKE 'user:%' THEN
    RETURN (SELECT u.id FROM users u WHERE u.id::text = substr(owner, 6));
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd

-- A whole configuration that somebody wants in force instead of base. Content-addressed
-- as releases are; person is filled in by the trigger below.
CREATE TABLE proposals (
  seq     bigint NOT NULL GENERATED ALWAYS AS IDENTITY UNIQUE,
  id      uuid PRIMARY KEY,
  release text NOT NULL CONSTRAINT proposals_release CHECK (release <> ''),
  base    text NOT NULL REFERENCES releases,
  by      text NOT NULL,
  person  uuid NOT NULL REFERENCES users,
  reason  text NOT NULL CONSTRAINT proposals_reason CHECK (length(btrim(reason)) BETWEEN 3 AND 4000),
  at      timestamptz NOT NULL,
  -- The proposal that this one was made from: its makers cannot check this one either.
  follows uuid REFERENCES proposals,
  CONSTRAINT proposals_change CHECK (release <> base)
);
CREATE INDEX proposals_by_release ON proposals (release);
CREATE TABLE proposal_files (
  proposal uuid NOT NULL REFERENCES proposals,
  path     text NOT NULL CONSTRAINT proposal_files_path CHECK (path <> ''),
  content  bytea NOT NULL,
  PRIMARY KEY (proposal, path)
);
CREATE TABLE proposal_sequences (
  proposal uuid NOT NULL REFERENCES proposals,
  sequence text NOT NULL CONSTRAINT proposal_sequences_sequence CHECK (sequence <> ''),
  version  text NOT NULL CONSTRAINT proposal_sequences_version CHECK (version <> ''),
  PRIMARY KEY (proposal, sequence)
);

-- How a proposal ended: once.
CREATE TABLE proposal_ends (
  proposal uuid PRIMARY KEY REFERENCES proposals,
  verdict  text NOT NULL CONSTRAINT proposal_ends_verdict CHECK (verdict IN ('approved', 'rejected', 'withdrawn')),
  by       text NOT NULL,
  person   uuid NOT NULL REFERENCES users,
  words    text NOT NULL DEFAULT '' CONSTRAINT proposal_ends_length CHECK (length(words) <= 4000),
  at       timestamptz NOT NULL,
  CONSTRAINT proposal_ends_words CHECK (verdict <> 'rejected' OR length(btrim(words)) >= 3)
);

-- Whether two people are needed. The last row counts: on and off_asked mean yes.
CREATE TABLE four_eyes (
  seq    bigint NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  step   text NOT NULL CONSTRAINT four_eyes_step CHECK (step IN ('on', 'off_asked', 'off')),
  by     text NOT NULL CONSTRAINT four_eyes_by CHECK (by <> ''),
  person uuid REFERENCES users, -- null: switched on by whoever could reach the database
  reason text NOT NULL CONSTRAINT four_eyes_reason CHECK (length(btrim(reason)) BETWEEN 3 AND 4000),
  at     timestamptz NOT NULL
);

-- Why a release was put into force: an approved proposal, or going back to what was in
-- force before.
ALTER TABLE release_activations
  ADD COLUMN proposal uuid UNIQUE REFERENCES proposals,
  ADD COLUMN back     boolean NOT NULL DEFAULT false,
  ADD COLUMN reason   text NOT NULL DEFAULT '',
  ADD CONSTRAINT release_activations_back CHECK (NOT back OR proposal IS NULL);

-- A second person looked at a going back afterwards.
CREATE TABLE activation_looks (
  activation bigint PRIMARY KEY REFERENCES release_activations,
  by         text NOT NULL,
  person     uuid NOT NULL REFERENCES users,
  words      text NOT NULL DEFAULT '' CONSTRAINT activation_looks_length CHECK (length(words) <= 4000),
  at         timestamptz NOT NULL
);

-- +goose StatementBegin
DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['proposals', 'proposal_files', 'proposal_sequences', 'proposal_ends', 'four_eyes', 'activation_looks'] LOOP
    EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE OR TRUNCATE ON %I FOR EACH STATEMENT EXECUTE FUNCTION duly_refuse_change()', name || '_append_only', name);
  END LOOP;
END $$;
-- +goose StatementEnd

CREATE FUNCTION duly_four_eyes() RETURNS boolean LANGUAGE sql STABLE AS
  'SELECT coalesce((SELECT f.step <> ''off'' FROM four_eyes f ORDER BY f.seq DESC LIMIT 1), false)';

CREATE FUNCTION duly_in_force() RETURNS text LANGUAGE sql STABLE AS
  'SELECT a.release FROM release_activations a ORDER BY a.seq DESC LIMIT 1';

-- What follows takes the lock of publishers first: who is judged and what is in force do
-- not move while it is decided.

-- +goose StatementBegin
CREATE FUNCTION duly_check_proposal() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('duly releases', 0));
  NEW.person := duly_person(NEW."by");
  IF NEW.person IS NULL OR EXISTS (SELECT FROM users u WHERE u.id = NEW.person AND u.disabled_at IS NOT NULL) THEN
    RAISE EXCEPTION 'a proposal is made by a user' USING ERRCODE = 'DU003', CONSTRAINT = 'proposals_person';
  ELSIF NEW.base IS DISTINCT FROM duly_in_force() THEN
    RAISE EXCEPTION 'the base of the proposal is not in force' USING ERRCODE = 'DU003', CONSTRAINT = 'proposals_base';
  END IF;
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER proposals_check BEFORE INSERT ON proposals FOR EACH ROW EXECUTE FUNCTION duly_check_proposal();

-- Whoever made this proposal, one that it was made from, or one of the very same content.
-- +goose StatementBegin
CREATE FUNCTION duly_made(which uuid, who uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
  WITH RECURSIVE chain(id) AS (
    SELECT which
    UNION
    SELECT o.id FROM chain c JOIN proposals p ON p.id = c.id JOIN proposals o ON o.id = p.follows OR o.release = p.release
  )
  SELECT EXISTS (SELECT FROM chain c JOIN proposals p ON p.id = c.id WHERE p.person = who)
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION duly_check_proposal_end() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  p proposals;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('duly releases', 0));
  SELECT * INTO p FROM proposals WHERE id = NEW.proposal;
  NEW.person := duly_person(NEW."by");
  IF NEW.person IS NULL OR EXISTS (SELECT FROM users u WHERE u.id = NEW.person AND u.disabled_at IS NOT NULL) THEN
    RAISE EXCEPTION 'a proposal is checked by a user' USING ERRCODE = 'DU003', CONSTRAINT = 'proposal_ends_person';
  ELSIF EXISTS (SELECT FROM proposal_ends e WHERE e.proposal = NEW.proposal) THEN
    RAISE EXCEPTION 'the proposal has ended' USING ERRCODE = 'DU003', CONSTRAINT = 'proposal_ends_once';
  ELSIF NEW.verdict = 'withdrawn' AND p.person <> NEW.person THEN
    RAISE EXCEPTION 'a proposal is withdrawn by its maker' USING ERRCODE = 'DU003', CONSTRAINT = 'proposal_ends_maker';
  ELSIF NEW.verdict <> 'withdrawn' AND duly_made(p.id, NEW.person) THEN
    RAISE EXCEPTION 'nobody checks their own proposal' USING ERRCODE = 'DU003', CONSTRAINT = 'proposal_ends_own';
  ELSIF NEW.verdict = 'approved' AND p.base IS DISTINCT FROM duly_in_force() THEN
    RAISE EXCEPTION 'the base of the proposal is no longer in force' USING ERRCODE = 'DU003', CONSTRAINT = 'proposal_ends_base';
  END IF;
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER proposal_ends_check BEFORE INSERT ON proposal_ends FOR EACH ROW EXECUTE FUNCTION duly_check_proposal_end();

-- +goose StatementBegin
CREATE FUNCTION duly_check_activation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('duly releases', 0));
  IF NEW.back AND NOT EXISTS (SELECT FROM release_activations a WHERE a.release = NEW.release) THEN
    RAISE EXCEPTION 'a release that was never in force cannot be gone back to' USING ERRCODE = 'DU003', CONSTRAINT = 'release_activations_earlier';
  ELSIF NEW.proposal IS NOT NULL AND NOT EXISTS (
      SELECT FROM proposals p JOIN proposal_ends e ON e.proposal = p.id
      WHERE p.id = NEW.proposal AND p.release = NEW.release AND e.verdict = 'approved' AND p.base IS NOT DISTINCT FROM duly_in_force()) THEN
    RAISE EXCEPTION 'the proposal is not an approved one of this release' USING ERRCODE = 'DU003', CONSTRAINT = 'release_activations_approved';
  ELSIF NEW.proposal IS NULL AND duly_four_eyes() AND duly_in_force() IS NOT NULL AND NOT NEW.back THEN
    RAISE EXCEPTION 'four eyes are required: a release is put into force by approving a proposal' USING ERRCODE = 'DU003', CONSTRAINT = 'release_activations_four_eyes';
  ELSIF NEW.back AND duly_four_eyes() AND length(btrim(NEW.reason)) < 3 THEN
    RAISE EXCEPTION 'going back needs a reason' USING ERRCODE = 'DU003', CONSTRAINT = 'release_activations_reason';
  END IF;
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER release_activations_check BEFORE INSERT ON release_activations FOR EACH ROW EXECUTE FUNCTION duly_check_activation();

-- +goose StatementBegin
CREATE FUNCTION duly_check_look() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  a release_activations;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('duly releases', 0));
  SELECT * INTO a FROM release_activations WHERE seq = NEW.activation;
  NEW.person := duly_person(NEW."by");
  IF NEW.person IS NULL OR EXISTS (SELECT FROM users u WHERE u.id = NEW.person AND u.disabled_at IS NOT NULL) THEN
    RAISE EXCEPTION 'a user looks at it' USING ERRCODE = 'DU003', CONSTRAINT = 'activation_looks_person';
  ELSIF NOT a.back THEN
    RAISE EXCEPTION 'only a going back is looked at afterwards' USING ERRCODE = 'DU003', CONSTRAINT = 'activation_looks_back';
  ELSIF NEW.person = duly_person(a."by") THEN
    RAISE EXCEPTION 'nobody looks at their own going back' USING ERRCODE = 'DU003', CONSTRAINT = 'activation_looks_own';
  END IF;
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER activation_looks_check BEFORE INSERT ON activation_looks FOR EACH ROW EXECUTE FUNCTION duly_check_look();

-- Off needs one person who asks and another who agrees.
-- +goose StatementBegin
CREATE FUNCTION duly_check_four_eyes() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  was four_eyes;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('duly releases', 0));
  SELECT * INTO was FROM four_eyes ORDER BY seq DESC LIMIT 1;
  NEW.person := duly_person(NEW."by");
  IF NOT (CASE NEW.step
       WHEN 'on'        THEN coalesce(was.step, 'off') <> 'on'
       WHEN 'off_asked' THEN coalesce(was.step, 'off') = 'on'
       ELSE                  coalesce(was.step, 'off') = 'off_asked'
     END) THEN
    RAISE EXCEPTION 'four eyes: % does not follow %', NEW.step, coalesce(was.step, 'off') USING ERRCODE = 'DU003', CONSTRAINT = 'four_eyes_order';
  ELSIF NEW.step <> 'on' AND (NEW.person IS NULL OR EXISTS (SELECT FROM users u WHERE u.id = NEW.person AND u.disabled_at IS NOT NULL)) THEN
    RAISE EXCEPTION 'four eyes: a user switches them off' USING ERRCODE = 'DU003', CONSTRAINT = 'four_eyes_person';
  ELSIF NEW.step = 'off' AND NEW.person = was.person THEN
    RAISE EXCEPTION 'four eyes: another person agrees that they are switched off' USING ERRCODE = 'DU003', CONSTRAINT = 'four_eyes_own';
  END IF;
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER four_eyes_check BEFORE INSERT ON four_eyes FOR EACH ROW EXECUTE FUNCTION duly_check_four_eyes();
