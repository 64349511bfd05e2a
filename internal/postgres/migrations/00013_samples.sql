-- Samples that compliance draws, answers and signs off. What was drawn, answered and
-- signed is evidence: rows are only ever added. How a sample is drawn is package
-- internal/sampling; this keeps what came out, with the population it came from.

-- +goose Up

CREATE TABLE samples (
  id          uuid PRIMARY KEY,
  title       text NOT NULL CONSTRAINT samples_title CHECK (length(title) BETWEEN 1 AND 200),
  kind        text NOT NULL CONSTRAINT samples_kind CHECK (kind IN ('contacts', 'kept_back', 'decisions', 'calls', 'replies')),
  -- Whose rows: names of creditors, sorted; never '*', so that a creditor of tomorrow is not in it.
  creditors   text[] NOT NULL CONSTRAINT samples_creditors CHECK (cardinality(creditors) > 0),
  from_at     timestamptz NOT NULL, -- business time, [from, until)
  until_at    timestamptz NOT NULL,
  filter      jsonb NOT NULL DEFAULT '{}' CONSTRAINT samples_filter CHECK (jsonb_typeof(filter) = 'object'),
  method      text NOT NULL CONSTRAINT samples_method CHECK (method IN ('random', 'risk', 'both')),
  size        integer NOT NULL CONSTRAINT samples_size CHECK (size BETWEEN 1 AND 1000),
  seed        text NOT NULL CONSTRAINT samples_seed CHECK (length(seed) BETWEEN 1 AND 128),
  algorithm   text NOT NULL CONSTRAINT samples_algorithm CHECK (algorithm <> ''),
  population  integer NOT NULL CONSTRAINT samples_population CHECK (population > 0),
  -- SHA-256 over the population's lines, and the lines themselves (gzip): id, weight, risks.
  digest      bytea NOT NULL CONSTRAINT samples_digest CHECK (length(digest) = 32),
  members     bytea NOT NULL,
  -- As of when the journal was read: what was stored later is no part of it.
  frozen_seq  bigint NOT NULL,
  frozen_at   timestamptz NOT NULL, -- wall time
  context     jsonb NOT NULL CONSTRAINT samples_context CHECK (jsonb_typeof(context) = 'object'),
  checklist   text NOT NULL CONSTRAINT samples_checklist CHECK (checklist <> ''),
  questions   jsonb NOT NULL CONSTRAINT samples_questions CHECK (jsonb_typeof(questions) = 'array' AND jsonb_array_length(questions) BETWEEN 1 AND 9),
  at          timestamptz NOT NULL, -- business time
  by          text NOT NULL CONSTRAINT samples_by CHECK (by <> ''),
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  CONSTRAINT samples_span CHECK (until_at > from_at)
);
CREATE INDEX samples_by_time ON samples (at, id);

CREATE TABLE sample_rows (
  sample_id   uuid NOT NULL REFERENCES samples,
  n           integer NOT NULL CONSTRAINT sample_rows_n CHECK (n > 0),
  subject     text NOT NULL CONSTRAINT sample_rows_subject CHECK (subject <> ''),
  stage       text NOT NULL CONSTRAINT sample_rows_stage CHECK (stage IN ('random', 'risk')),
  key         bytea NOT NULL CONSTRAINT sample_rows_key CHECK (length(key) = 32),
  ticket      integer NOT NULL CONSTRAINT sample_rows_ticket CHECK (ticket > 0),
  weight      integer NOT NULL CONSTRAINT sample_rows_weight CHECK (weight > 0),
  risks       text[] NOT NULL DEFAULT '{}',
  creditor_id text NOT NULL,
  debtor_id   uuid NOT NULL REFERENCES debtors,
  case_id     uuid REFERENCES cases,
  decision_id text REFERENCES decisions,
  contact_id  text NOT NULL DEFAULT '',
  at          timestamptz NOT NULL,
  channel     text NOT NULL DEFAULT '',
  step        text NOT NULL DEFAULT '',
  -- Who made it: ordered the message, approved the draft, held the call. They do not review it.
  people      text[] NOT NULL DEFAULT '{}',
  PRIMARY KEY (sample_id, n),
  UNIQUE (sample_id, subject)
);

