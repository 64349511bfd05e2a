-- A database that was restored once, after an hour without anybody looking.
INSERT INTO incarnation (system, timeline, database, relation, seen_at, seen_wall) VALUES ('7000000000000000023', 1, 16384, 16390, '2026-04-01 12:00Z', '2026-04-01 12:00Z');
INSERT INTO incarnation_gaps (from_at, until_at, from_wall, until_wall) VALUES ('2026-04-01 11:00Z', '2026-04-01 12:00Z', '2026-04-01 11:00Z', '2026-04-01 12:00Z');
INSERT INTO restores (noticed, what, by, since, until, noticed_wall, looked_at, done_at, done_by, done_reason)
VALUES ('identity', 'another data directory', 'system', '2026-04-01 10:58Z', '2026-04-01 12:00Z', '2026-04-01 12:00Z', '2026-04-01 13:00Z', '2026-04-01 14:00Z', 'user:ada', 'looked up');
