-- A payment of a debtor who is new with schema version 24, which its index finds by time.
INSERT INTO debtors (id, creditor_id, key, version)
SELECT '24242424-2424-5242-8242-242424242424', creditor_id, 'D-24', 1 FROM debtors ORDER BY id LIMIT 1;
INSERT INTO accounts (id, debtor_id, creditor_id, key, currency)
SELECT '24242424-2424-5242-8242-2424242424aa', id, creditor_id, 'D-24', 'USD' FROM debtors WHERE key = 'D-24';
INSERT INTO facts (debtor_id, version, seq, kind, at, account_id, by, amount_minor, currency, body)
SELECT debtor_id, 1, 0, 'payment', '2026-03-03 12:00:00Z', id, 'import', 1, 'USD', '{"id": "p24", "amount": {"amount": "0.01", "currency": "USD"}}'
FROM accounts WHERE key = 'D-24';
