-- What lists and search read: projections of the log and of the journal, kept in the
-- transactions that write these, and indexes for them. All of it can be rebuilt; see
-- Store.RebuildReads. Rows of standings, work and waits_for of databases older than this
-- are made by that, because their rules are in Go.

-- +goose Up

-- --- cases --------------------------------------------------------------------

-- Of the account, of the open task, of the lease and of the latest decision, so that the
-- list of cases filters and sorts in one table.
ALTER TABLE cases
  ADD COLUMN waits_for  text NOT NULL DEFAULT '',
  ADD COLUMN queue      text NOT NULL DEFAULT '',
  ADD COLUMN owner      text NOT NULL DEFAULT '',
  ADD COLUMN currency   text NOT NULL DEFAULT '',
  ADD COLUMN open_minor bigint NOT NULL DEFAULT 0,
  ADD COLUMN oldest_due date;
UPDATE cases c SET currency = a.currency FROM accounts a WHERE a.id = c.account_id;

-- Columns behind the id are filters: what they exclude is passed over in the index.
CREATE INDEX cases_by_next ON cases (creditor_id, coalesce(next_at, 'infinity'), id,
  coalesce(oldest_due, 'infinity'), open_minor, waits_for, next_step, sequence_id) WHERE status = 'open';
CREATE INDEX cases_by_age ON cases (creditor_id, coalesce(oldest_due, 'infinity'), id, waits_for, next_step, sequence_id) WHERE status = 'open';
CREATE INDEX cases_by_amount ON cases (creditor_id, open_minor, id, waits_for, next_step, sequence_id) WHERE status = 'open';
CREATE INDEX cases_by_opened ON cases (creditor_id, coalesce(opened_at, 'infinity'), id);
-- Whatever is rare is found by its own index and sorted; what is common is found soon
-- in the order of one of the above.
CREATE INDEX cases_by_wait   ON cases (creditor_id, waits_for, coalesce(next_at, 'infinity'), id) WHERE status = 'open';
CREATE INDEX cases_by_step   ON cases (creditor_id, sequence_id, next_step, sequence_version, waits_for, coalesce(next_at, 'infinity'), id)
  WHERE status = 'open';
CREATE INDEX cases_by_queue  ON cases (creditor_id, queue, coalesce(next_at, 'infinity'), id) WHERE status = 'open' AND queue <> '';
CREATE INDEX cases_by_owner  ON cases (owner, coalesce(next_at, 'infinity'), id)              WHERE status = 'open' AND owner <> '';
CREATE INDEX cases_by_reason ON cases (creditor_id, close_reason, coalesce(opened_at, 'infinity'), id) WHERE status = 'closed';

-- --- accounts and work ----------------------------------------------------------

-- Where an account stands (read.Standing). Codes and amounts only, nothing personal.
CREATE TABLE account_standings (
  account_id  uuid PRIMARY KEY REFERENCES accounts,
  debtor_id   uuid NOT NULL REFERENCES debtors,
  creditor_id text NOT NULL,
  version     bigint NOT NULL,
  body        jsonb NOT NULL CONSTRAINT account_standings_body CHECK (jsonb_typeof(body) = 'object')
) WITH (fillfactor = 80);

-- One row for each thing that waits for a person (read.Work). rank is an instant: the
-- earlier, the more urgent. It does not move with time.
CREATE TABLE work (
  account_id  uuid NOT NULL REFERENCES accounts,
  kind        text NOT NULL CONSTRAINT work_kind CHECK (kind <> ''),
  id          text NOT NULL,
  debtor_id   uuid NOT NULL REFERENCES debtors,
  creditor_id text NOT NULL,
  case_id     uuid REFERENCES cases,
  queue       text NOT NULL DEFAULT '',
  owner       text NOT NULL DEFAULT '',
  due         timestamptz,
  opened_at   timestamptz NOT NULL,
  rank        timestamptz NOT NULL,
  body        jsonb NOT NULL CONSTRAINT work_body CHECK (jsonb_typeof(body) = 'object'),
  PRIMARY KEY (account_id, kind, id)
);
CREATE INDEX work_by_rank  ON work (creditor_id, rank, account_id, kind, id);
CREATE INDEX work_by_queue ON work (creditor_id, queue, rank, account_id, kind, id) WHERE owner = '';
CREATE INDEX work_by_owner ON work (owner, rank, account_id, kind, id) WHERE owner <> '';
CREATE INDEX work_by_kind  ON work (creditor_id, kind, rank, account_id, id);

