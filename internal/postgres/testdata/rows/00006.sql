INSERT INTO users (id, name, title, email, password, created_at)
VALUES ('77777777-7777-5777-8777-777777777777', 'ada', 'Ada Example', 'ada@example.invalid', '$argon2id$v=19$m=65536,t=3,p=2$AAAA$AAAA', '2024-03-01 12:00Z');
INSERT INTO user_grants (user_id, creditor_id, role) VALUES ('77777777-7777-5777-8777-777777777777', '*', 'admin');
INSERT INTO sessions (hash, id, user_id, method, created_at, seen_at, expires_at)
VALUES (sha256('token'), '88888888-8888-5888-8888-888888888888', '77777777-7777-5777-8777-777777777777', 'password', '2024-03-01 12:00Z', '2024-03-01 12:00Z', '2024-03-02 12:00Z');
INSERT INTO signins (hash, nonce, verifier, expires_at) VALUES (sha256('state'), 'n', 'v', '2024-03-01 12:10Z');
INSERT INTO api_keys (id, hash, name, creditor_id, scopes, by, created_at)
VALUES ('abcdefgh2345', sha256('key'), 'ERP', 'acme', '{view,import}', 'user:ada', '2024-03-01 12:00Z');
INSERT INTO idempotent_answers (by, key, request, status, type, body, created_at)
VALUES ('key:abcdefgh2345', 'k-1', sha256('request'), 200, 'application/json', '{}', '2024-03-01 12:00Z');
INSERT INTO saved_views (user_id, place, name, query) VALUES ('77777777-7777-5777-8777-777777777777', '/cases', 'Mine', 'owner=me');
INSERT INTO hooks (id, creditor_id, url, secret, kinds, by, created_at)
VALUES ('99999999-9999-5999-8999-999999999999', 'acme', 'https://example.invalid/duly', 'whsec_aaaaaaaaaaaaaaaaaaaa', '{case.opened}', 'user:ada', '2024-03-01 12:00Z');
INSERT INTO hook_events (creditor_id, debtor_id, version, fact, kind, at)
SELECT 'acme', f.debtor_id, f.version, f.seq, f.kind, f.at FROM facts f ORDER BY f.debtor_id, f.version, f.seq LIMIT 1;
INSERT INTO hook_deliveries (hook_id, event, name, body, next_at)
SELECT '99999999-9999-5999-8999-999999999999', e.seq, 'case.opened', '{}', '2024-03-01 12:00Z' FROM hook_events e LIMIT 1;
