-- Who may come in, and who is told: users, sessions, API keys, answers that are kept for
-- repeated requests, and outgoing webhooks. Instants here are of the wall clock, because
-- they are about machines and people at screens, unless a column says business time.

-- +goose Up

CREATE TABLE users (
  id            uuid PRIMARY KEY,
  name          text NOT NULL UNIQUE CONSTRAINT users_name CHECK (name ~ '^[a-z0-9._@-]{2,64}$'),
  title         text NOT NULL DEFAULT '',
  email         text NOT NULL DEFAULT '',
  -- A hash (argon2id, PHC form); empty: signs in elsewhere.
  password      text NOT NULL DEFAULT '',
  must_change   boolean NOT NULL DEFAULT false,
  oidc_issuer   text NOT NULL DEFAULT '',
  oidc_subject  text NOT NULL DEFAULT '',
  disabled_at   timestamptz,
  settings      jsonb NOT NULL DEFAULT '{}',
  created_at    timestamptz NOT NULL,
  CONSTRAINT users_oidc CHECK ((oidc_issuer = '') = (oidc_subject = '')),
  CONSTRAINT users_hash CHECK (password = '' OR password LIKE '$argon2id$%')
);
CREATE UNIQUE INDEX users_subject ON users (oidc_issuer, oidc_subject) WHERE oidc_subject <> '';

-- '*' is every creditor; another name need not be known yet.
CREATE TABLE user_grants (
  user_id     uuid NOT NULL REFERENCES users,
  creditor_id text NOT NULL CONSTRAINT user_grants_creditor CHECK (creditor_id <> ''),
  role        text NOT NULL CONSTRAINT user_grants_role CHECK (role IN (
                'admin', 'operations', 'collector', 'supervisor', 'compliance', 'legal', 'auditor')),
  PRIMARY KEY (user_id, creditor_id, role)
);

-- A session is known by the hash of its token: who reads this table cannot use it.
CREATE TABLE sessions (
  hash       bytea PRIMARY KEY CONSTRAINT sessions_hash CHECK (length(hash) = 32),
  id         uuid NOT NULL UNIQUE,
  user_id    uuid NOT NULL REFERENCES users,
  method     text NOT NULL CONSTRAINT sessions_method CHECK (method IN ('password', 'oidc')),
  agent      text NOT NULL DEFAULT '',
  flash      text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL,
  seen_at    timestamptz NOT NULL,
  expires_at timestamptz NOT NULL CONSTRAINT sessions_expire CHECK (expires_at > created_at)
);
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_expiry ON sessions (expires_at);

-- A login under way at an OpenID provider.
CREATE TABLE signins (
  hash       bytea PRIMARY KEY CONSTRAINT signins_hash CHECK (length(hash) = 32),
  nonce      text NOT NULL,
  verifier   text NOT NULL,
  next       text NOT NULL DEFAULT '',
  expires_at timestamptz NOT NULL
);

CREATE TABLE api_keys (
  id          text PRIMARY KEY CONSTRAINT api_keys_id CHECK (id ~ '^[a-z0-9]{8,32}$'),
  hash        bytea NOT NULL UNIQUE CONSTRAINT api_keys_hash CHECK (length(hash) = 32),
  name        text NOT NULL CONSTRAINT api_keys_name CHECK (name <> ''),
  creditor_id text NOT NULL CONSTRAINT api_keys_creditor CHECK (creditor_id <> ''),
  scopes      text[] NOT NULL CONSTRAINT api_keys_scopes CHECK (cardinality(scopes) > 0),
  by          text NOT NULL,
  created_at  timestamptz NOT NULL,
  expires_at  timestamptz,
  revoked_at  timestamptz,
  used_at     timestamptz
);

