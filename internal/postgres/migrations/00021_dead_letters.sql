-- Dead letters are read the oldest first and only as far as a page reaches, however many there
-- are. Unknown messages and stuck cases have such an index already (contacts_unsettled,
-- cases_by_next, cases_pending). Each of these holds only what is dead: nothing is written to
-- them in a life without failures.

-- +goose Up

CREATE INDEX tasks_dead ON tasks (opened_at, case_id, id) WHERE ended_at IS NULL AND kind IN ('failed', 'parked');
CREATE INDEX inbox_dead ON inbox (at, id) WHERE state = 'failed';
CREATE INDEX hook_deliveries_dead ON hook_deliveries (event, id) WHERE next_at IS NULL AND delivered_at IS NULL;
