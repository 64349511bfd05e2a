-- The store of Duly. Everything that is known of a debtor is one append-only
-- log (facts); every other table either gives things an identity, journals what
-- was decided and tried (append-only as well), or is a projection of the log
-- that could be rebuilt from it. Needs PostgreSQL 15 or later.

-- +goose Up

-- +goose StatementBegin
CREATE FUNCTION duly_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% on table % is refused: its rows are evidence and only ever added', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'DU001', HINT = 'Record a correction as a further row.';
END $$;
-- +goose StatementEnd

-- --- who ---------------------------------------------------------------------

CREATE TABLE creditors (
  id         text PRIMARY KEY CONSTRAINT creditors_id CHECK (id <> ''),
  -- Until when this creditor's payment data is known to be complete (business time).
  feed_until timestamptz,
  created_at timestamptz NOT NULL DEFAULT now()
);

-- A debtor's row is also the lock under which all of its facts are written, and
-- version counts the transactions that added some.
CREATE TABLE debtors (
  id          uuid PRIMARY KEY,
  creditor_id text NOT NULL REFERENCES creditors,
  key         text NOT NULL CONSTRAINT debtors_key CHECK (key <> ''),
  version     bigint NOT NULL DEFAULT 0 CONSTRAINT debtors_version CHECK (version >= 0),
  created_at  timestamptz NOT NULL DEFAULT now(),
  UNIQUE (creditor_id, key),
  UNIQUE (id, creditor_id)
) WITH (fillfactor = 70);

-- Personal data, apart from everything else, so that it can be corrected and erased.
CREATE TABLE debtor_profiles (
  debtor_id uuid PRIMARY KEY REFERENCES debtors,
  name      text NOT NULL DEFAULT '',
  locale    text NOT NULL DEFAULT '',
  country   text NOT NULL DEFAULT '',
  address   text[] NOT NULL DEFAULT '{}'
);

CREATE TABLE accounts (
  id              uuid PRIMARY KEY,
  debtor_id       uuid NOT NULL,
  creditor_id     text NOT NULL,
  key             text NOT NULL CONSTRAINT accounts_key CHECK (key <> ''),
  currency        text NOT NULL CONSTRAINT accounts_currency CHECK (currency ~ '^[A-Z]{3}$'),
  created_at      timestamptz NOT NULL DEFAULT now(),
  -- What the starter found when it last looked: at which version, and when a case
  -- is to be opened if nothing changes (null: not by the passing of time).
  checked_version bigint,
  opens_at        timestamptz,
  -- One customer number may owe in two currencies: that is two accounts.
  UNIQUE (creditor_id, key, currency),
  UNIQUE (id, debtor_id, creditor_id),
  UNIQUE (id, debtor_id),
  UNIQUE (id, currency),
  FOREIGN KEY (debtor_id, creditor_id) REFERENCES debtors (id, creditor_id)
);
CREATE INDEX accounts_debtor ON accounts (debtor_id);
CREATE INDEX accounts_opening ON accounts (opens_at) WHERE opens_at IS NOT NULL;

-- --- the log -----------------------------------------------------------------

