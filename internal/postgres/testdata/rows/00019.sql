-- A user, a role and a key, of whom the triggers of schema version 19 keep a log, and an
-- event that is about no debtor.
SELECT set_config('duly.by', 'user:77777777-7777-5777-8777-777777777777', false);
INSERT INTO users (id, name, created_at) VALUES ('77777777-7777-5777-8777-777777777719', 'edsger', '2026-04-01 12:00Z');
INSERT INTO user_grants (user_id, creditor_id, role) VALUES ('77777777-7777-5777-8777-777777777719', 'acme', 'collector');
INSERT INTO api_keys (id, hash, name, creditor_id, scopes, by, created_at)
VALUES ('abcdefgh2319', sha256('key 19'), 'ERP', 'acme', '{view}', 'user:77777777-7777-5777-8777-777777777719', '2026-04-01 12:00Z');
UPDATE users SET disabled_at = '2026-04-02 12:00Z' WHERE id = '77777777-7777-5777-8777-777777777719';
INSERT INTO hook_events (creditor_id, kind, at, body) VALUES ('*', 'integrity_sealed', '2026-04-02 12:00Z', '{"head": "1:00", "rows": 1, "outcome": "whole"}');