-- A round of review. The first begins with the sample; a further one corrects: its answers
-- stand in the place of earlier ones, which stay.
CREATE TABLE sample_rounds (
  sample_id   uuid NOT NULL REFERENCES samples,
  round       integer NOT NULL CONSTRAINT sample_rounds_round CHECK (round > 0),
  reason      text NOT NULL DEFAULT '',
  at          timestamptz NOT NULL,
  by          text NOT NULL CONSTRAINT sample_rounds_by CHECK (by <> ''),
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (sample_id, round),
  CONSTRAINT sample_rounds_reason CHECK (round = 1 OR length(reason) >= 3)
);

CREATE TABLE sample_answers (
  sample_id   uuid NOT NULL,
  round       integer NOT NULL,
  n           integer NOT NULL,
  answers     jsonb NOT NULL CONSTRAINT sample_answers_answers CHECK (jsonb_typeof(answers) = 'object' AND answers <> '{}'::jsonb),
  note        text NOT NULL DEFAULT '',
  -- Of a "no": how it is mended, by whom, until when; and the finding that was opened for it.
  fix         text NOT NULL DEFAULT '',
  owner       text NOT NULL DEFAULT '',
  due         date,
  finding     text NOT NULL DEFAULT '',
  at          timestamptz NOT NULL,
  by          text NOT NULL CONSTRAINT sample_answers_by CHECK (by <> ''),
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (sample_id, round, n),
  FOREIGN KEY (sample_id, round) REFERENCES sample_rounds (sample_id, round),
  FOREIGN KEY (sample_id, n) REFERENCES sample_rows (sample_id, n),
  CONSTRAINT sample_answers_values CHECK (NOT jsonb_path_exists(answers, '$.* ? (!(@ == "yes" || @ == "no" || @ == "na"))')),
  CONSTRAINT sample_answers_note CHECK (NOT jsonb_path_exists(answers, '$.* ? (@ == "no")') OR (length(note) >= 3 AND owner <> '' AND due IS NOT NULL AND length(fix) >= 3))
);

CREATE TABLE sample_signoffs (
  sample_id   uuid NOT NULL,
  round       integer NOT NULL,
  -- SHA-256 over all answers that stand with this round.
  digest      bytea NOT NULL CONSTRAINT sample_signoffs_digest CHECK (length(digest) = 32),
  words       text NOT NULL DEFAULT '',
  at          timestamptz NOT NULL,
  by          text NOT NULL CONSTRAINT sample_signoffs_person CHECK (by LIKE 'user:%'),
  recorded_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (sample_id, round),
  FOREIGN KEY (sample_id, round) REFERENCES sample_rounds (sample_id, round)
);

CREATE TRIGGER samples_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON samples FOR EACH STATEMENT EXECUTE FUNCTION duly_refuse_change();
CREATE TRIGGER sample_rows_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON sample_rows FOR EACH STATEMENT EXECUTE FUNCTION duly_refuse_change();
CREATE TRIGGER sample_rounds_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON sample_rounds FOR EACH STATEMENT EXECUTE FUNCTION duly_refuse_change();
CREATE TRIGGER sample_answers_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON sample_answers FOR EACH STATEMENT EXECUTE FUNCTION duly_refuse_change();
CREATE TRIGGER sample_signoffs_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON sample_signoffs FOR EACH STATEMENT EXECUTE FUNCTION duly_refuse_change();

-- The sample's row is the lock under which rounds, answers and sign-offs follow each other.
-- ("by" is a word of PL/pgSQL too, hence its quotes.)
-- +goose StatementBegin
CREATE FUNCTION duly_sample_follows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  latest integer;
  fault  text;
