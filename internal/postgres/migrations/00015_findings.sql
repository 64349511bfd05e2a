-- Sweeps of the ledger and what they found: each with an owner, a due date, what became of
-- it and its history.

-- +goose Up

-- A sweep judges contacts again. Its row moves while it runs and never after it ended.
CREATE TABLE sweeps (
  id        uuid PRIMARY KEY,
  -- full: every debtor; news: those with facts in (after_pos, to_pos] of the facts' chain.
  kind      text NOT NULL CONSTRAINT sweeps_kind CHECK (kind IN ('full', 'news')),
  creditors text[], -- null: all
  by        text NOT NULL CONSTRAINT sweeps_by CHECK (by <> ''),
  at        timestamptz NOT NULL, -- business time
  began_at  timestamptz NOT NULL,
  beat_at   timestamptz NOT NULL, -- the sweeping process was alive
  ended_at  timestamptz,
  state     text NOT NULL DEFAULT 'running' CONSTRAINT sweeps_state CHECK (state IN ('running', 'complete', 'failed')),
  after_pos bigint NOT NULL DEFAULT 0,
  to_pos    bigint NOT NULL DEFAULT 0,
  -- What was judged and found, by creditor (read.Coverage).
  parts     jsonb NOT NULL DEFAULT '{}' CONSTRAINT sweeps_parts CHECK (jsonb_typeof(parts) = 'object'),
  CONSTRAINT sweeps_ended CHECK ((state = 'running') = (ended_at IS NULL))
);
CREATE INDEX sweeps_began ON sweeps (began_at);
-- +goose StatementBegin
CREATE FUNCTION duly_sweep_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.state <> 'running' OR TG_OP = 'DELETE' THEN
    RAISE EXCEPTION '% of sweep % is refused: what it came to is evidence', TG_OP, OLD.id
      USING ERRCODE = 'DU001', HINT = 'Begin another sweep.';
  END IF;
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER sweeps_stay BEFORE UPDATE OR DELETE ON sweeps FOR EACH ROW EXECUTE FUNCTION duly_sweep_ended();
CREATE TRIGGER sweeps_never_gone BEFORE TRUNCATE ON sweeps FOR EACH STATEMENT EXECUTE FUNCTION duly_refuse_change();

-- Something that was, or came close to being, against a rule. What it is never changes;
-- status, owner and due are those of its newest event.
CREATE TABLE findings (
  id          uuid PRIMARY KEY,
  -- What makes it the same finding when it is found again.
  key         text NOT NULL UNIQUE CONSTRAINT findings_key CHECK (key <> ''),
  source      text NOT NULL CONSTRAINT findings_source CHECK (source IN ('sweep', 'sample', 'person')),
  kind        text NOT NULL CONSTRAINT findings_kind CHECK (kind IN ('violation', 'near_miss')),
  -- For people, in codes and ids only.
  title       text NOT NULL CONSTRAINT findings_title CHECK (title <> ''),
  creditor_id text NOT NULL CONSTRAINT findings_creditor CHECK (creditor_id <> ''),
  debtor_id   uuid,
  account_id  uuid,
  case_id     uuid,
  decision_id text NOT NULL DEFAULT '',
  contact_id  text NOT NULL DEFAULT '',
  rules       text[] NOT NULL DEFAULT '{}',
  at          timestamptz NOT NULL, -- business time of what is found
  opened_at   timestamptz NOT NULL, -- business time
  body        jsonb NOT NULL DEFAULT '{}' CONSTRAINT findings_body CHECK (jsonb_typeof(body) = 'object'),
  status      text NOT NULL DEFAULT 'open' CONSTRAINT findings_status CHECK (status IN ('open', 'fixed', 'accepted')),
  owner       text NOT NULL DEFAULT '',
  due         date
);
CREATE INDEX findings_by_time ON findings (creditor_id, at, id);
CREATE INDEX findings_open ON findings (due, at) WHERE status = 'open';
CREATE TRIGGER findings_never_gone BEFORE DELETE OR TRUNCATE ON findings FOR EACH STATEMENT EXECUTE FUNCTION duly_refuse_change();

CREATE TABLE finding_events (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  finding_id  uuid NOT NULL REFERENCES findings,
  at          timestamptz NOT NULL, -- business time
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  by          text NOT NULL CONSTRAINT finding_events_by CHECK (by <> ''),
  -- What the finding is after the event.
  status      text NOT NULL CONSTRAINT finding_events_status CHECK (status IN ('open', 'fixed', 'accepted')),
  owner       text NOT NULL DEFAULT '',
  due         date,
  words       text NOT NULL DEFAULT '',
  CONSTRAINT finding_events_words CHECK (status = 'open' OR words <> '')
);
CREATE INDEX finding_events_of ON finding_events (finding_id, id);
CREATE TRIGGER finding_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON finding_events
  FOR EACH STATEMENT EXECUTE FUNCTION duly_refuse_change();
