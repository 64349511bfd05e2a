-- Which database this is, so that one that was restored is noticed, and of which stretches of
-- time it has forgotten what happened. See docs/decisions/2026-11-22-restore.md.

-- +goose Up

-- What the running system took this database for when it last looked. A dump that is read in
-- elsewhere, a recovery to an instant and a standby that took over are another database with
-- this row in it. The migration writes none: the first process that can send does.
CREATE TABLE incarnation (
  one       boolean PRIMARY KEY DEFAULT true CONSTRAINT incarnation_one CHECK (one),
  system    text NOT NULL,        -- identifier of the server's data; '' = it may not be asked
  timeline  bigint NOT NULL,      -- of its log; 0 = it may not be asked
  database  bigint NOT NULL,      -- oid of this database
  relation  bigint NOT NULL,      -- oid of this table: reading a dump in makes another
  seen_at   timestamptz NOT NULL, -- business time when a process last looked
  seen_wall timestamptz NOT NULL
) WITH (fillfactor = 50);

-- Stretches in which nobody looked: the system stood still, or what was written in them is lost.
CREATE TABLE incarnation_gaps (
  id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  from_at    timestamptz NOT NULL, -- business time
  until_at   timestamptz NOT NULL,
  from_wall  timestamptz NOT NULL,
  until_wall timestamptz NOT NULL,
  CONSTRAINT incarnation_gaps_wall CHECK (from_wall < until_wall)
);

-- Each time that the database was found to have forgotten something.
CREATE TABLE restores (
  id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  noticed       text NOT NULL CONSTRAINT restores_noticed CHECK (noticed IN ('identity', 'journal', 'person')),
  what          text NOT NULL CONSTRAINT restores_what CHECK (what <> ''), -- what was seen, for people; no personal data
  by            text NOT NULL CONSTRAINT restores_by CHECK (by <> ''),
  since         timestamptz NOT NULL, -- business time from which on things may have been forgotten
  until         timestamptz NOT NULL, -- business time at which it was noticed
  noticed_wall  timestamptz NOT NULL,
  looked_to     uuid,                 -- the look-ups of open cases are through to this one
  looked_at     timestamptz,          -- business time when they were through
  done_at       timestamptz,          -- a person has said that everything is put right
  done_by       text,
  done_reason   text,
  CONSTRAINT restores_lapse CHECK (since <= until),
  CONSTRAINT restores_done CHECK ((done_at IS NULL) = (done_by IS NULL) AND (done_at IS NULL) = (done_reason IS NULL))
);
