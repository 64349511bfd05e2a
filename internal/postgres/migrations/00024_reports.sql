-- Reports count what happened in a span of days over all accounts: cases that were opened and
-- closed, steps that were skipped, payments, promises, plans. Facts have no index by time, and these kinds are few of
-- them: messages and decisions, which are most, have tables with indexes of their own. All
-- other kinds cost nothing here.

-- +goose Up

CREATE INDEX facts_reported ON facts (kind, at) WHERE kind IN (
  'case_opened', 'case_closed', 'payment', 'payment_reversed', 'promise_made', 'promise_ended', 'plan_agreed', 'plan_ended', 'migrated',
  'step_passed', 'steps_waived', 'entry_ended');
