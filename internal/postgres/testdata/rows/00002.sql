-- Rows of the tables that schema version 2 made.
INSERT INTO rehearsal_script (key, at, kind, body) VALUES ('pay/1', '2026-03-05 12:00:00Z', 'payment', '{"account": "D-1"}');
