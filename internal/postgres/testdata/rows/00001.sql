-- Rows as a program of schema version 1 wrote them. Later migrations must carry them
-- over; this file is never changed once a migration 2 exists.
INSERT INTO creditors (id, feed_until) VALUES ('acme', '2026-03-01 08:00:00Z');
INSERT INTO debtors (id, creditor_id, key, version) VALUES ('11111111-1111-5111-8111-111111111111', 'acme', 'D-1', 4);
INSERT INTO debtor_profiles (debtor_id, name, locale, country, address)
VALUES ('11111111-1111-5111-8111-111111111111', 'Ada Example', 'en-GB', 'GB', '{"1 Test Street",London}');
INSERT INTO accounts (id, debtor_id, creditor_id, key, currency)
VALUES ('22222222-2222-5222-8222-222222222222', '11111111-1111-5111-8111-111111111111', 'acme', 'D-1', 'USD');
INSERT INTO cases (id, account_id, debtor_id, creditor_id, sequence_id, sequence_version, opened_at, phase, next_verb, next_step, next_at, next_decision, decided_at, decided_version)
VALUES ('33333333-3333-4333-8333-333333333333', '22222222-2222-5222-8222-222222222222', '11111111-1111-5111-8111-111111111111', 'acme', 'consumer-standard', 'v1',
        '2026-03-02 12:00:00Z', 'matures', 'send', 'nudge', '2026-03-09 14:00:00Z', 'd2', '2026-03-02 12:00:01Z', 4);
INSERT INTO contact_points (debtor_id, id, channel, value, kind, rank) VALUES ('11111111-1111-5111-8111-111111111111', 'e1', 'email', 'ada@example.invalid', '', 1);
INSERT INTO facts (debtor_id, version, seq, kind, at, account_id, case_id, item_key, by, source, amount_minor, currency, body) VALUES
('11111111-1111-5111-8111-111111111111', 1, 0, 'point_known', '2026-03-01 00:00:00Z', NULL, NULL, NULL, 'import', 'point/e1', NULL, NULL, '{"id": "e1", "channel": "email", "rank": 1}'),
('11111111-1111-5111-8111-111111111111', 1, 1, 'item', '2026-03-01 00:00:00Z', '22222222-2222-5222-8222-222222222222', NULL, 'A', 'import', 'D-1/A', 12050, 'USD',
 '{"key": "A", "number": "INV-A", "issued": "2026-01-05", "due": "2026-02-04", "amount": {"amount": "120.50", "currency": "USD"}}'),
('11111111-1111-5111-8111-111111111111', 2, 0, 'case_opened', '2026-03-02 12:00:00Z', '22222222-2222-5222-8222-222222222222', '33333333-3333-4333-8333-333333333333', NULL, 'system', '', NULL, NULL,
 '{"sequence": "consumer-standard", "sequence_version": "v1"}'),
('11111111-1111-5111-8111-111111111111', 3, 0, 'contact_planned', '2026-03-02 12:00:00Z', '22222222-2222-5222-8222-222222222222', '33333333-3333-4333-8333-333333333333', NULL, 'system', '', NULL, NULL,
 '{"id": "33333333-3333-4333-8333-333333333333/0/friendly-email/email/1", "step": "friendly-email", "round": 0, "entry": 0, "channel": "email", "template": "friendly-reminder", "ordinal": 1, "point": "e1", "decision": "d1", "automatic": true, "items": [{"key": "A", "step": "friendly-email", "amount": {"amount": "120.50", "currency": "USD"}}]}'),
('11111111-1111-5111-8111-111111111111', 4, 0, 'contact_moved', '2026-03-02 12:00:01Z', '22222222-2222-5222-8222-222222222222', '33333333-3333-4333-8333-333333333333', NULL, 'system', '', NULL, NULL,
 '{"id": "33333333-3333-4333-8333-333333333333/0/friendly-email/email/1", "state": "sending"}'),
