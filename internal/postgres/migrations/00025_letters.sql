-- Two letters of a batch never stand at the same place, and every letter says which day it
-- bears.

-- +goose Up

-- An earlier release wrote a place outside the transaction that gave it, so one that was run
-- again could give it twice. Where that happened, the batch is counted through anew, in the
-- order in which its letters were printed.
UPDATE letter_batch_items i SET place = r.n
FROM (SELECT attempt, row_number() OVER (PARTITION BY batch_id ORDER BY place, attempt) AS n FROM letter_batch_items WHERE place > 0) r
WHERE r.attempt = i.attempt AND i.place <> r.n
  AND i.batch_id IN (SELECT batch_id FROM letter_batch_items WHERE place > 0 GROUP BY batch_id, place HAVING count(*) > 1);

CREATE UNIQUE INDEX letter_batch_items_place ON letter_batch_items (batch_id, place) WHERE place > 0;

-- The day on the paper: of the batch's closing, where the creditor is. Null: the letter bears
-- none, as those of an earlier release, or was left out.
ALTER TABLE letter_batch_items ADD COLUMN dated date;
