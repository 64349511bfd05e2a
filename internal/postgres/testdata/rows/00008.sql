-- Rows of the kind of task that schema version 8 allowed, of another debtor.
INSERT INTO debtors (id, creditor_id, key, version) VALUES ('11111111-1111-5111-8111-111111111188', 'acme', 'D-8', 1);
INSERT INTO facts (debtor_id, version, seq, kind, at, account_id, case_id, item_key, by, source, amount_minor, currency, body) VALUES
('11111111-1111-5111-8111-111111111188', 1, 0, 'task_opened', '2026-03-02 12:00:01Z', NULL, NULL, NULL, 'debtor', '', NULL, NULL,
 '{"id": "t8", "task": "reply", "queue": "supervisor", "reason": "dispute", "contact": "twilio_inbound/SM1", "suggest": {"intent": "dispute", "confidence": 92, "command": "raise_dispute"}}');
