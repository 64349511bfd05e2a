-- A person may ask for a message to a debtor: a further kind of fact.

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
    'notice_received', 'notice_changed', 'number_checked'));

ALTER TABLE facts ADD CONSTRAINT facts_asked CHECK (kind <> 'message_asked' OR (
    body->>'id' <> '' AND body->>'template' <> '' AND body->>'channel' IN ('email', 'sms', 'letter')
    AND account_id IS NOT NULL) IS TRUE);