-- --- messages --------------------------------------------------------------------

ALTER TABLE contacts ADD COLUMN creditor_id text NOT NULL DEFAULT '';
UPDATE contacts c SET creditor_id = ca.creditor_id FROM cases ca WHERE ca.id = c.case_id;
CREATE INDEX contacts_by_time    ON contacts (creditor_id, reserved_at, id, channel, state);
-- Most are accepted: those come by time. The others are few.
CREATE INDEX contacts_by_state   ON contacts (creditor_id, state, reserved_at, id) WHERE state <> 'accepted';
CREATE INDEX contacts_moved_at   ON contacts (state_at) WHERE state IN ('failed', 'bounced');
CREATE INDEX contacts_of_debtor  ON contacts (debtor_id, reserved_at, id);
DROP INDEX contacts_debtor; -- contacts_of_debtor begins with the same column

-- Contacts that Duly did not send: calls, replies, messages by hand, imported history.
CREATE TABLE logged_contacts (
  debtor_id   uuid NOT NULL REFERENCES debtors,
  version     bigint NOT NULL,
  seq         integer NOT NULL,
  creditor_id text NOT NULL,
  account_id  uuid,
  case_id     uuid,
  id          text NOT NULL,
  at          timestamptz NOT NULL,
  by          text NOT NULL DEFAULT '',
  direction   text NOT NULL,
  channel     text NOT NULL,
  outcome     text NOT NULL DEFAULT '',
  PRIMARY KEY (debtor_id, version, seq)
);
CREATE INDEX logged_contacts_by_time ON logged_contacts (creditor_id, at);
CREATE INDEX logged_contacts_by_debtor ON logged_contacts (debtor_id, at);
CREATE INDEX logged_contacts_by_user ON logged_contacts (by, at) WHERE by LIKE 'user:%';
INSERT INTO logged_contacts
SELECT f.debtor_id, f.version, f.seq, d.creditor_id, f.account_id, f.case_id, f.body->>'id', f.at, f.by,
       f.body->>'direction', coalesce(f.body->>'channel', ''), coalesce(f.body->>'outcome', '')
FROM facts f JOIN debtors d ON d.id = f.debtor_id WHERE f.kind = 'contact_logged';

-- --- compliance ------------------------------------------------------------------

-- Consents, opt-outs and preferences, one row for each fact.
CREATE TABLE consent_ledger (
  debtor_id   uuid NOT NULL REFERENCES debtors,
  version     bigint NOT NULL,
  seq         integer NOT NULL,
  creditor_id text NOT NULL,
  kind        text NOT NULL,
  at          timestamptz NOT NULL,
  recorded_at timestamptz NOT NULL,
  by          text NOT NULL DEFAULT '',
  source      text NOT NULL DEFAULT '',
  channel     text NOT NULL DEFAULT '',
  point       text NOT NULL DEFAULT '',
  detail      text NOT NULL DEFAULT '',
  PRIMARY KEY (debtor_id, version, seq)
);
CREATE INDEX consent_ledger_by_time ON consent_ledger (creditor_id, at, debtor_id, version, seq);
INSERT INTO consent_ledger
SELECT f.debtor_id, f.version, f.seq, d.creditor_id, f.kind, f.at, f.recorded_at, f.by, f.source, coalesce(f.body->>'channel', ''),
       coalesce(CASE f.kind WHEN 'point_dead' THEN f.body->>'id' ELSE f.body->>'point' END, ''),
       concat_ws(', ', coalesce(f.body->>'basis', f.body->>'refusal', f.body->>'reason', f.body->>'notice', f.body->>'wish'), f.body->>'medium')
FROM facts f JOIN debtors d ON d.id = f.debtor_id
WHERE f.kind IN ('opted_out', 'opted_in', 'consented', 'consent_revoked', 'times_inconvenient', 'wish_stated', 'wish_withdrawn',
                 'point_dead', 'notice_sent', 'notice_received');

-- What a person did: own numbers.
CREATE INDEX facts_by_user ON facts (by, at) WHERE by LIKE 'user:%';
-- What was decided, over all cases.
CREATE INDEX decisions_by_time ON decisions (at, seq);
CREATE INDEX decisions_by_rule ON decisions (rule, at, seq) WHERE rule <> '';
CREATE INDEX audit_by ON audit (by, id);
CREATE INDEX audit_action ON audit (action text_pattern_ops, id);

