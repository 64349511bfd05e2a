-- name: ProviderMessagesOfOthers :many
-- Of some ids of a channel's provider, those that name the message of another contact than
-- this one, which need not be stored yet.
SELECT provider_id FROM provider_messages
WHERE channel = @channel AND provider_id = ANY(@ids::text[]) AND contact_id <> @contact_id
ORDER BY provider_id;

-- name: RivalsOf :one
-- How many other contacts could be what a provider's records show of a message to a point of
-- a debtor: handed over about then, and nobody knows by which id.
SELECT count(*) FROM contacts c
JOIN contact_points p ON p.debtor_id = c.debtor_id AND p.id = c.point_id
JOIN contact_points mp ON mp.debtor_id = @debtor AND mp.id = @point
WHERE c.id <> @contact_id AND c.channel = @channel AND p.value = mp.value AND p.channel = mp.channel
  AND (c.state IN ('sending', 'unknown') OR c.state IN ('accepted', 'bounced') AND coalesce(c.provider_id, '') = '')
  AND EXISTS (SELECT FROM attempts a WHERE a.contact_id = c.id AND a.state = 'sending' AND a.at BETWEEN sqlc.arg(from_at) AND sqlc.arg(until_at));

-- name: SinceFence :one
-- How many microseconds ago a contact was last handed over, by the database's clock.
SELECT (extract(epoch FROM clock_timestamp() - a.recorded_at) * 1000000)::bigint AS us
FROM attempts a WHERE a.contact_id = @contact_id AND a.state = 'sending' ORDER BY a.seq DESC LIMIT 1;

-- name: ProviderMessagesTwice :many
-- Contacts whose provider's id names another contact's message, the newest first.
SELECT c.id, c.case_id, c.state_at, c.channel FROM contacts c
JOIN provider_messages p ON p.channel = c.channel AND p.provider_id = c.provider_id AND p.contact_id <> c.id
ORDER BY c.state_at DESC, c.id LIMIT sqlc.arg(max);

-- name: BreakerUnknown :one
-- One more hand-over of a channel that stayed unknown. With so many in a row it opens, or
-- stays open from now.
INSERT INTO channel_breakers AS b (channel, unknowns) VALUES (@channel, 1)
ON CONFLICT (channel) DO UPDATE SET unknowns = least(b.unknowns + 1, 1000000),
  open_since = CASE WHEN b.unknowns + 1 >= @limit_at::int THEN coalesce(b.open_since, clock_timestamp()) END,
  probe_at = CASE WHEN b.unknowns + 1 >= @limit_at::int THEN clock_timestamp() + sqlc.arg(every)::interval END
RETURNING unknowns, (unknowns = @limit_at::int)::bool AS opened;

-- name: BreakerTake :one
-- Who may try an open channel: one, every so often, whichever worker it is. Its row is
-- locked while it asks, so nobody else gets the same turn.
UPDATE channel_breakers SET probe_at = clock_timestamp() + sqlc.arg(every)::interval
WHERE channel = @channel AND open_since IS NOT NULL AND probe_at <= clock_timestamp()
RETURNING channel;

-- name: BreakerWait :one
-- How long an open channel is left alone; 0: it is closed.
SELECT (CASE WHEN open_since IS NULL THEN 0 ELSE greatest(1, extract(epoch FROM probe_at - clock_timestamp()) * 1000000) END)::bigint AS wait_us
FROM channel_breakers WHERE channel = @channel;

-- name: BreakerAnswered :one
-- The provider answered: none is unknown in a row any more.
WITH was AS (SELECT b.channel, b.unknowns, b.open_since FROM channel_breakers b WHERE b.channel = @channel AND b.unknowns > 0 FOR UPDATE)
UPDATE channel_breakers n SET unknowns = 0, open_since = NULL, probe_at = NULL FROM was WHERE n.channel = was.channel
RETURNING was.unknowns, (was.open_since IS NOT NULL)::bool AS closed;

-- name: AddBreakerEvent :exec
INSERT INTO channel_breaker_events (channel, event, reason, unknowns) VALUES (@channel, @event, @reason, @unknowns);

-- name: Breakers :many
SELECT channel, unknowns, open_since, probe_at FROM channel_breakers ORDER BY channel;

-- name: BreakerEvents :many
SELECT channel, event, reason, unknowns, at FROM channel_breaker_events ORDER BY id DESC LIMIT sqlc.arg(max);

-- name: AddLetterReprint :one
INSERT INTO letter_reprints (batch_id, n, at, by, letters, pages, pdf_sha256, left_out)
SELECT @batch_id, coalesce(max(r.n), 0) + 1, @at, @by, @letters, @pages, @pdf_sha256, @left_out
FROM (SELECT b.id FROM letter_batches b WHERE b.id = @batch_id FOR UPDATE) l LEFT JOIN letter_reprints r ON r.batch_id = l.id
RETURNING n;

-- name: LetterReprints :many
SELECT n, at, by, letters, pages, pdf_sha256, left_out FROM letter_reprints WHERE batch_id = $1 ORDER BY n;

-- name: PutSealedSandbox :exec
INSERT INTO sandbox_messages (attempt, channel, at, recipient, subject, message, key_id, sealed)
VALUES (@attempt, @channel, @at, '', '', '{}', @key_id, @sealed) ON CONFLICT DO NOTHING;

-- name: SandboxUnderOtherKeys :many
SELECT attempt, key_id, sealed FROM sandbox_messages
WHERE key_id <> '' AND key_id <> @key_id ORDER BY key_id, attempt LIMIT sqlc.arg(max) FOR UPDATE SKIP LOCKED;

-- name: ResealSandbox :exec
UPDATE sandbox_messages SET key_id = @key_id, sealed = @sealed WHERE attempt = @attempt AND key_id = @was;

-- name: EraseSandbox :execrows
-- The row stays: that there was a message is no personal data.
UPDATE sandbox_messages b SET recipient = '', subject = '', message = '{}', sealed = NULL, key_id = ''
FROM sent_messages m JOIN contacts c ON c.id = m.contact_id
WHERE m.attempt = b.attempt AND c.debtor_id = @debtor;
