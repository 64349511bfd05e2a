-- Rows of the table that schema version 9 made.
INSERT INTO release_activations (release, at, by) VALUES ('r1', '2026-03-02 00:00:00Z', 'user:2');
