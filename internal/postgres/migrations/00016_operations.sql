-- What operations work with: bulk actions that survive a restart and can be taken back,
-- events of the inbox that a person assigned, files that were uploaded, what workers say
-- of themselves, and dead letters that somebody has dealt with.

-- +goose Up

-- A bulk action: the same order for many cases.
CREATE TABLE bulk_batches (
  id         uuid PRIMARY KEY,
  action     text NOT NULL CONSTRAINT bulk_batches_action CHECK (action <> ''),
  params     jsonb NOT NULL DEFAULT '{}' CONSTRAINT bulk_batches_params CHECK (jsonb_typeof(params) = 'object'),
  words      text NOT NULL DEFAULT '',
  by         text NOT NULL,
  at         timestamptz NOT NULL, -- business time
  made_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  starts_at  timestamptz NOT NULL DEFAULT clock_timestamp(), -- wall time: nothing happens before
  undo_until timestamptz NOT NULL, -- wall time; not after made_at: it cannot be undone
  state      text NOT NULL DEFAULT 'running' CONSTRAINT bulk_batches_state CHECK (state IN ('running', 'done', 'undoing', 'undone')),
  next_at    timestamptz NOT NULL DEFAULT clock_timestamp(), -- wall time: throttle, and lease of who works on it
  undone_by  text NOT NULL DEFAULT '',
  undone_at  timestamptz,
  CONSTRAINT bulk_batches_undone CHECK ((state IN ('undoing', 'undone')) = (undone_at IS NOT NULL))
);
CREATE INDEX bulk_batches_work ON bulk_batches (next_at) WHERE state IN ('running', 'undoing');
CREATE INDEX bulk_batches_made ON bulk_batches (made_at DESC, id);

CREATE TABLE bulk_items (
  batch       uuid NOT NULL REFERENCES bulk_batches,
  seq         integer NOT NULL CONSTRAINT bulk_items_seq CHECK (seq > 0),
  case_id     uuid NOT NULL REFERENCES cases,
  creditor_id text NOT NULL,
  state       text NOT NULL DEFAULT 'waiting' CONSTRAINT bulk_items_state CHECK (state IN (
    'waiting', 'done', 'same', 'refused', 'dropped', 'undone', 'kept')),
  reason      text NOT NULL DEFAULT '', -- of what was refused or kept: a sentence without personal data
  undo        jsonb, -- what takes it back
  PRIMARY KEY (batch, seq),
  UNIQUE (batch, case_id)
);
CREATE INDEX bulk_items_left ON bulk_items (batch, seq) WHERE state = 'waiting';
CREATE INDEX bulk_items_case ON bulk_items (case_id);

-- What a person said an event of the inbox is about. One stands at a time.
CREATE TABLE inbox_assignments (
  id         uuid PRIMARY KEY,
  inbox_id   bigint NOT NULL REFERENCES inbox,
  kind       text NOT NULL CONSTRAINT inbox_assignments_kind CHECK (kind IN ('payment', 'reversal', 'reply', 'foreign')),
  creditor_id text NOT NULL DEFAULT '',
  debtor_id  uuid REFERENCES debtors,
  account_id uuid REFERENCES accounts,
  payment    text NOT NULL DEFAULT '', -- id of the payment that was booked
  by         text NOT NULL,
  at         timestamptz NOT NULL, -- business time
  reason     text NOT NULL DEFAULT '',
  state      text NOT NULL DEFAULT 'begun' CONSTRAINT inbox_assignments_state CHECK (state IN ('begun', 'done', 'undoing', 'undone')),
  made_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  undone_by  text NOT NULL DEFAULT '',
  undone_at  timestamptz,
  undo_reason text NOT NULL DEFAULT '',
  CONSTRAINT inbox_assignments_whose CHECK (kind = 'foreign' OR debtor_id IS NOT NULL)
);
CREATE UNIQUE INDEX inbox_assignments_one ON inbox_assignments (inbox_id) WHERE state <> 'undone';
CREATE INDEX inbox_assignments_made ON inbox_assignments (made_at DESC, id);
CREATE INDEX inbox_assignments_debtor ON inbox_assignments (debtor_id);

-- Where in the row the fault is, for those that the importer itself refused.
ALTER TABLE import_rejects ADD COLUMN line bigint NOT NULL DEFAULT 0;
ALTER TABLE import_rejects ADD COLUMN column_name text NOT NULL DEFAULT '';
ALTER TABLE import_rejects ADD COLUMN field text NOT NULL DEFAULT '';

-- The reject file of a run, in the columns and the encoding of the file. Personal data,
-- so it is sealed where a data key is set, and goes after a while.
CREATE TABLE import_reject_files (
  run_id  text PRIMARY KEY REFERENCES import_runs,
  name    text NOT NULL,
  key_id  text NOT NULL DEFAULT '', -- '' = it is not sealed
  body    bytea NOT NULL,
  made_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- A file that was uploaded in the console, until it has been taken in. Its body goes then.
CREATE TABLE import_uploads (
  id         uuid PRIMARY KEY,
  kind       text NOT NULL,
  mapping    text NOT NULL,
  creditor_id text NOT NULL,
  name       text NOT NULL,
  by         text NOT NULL,
  at         timestamptz NOT NULL, -- business time
  made_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
  state      text NOT NULL DEFAULT 'check' CONSTRAINT import_uploads_state CHECK (state IN ('check', 'checked', 'store', 'stored', 'failed', 'given_up')),
  next_try   timestamptz NOT NULL DEFAULT clock_timestamp(), -- wall time: lease of who works on it
  size       bigint NOT NULL,
  phase      text NOT NULL DEFAULT '',
  bytes      bigint NOT NULL DEFAULT 0, -- read in this phase
  rows       bigint NOT NULL DEFAULT 0,
  run_id     text NOT NULL DEFAULT '',
  summary    jsonb,
  fault      text NOT NULL DEFAULT '', -- why it failed: a sentence
  key_id     text NOT NULL DEFAULT '', -- '' = the body is not sealed
  body       bytea NOT NULL,
  rejects    bytea NOT NULL DEFAULT '', -- of the dry run; sealed like the body
  rejects_key text NOT NULL DEFAULT ''
);
CREATE INDEX import_uploads_work ON import_uploads (next_try) WHERE state IN ('check', 'store');
CREATE INDEX import_uploads_made ON import_uploads (made_at DESC, id);

-- What processes say of themselves every few seconds: breakers, sweeps.
CREATE TABLE process_reports (
  process text PRIMARY KEY,
  kind    text NOT NULL,
  seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  body    jsonb NOT NULL DEFAULT '{}'
);

-- Dead letters that somebody has dealt with. One that dies again, later, is a new one.
CREATE TABLE dead_letters_handled (
  kind    text NOT NULL,
  subject text NOT NULL,
  since   timestamptz NOT NULL,
  by      text NOT NULL,
  at      timestamptz NOT NULL, -- business time
  reason  text NOT NULL CONSTRAINT dead_letters_reason CHECK (reason <> ''),
  PRIMARY KEY (kind, subject, since)
);

-- How messages of the last minutes ended. Attempts are only ever added, so a small index
-- by blocks finds them.
CREATE INDEX attempts_time ON attempts USING brin (at) WITH (autosummarize = on);
