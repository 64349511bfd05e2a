-- A dead letter of each table whose index schema version 21 made.
INSERT INTO tasks (debtor_id, id, account_id, case_id, kind, queue, step, reason, opened_at)
VALUES ('11111111-1111-4111-8111-111111111111', 't21', '22222222-2222-4222-8222-222222222222', '33333333-3333-4333-8333-333333333333', 'failed', 'operations', 'nudge', 'content',
 '2026-03-02 12:00:00Z');