CREATE TABLE facts (
  debtor_id    uuid NOT NULL REFERENCES debtors,
  version      bigint NOT NULL CONSTRAINT facts_version CHECK (version > 0),
  seq          integer NOT NULL CONSTRAINT facts_seq CHECK (seq >= 0),
  kind         text NOT NULL,
  at           timestamptz NOT NULL,
  recorded_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  account_id   uuid,
  case_id      uuid,
  item_key     text,
  by           text NOT NULL DEFAULT '',
  source       text NOT NULL DEFAULT '',
  amount_minor bigint,
  currency     text,
  body         jsonb NOT NULL,
  PRIMARY KEY (debtor_id, version, seq),

  CONSTRAINT facts_kind CHECK (kind IN (
    'item', 'item_corrected', 'payment', 'payment_reversed', 'items_disposed',
    'case_opened', 'case_closed', 'steps_waived', 'step_passed', 'round_begun', 'step_counted', 'entry_ended',
    'hold_placed', 'hold_lifted', 'hold_extended', 'dispute_raised', 'dispute_resolved',
    'promise_made', 'promise_ended', 'offer_opened', 'offer_ended', 'plan_agreed', 'plan_ended', 'lease_taken', 'lease_ended',
    'task_opened', 'task_ended', 'contact_planned', 'contact_moved', 'contact_logged',
    'debtor_known', 'point_known', 'point_dead', 'opted_out', 'opted_in', 'consented', 'times_inconvenient', 'notice_sent',
    'note_written', 'feed_seen')),
  CONSTRAINT facts_body CHECK (jsonb_typeof(body) = 'object'),
  CONSTRAINT facts_money CHECK ((amount_minor IS NULL) = (currency IS NULL)
    AND (currency IS NULL OR currency ~ '^[A-Z]{3}$')
    AND (amount_minor IS NULL OR amount_minor BETWEEN -9000000000000000 AND 9000000000000000)),
  CONSTRAINT facts_money_where CHECK (
    CASE kind WHEN 'payment' THEN (amount_minor > 0) IS TRUE
              WHEN 'promise_made' THEN (amount_minor > 0) IS TRUE
              WHEN 'item' THEN (amount_minor >= 0) IS TRUE
              WHEN 'item_corrected' THEN amount_minor IS NULL OR amount_minor >= 0
              ELSE amount_minor IS NULL END),
  CONSTRAINT facts_account CHECK (account_id IS NOT NULL OR kind NOT IN ('item', 'item_corrected', 'payment', 'promise_made', 'plan_agreed')),
  CONSTRAINT facts_case CHECK (case_id IS NOT NULL OR kind NOT IN ('case_opened', 'case_closed', 'contact_planned')),
  CONSTRAINT facts_item CHECK (CASE WHEN kind IN ('item', 'item_corrected') THEN (item_key <> '') IS TRUE ELSE true END),
  CONSTRAINT facts_id CHECK ((body->>'id' <> '') IS TRUE OR kind NOT IN (
    'payment', 'hold_placed', 'hold_lifted', 'hold_extended', 'dispute_raised', 'dispute_resolved',
    'promise_made', 'promise_ended', 'offer_opened', 'offer_ended', 'plan_agreed', 'plan_ended', 'lease_taken', 'lease_ended',
    'task_opened', 'task_ended', 'contact_planned', 'contact_moved', 'contact_logged', 'point_known', 'point_dead')),
  CONSTRAINT facts_item_dates CHECK (kind <> 'item' OR (body->>'due' ~ '^\d{4}-\d\d-\d\d$') IS TRUE),
  CONSTRAINT facts_disposition CHECK (kind <> 'items_disposed' OR
    (body->>'to' IN ('in_sequence', 'plan', 'exhausted', 'referred', 'written_off', 'paid', 'recalled')) IS TRUE),
  CONSTRAINT facts_closing CHECK (kind <> 'case_closed' OR
    (body->>'reason' IN ('paid', 'settled', 'written_off', 'recalled', 'referred', 'exhausted', 'below_tolerance')) IS TRUE),
  CONSTRAINT facts_hold CHECK (kind <> 'hold_placed' OR (
    (body->>'hold' IN ('dispute', 'hardship', 'breathing_space', 'bankruptcy', 'deceased', 'represented', 'cease',
                       'servicemember', 'recall', 'complaint', 'manual')) IS TRUE
    AND CASE body->>'scope' WHEN 'item' THEN item_key IS NOT NULL AND account_id IS NOT NULL
                            WHEN 'account' THEN item_key IS NULL AND account_id IS NOT NULL
                            WHEN 'debtor' THEN item_key IS NULL
                            ELSE false END)),
  CONSTRAINT facts_task CHECK (kind <> 'task_opened' OR
    (body->>'task' IN ('call', 'escalation', 'draft', 'manual', 'no_channel', 'unknown', 'approval', 'catch_up',
                       'supervisor', 'parked', 'failed')) IS TRUE),
  CONSTRAINT facts_channel CHECK (kind NOT IN ('contact_planned', 'point_known') OR
    (body->>'channel' IN ('email', 'sms', 'letter', 'call')) IS TRUE),
  CONSTRAINT facts_contact_state CHECK (kind <> 'contact_moved' OR
    (body->>'state' IN ('reserved', 'sending', 'accepted', 'failed', 'unknown', 'bounced', 'cancelled')) IS TRUE),
  CONSTRAINT facts_direction CHECK (kind <> 'contact_logged' OR (body->>'direction' IN ('outbound', 'inbound')) IS TRUE),
  -- An account or case of somebody else cannot slip into a debtor's log.
  CONSTRAINT facts_account_of_debtor FOREIGN KEY (account_id, debtor_id) REFERENCES accounts (id, debtor_id)
);
-- The same fact of the same origin is one fact, however often it is delivered.
CREATE UNIQUE INDEX facts_source ON facts (debtor_id, kind, source) WHERE source <> '';
CREATE INDEX facts_case ON facts (case_id, version) WHERE case_id IS NOT NULL;
CREATE TRIGGER facts_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON facts
  FOR EACH STATEMENT EXECUTE FUNCTION duly_refuse_change();

