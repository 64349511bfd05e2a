-- +goose Up
-- What debtors write is read by a person where a machine is not sure: a kind of task.
ALTER TABLE facts DROP CONSTRAINT facts_task;
ALTER TABLE facts ADD CONSTRAINT facts_task CHECK (kind <> 'task_opened' OR
  (body->>'task' IN ('call', 'escalation', 'draft', 'manual', 'no_channel', 'unknown', 'approval', 'catch_up',
                     'supervisor', 'parked', 'failed', 'reply')) IS TRUE);
