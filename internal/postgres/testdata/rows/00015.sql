-- A sweep, a finding of it and the finding's first event, of schema version 15.
INSERT INTO sweeps (id, kind, by, at, began_at, beat_at, ended_at, state, parts)
VALUES ('99999999-9999-4999-8999-999999999915', 'full', 'system', '2026-03-02 12:00:00Z', '2026-03-02 12:00:00Z', '2026-03-02 12:00:01Z', '2026-03-02 12:00:01Z', 'complete', '{"acme": {"debtors": 1, "swept": 1, "outside": 1}}');
INSERT INTO findings (id, key, source, kind, title, creditor_id, at, opened_at)
VALUES ('99999999-9999-4999-8999-999999999916', 'sweep/c1/outside', 'sweep', 'violation', 'A message left against a rule', 'acme', '2026-03-02 12:00:00Z', '2026-03-02 12:00:00Z');
INSERT INTO finding_events (finding_id, at, by, status) VALUES ('99999999-9999-4999-8999-999999999916', '2026-03-02 12:00:00Z', 'system', 'open');