-- The answer to a request with an idempotency key. status 0: under way.
CREATE TABLE idempotent_answers (
  by         text NOT NULL,
  key        text NOT NULL CONSTRAINT idempotent_answers_key CHECK (length(key) BETWEEN 1 AND 255),
  request    bytea NOT NULL CONSTRAINT idempotent_answers_request CHECK (length(request) = 32),
  status     integer NOT NULL DEFAULT 0,
  type       text NOT NULL DEFAULT '',
  body       bytea NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL,
  PRIMARY KEY (by, key)
);
CREATE INDEX idempotent_answers_age ON idempotent_answers (created_at);

-- Filters that somebody gave a name; query is a URL's.
CREATE TABLE saved_views (
  user_id uuid NOT NULL REFERENCES users,
  place   text NOT NULL CONSTRAINT saved_views_place CHECK (place LIKE '/%'),
  name    text NOT NULL CONSTRAINT saved_views_name CHECK (length(name) BETWEEN 1 AND 80),
  query   text NOT NULL CONSTRAINT saved_views_query CHECK (length(query) <= 2000),
  PRIMARY KEY (user_id, place, name)
);

-- --- outgoing webhooks -----------------------------------------------------------

CREATE TABLE hooks (
  id          uuid PRIMARY KEY,
  creditor_id text NOT NULL CONSTRAINT hooks_creditor CHECK (creditor_id <> ''),
  url         text NOT NULL CONSTRAINT hooks_url CHECK (url ~ '^https?://'),
  -- Needed in the clear to sign with; it opens nothing of ours.
  secret      text NOT NULL CONSTRAINT hooks_secret CHECK (length(secret) >= 20),
  kinds       text[] NOT NULL DEFAULT '{}', -- empty: all
  by          text NOT NULL,
  created_at  timestamptz NOT NULL,
  ended_at    timestamptz
);

-- What is to be told, written with the facts it tells of. at is business time.
CREATE TABLE hook_events (
  seq         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  id          uuid NOT NULL UNIQUE DEFAULT gen_random_uuid(),
  creditor_id text NOT NULL,
  debtor_id   uuid NOT NULL,
  version     bigint NOT NULL,
  fact        integer NOT NULL,
  kind        text NOT NULL,
  at          timestamptz NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  spread_at   timestamptz,
  UNIQUE (debtor_id, version, fact)
);
CREATE INDEX hook_events_new ON hook_events (seq) WHERE spread_at IS NULL;
CREATE INDEX hook_events_age ON hook_events (created_at);

CREATE TABLE hook_deliveries (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  hook_id      uuid NOT NULL REFERENCES hooks,
  event        bigint NOT NULL REFERENCES hook_events ON DELETE CASCADE,
  name         text NOT NULL,
  body         bytea NOT NULL,
  tries        integer NOT NULL DEFAULT 0,
  next_at      timestamptz, -- null: nothing more to do
  claimed_until timestamptz,
  delivered_at timestamptz,
  status       integer NOT NULL DEFAULT 0, -- of the last answer, 0: none came
  problem      text NOT NULL DEFAULT '',
  UNIQUE (hook_id, event)
);
CREATE INDEX hook_deliveries_due ON hook_deliveries (next_at) WHERE next_at IS NOT NULL;

-- Facts that some hook may want to hear of. Which event they are, and whether it is one at
-- all, is said by internal/hooks; this only makes sure that none is lost.
-- +goose StatementBegin
CREATE FUNCTION duly_hook_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT 1 FROM hooks WHERE ended_at IS NULL) THEN
    INSERT INTO hook_events (creditor_id, debtor_id, version, fact, kind, at)
    SELECT d.creditor_id, n.debtor_id, n.version, n.seq, n.kind, n.at
    FROM added n JOIN debtors d ON d.id = n.debtor_id
    WHERE n.kind IN ('case_opened', 'case_closed', 'step_counted', 'contact_moved', 'items_disposed', 'payment', 'payment_reversed',
                     'promise_made', 'promise_ended', 'plan_agreed', 'plan_ended', 'dispute_raised', 'dispute_resolved',
                     'hold_placed', 'hold_lifted', 'task_opened', 'opted_out')
    ORDER BY n.debtor_id, n.version, n.seq;
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER facts_hook_events AFTER INSERT ON facts
  REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION duly_hook_events();
