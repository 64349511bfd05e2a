-- Rows of the table that schema version 3 made.
INSERT INTO persons (debtor_id, id, name) VALUES ('11111111-1111-5111-8111-111111111111', 'attorney-1', 'A. Advocate');
