-- A dead letter of each table whose index schema version 21 made.
INSERT INTO tasks (debtor_id, id, account_id, case_id, kind, queue, step, reason, opened_at)
SELECT a.debtor_id, 't21', a.id, c.id, 'failed', 'operations', 'nudge', 'content', '2026-03-02 12:00:00Z'
FROM cases c JOIN accounts a ON a.id = c.account_id ORDER BY c.id LIMIT 1;
