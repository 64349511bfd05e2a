-- Rows of the tables that schema version 7 made.
INSERT INTO account_standings (account_id, debtor_id, creditor_id, version, body) VALUES
('22222222-2222-5222-8222-222222222222', '11111111-1111-5111-8111-111111111111', 'acme', 4,
 '{"account": "22222222-2222-5222-8222-222222222222", "debtor": "11111111-1111-5111-8111-111111111111", "creditor": "acme", "currency": "USD",
   "open": 12050, "items": 1, "oldest": "2026-02-04", "dues": [{"due": "2026-02-04", "open": 12050}]}');
INSERT INTO work (account_id, kind, id, debtor_id, creditor_id, case_id, queue, opened_at, rank, body) VALUES
('22222222-2222-5222-8222-222222222222', 'task:call', 't1', '11111111-1111-5111-8111-111111111111', 'acme', '33333333-3333-4333-8333-333333333333',
 'early', '2026-03-02 12:00:01Z', '2026-03-03 00:00:01Z', '{"kind": "task:call", "id": "t1", "queue": "early", "opened": "2026-03-02T12:00:01Z", "rank": "2026-03-03T00:00:01Z"}');
INSERT INTO logged_contacts (debtor_id, version, seq, creditor_id, id, at, by, direction, channel, outcome) VALUES
('11111111-1111-5111-8111-111111111111', 5, 0, 'acme', 'l1', '2026-03-03 10:00:00Z', 'user:1', 'outbound', 'call', 'conversation');
INSERT INTO consent_ledger (debtor_id, version, seq, creditor_id, kind, at, recorded_at, by, channel) VALUES
('11111111-1111-5111-8111-111111111111', 5, 1, 'acme', 'opted_out', '2026-03-03 10:00:00Z', '2026-03-03 10:00:01Z', 'debtor', 'sms');
