-- Rows of the kinds of facts that schema version 17 allowed, of another debtor.
INSERT INTO debtors (id, creditor_id, key, version) VALUES ('11111111-1111-5111-8111-1111111111ab', 'acme', 'D-17', 3);
INSERT INTO accounts (id, debtor_id, creditor_id, key, currency)
VALUES ('22222222-2222-5222-8222-2222222222ab', '11111111-1111-5111-8111-1111111111ab', 'acme', 'D-17', 'USD');
INSERT INTO facts (debtor_id, version, seq, kind, at, account_id, case_id, item_key, by, source, amount_minor, currency, body) VALUES
('11111111-1111-5111-8111-1111111111ab', 1, 0, 'note_written', '2026-03-02 12:00:01Z', '22222222-2222-5222-8222-2222222222ab', NULL, NULL, 'user:1', '', NULL, NULL,
 '{"id": "n17", "text": "calls after six", "mentions": ["2"]}'),
('11111111-1111-5111-8111-1111111111ab', 1, 1, 'note_pinned', '2026-03-02 12:00:01Z', '22222222-2222-5222-8222-2222222222ab', NULL, NULL, 'user:1', '', NULL, NULL, '{"id": "n17"}'),
('11111111-1111-5111-8111-1111111111ab', 2, 0, 'callback_set', '2026-03-02 12:00:02Z', '22222222-2222-5222-8222-2222222222ab', NULL, NULL, 'user:1', '', NULL, NULL,
 '{"id": "c17", "when": "2026-03-04T16:00:00Z", "owner": "1"}'),
('11111111-1111-5111-8111-1111111111ab', 3, 0, 'settlement_offered', '2026-03-02 12:00:03Z', '22222222-2222-5222-8222-2222222222ab', NULL, NULL, 'user:1', '', NULL, NULL,
 '{"id": "s17", "items": ["I1"], "amount": {"amount": "60.00", "currency": "USD"}, "owed": {"amount": "100.00", "currency": "USD"}, "due": "2026-03-20"}'),
('11111111-1111-5111-8111-1111111111ab', 3, 1, 'settlement_answered', '2026-03-02 12:00:03Z', '22222222-2222-5222-8222-2222222222ab', NULL, NULL, 'user:1', '', NULL, NULL,
 '{"id": "s17", "outcome": "accepted"}');
