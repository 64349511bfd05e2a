-- What collectors do beyond calls and promises: pinned notes and mentions, callbacks with
-- a date and time, settlements. Further kinds of facts, and one further kind of task.

-- +goose Up

ALTER TABLE facts DROP CONSTRAINT facts_kind;
ALTER TABLE facts ADD CONSTRAINT facts_kind CHECK (kind IN (
    'item', 'item_corrected', 'payment', 'payment_reversed', 'items_disposed',
    'case_opened', 'case_closed', 'steps_waived', 'step_passed', 'round_begun', 'step_counted', 'entry_ended',
    'hold_placed', 'hold_lifted', 'hold_extended', 'dispute_raised', 'dispute_resolved',
    'promise_made', 'promise_ended', 'offer_opened', 'offer_ended', 'plan_agreed', 'plan_ended', 'lease_taken', 'lease_ended',
    'task_opened', 'task_ended', 'contact_planned', 'contact_moved', 'contact_logged', 'message_asked',
    'debtor_known', 'point_known', 'point_dead', 'opted_out', 'opted_in', 'consented', 'times_inconvenient', 'notice_sent',
    'note_written', 'feed_seen',
    'debt_known', 'person_known', 'location_known', 'status_known', 'wish_stated', 'wish_withdrawn', 'consent_revoked',
    'notice_received', 'notice_changed', 'number_checked',
    'note_pinned', 'note_unpinned', 'mention_seen', 'callback_set', 'callback_moved', 'callback_ended',
    'settlement_offered', 'settlement_answered', 'settlement_ended'));

ALTER TABLE facts DROP CONSTRAINT facts_task;
ALTER TABLE facts ADD CONSTRAINT facts_task CHECK (kind <> 'task_opened' OR
  (body->>'task' IN ('call', 'escalation', 'draft', 'manual', 'no_channel', 'unknown', 'approval', 'catch_up',
                     'supervisor', 'parked', 'failed', 'reply', 'settlement')) IS TRUE);

-- All of them are about one thing of one account.
ALTER TABLE facts ADD CONSTRAINT facts_of_collectors CHECK (
  kind NOT IN ('note_pinned', 'note_unpinned', 'mention_seen', 'callback_set', 'callback_moved', 'callback_ended',
               'settlement_offered', 'settlement_answered', 'settlement_ended')
  OR (body->>'id' <> '' AND account_id IS NOT NULL) IS TRUE);
ALTER TABLE facts ADD CONSTRAINT facts_mention CHECK (kind <> 'mention_seen' OR (body->>'user' <> '') IS TRUE);
ALTER TABLE facts ADD CONSTRAINT facts_callback CHECK (
  CASE WHEN kind IN ('callback_set', 'callback_moved') THEN (body->>'when' ~ '^\d{4}-\d\d-\d\dT') IS TRUE
       WHEN kind = 'callback_ended' THEN (body->>'outcome' IN ('done', 'cancelled')) IS TRUE
       ELSE true END);
-- A settlement asks for something, and for less than is owed.
ALTER TABLE facts ADD CONSTRAINT facts_settlement CHECK (
  CASE kind WHEN 'settlement_offered' THEN (body->>'due' ~ '^\d{4}-\d\d-\d\d$' AND jsonb_typeof(body->'items') = 'array' AND body->'items' <> '[]'
                AND body->'amount'->>'currency' = body->'owed'->>'currency'
                AND (body->'amount'->>'amount')::numeric > 0
                AND (body->'amount'->>'amount')::numeric < (body->'owed'->>'amount')::numeric) IS TRUE
            WHEN 'settlement_answered' THEN (body->>'outcome' IN ('approved', 'accepted')) IS TRUE
            WHEN 'settlement_ended' THEN (body->>'outcome' IN ('kept', 'broken', 'expired', 'declined', 'rejected', 'withdrawn', 'moot')) IS TRUE
            ELSE true END);