-- --- identities and projections ----------------------------------------------

-- What never changes of an invoice; everything that happens to it is facts.
CREATE TABLE items (
  account_id   uuid NOT NULL,
  key          text NOT NULL CONSTRAINT items_key CHECK (key <> ''),
  number       text NOT NULL DEFAULT '',
  issued       date,
  due          date NOT NULL,
  amount_minor bigint NOT NULL CONSTRAINT items_amount CHECK (amount_minor >= 0),
  currency     text NOT NULL,
  version      bigint NOT NULL,
  PRIMARY KEY (account_id, key),
  FOREIGN KEY (account_id, currency) REFERENCES accounts (id, currency)
);
CREATE TRIGGER items_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON items
  FOR EACH STATEMENT EXECUTE FUNCTION duly_refuse_change();

-- value is personal data: null once erased, or when only facts know the point.
CREATE TABLE contact_points (
  debtor_id  uuid NOT NULL REFERENCES debtors,
  id         text NOT NULL CONSTRAINT contact_points_id CHECK (id <> ''),
  channel    text NOT NULL CONSTRAINT contact_points_channel CHECK (channel IN ('email', 'sms', 'letter', 'call')),
  value      text,
  kind       text NOT NULL DEFAULT '',
  rank       integer NOT NULL DEFAULT 0,
  dead       text,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (debtor_id, id)
);
-- Replies and delivery reports are matched by number and address.
CREATE INDEX contact_points_value ON contact_points (value, channel) WHERE value IS NOT NULL;

