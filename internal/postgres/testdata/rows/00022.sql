-- Schema version 22 put the rules about facts into a function: a fact as its program writes it, and one that breaks a
-- rule, which the function refuses as the CHECKs before it did.
INSERT INTO facts (debtor_id, version, seq, kind, at, account_id, by, source, body) VALUES
('11111111-1111-5111-8111-1111111111ab', 9, 0, 'note_written', '2026-03-02 12:00:01Z', '22222222-2222-5222-8222-2222222222ab', 'user:1', '', '{"id": "n22", "text": "kept"}');
UPDATE debtors SET version = 9 WHERE id = '11111111-1111-5111-8111-1111111111ab';
DO $$
BEGIN
  INSERT INTO facts (debtor_id, version, seq, kind, at, account_id, body) VALUES
  ('11111111-1111-5111-8111-1111111111ab', 9, 1, 'hold_placed', '2026-03-02 12:00:00Z', '22222222-2222-5222-8222-2222222222ab', '{"id": "h22", "hold": "mood", "scope": "account"}');
  RAISE 'nonsense was taken';
EXCEPTION WHEN check_violation THEN
  NULL;
END $$;
