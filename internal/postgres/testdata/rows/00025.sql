-- A letter that bears a day, and one that was left out of the same batch.
UPDATE letter_batch_items SET dated = '2024-03-01' WHERE attempt IN (SELECT attempt FROM letter_batch_items WHERE place > 0 ORDER BY attempt LIMIT 1);