BEGIN
  PERFORM 1 FROM samples s WHERE s.id = NEW.sample_id FOR UPDATE;
  SELECT max(r.round) INTO latest FROM sample_rounds r WHERE r.sample_id = NEW.sample_id;
  CASE TG_TABLE_NAME
  WHEN 'sample_rows' THEN
    IF latest IS NOT NULL THEN
      fault := 'rows are drawn once, before the first round begins';
    END IF;
  WHEN 'sample_rounds' THEN
    IF NEW.round <> coalesce(latest, 0) + 1 THEN
      fault := format('round %s does not follow round %s', NEW.round, coalesce(latest, 0));
    ELSIF (SELECT count(*) <> s.size FROM sample_rows r, samples s WHERE s.id = NEW.sample_id AND r.sample_id = s.id GROUP BY s.size) IS NOT FALSE THEN
      fault := 'it has fewer or more rows than its size';
    END IF;
  WHEN 'sample_answers' THEN
    IF EXISTS (SELECT 1 FROM sample_signoffs o WHERE o.sample_id = NEW.sample_id AND o.round = NEW.round) THEN
      fault := format('round %s is signed off: nothing in it changes any more', NEW.round);
    ELSIF NEW.round <> latest THEN
      fault := format('round %s is not the latest', NEW.round);
    ELSIF (SELECT NEW."by" = ANY (r.people) FROM sample_rows r WHERE r.sample_id = NEW.sample_id AND r.n = NEW.n) THEN
      fault := format('row %s was made by who answers it', NEW.n);
    ELSIF EXISTS (SELECT 1 FROM samples s, jsonb_array_elements(s.questions) q WHERE s.id = NEW.sample_id AND NOT NEW.answers ? (q->>'id'))
       OR (SELECT count(*) FROM jsonb_object_keys(NEW.answers)) <> (SELECT jsonb_array_length(s.questions) FROM samples s WHERE s.id = NEW.sample_id) THEN
      fault := 'every question of the checklist is answered, and no other';
    END IF;
  ELSE
    IF NEW.round <> latest THEN
      fault := format('round %s is not the latest', NEW.round);
    ELSIF EXISTS (SELECT 1 FROM sample_rows r WHERE r.sample_id = NEW.sample_id
                  AND NOT EXISTS (SELECT 1 FROM sample_answers a WHERE a.sample_id = r.sample_id AND a.n = r.n)) THEN
      fault := 'rows are open';
    ELSIF NOT EXISTS (SELECT 1 FROM sample_answers a WHERE a.sample_id = NEW.sample_id AND a.round = NEW.round) THEN
      fault := format('round %s has no answer', NEW.round);
    ELSIF EXISTS (SELECT 1 FROM sample_rows r WHERE r.sample_id = NEW.sample_id AND NEW."by" = ANY (r.people)) THEN
      fault := 'the sample has rows that were made by who signs';
    END IF;
  END CASE;
  IF fault IS NOT NULL THEN
    RAISE EXCEPTION 'sample %: %', NEW.sample_id, fault USING ERRCODE = 'DU002', HINT = 'Open the sample again; a correction is a new round.';
  END IF;
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER sample_rows_follow BEFORE INSERT ON sample_rows FOR EACH ROW EXECUTE FUNCTION duly_sample_follows();
CREATE TRIGGER sample_rounds_follow BEFORE INSERT ON sample_rounds FOR EACH ROW EXECUTE FUNCTION duly_sample_follows();
CREATE TRIGGER sample_answers_follow BEFORE INSERT ON sample_answers FOR EACH ROW EXECUTE FUNCTION duly_sample_follows();
CREATE TRIGGER sample_signoffs_follow BEFORE INSERT ON sample_signoffs FOR EACH ROW EXECUTE FUNCTION duly_sample_follows();