CREATE TABLE cases (
  id               uuid PRIMARY KEY,
  account_id       uuid NOT NULL,
  debtor_id        uuid NOT NULL,
  creditor_id      text NOT NULL,
  sequence_id      text NOT NULL CONSTRAINT cases_sequence CHECK (sequence_id <> ''),
  sequence_version text NOT NULL CONSTRAINT cases_sequence_version CHECK (sequence_version <> ''),
  status           text NOT NULL DEFAULT 'open' CONSTRAINT cases_status CHECK (status IN ('open', 'closed')),
  created_at       timestamptz NOT NULL DEFAULT now(),
  opened_at        timestamptz,
  closed_at        timestamptz,
  close_reason     text,
  -- Of the latest decision: what the case waits for, and the planned next act.
  phase            text NOT NULL DEFAULT '',
  waiting          text NOT NULL DEFAULT '',
  next_verb        text NOT NULL DEFAULT '',
  next_step        text NOT NULL DEFAULT '',
  next_at          timestamptz, -- business time; null: only a fact or a person moves the case
  next_decision    text,
  decided_at       timestamptz,
  decided_version  bigint NOT NULL DEFAULT 0,
  -- The debtor's version that the case was last told to look at, and the business
  -- instant of those facts while no decision has looked at them.
  nudged_version   bigint NOT NULL DEFAULT 0,
  pending_at       timestamptz,
  CONSTRAINT cases_closed CHECK ((status = 'closed') = (closed_at IS NOT NULL) AND (closed_at IS NULL) = (close_reason IS NULL)),
  CONSTRAINT cases_next CHECK (next_at IS NULL OR next_verb <> ''),
  UNIQUE (id, debtor_id),
  FOREIGN KEY (account_id, debtor_id, creditor_id) REFERENCES accounts (id, debtor_id, creditor_id)
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX cases_one_open ON cases (account_id) WHERE status = 'open';
CREATE INDEX cases_account ON cases (account_id);
CREATE INDEX cases_debtor ON cases (debtor_id);
CREATE INDEX cases_next ON cases (next_at) WHERE status = 'open';
CREATE INDEX cases_pending ON cases (pending_at) WHERE status = 'open' AND pending_at IS NOT NULL;
ALTER TABLE facts ADD CONSTRAINT facts_case_of_debtor FOREIGN KEY (case_id, debtor_id) REFERENCES cases (id, debtor_id);

CREATE TABLE tasks (
  debtor_id  uuid NOT NULL REFERENCES debtors,
  id         text NOT NULL CONSTRAINT tasks_id CHECK (id <> ''),
  account_id uuid REFERENCES accounts,
  case_id    uuid REFERENCES cases,
  kind       text NOT NULL,
  queue      text NOT NULL DEFAULT '',
  step       text NOT NULL DEFAULT '',
  reason     text NOT NULL DEFAULT '',
  contact_id text NOT NULL DEFAULT '',
  attempts   integer NOT NULL DEFAULT 0,
  due        timestamptz,
  opened_at  timestamptz NOT NULL,
  ended_at   timestamptz,
  outcome    text,
  PRIMARY KEY (debtor_id, id),
  CONSTRAINT tasks_ended CHECK ((ended_at IS NULL) = (outcome IS NULL))
);
CREATE INDEX tasks_open ON tasks (queue, due, opened_at) WHERE ended_at IS NULL;
CREATE INDEX tasks_case ON tasks (case_id);

-- --- the journal ---------------------------------------------------------------

CREATE TABLE decisions (
  seq            bigint NOT NULL GENERATED ALWAYS AS IDENTITY UNIQUE,
  id             text PRIMARY KEY CONSTRAINT decisions_id CHECK (id <> ''),
  case_id        uuid NOT NULL REFERENCES cases,
  -- The planned decision whose carrying-out led here; a retried activity finds its row by it.
  intent         text CONSTRAINT decisions_intent CHECK (intent <> ''),
  debtor_version bigint NOT NULL CONSTRAINT decisions_version CHECK (debtor_version >= 0),
  verb           text NOT NULL CONSTRAINT decisions_verb CHECK (verb IN (
                   'look', 'record', 'send', 'call', 'offer_plan', 'escalate', 'task', 'refer', 'close')),
  step           text NOT NULL DEFAULT '',
  round          integer NOT NULL DEFAULT 0,
  at             timestamptz NOT NULL,
  wake_at        timestamptz,
  waiting        text NOT NULL DEFAULT '',
  rule           text NOT NULL DEFAULT '',
  reason         text NOT NULL DEFAULT '',
  not_before     timestamptz,
  deferred       boolean NOT NULL DEFAULT false CONSTRAINT decisions_deferred CHECK (NOT deferred OR rule <> ''),
  core           text NOT NULL CONSTRAINT decisions_core CHECK (core <> ''),
  policies       text NOT NULL DEFAULT '',
  zones          text NOT NULL DEFAULT '',
  sequence       text NOT NULL DEFAULT '',
  replans        integer NOT NULL DEFAULT 0 CONSTRAINT decisions_replans CHECK (replans >= 0),
  wall           timestamptz NOT NULL,
  body           jsonb NOT NULL CONSTRAINT decisions_body CHECK (jsonb_typeof(body) = 'object')
);
CREATE UNIQUE INDEX decisions_one_per_intent ON decisions (intent) WHERE intent IS NOT NULL;
CREATE INDEX decisions_case ON decisions (case_id, seq);
CREATE TRIGGER decisions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON decisions
  FOR EACH STATEMENT EXECUTE FUNCTION duly_refuse_change();

-- A contact exists only by a decision that allowed it. Its identity never changes;
-- state and what follows are the latest attempt's.
CREATE TABLE contacts (
  id          text PRIMARY KEY CONSTRAINT contacts_id CHECK (id <> ''),
  case_id     uuid NOT NULL REFERENCES cases,
  debtor_id   uuid NOT NULL REFERENCES debtors,
  round       integer NOT NULL CONSTRAINT contacts_round CHECK (round >= 0),
  step        text NOT NULL,
  entry       integer NOT NULL DEFAULT 0,
  alt         integer NOT NULL DEFAULT 0,
  channel     text NOT NULL CONSTRAINT contacts_channel CHECK (channel IN ('email', 'sms', 'letter', 'call')),
  ordinal     integer NOT NULL CONSTRAINT contacts_ordinal CHECK (ordinal >= 0),
  point_id    text,
  template    text NOT NULL DEFAULT '',
  purpose     text NOT NULL DEFAULT '',
  automatic   boolean NOT NULL DEFAULT false,
  decision_id text NOT NULL REFERENCES decisions DEFERRABLE INITIALLY DEFERRED,
  version     bigint NOT NULL,
  reserved_at timestamptz NOT NULL,
  state       text NOT NULL DEFAULT 'reserved',
  state_at    timestamptz NOT NULL,
  class       text,
  code        text,
  permanent   boolean NOT NULL DEFAULT false,
  provider_id text,
  retry_at    timestamptz,
  deadline    timestamptz,
  CONSTRAINT contacts_send_key UNIQUE (case_id, round, step, channel, ordinal),
  CONSTRAINT contacts_state CHECK (state IN ('reserved', 'sending', 'accepted', 'failed', 'unknown', 'bounced', 'cancelled')),
  FOREIGN KEY (debtor_id, point_id) REFERENCES contact_points (debtor_id, id)
) WITH (fillfactor = 70);
CREATE INDEX contacts_case ON contacts (case_id, reserved_at);
CREATE INDEX contacts_debtor ON contacts (debtor_id);
CREATE INDEX contacts_unsettled ON contacts (state, state_at) WHERE state IN ('reserved', 'sending', 'unknown');
CREATE INDEX contacts_provider ON contacts (channel, provider_id) WHERE provider_id IS NOT NULL;

-- Each state of a hand-over is a row of its own.
CREATE TABLE attempts (
  id          uuid PRIMARY KEY,
  contact_id  text NOT NULL REFERENCES contacts,
  seq         integer NOT NULL CONSTRAINT attempts_seq CHECK (seq >= 0),
  version     bigint NOT NULL,
  state       text NOT NULL,
  at          timestamptz NOT NULL,
  class       text,
  code        text,
  permanent   boolean NOT NULL DEFAULT false,
  provider_id text,
  retry_at    timestamptz,
  deadline    timestamptz,
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  UNIQUE (contact_id, seq),
  CONSTRAINT attempts_state CHECK (state IN ('reserved', 'sending', 'accepted', 'failed', 'unknown', 'bounced', 'cancelled')),
  CONSTRAINT attempts_class CHECK (class IS NULL OR (state IN ('failed', 'bounced')
    AND class IN ('recipient', 'config', 'content', 'later', 'now'))),
  CONSTRAINT attempts_failed CHECK (state <> 'failed' OR class IS NOT NULL OR code IS NOT NULL),
  CONSTRAINT attempts_permanent CHECK (NOT permanent OR state IN ('failed', 'bounced')),
  CONSTRAINT attempts_provider CHECK (provider_id IS NULL OR state IN ('accepted', 'unknown', 'bounced')),
  CONSTRAINT attempts_retry CHECK (retry_at IS NULL OR state = 'failed'),
  CONSTRAINT attempts_deadline CHECK (deadline IS NULL OR state = 'unknown')
);
CREATE TRIGGER attempts_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON attempts
  FOR EACH STATEMENT EXECUTE FUNCTION duly_refuse_change();

-- The last wall of "a provider is never handed the same contact twice": a contact
-- may be handed over only when it is reserved, or when the last hand-over is proven
-- not to have been taken. That the provider took it is learned whenever it is learned,
-- and never forgotten.
-- +goose StatementBegin
CREATE FUNCTION duly_attempt_follows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  was text;
BEGIN
  SELECT a.state INTO was FROM attempts a WHERE a.contact_id = NEW.contact_id ORDER BY a.seq DESC LIMIT 1;
  IF (CASE coalesce(was, '')
       WHEN ''          THEN NEW.state = 'reserved'
       WHEN 'reserved'  THEN NEW.state IN ('reserved', 'sending', 'failed', 'cancelled')
       WHEN 'sending'   THEN NEW.state IN ('accepted', 'failed', 'unknown', 'bounced')
       WHEN 'unknown'   THEN NEW.state IN ('unknown', 'accepted', 'failed', 'bounced', 'cancelled')
       WHEN 'failed'    THEN NEW.state IN ('failed', 'reserved', 'sending', 'cancelled', 'accepted', 'bounced')
       WHEN 'cancelled' THEN NEW.state IN ('cancelled', 'accepted', 'bounced')
       WHEN 'accepted'  THEN NEW.state IN ('accepted', 'bounced')
       ELSE NEW.state = was
     END) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'contact % is % and cannot become %', NEW.contact_id, coalesce(was, 'not reserved'), NEW.state
    USING ERRCODE = 'DU002', HINT = 'Load the debtor''s facts again: another process moved this contact.';
END $$;
-- +goose StatementEnd
CREATE TRIGGER attempts_follow BEFORE INSERT ON attempts FOR EACH ROW EXECUTE FUNCTION duly_attempt_follows();

-- --- "look again" ----------------------------------------------------------------

CREATE TABLE nudges (
  id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  case_id       uuid NOT NULL REFERENCES cases,
  -- How many nudges were folded into this row. The relay confirms the number it
  -- saw: one that came while it was signalling stays undelivered.
  generation    bigint NOT NULL DEFAULT 1 CONSTRAINT nudges_generation CHECK (generation > 0),
  created_at    timestamptz NOT NULL DEFAULT now(),
  claimed_until timestamptz,
  delivered_at  timestamptz
);
CREATE UNIQUE INDEX nudges_one_waiting ON nudges (case_id) WHERE delivered_at IS NULL;
CREATE INDEX nudges_delivered ON nudges (delivered_at) WHERE delivered_at IS NOT NULL;

-- --- imports -----------------------------------------------------------------------

CREATE TABLE import_runs (
  -- Follows from content, mapping, kind and creditor: the same file is the same run.
  id          text PRIMARY KEY CONSTRAINT import_runs_id CHECK (id <> ''),
  kind        text NOT NULL CONSTRAINT import_runs_kind CHECK (kind IN ('items', 'payments', 'bank', 'einvoice')),
  creditor_id text NOT NULL REFERENCES creditors,
  file_name   text NOT NULL DEFAULT '',
  mapping     text NOT NULL DEFAULT '',
  at          timestamptz NOT NULL,
  started_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished_at timestamptz,
  -- The last row whose batch is committed; a resumed run goes on after it.
  done_row    bigint NOT NULL DEFAULT 0 CONSTRAINT import_runs_row CHECK (done_row >= 0),
  counts      jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX import_runs_started ON import_runs (started_at);

CREATE TABLE import_rejects (
  run_id text NOT NULL REFERENCES import_runs,
  row    bigint NOT NULL CONSTRAINT import_rejects_row CHECK (row > 0),
  reason text NOT NULL CONSTRAINT import_rejects_reason CHECK (reason <> ''),
  PRIMARY KEY (run_id, row)
);

-- --- published configuration ---------------------------------------------------------

CREATE TABLE releases (
  seq          bigint NOT NULL GENERATED ALWAYS AS IDENTITY UNIQUE,
  version      text PRIMARY KEY CONSTRAINT releases_version CHECK (version <> ''),
  published_at timestamptz NOT NULL,
  by           text NOT NULL DEFAULT ''
);
CREATE TABLE release_files (
  release text NOT NULL REFERENCES releases,
  path    text NOT NULL CONSTRAINT release_files_path CHECK (path <> ''),
  content bytea NOT NULL,
  PRIMARY KEY (release, path)
);
CREATE TABLE sequence_versions (
  sequence text NOT NULL CONSTRAINT sequence_versions_sequence CHECK (sequence <> ''),
  version  text NOT NULL CONSTRAINT sequence_versions_version CHECK (version <> ''),
  release  text NOT NULL REFERENCES releases,
  PRIMARY KEY (sequence, version)
);
CREATE TRIGGER releases_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON releases
  FOR EACH STATEMENT EXECUTE FUNCTION duly_refuse_change();
CREATE TRIGGER release_files_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON release_files
  FOR EACH STATEMENT EXECUTE FUNCTION duly_refuse_change();
CREATE TRIGGER sequence_versions_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON sequence_versions
  FOR EACH STATEMENT EXECUTE FUNCTION duly_refuse_change();

-- --- channels without a provider --------------------------------------------------------

CREATE TABLE sandbox_messages (
  attempt    text PRIMARY KEY CONSTRAINT sandbox_messages_attempt CHECK (attempt <> ''),
  channel    text NOT NULL,
  at         timestamptz NOT NULL,
  recipient  text NOT NULL,
  subject    text NOT NULL DEFAULT '',
  message    jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX sandbox_messages_at ON sandbox_messages (at);

CREATE TABLE letters (
  attempt    text PRIMARY KEY CONSTRAINT letters_attempt CHECK (attempt <> ''),
  at         timestamptz NOT NULL,
  pdf        bytea NOT NULL CONSTRAINT letters_pdf CHECK (length(pdf) > 0),
  html       text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL DEFAULT now()
);

-- --- business time -----------------------------------------------------------------------

-- The rehearsal clock; package internal/clock reads and moves it. No row: wall clock.
CREATE TABLE duly_clock (
  one        boolean PRIMARY KEY DEFAULT true CHECK (one),
  start      timestamptz NOT NULL,
  start_wall timestamptz NOT NULL,
  rate       double precision NOT NULL CHECK (rate > 0),
  hold_ms    bigint NOT NULL CHECK (hold_ms >= 0),
  now        timestamptz NOT NULL CHECK (now >= start),
  given_up   timestamptz CHECK (given_up <= now),
  held_ms    bigint NOT NULL DEFAULT 0,
  seen_wall  timestamptz NOT NULL
);

-- --- who did what ------------------------------------------------------------------------

CREATE TABLE audit (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at          timestamptz NOT NULL,
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  by          text NOT NULL CONSTRAINT audit_by CHECK (by <> ''),
  action      text NOT NULL CONSTRAINT audit_action CHECK (action <> ''),
  subject     text NOT NULL DEFAULT '',
  detail      jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_subject ON audit (subject, id);
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit
  FOR EACH STATEMENT EXECUTE FUNCTION duly_refuse_change();
