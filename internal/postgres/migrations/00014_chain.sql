-- The hash chain over what is only ever added: the audit log, the facts, the decisions,
-- the attempts and (with schema version 15) the history of findings. A sealer chains rows
-- in batches some seconds after they were committed, so that no writer waits for another;
-- internal/chain says how the hashes are made, docs/compliance.md what they prove.

-- +goose Up

-- The chain needs an order in which rows were added. These two tables had none.
ALTER TABLE facts ADD COLUMN pos bigint GENERATED ALWAYS AS IDENTITY;
CREATE UNIQUE INDEX facts_pos ON facts (pos);
ALTER TABLE attempts ADD COLUMN pos bigint GENERATED ALWAYS AS IDENTITY;
CREATE UNIQUE INDEX attempts_pos ON attempts (pos);

-- A seal covers the rows of one ledger whose numbers are in (after_id, to_id]. All seals
-- are one chain: hash depends on that of seal n - 1.
CREATE TABLE seals (
  n        bigint PRIMARY KEY CONSTRAINT seals_n CHECK (n > 0),
  ledger   text NOT NULL CONSTRAINT seals_ledger CHECK (ledger <> ''),
  -- Which columns are hashed, and how.
  form     smallint NOT NULL CONSTRAINT seals_form CHECK (form > 0),
  after_id bigint NOT NULL,
  to_id    bigint NOT NULL,
  count    integer NOT NULL CONSTRAINT seals_count CHECK (count > 0),
  at       timestamptz NOT NULL,
  -- Of each row its number (8 bytes) and the first 8 bytes of its digest: they name the
  -- row that differs. What proves is hash, which is over whole digests.
  marks    bytea NOT NULL,
  hash     bytea NOT NULL CONSTRAINT seals_hash CHECK (octet_length(hash) = 32),
  CONSTRAINT seals_range CHECK (to_id > after_id),
  CONSTRAINT seals_marks CHECK (octet_length(marks) = 16 * count)
);
CREATE UNIQUE INDEX seals_by_ledger ON seals (ledger, to_id);
CREATE TRIGGER seals_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON seals
  FOR EACH STATEMENT EXECUTE FUNCTION duly_refuse_change();

-- What came out when everything was hashed again. The newest is the integrity light's.
CREATE TABLE chain_checks (
  id     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at     timestamptz NOT NULL,
  by     text NOT NULL CONSTRAINT chain_checks_by CHECK (by <> ''),
  -- Through which seal, and over how many rows.
  seals  bigint NOT NULL CONSTRAINT chain_checks_seals CHECK (seals >= 0),
  head   bytea NOT NULL,
  rows   bigint NOT NULL CONSTRAINT chain_checks_rows CHECK (rows >= 0),
  -- The first fault; '' for none. ledger, seal and row_id say where.
  fault  text NOT NULL DEFAULT '',
  ledger text NOT NULL DEFAULT '',
  seal   bigint NOT NULL DEFAULT 0,
  row_id bigint NOT NULL DEFAULT 0
);
CREATE TRIGGER chain_checks_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON chain_checks
  FOR EACH STATEMENT EXECUTE FUNCTION duly_refuse_change();
