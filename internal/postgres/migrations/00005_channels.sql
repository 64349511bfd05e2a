-- What lies between a decision and the world: switches that stop sending, the pace of
-- senders, what was sent (sealed), and letters on their way to the post.

-- +goose Up

-- --- switches ------------------------------------------------------------------

-- A row is one time that sending was stopped. It is in force from the commit that adds
-- it until it is lifted or expires; nothing but the lifting is ever written to it.
CREATE TABLE switches (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  scope      text NOT NULL CONSTRAINT switches_scope CHECK (scope IN ('global', 'creditor', 'channel', 'template', 'sequence')),
  subject    text NOT NULL DEFAULT '',
  reason     text NOT NULL CONSTRAINT switches_reason CHECK (reason <> ''),
  by         text NOT NULL CONSTRAINT switches_by CHECK (by <> ''),
  on_at      timestamptz NOT NULL, -- business time, as are all instants here
  until      timestamptz,          -- null: until it is lifted
  off_at     timestamptz,
  off_by     text,
  off_reason text,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT switches_subject CHECK ((scope = 'global') = (subject = '')),
  CONSTRAINT switches_until CHECK (until IS NULL OR until > on_at),
  CONSTRAINT switches_off CHECK ((off_at IS NULL) = (off_by IS NULL) AND (off_at IS NULL) = (off_reason IS NULL))
);
CREATE UNIQUE INDEX switches_one_on ON switches (scope, subject) WHERE off_at IS NULL;

-- +goose StatementBegin
CREATE FUNCTION duly_switch_keeps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.off_at IS NULL AND (OLD.id, OLD.scope, OLD.subject, OLD.reason, OLD."by", OLD.on_at, OLD.until)
     IS NOT DISTINCT FROM (NEW.id, NEW.scope, NEW.subject, NEW.reason, NEW."by", NEW.on_at, NEW.until) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'a switch is evidence: only its lifting may be written, once'
    USING ERRCODE = 'DU001', HINT = 'Turn the switch off and on again.';
END $$;
-- +goose StatementEnd
CREATE TRIGGER switches_keep BEFORE UPDATE ON switches FOR EACH ROW EXECUTE FUNCTION duly_switch_keeps();
CREATE TRIGGER switches_never_gone BEFORE DELETE OR TRUNCATE ON switches FOR EACH STATEMENT EXECUTE FUNCTION duly_refuse_change();

-- --- the pace of senders ---------------------------------------------------------

-- One row per sender, shared by all workers: a token bucket kept as the instant at which
-- it would be full again (GCRA), and until when the provider wants to be left alone.
-- Wall time. Forgetting a row costs a burst.
CREATE TABLE sender_pace (
  sender       text PRIMARY KEY CONSTRAINT sender_pace_sender CHECK (sender <> ''),
  full_at      timestamptz NOT NULL DEFAULT '-infinity',
  start_at     timestamptz NOT NULL DEFAULT '-infinity', -- when the last one who asked may begin
  paused_until timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 50);

-- --- what was sent -----------------------------------------------------------------

-- The message of a contact exactly as it was handed over, written with the fence. The
-- copy is sealed under a key that the database does not have. Erasing a debtor removes
-- the copies and leaves the digests.
CREATE TABLE sent_messages (
  attempt    text PRIMARY KEY CONSTRAINT sent_messages_attempt CHECK (attempt <> ''),
  contact_id text NOT NULL UNIQUE REFERENCES contacts,
  at         timestamptz NOT NULL, -- business instant of the hand-over
  sha256     bytea NOT NULL CONSTRAINT sent_messages_digest CHECK (length(sha256) = 32),
  key_id     text NOT NULL DEFAULT '',
  sealed     bytea,
  CONSTRAINT sent_messages_sealed CHECK ((sealed IS NULL) = (key_id = ''))
);
CREATE INDEX sent_messages_key ON sent_messages (key_id, attempt);

-- --- letters -------------------------------------------------------------------------

-- pdf and html are sealed under key_id; '' = they were written before there was a key.
ALTER TABLE letters ADD COLUMN key_id text NOT NULL DEFAULT '';
ALTER TABLE letters ADD COLUMN pages integer NOT NULL DEFAULT 0;
-- html becomes sealed bytes, which are no text.
ALTER TABLE letters ADD COLUMN html_sealed bytea;

-- A closed batch: what is printed together and posted together.
CREATE TABLE letter_batches (
  id           text PRIMARY KEY CONSTRAINT letter_batches_id CHECK (id <> ''),
  creditor_id  text NOT NULL DEFAULT '', -- '' = of all creditors
  closed_at    timestamptz NOT NULL,     -- business time
  by           text NOT NULL CONSTRAINT letter_batches_by CHECK (by <> ''),
  pdf_sha256   bytea,
  pages        integer NOT NULL DEFAULT 0,
  posted_at    timestamptz,
  posted_by    text,
  CONSTRAINT letter_batches_posted CHECK ((posted_at IS NULL) = (posted_by IS NULL))
);

-- What became of a letter when its batch was closed: printed at a place in it, or left
-- out because it would not be sent any more.
CREATE TABLE letter_batch_items (
  attempt    text PRIMARY KEY REFERENCES letters,
  batch_id   text NOT NULL REFERENCES letter_batches,
  contact_id text NOT NULL REFERENCES contacts,
  place      integer NOT NULL CONSTRAINT letter_batch_items_place CHECK (place >= 0), -- 0: left out
  left_out   text NOT NULL DEFAULT '',
  CONSTRAINT letter_batch_items_out CHECK ((place = 0) = (left_out <> ''))
);
CREATE INDEX letter_batch_items_batch ON letter_batch_items (batch_id, place);

-- A letter that the outbox took may still be called off until it is printed, and a mail
-- that its provider holds may be called back: only then can "accepted" go back to nothing
-- having left.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION duly_attempt_follows() RETURNS trigger LANGUAGE plpgsql AS $$
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
         OR NEW.state = 'cancelled' AND EXISTS (
           SELECT FROM contacts c WHERE c.id = NEW.contact_id AND (c.channel = 'letter' OR EXISTS (
             SELECT FROM facts f WHERE f.debtor_id = c.debtor_id AND f.kind = 'contact_moved'
               AND f.body->>'id' = NEW.contact_id AND f.body->>'hold' <> '')))
       ELSE NEW.state = was
     END) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'contact % is % and cannot become %', NEW.contact_id, coalesce(was, 'not reserved'), NEW.state
    USING ERRCODE = 'DU002', HINT = 'Load the debtor''s facts again: another process moved this contact.';
END $$;
-- +goose StatementEnd