-- --- search ----------------------------------------------------------------------

-- The beginnings by which people look for a debtor. kind: name (see duly_names), email, phone
-- (digits from the last to the first, so that a number without its country is found),
-- customer, invoice. Names, addresses and numbers are personal data: they go when the
-- profile or the contact point is erased, because triggers keep them in step.
CREATE TABLE search_terms (
  creditor_id text COLLATE "C" NOT NULL,
  kind        text COLLATE "C" NOT NULL,
  term        text COLLATE "C" NOT NULL,
  debtor_id   uuid NOT NULL REFERENCES debtors,
  account_id  uuid
);
CREATE INDEX search_terms_find ON search_terms (creditor_id, kind, term, debtor_id);
CREATE INDEX search_terms_debtor ON search_terms (debtor_id, kind, term);

-- These are single expressions, so that the planner puts them in place instead of calling
-- them. Most texts are ASCII and cost next to nothing.

-- Letters without accents and case, whatever the locale of the database.
-- +goose StatementBegin
CREATE FUNCTION duly_plain(t text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE WHEN octet_length(t) = length(t) THEN lower(t) ELSE lower(translate(
    replace(replace(replace(
      regexp_replace(normalize(t, NFKD), '[' || chr(768) || '-' || chr(879) || ']', '', 'g'),
      'ß', 'ss'), 'Æ', 'ae'), 'æ', 'ae'),
    'ØøŁłĐđıАБВГДЕЖЗИКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯЂЄІЈЉЊЋЏЅҐΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩς',
    'oollddiабвгдежзиклмнопрстуфхцчшщъыьэюяђєіјљњћџѕґαβγδεζηθικλμνξοπρστυφχψωσ')) END
$$;
-- +goose StatementEnd

-- Words of a name as it is searched for.
-- +goose StatementBegin
CREATE FUNCTION duly_words(t text) RETURNS SETOF text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT DISTINCT left(w, 40) FROM string_to_table(translate(left(duly_plain(t), 200),
    E'!"#$%&''()*+,-./:;<=>?@[\\]^_`{|}~\t\n\u00a0', repeat(' ', 35)), ' ') w WHERE w <> ''
$$;
-- +goose StatementEnd

-- A name once for each of its words, with that word first: so it is found by any of its
-- words, and by two of them in any order.
-- +goose StatementBegin
CREATE FUNCTION duly_names(t text) RETURNS SETOF text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT DISTINCT left(concat_ws(' ', w, (SELECT string_agg(o, ' ' ORDER BY j) FROM unnest(ws) WITH ORDINALITY x (o, j) WHERE j <> i)), 80)
  FROM (SELECT array_agg(w ORDER BY n) AS ws FROM string_to_table(translate(left(duly_plain(t), 200),
    E'!"#$%&''()*+,-./:;<=>?@[\\]^_`{|}~\t\n\u00a0', repeat(' ', 35)), ' ') WITH ORDINALITY y (w, n) WHERE w <> '') z,
    unnest(ws[1:8]) WITH ORDINALITY v (w, i)
$$;
-- +goose StatementEnd

-- A number without signs; one of digits only also without leading zeros.
-- +goose StatementBegin
CREATE FUNCTION duly_number(t text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT regexp_replace(left(translate(duly_plain(t), E' !"#$%&''()*+,-./:;<=>?@[\\]^_`{|}~\t\n\u00a0', ''), 60), '^0+([1-9][0-9]*)$', '\1')
$$;
-- +goose StatementEnd

-- What a contact point is found by; null: not at all.
-- +goose StatementBegin
CREATE FUNCTION duly_point_term(channel text, value text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT NULLIF(CASE channel WHEN 'email' THEN left(duly_plain(value), 120)
                             WHEN 'letter' THEN '' ELSE reverse(left(translate(value, ' +-./()', ''), 30)) END, '')
$$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION duly_search_names() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM search_terms s USING changed c WHERE s.debtor_id = c.debtor_id AND s.kind = 'name';
  INSERT INTO search_terms (creditor_id, kind, term, debtor_id)
  SELECT d.creditor_id, 'name', w, c.debtor_id FROM changed c JOIN debtors d ON d.id = c.debtor_id CROSS JOIN LATERAL duly_names(c.name) w;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER debtor_profiles_search_new AFTER INSERT ON debtor_profiles
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION duly_search_names();
CREATE TRIGGER debtor_profiles_search_changed AFTER UPDATE ON debtor_profiles
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION duly_search_names();

-- +goose StatementBegin
CREATE FUNCTION duly_search_points() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM search_terms s USING changed c WHERE s.debtor_id = c.debtor_id AND s.kind IN ('email', 'phone');
  INSERT INTO search_terms (creditor_id, kind, term, debtor_id)
  SELECT DISTINCT d.creditor_id, CASE p.channel WHEN 'email' THEN 'email' ELSE 'phone' END, duly_point_term(p.channel, p.value), p.debtor_id
  FROM contact_points p JOIN debtors d ON d.id = p.debtor_id
  WHERE p.debtor_id IN (SELECT c.debtor_id FROM changed c) AND duly_point_term(p.channel, p.value) IS NOT NULL;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER contact_points_search_new AFTER INSERT ON contact_points
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION duly_search_points();
CREATE TRIGGER contact_points_search_changed AFTER UPDATE ON contact_points
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION duly_search_points();
CREATE TRIGGER contact_points_search_gone AFTER DELETE ON contact_points
  REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION duly_search_points();

-- +goose StatementBegin
CREATE FUNCTION duly_search_accounts() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO search_terms (creditor_id, kind, term, debtor_id, account_id)
  SELECT DISTINCT c.creditor_id, 'customer', t.term, c.debtor_id, c.id
  FROM changed c JOIN debtors d ON d.id = c.debtor_id CROSS JOIN LATERAL (VALUES (duly_number(c.key)), (duly_number(d.key))) t (term)
  WHERE t.term <> '';
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER accounts_search AFTER INSERT ON accounts
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION duly_search_accounts();

-- +goose StatementBegin
CREATE FUNCTION duly_search_items() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO search_terms (creditor_id, kind, term, debtor_id, account_id)
  SELECT DISTINCT a.creditor_id, 'invoice', t.term, a.debtor_id, a.id
  FROM changed c JOIN accounts a ON a.id = c.account_id CROSS JOIN LATERAL (VALUES (duly_number(c.key)), (duly_number(c.number))) t (term)
  WHERE t.term <> '';
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER items_search AFTER INSERT ON items
  REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION duly_search_items();

-- Makes all terms anew, from what the triggers would have seen.
-- +goose StatementBegin
CREATE FUNCTION duly_search_rebuild() RETURNS void LANGUAGE sql AS $$
  DELETE FROM search_terms;
  INSERT INTO search_terms (creditor_id, kind, term, debtor_id)
  SELECT d.creditor_id, 'name', w, p.debtor_id FROM debtor_profiles p JOIN debtors d ON d.id = p.debtor_id CROSS JOIN LATERAL duly_names(p.name) w;
  INSERT INTO search_terms (creditor_id, kind, term, debtor_id)
  SELECT DISTINCT d.creditor_id, CASE p.channel WHEN 'email' THEN 'email' ELSE 'phone' END, duly_point_term(p.channel, p.value), p.debtor_id
  FROM contact_points p JOIN debtors d ON d.id = p.debtor_id WHERE duly_point_term(p.channel, p.value) IS NOT NULL;
  INSERT INTO search_terms (creditor_id, kind, term, debtor_id, account_id)
  SELECT DISTINCT a.creditor_id, 'customer', t.term, a.debtor_id, a.id
  FROM accounts a JOIN debtors d ON d.id = a.debtor_id CROSS JOIN LATERAL (VALUES (duly_number(a.key)), (duly_number(d.key))) t (term) WHERE t.term <> '';
  INSERT INTO search_terms (creditor_id, kind, term, debtor_id, account_id)
  SELECT DISTINCT a.creditor_id, 'invoice', t.term, a.debtor_id, a.id
  FROM items i JOIN accounts a ON a.id = i.account_id CROSS JOIN LATERAL (VALUES (duly_number(i.key)), (duly_number(i.number))) t (term) WHERE t.term <> '';
$$;
-- +goose StatementEnd
SELECT duly_search_rebuild();
