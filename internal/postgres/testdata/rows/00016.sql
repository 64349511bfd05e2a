-- Rows of the tables that schema version 16 made.
INSERT INTO bulk_batches (id, action, params, words, by, at, undo_until) VALUES ('66666666-6666-4666-8666-666666666601', 'hold', '{"until": "2026-04-01"}', 'Hold', 'user:u', '2026-03-02 12:00:00Z', '2026-03-02 12:10:00Z');
INSERT INTO bulk_items (batch, seq, case_id, creditor_id, state, undo) VALUES ('66666666-6666-4666-8666-666666666601', 1, '33333333-3333-4333-8333-333333333333', 'acme', 'done', '{"hold": "h1"}');
INSERT INTO inbox_assignments (id, inbox_id, kind, by, at, reason) VALUES ('66666666-6666-4666-8666-666666666602', (SELECT max(id) FROM inbox), 'foreign', 'user:u', '2026-03-02 12:00:00Z', 'a neighbour');
INSERT INTO import_reject_files (run_id, name, body) VALUES ('run', 'rejects.csv', 'a;b');
INSERT INTO import_uploads (id, kind, mapping, creditor_id, name, by, at, size, body) VALUES ('66666666-6666-4666-8666-666666666603', 'items', 'items', 'acme', 'items.csv', 'user:u', '2026-03-02 12:00:00Z', 3, 'a,b');
INSERT INTO process_reports (process, kind, body) VALUES ('worker-1', 'worker', '{"broken": ["sms"]}');
INSERT INTO dead_letters_handled (kind, subject, since, by, at, reason) VALUES ('message', '33333333-3333-4333-8333-333333333333/0/friendly-email/email/1', '2026-03-02 12:00:00Z', 'user:u', '2026-03-02 13:00:00Z', 'told by phone');
