INSERT INTO provider_messages (channel, provider_id, contact_id) SELECT 'sms', 'SM20', c.id FROM contacts c ORDER BY c.id LIMIT 1;
INSERT INTO channel_breakers (channel, unknowns, open_since, probe_at) VALUES ('sms', 5, '2026-04-01 12:00Z', '2026-04-01 12:05Z');
INSERT INTO channel_breaker_events (channel, event, reason, unknowns, at) VALUES ('sms', 'opened', 'unknowns', 5, '2026-04-01 12:00Z');
INSERT INTO letter_reprints (batch_id, n, at, by, letters, pages, pdf_sha256, left_out) VALUES ('batch-1', 1, '2026-04-01 12:00Z', 'user:ada', 1, 2, sha256('x'), '{"k/1": "changed"}');
INSERT INTO sandbox_messages (attempt, channel, at, recipient, message, key_id, sealed) VALUES ('a20', 'email', '2026-04-01 12:00:01Z', '', '{}', 'k1', '\x00');
