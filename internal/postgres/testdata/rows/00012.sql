-- A proposal that was approved and put into force, a going back that was looked at, and
-- the requirement of four eyes, as schema version 12 keeps them.
INSERT INTO users (id, name, created_at) VALUES ('77777777-7777-5777-8777-777777777778', 'grace', '2026-03-03 12:00Z');
INSERT INTO proposals (id, release, base, by, reason, at)
VALUES ('12121212-1212-5212-8212-121212121212', 'r12', 'r1', 'user:77777777-7777-5777-8777-777777777777', 'kinder words', '2026-03-03 12:00Z');
INSERT INTO proposal_files (proposal, path, content) VALUES ('12121212-1212-5212-8212-121212121212', 'queues.yaml', 'queues: []');
INSERT INTO proposal_sequences (proposal, sequence, version) VALUES ('12121212-1212-5212-8212-121212121212', 's', 'v12');
INSERT INTO proposal_ends (proposal, verdict, by, at)
VALUES ('12121212-1212-5212-8212-121212121212', 'approved', 'user:77777777-7777-5777-8777-777777777778', '2026-03-03 13:00Z');
INSERT INTO releases (version, published_at, by) VALUES ('r12', '2026-03-03 13:00Z', 'user:77777777-7777-5777-8777-777777777777');
INSERT INTO release_activations (release, at, by, proposal)
VALUES ('r12', '2026-03-03 13:00Z', 'user:77777777-7777-5777-8777-777777777778', '12121212-1212-5212-8212-121212121212');
INSERT INTO four_eyes (step, by, reason, at) VALUES ('on', 'cli', 'as agreed', '2026-03-03 14:00Z');
INSERT INTO release_activations (release, at, by, back, reason)
VALUES ('r1', '2026-03-03 15:00Z', 'user:77777777-7777-5777-8777-777777777777', true, 'broken links');
INSERT INTO activation_looks (activation, by, at)
SELECT seq, 'user:77777777-7777-5777-8777-777777777778', '2026-03-03 16:00Z' FROM release_activations WHERE back;
