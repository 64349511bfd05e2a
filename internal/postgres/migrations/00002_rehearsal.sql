-- +goose Up

-- What a rehearsal plays: facts, payments and people's doings at business instants.
-- The rehearsal clock does not run past a row that is not done.
CREATE TABLE rehearsal_script (
  key     text PRIMARY KEY CONSTRAINT rehearsal_script_key CHECK (key <> ''),
  at      timestamptz NOT NULL,
  kind    text NOT NULL CONSTRAINT rehearsal_script_kind CHECK (kind <> ''),
  body    jsonb NOT NULL DEFAULT '{}',
  done_at timestamptz
);
CREATE INDEX rehearsal_script_open ON rehearsal_script (at, key) WHERE done_at IS NULL;

-- Sandbox messages that the rehearsal's debtors have not read yet hold the clock
-- too, as long as there is an audience (a row of that kind, never done).
ALTER TABLE sandbox_messages ADD COLUMN read_at timestamptz;
CREATE INDEX sandbox_messages_unread ON sandbox_messages (at, attempt) WHERE read_at IS NULL;
