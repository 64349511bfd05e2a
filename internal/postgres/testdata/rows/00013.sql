-- A sample of one, answered and signed off, as schema version 13 keeps it.
INSERT INTO samples (id, title, kind, creditors, from_at, until_at, filter, method, size, seed, algorithm, population, digest, members, frozen_seq, frozen_at,
                     context, checklist, questions, at, by)
VALUES ('5a5a5a5a-5a5a-4a5a-8a5a-5a5a5a5a5a5a', 'March', 'contacts', '{acme}', '2026-03-01 00:00:00Z', '2026-04-01 00:00:00Z', '{}', 'random', 1, 'seed', 'sha256-tickets-1', 1,
        decode(repeat('00', 32), 'hex'), '', 2, '2026-04-01 00:00:00Z', '{}', 'contacts-1', '[{"id": "hours", "text": "Lawful hour?"}]', '2026-04-01 00:00:00Z', 'user:9');
INSERT INTO sample_rows (sample_id, n, subject, stage, key, ticket, weight, creditor_id, debtor_id, case_id, decision_id, contact_id, at, channel, step, people)
VALUES ('5a5a5a5a-5a5a-4a5a-8a5a-5a5a5a5a5a5a', 1, '33333333-3333-4333-8333-333333333333/0/friendly-email/email/1', 'random', decode(repeat('00', 32), 'hex'), 1, 1, 'acme',
        '11111111-1111-5111-8111-111111111111', '33333333-3333-4333-8333-333333333333', 'd1', '33333333-3333-4333-8333-333333333333/0/friendly-email/email/1',
        '2026-03-02 12:00:00Z', 'email', 'friendly-email', '{user:1}');
INSERT INTO sample_rounds (sample_id, round, at, by) VALUES ('5a5a5a5a-5a5a-4a5a-8a5a-5a5a5a5a5a5a', 1, '2026-04-01 00:00:00Z', 'user:9');
INSERT INTO sample_answers (sample_id, round, n, answers, note, fix, owner, due, at, by)
VALUES ('5a5a5a5a-5a5a-4a5a-8a5a-5a5a5a5a5a5a', 1, 1, '{"hours": "no"}', 'left at 21:05', 'narrow the window', 'user:1', '2026-04-10', '2026-04-01 00:00:00Z', 'user:9');
INSERT INTO sample_signoffs (sample_id, round, digest, at, by)
VALUES ('5a5a5a5a-5a5a-4a5a-8a5a-5a5a5a5a5a5a', 1, decode(repeat('00', 32), 'hex'), '2026-04-01 00:00:00Z', 'user:9');
