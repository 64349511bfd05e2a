-- A seal and a check of schema version 14. The row that the seal names is none: the chain
-- says so when it is verified, and nothing else minds.
INSERT INTO seals (n, ledger, form, after_id, to_id, count, at, marks, hash)
VALUES (1, 'retired', 1, 0, 1, 1, '2026-03-02 12:00:00Z', decode(repeat('00', 16), 'hex'), decode(repeat('00', 32), 'hex'));
INSERT INTO chain_checks (at, by, seals, head, rows) VALUES ('2026-03-02 12:00:00Z', 'system', 1, decode(repeat('00', 32), 'hex'), 1);
