INSERT INTO switches (scope, subject, reason, by, on_at, until) VALUES ('channel', 'sms', 'the provider is ill', 'user:ada', '2024-03-01 12:00Z', '2024-03-02 12:00Z');
INSERT INTO sender_pace (sender, full_at) VALUES ('email/acme', '2024-03-01 12:00Z');
INSERT INTO sent_messages (attempt, contact_id, at, sha256, key_id, sealed)
SELECT '66666666-6666-5666-8666-666666666666', c.id, '2024-03-01 12:00Z', sha256('x'), 'k1', '\x00' FROM contacts c LIMIT 1;
INSERT INTO letter_batches (id, closed_at, by) VALUES ('batch-1', '2024-03-01 12:00Z', 'user:ada');
INSERT INTO letter_batch_items (attempt, batch_id, contact_id, place)
SELECT l.attempt, 'batch-1', c.id, 1 FROM letters l, contacts c LIMIT 1;
