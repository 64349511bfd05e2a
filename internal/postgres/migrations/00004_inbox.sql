-- What providers and other systems tell by webhooks: each request as it came, each event
-- in it once, and what a provider says of a message after it took it.

-- +goose Up

-- A request whose signature was right, with its raw body. It is personal data.
CREATE TABLE inbox_requests (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  source      text NOT NULL CONSTRAINT inbox_requests_source CHECK (source <> ''),
  received_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- The query of the URL and the headers that reading the body needs; never a credential.
  query       text NOT NULL DEFAULT '',
  headers     jsonb NOT NULL DEFAULT '{}' CONSTRAINT inbox_requests_headers CHECK (jsonb_typeof(headers) = 'object'),
  body        bytea NOT NULL,
  -- The key that seals the body; '' = it is not sealed.
  key_id      text NOT NULL DEFAULT ''
);
CREATE INDEX inbox_requests_received ON inbox_requests (received_at);

-- One event of a request. The provider's own id makes it one, however often it comes.
CREATE TABLE inbox (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  source       text NOT NULL CONSTRAINT inbox_source CHECK (source <> ''),
  event_id     text NOT NULL CONSTRAINT inbox_event CHECK (event_id <> ''),
  kind         text NOT NULL DEFAULT '',
  request_id   bigint NOT NULL REFERENCES inbox_requests,
  part         integer NOT NULL DEFAULT 0 CONSTRAINT inbox_part CHECK (part >= 0),
  received_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  at           timestamptz NOT NULL, -- business time of the receipt
  state        text NOT NULL DEFAULT 'pending' CONSTRAINT inbox_state CHECK (state IN ('pending', 'done', 'unmatched', 'failed')),
  outcome      text NOT NULL DEFAULT '',
  error_code   text NOT NULL DEFAULT '',
  attempts     integer NOT NULL DEFAULT 0 CONSTRAINT inbox_attempts CHECK (attempts >= 0),
  next_try     timestamptz NOT NULL DEFAULT clock_timestamp(), -- wall time
  processed_at timestamptz,
  contact_id   text NOT NULL DEFAULT '',
  debtors      uuid[] NOT NULL DEFAULT '{}',
  UNIQUE (source, event_id),
  CONSTRAINT inbox_processed CHECK (state = 'pending' OR processed_at IS NOT NULL)
);
CREATE INDEX inbox_pending ON inbox (next_try) WHERE state = 'pending';
CREATE INDEX inbox_people ON inbox (id) WHERE state IN ('unmatched', 'failed');
CREATE INDEX inbox_request ON inbox (request_id);
CREATE INDEX inbox_debtors ON inbox USING gin (debtors);

-- The opaque id that a provider is given for a contact, to find the way back.
CREATE TABLE contact_attempts (
  attempt    uuid PRIMARY KEY,
  contact_id text NOT NULL UNIQUE REFERENCES contacts
);

-- How far a provider says a message has come: only ever further.
CREATE TABLE deliveries (
  contact_id  text PRIMARY KEY REFERENCES contacts,
  status      text NOT NULL CONSTRAINT deliveries_status CHECK (status <> ''),
  rank        integer NOT NULL,
  at          timestamptz NOT NULL, -- as the provider says, else of the receipt
  code        text NOT NULL DEFAULT '',
  provider_id text NOT NULL DEFAULT '',
  updated_at  timestamptz NOT NULL DEFAULT clock_timestamp()
) WITH (fillfactor = 80);