('11111111-1111-5111-8111-111111111111', 4, 1, 'task_opened', '2026-03-02 12:00:01Z', '22222222-2222-5222-8222-222222222222', '33333333-3333-4333-8333-333333333333', NULL, 'system', '', NULL, NULL,
 '{"id": "t1", "task": "call", "queue": "early"}');
INSERT INTO items (account_id, key, number, issued, due, amount_minor, currency, version)
VALUES ('22222222-2222-5222-8222-222222222222', 'A', 'INV-A', '2026-01-05', '2026-02-04', 12050, 'USD', 1);
INSERT INTO decisions (id, case_id, intent, debtor_version, verb, step, at, wake_at, core, policies, zones, sequence, wall, body) VALUES
('d1', '33333333-3333-4333-8333-333333333333', NULL, 2, 'send', 'friendly-email', '2026-03-02 12:00:00Z', '2026-03-02 12:00:00Z', '1', 'house@1', '2026a', 'v1', '2026-03-02 12:00:00Z',
 '{"verb": "send", "at": "2026-03-02T12:00:00Z", "wake_at": "2026-03-02T12:00:00Z", "step": "friendly-email", "debtor_version": 2, "total": null}'),
('d2', '33333333-3333-4333-8333-333333333333', 'd1', 4, 'send', 'nudge', '2026-03-02 12:00:01Z', '2026-03-09 14:00:00Z', '1', 'house@1', '2026a', 'v1', '2026-03-02 12:00:01Z',
 '{"verb": "send", "at": "2026-03-02T12:00:01Z", "wake_at": "2026-03-09T14:00:00Z", "step": "nudge", "waiting": "matures", "debtor_version": 4, "total": null}');
INSERT INTO contacts (id, case_id, debtor_id, round, step, channel, ordinal, point_id, template, automatic, decision_id, version, reserved_at, state, state_at)
VALUES ('33333333-3333-4333-8333-333333333333/0/friendly-email/email/1', '33333333-3333-4333-8333-333333333333', '11111111-1111-5111-8111-111111111111',
        0, 'friendly-email', 'email', 1, 'e1', 'friendly-reminder', true, 'd1', 3, '2026-03-02 12:00:00Z', 'sending', '2026-03-02 12:00:01Z');
INSERT INTO attempts (id, contact_id, seq, version, state, at) VALUES
(gen_random_uuid(), '33333333-3333-4333-8333-333333333333/0/friendly-email/email/1', 0, 3, 'reserved', '2026-03-02 12:00:00Z'),
(gen_random_uuid(), '33333333-3333-4333-8333-333333333333/0/friendly-email/email/1', 1, 4, 'sending', '2026-03-02 12:00:01Z');
INSERT INTO tasks (debtor_id, id, account_id, case_id, kind, queue, opened_at)
VALUES ('11111111-1111-5111-8111-111111111111', 't1', '22222222-2222-5222-8222-222222222222', '33333333-3333-4333-8333-333333333333', 'call', 'early', '2026-03-02 12:00:01Z');
INSERT INTO nudges (case_id) VALUES ('33333333-3333-4333-8333-333333333333');
INSERT INTO import_runs (id, kind, creditor_id, at, done_row, counts) VALUES ('run', 'items', 'acme', '2026-03-01 00:00:00Z', 1, '{"added": 1}');
INSERT INTO import_rejects (run_id, row, reason) VALUES ('run', 2, 'no due date');
INSERT INTO releases (version, published_at, by) VALUES ('r1', '2026-03-01 00:00:00Z', 'user:1');
INSERT INTO release_files (release, path, content) VALUES ('r1', 'queues.yaml', 'early');
INSERT INTO sequence_versions (sequence, version, release) VALUES ('consumer-standard', 'v1', 'r1');
INSERT INTO sandbox_messages (attempt, channel, at, recipient, message) VALUES ('a1', 'email', '2026-03-02 12:00:01Z', 'ada@example.invalid', '{"Attempt": "a1"}');
INSERT INTO letters (attempt, at, pdf) VALUES ('l1', '2026-03-02 12:00:01Z', '%PDF');
INSERT INTO audit (at, by, action) VALUES ('2026-03-01 00:00:00Z', 'user:1', 'publish');
