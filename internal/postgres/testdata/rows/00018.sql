-- Rows of the kinds of facts that schema version 18 allowed, of another debtor, and a case
-- whose migration waits.
INSERT INTO debtors (id, creditor_id, key, version) VALUES ('11111111-1111-5111-8111-1111111111ac', 'acme', 'D-18', 4);
INSERT INTO accounts (id, debtor_id, creditor_id, key, currency)
VALUES ('22222222-2222-5222-8222-2222222222ac', '11111111-1111-5111-8111-1111111111ac', 'acme', 'D-18', 'USD');
INSERT INTO cases (id, account_id, debtor_id, creditor_id, sequence_id, sequence_version, target_sequence, target_version, currency, opened_at)
VALUES ('33333333-3333-5333-8333-3333333333ac', '22222222-2222-5222-8222-2222222222ac', '11111111-1111-5111-8111-1111111111ac', 'acme', 's', 'v2', 's', 'v3', 'USD', '2026-03-02 12:00:00Z');
INSERT INTO facts (debtor_id, version, seq, kind, at, account_id, case_id, item_key, by, source, amount_minor, currency, body) VALUES
('11111111-1111-5111-8111-1111111111ac', 1, 0, 'case_opened', '2026-03-02 12:00:00Z', '22222222-2222-5222-8222-2222222222ac', '33333333-3333-5333-8333-3333333333ac', NULL, 'system', '', NULL, NULL,
 '{"sequence": "s", "sequence_version": "v1"}'),
('11111111-1111-5111-8111-1111111111ac', 2, 0, 'migration_asked', '2026-03-02 12:00:01Z', '22222222-2222-5222-8222-2222222222ac', '33333333-3333-5333-8333-3333333333ac', NULL, 'user:1', '', NULL, NULL,
 '{"id": "m18", "from_sequence": "s", "from_version": "v1", "sequence": "s", "sequence_version": "v2", "steps": {"a": "b"}, "reason": "new wording"}'),
('11111111-1111-5111-8111-1111111111ac', 3, 0, 'migrated', '2026-03-02 12:00:02Z', '22222222-2222-5222-8222-2222222222ac', '33333333-3333-5333-8333-3333333333ac', NULL, 'system', '', NULL, NULL,
 '{"id": "m18", "from_sequence": "s", "from_version": "v1", "sequence": "s", "sequence_version": "v2", "steps": {"a": "b"}, "reason": "new wording", "moves": [{"items": ["I1"], "from": "a", "to": "b", "carried": ["b"], "waived": ["c"], "standing": "in_sequence"}]}'),
('11111111-1111-5111-8111-1111111111ac', 4, 0, 'migration_asked', '2026-03-02 12:00:03Z', '22222222-2222-5222-8222-2222222222ac', '33333333-3333-5333-8333-3333333333ac', NULL, 'user:1', '', NULL, NULL,
 '{"id": "m19", "from_sequence": "s", "from_version": "v2", "sequence": "s", "sequence_version": "v3", "reason": "another"}'),
('11111111-1111-5111-8111-1111111111ac', 4, 1, 'migration_ended', '2026-03-02 12:00:03Z', '22222222-2222-5222-8222-2222222222ac', '33333333-3333-5333-8333-3333333333ac', NULL, 'user:1', '', NULL, NULL,
 '{"id": "m20", "outcome": "replaced"}');
