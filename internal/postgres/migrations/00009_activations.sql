-- Which release is in force, since when and by whom. A release itself never changes and
-- is stored once; going back to an earlier one is a further row here.

-- +goose Up

CREATE TABLE release_activations (
  seq     bigint NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  release text NOT NULL REFERENCES releases,
  at      timestamptz NOT NULL,
  by      text NOT NULL DEFAULT ''
);
CREATE TRIGGER release_activations_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON release_activations
  FOR EACH STATEMENT EXECUTE FUNCTION duly_refuse_change();

-- Until now the release that was published last was in force.
INSERT INTO release_activations (release, at, by)
SELECT version, published_at, by FROM releases ORDER BY seq;
