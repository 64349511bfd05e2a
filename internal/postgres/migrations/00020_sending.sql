-- Facts of sending: whose message a provider's id names, the breaker of a channel for all
-- workers, letters printed again, and messages of the sandbox sealed like all others.
-- See docs/decisions/2026-11-22-sending-gaps.md.

-- +goose Up

-- --- whose message ---------------------------------------------------------------

-- A provider's id names one message of one contact: what a look-up finds for another is not
-- its proof. The first who has it keeps it. Of contacts from before that share one, the
-- eldest does; the doctor names the others.
CREATE TABLE provider_messages (
  channel     text NOT NULL,
  provider_id text NOT NULL CONSTRAINT provider_messages_id CHECK (provider_id <> ''),
  contact_id  text NOT NULL REFERENCES contacts,
  PRIMARY KEY (channel, provider_id)
);
CREATE INDEX provider_messages_contact ON provider_messages (contact_id);
INSERT INTO provider_messages (channel, provider_id, contact_id)
SELECT DISTINCT ON (channel, provider_id) channel, provider_id, id FROM contacts
WHERE provider_id <> '' ORDER BY channel, provider_id, reserved_at, id;
-- +goose StatementBegin
CREATE FUNCTION duly_claim_message() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO provider_messages (channel, provider_id, contact_id) VALUES (NEW.channel, NEW.provider_id, NEW.id) ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER contacts_claim AFTER UPDATE OF provider_id ON contacts FOR EACH ROW
  WHEN (NEW.provider_id <> '' AND NEW.provider_id IS DISTINCT FROM OLD.provider_id) EXECUTE FUNCTION duly_claim_message();

-- --- the breaker of a channel ------------------------------------------------------

-- Hand-overs in a row that stayed unknown, counted by all workers together. Wall time, as
-- sender_pace. Forgetting a row costs a few more hand-overs that nobody answers.
CREATE TABLE channel_breakers (
  channel    text PRIMARY KEY CONSTRAINT channel_breakers_channel CHECK (channel <> ''),
  unknowns   integer NOT NULL DEFAULT 0 CONSTRAINT channel_breakers_unknowns CHECK (unknowns >= 0),
  open_since timestamptz,
  probe_at   timestamptz, -- when the next one may try
  CONSTRAINT channel_breakers_open CHECK ((open_since IS NULL) = (probe_at IS NULL))
) WITH (fillfactor = 50);

-- When it opened and closed, and why.
CREATE TABLE channel_breaker_events (
  id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  channel  text NOT NULL,
  event    text NOT NULL CONSTRAINT channel_breaker_events_event CHECK (event IN ('opened', 'closed')),
  reason   text NOT NULL DEFAULT '', -- a code
  unknowns integer NOT NULL DEFAULT 0,
  at       timestamptz NOT NULL DEFAULT clock_timestamp() -- wall time
);
CREATE INDEX channel_breaker_events_of ON channel_breaker_events (channel, id);
CREATE TRIGGER channel_breaker_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON channel_breaker_events
  FOR EACH STATEMENT EXECUTE FUNCTION duly_refuse_change();

-- --- letters printed again -----------------------------------------------------------

-- A batch keeps what it was when it was closed; each printing after that is a row here.
CREATE TABLE letter_reprints (
  batch_id   text NOT NULL REFERENCES letter_batches,
  n          integer NOT NULL CONSTRAINT letter_reprints_n CHECK (n > 0),
  at         timestamptz NOT NULL, -- business time
  by         text NOT NULL CONSTRAINT letter_reprints_by CHECK (by <> ''),
  letters    integer NOT NULL CONSTRAINT letter_reprints_letters CHECK (letters >= 0),
  pages      integer NOT NULL DEFAULT 0,
  pdf_sha256 bytea, -- null: nothing was left to print
  left_out   jsonb NOT NULL DEFAULT '{}' CONSTRAINT letter_reprints_out CHECK (jsonb_typeof(left_out) = 'object'), -- contact -> why, of this printing
  PRIMARY KEY (batch_id, n)
);
CREATE TRIGGER letter_reprints_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON letter_reprints
  FOR EACH STATEMENT EXECUTE FUNCTION duly_refuse_change();

-- --- the sandbox -----------------------------------------------------------------------

-- sealed under key_id holds the message; recipient and subject are empty then and message
-- is {}. '' = written before there was a key, or without one.
ALTER TABLE sandbox_messages ADD COLUMN key_id text NOT NULL DEFAULT '';
ALTER TABLE sandbox_messages ADD COLUMN sealed bytea;
ALTER TABLE sandbox_messages ADD CONSTRAINT sandbox_messages_sealed CHECK ((sealed IS NULL) = (key_id = ''));
CREATE INDEX sandbox_messages_key ON sandbox_messages (key_id, attempt);
