-- Rows of the kind of fact that schema version 10 allowed, of another debtor.
INSERT INTO debtors (id, creditor_id, key, version) VALUES ('11111111-1111-5111-8111-1111111111aa', 'acme', 'D-10', 1);
INSERT INTO accounts (id, debtor_id, creditor_id, key, currency)
VALUES ('22222222-2222-5222-8222-2222222222aa', '11111111-1111-5111-8111-1111111111aa', 'acme', 'D-10', 'USD');
INSERT INTO facts (debtor_id, version, seq, kind, at, account_id, case_id, item_key, by, source, amount_minor, currency, body) VALUES
('11111111-1111-5111-8111-1111111111aa', 1, 0, 'message_asked', '2026-03-02 12:00:01Z', '22222222-2222-5222-8222-2222222222aa', NULL, NULL, 'user:1', '', NULL, NULL,
 '{"id": "m10", "template": "friendly-reminder", "channel": "email"}');
