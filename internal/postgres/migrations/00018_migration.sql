-- Running cases move to another version of their sequence: what was asked for, how it
-- ended without moving the case, and the move itself with what became of every item.

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
    'settlement_offered', 'settlement_answered', 'settlement_ended',
    'migration_asked', 'migration_ended', 'migrated'));

-- A migration is of one case, by somebody who says why, from one version to another.
ALTER TABLE facts ADD CONSTRAINT facts_migration CHECK (
  CASE WHEN kind IN ('migration_asked', 'migrated')
       THEN (case_id IS NOT NULL AND body->>'id' <> '' AND body->>'reason' <> ''
             AND body->>'from_sequence' <> '' AND body->>'from_version' <> '' AND body->>'sequence' <> '' AND body->>'sequence_version' <> ''
             AND (body->>'from_sequence', body->>'from_version') <> (body->>'sequence', body->>'sequence_version')
             AND (kind = 'migration_asked' OR jsonb_typeof(body->'moves') IN ('array', 'null'))) IS TRUE
       WHEN kind = 'migration_ended'
       THEN (case_id IS NOT NULL AND body->>'id' <> '' AND body->>'outcome' IN ('withdrawn', 'replaced', 'closed', 'refused')) IS TRUE
       ELSE true END);

-- What a migration that waits leads to; both empty when none does.
ALTER TABLE cases ADD COLUMN target_sequence text NOT NULL DEFAULT '';
ALTER TABLE cases ADD COLUMN target_version  text NOT NULL DEFAULT '';
ALTER TABLE cases ADD CONSTRAINT cases_target CHECK ((target_sequence = '') = (target_version = ''));
ALTER TABLE cases ADD CONSTRAINT cases_target_other CHECK (target_version = '' OR (target_sequence, target_version) <> (sequence_id, sequence_version));
CREATE INDEX cases_moving ON cases (target_sequence, target_version) WHERE target_version <> '';
