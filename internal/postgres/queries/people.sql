-- name: AddCreditors :exec
INSERT INTO creditors (id) SELECT c.id FROM (SELECT unnest(@ids::text[]) AS id) c ON CONFLICT DO NOTHING;

-- name: Creditors :many
SELECT id, feed_until FROM creditors ORDER BY id;

-- name: SetFeed :execrows
UPDATE creditors SET feed_until = @until::timestamptz WHERE id = @creditor AND (feed_until IS NULL OR feed_until <= @until::timestamptz);

-- name: AddDebtors :exec
INSERT INTO debtors (id, creditor_id, key)
SELECT d.id, d.creditor_id, d.key
FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@creditors::text[]) AS creditor_id, unnest(@keys::text[]) AS key) d
ORDER BY d.id
ON CONFLICT DO NOTHING;

-- name: PutProfiles :exec
-- What a file does not say leaves what is known.
INSERT INTO debtor_profiles (debtor_id, name, locale, country, address)
SELECT p.debtor_id, p.name, p.locale, p.country, CASE WHEN p.address = '' THEN '{}' ELSE string_to_array(p.address, E'\n') END
FROM (SELECT unnest(@debtors::uuid[]) AS debtor_id, unnest(@names::text[]) AS name, unnest(@locales::text[]) AS locale,
             unnest(@countries::text[]) AS country, unnest(@addresses::text[]) AS address) p
ORDER BY p.debtor_id
ON CONFLICT (debtor_id) DO UPDATE SET
  name = CASE excluded.name WHEN '' THEN debtor_profiles.name ELSE excluded.name END,
  locale = CASE excluded.locale WHEN '' THEN debtor_profiles.locale ELSE excluded.locale END,
  country = CASE excluded.country WHEN '' THEN debtor_profiles.country ELSE excluded.country END,
  address = CASE excluded.address WHEN '{}' THEN debtor_profiles.address ELSE excluded.address END
WHERE (excluded.name, excluded.locale, excluded.country, excluded.address)
  IS DISTINCT FROM (debtor_profiles.name, debtor_profiles.locale, debtor_profiles.country, debtor_profiles.address);

-- name: AddAccounts :exec
INSERT INTO accounts (id, debtor_id, creditor_id, key, currency)
SELECT a.id, a.debtor_id, a.creditor_id, a.key, a.currency
FROM (SELECT unnest(@ids::uuid[]) AS id, unnest(@debtors::uuid[]) AS debtor_id, unnest(@creditors::text[]) AS creditor_id,
             unnest(@keys::text[]) AS key, unnest(@currencies::text[]) AS currency) a
ORDER BY a.id
ON CONFLICT DO NOTHING;

-- name: PutPointValues :exec
INSERT INTO contact_points (debtor_id, id, channel, value)
SELECT p.debtor_id, p.id, p.channel, p.value
FROM (SELECT unnest(@debtors::uuid[]) AS debtor_id, unnest(@ids::text[]) AS id, unnest(@channels::text[]) AS channel, unnest(@vals::text[]) AS value) p
ORDER BY p.debtor_id, p.id
ON CONFLICT (debtor_id, id) DO UPDATE SET value = excluded.value WHERE contact_points.value IS DISTINCT FROM excluded.value;

-- name: AccountByKey :many
-- The accounts that a customer number has at a creditor, one per currency.
SELECT id, debtor_id, creditor_id, key, currency FROM accounts WHERE creditor_id = @creditor AND key = @key ORDER BY currency;

-- name: AccountByID :one
SELECT a.id, a.debtor_id, a.creditor_id, a.key, a.currency, d.key AS debtor_key
FROM accounts a JOIN debtors d ON d.id = a.debtor_id WHERE a.id = $1;

-- name: AccountsFrom :many
-- All accounts in id order, a page at a time.
SELECT a.id, a.debtor_id, a.creditor_id, a.key, a.currency, d.key AS debtor_key
FROM accounts a JOIN debtors d ON d.id = a.debtor_id
WHERE sqlc.narg(after)::uuid IS NULL OR a.id > sqlc.narg(after)::uuid
ORDER BY a.id LIMIT sqlc.arg(max);

-- name: Profile :one
SELECT d.id, d.creditor_id, d.key, coalesce(p.name, '')::text AS name, coalesce(p.locale, '')::text AS locale,
       coalesce(p.country, '')::text AS country, coalesce(p.address, '{}')::text[] AS address
FROM debtors d LEFT JOIN debtor_profiles p ON p.debtor_id = d.id
WHERE d.id = $1;

-- name: PointsOf :many
SELECT id, channel, value, kind, rank, dead FROM contact_points WHERE debtor_id = $1 ORDER BY channel, rank, id;

-- name: PointsByValue :many
-- Whose number or address this is: replies and delivery reports are matched by it. The
-- case of an email address means nothing.
SELECT p.debtor_id, p.id FROM contact_points p WHERE p.value = @value::text AND p.channel = @channel
UNION
SELECT e.debtor_id, e.id FROM contact_points e
WHERE lower(e.value) = lower(@value::text) AND e.value IS NOT NULL AND e.channel = 'email' AND e.channel = @channel
ORDER BY 1, 2;

-- name: EraseProfile :execrows
UPDATE debtor_profiles SET name = '', locale = '', country = '', address = '{}' WHERE debtor_id = $1;

-- name: ErasePointValues :execrows
UPDATE contact_points SET value = NULL WHERE debtor_id = $1 AND value IS NOT NULL;

-- name: OwnersOf :many
SELECT id, debtor_id FROM accounts WHERE id = ANY(@ids::uuid[]) ORDER BY id;

-- name: OpenCasesOf :many
SELECT id FROM cases WHERE debtor_id = ANY(@debtors::uuid[]) AND status = 'open' ORDER BY id;

-- name: DebtorsToTell :many
-- Debtors with an open case that must learn until when payment data is complete.
SELECT DISTINCT c.debtor_id FROM cases c
WHERE c.creditor_id = @creditor AND c.status = 'open' AND (sqlc.narg(after)::uuid IS NULL OR c.debtor_id > sqlc.narg(after)::uuid)
ORDER BY c.debtor_id LIMIT sqlc.arg(max);
