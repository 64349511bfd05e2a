-- What a fact must be to make sense, in one function.
--
-- There were thirty CHECKs on the table of facts. PostgreSQL reads and prepares the text of every one of them anew in
-- each statement that inserts, a hundred kilobytes of it: four fifths of the time of writing a fact. A function is read
-- and prepared once a session (0.39 ms a fact before, 0.10 ms after; docs/decisions/2026-11-22-engine-speed.md).
--
-- The rules are the same, under the same names: who breaks one is told its name, as by a CHECK. A migration that
-- changes a rule or adds a kind replaces the function (CREATE OR REPLACE) and leaves the constraint as it is; a rule
-- that old rows may break is then not asked of them, as with NOT VALID.

-- +goose Up

-- +goose StatementBegin
CREATE FUNCTION duly_sound_fact(kind text, account_id uuid, case_id uuid, item_key text, amount_minor bigint, currency text, body jsonb)
RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
  broken text;
BEGIN
  -- In the order of their names. A rule that comes out as unknown (NULL) is kept, as in a CHECK: hence IS TRUE.
  broken := CASE
    WHEN NOT (account_id IS NOT NULL OR kind NOT IN ('item', 'item_corrected', 'payment', 'promise_made', 'plan_agreed'))
      THEN 'facts_account'
    WHEN NOT (kind <> 'message_asked' OR (body->>'id' <> '' AND body->>'template' <> '' AND body->>'channel' IN ('email', 'sms', 'letter')
              AND account_id IS NOT NULL) IS TRUE)
      THEN 'facts_asked'
    WHEN NOT (jsonb_typeof(body) = 'object')
      THEN 'facts_body'
    WHEN NOT (CASE WHEN kind IN ('callback_set', 'callback_moved') THEN (body->>'when' ~ '^\d{4}-\d\d-\d\dT') IS TRUE
                   WHEN kind = 'callback_ended' THEN (body->>'outcome' IN ('done', 'cancelled')) IS TRUE
                   ELSE true END)
      THEN 'facts_callback'
    WHEN NOT (case_id IS NOT NULL OR kind NOT IN ('case_opened', 'case_closed', 'contact_planned'))
      THEN 'facts_case'
    WHEN NOT (CASE WHEN kind IN ('contact_planned', 'point_known') THEN (body->>'channel' IN ('email', 'sms', 'letter', 'call')) IS TRUE
                   WHEN kind IN ('opted_out', 'opted_in', 'consented', 'notice_sent')
                     THEN body->>'channel' IS NULL OR body->>'channel' IN ('email', 'sms', 'letter', 'call')
                   ELSE true END)
      THEN 'facts_channel'
    WHEN NOT (kind <> 'case_closed'
              OR (body->>'reason' IN ('paid', 'settled', 'written_off', 'recalled', 'referred', 'exhausted', 'below_tolerance')) IS TRUE)
      THEN 'facts_closing'
    WHEN NOT (kind <> 'contact_moved'
              OR (body->>'state' IN ('reserved', 'sending', 'accepted', 'failed', 'unknown', 'bounced', 'cancelled')) IS TRUE)
      THEN 'facts_contact_state'
    WHEN NOT (kind <> 'debt_known' OR account_id IS NOT NULL)
      THEN 'facts_debt'
    WHEN NOT (kind <> 'contact_logged' OR (body->>'direction' IN ('outbound', 'inbound')) IS TRUE)
      THEN 'facts_direction'
    WHEN NOT (kind <> 'items_disposed'
              OR (body->>'to' IN ('in_sequence', 'plan', 'exhausted', 'referred', 'written_off', 'paid', 'recalled')) IS TRUE)
      THEN 'facts_disposition'
    WHEN NOT (kind <> 'hold_placed'
              OR (body->>'hold' IN ('dispute', 'hardship', 'breathing_space', 'bankruptcy', 'deceased', 'represented', 'cease', 'servicemember',
                                    'recall', 'complaint', 'manual', 'identity_theft', 'litigation')) IS TRUE
                 AND CASE body->>'scope' WHEN 'item' THEN item_key IS NOT NULL AND account_id IS NOT NULL
                                         WHEN 'account' THEN item_key IS NULL AND account_id IS NOT NULL
                                         WHEN 'debtor' THEN item_key IS NULL
                                         ELSE false END)
      THEN 'facts_hold'
    WHEN NOT ((body->>'id' <> '') IS TRUE
              OR kind NOT IN ('payment', 'hold_placed', 'hold_lifted', 'hold_extended', 'dispute_raised', 'dispute_resolved', 'promise_made',
                              'promise_ended', 'offer_opened', 'offer_ended', 'plan_agreed', 'plan_ended', 'lease_taken', 'lease_ended',
                              'task_opened', 'task_ended', 'contact_planned', 'contact_moved', 'contact_logged', 'point_known', 'point_dead',
                              'consented', 'consent_revoked', 'person_known', 'status_known', 'wish_stated', 'wish_withdrawn',
                              'notice_received', 'notice_changed'))
      THEN 'facts_id'
    WHEN NOT (kind NOT IN ('item', 'item_corrected') OR (item_key <> '') IS TRUE)
      THEN 'facts_item'
    WHEN NOT (kind <> 'item' OR (body->>'due' ~ '^\d{4}-\d\d-\d\d$') IS TRUE)
      THEN 'facts_item_dates'
    WHEN NOT (kind IN ('item', 'item_corrected', 'payment', 'payment_reversed', 'items_disposed',
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
                       'migration_asked', 'migration_ended', 'migrated'))
      THEN 'facts_kind'
    WHEN NOT (kind <> 'mention_seen' OR (body->>'user' <> '') IS TRUE)
      THEN 'facts_mention'
    WHEN NOT (CASE WHEN kind IN ('migration_asked', 'migrated')
                     THEN (case_id IS NOT NULL AND body->>'id' <> '' AND body->>'reason' <> ''
                           AND body->>'from_sequence' <> '' AND body->>'from_version' <> ''
                           AND body->>'sequence' <> '' AND body->>'sequence_version' <> ''
                           AND (body->>'from_sequence', body->>'from_version') <> (body->>'sequence', body->>'sequence_version')
                           AND (kind = 'migration_asked' OR jsonb_typeof(body->'moves') IN ('array', 'null'))) IS TRUE
                   WHEN kind = 'migration_ended'
                     THEN (case_id IS NOT NULL AND body->>'id' <> ''
                           AND body->>'outcome' IN ('withdrawn', 'replaced', 'closed', 'refused')) IS TRUE
                   ELSE true END)
      THEN 'facts_migration'
    WHEN NOT ((amount_minor IS NULL) = (currency IS NULL) AND (currency IS NULL OR currency ~ '^[A-Z]{3}$')
              AND (amount_minor IS NULL OR amount_minor BETWEEN -9000000000000000 AND 9000000000000000))
      THEN 'facts_money'
    WHEN NOT (CASE kind WHEN 'payment' THEN (amount_minor > 0) IS TRUE
                        WHEN 'promise_made' THEN (amount_minor > 0) IS TRUE
                        WHEN 'item' THEN (amount_minor >= 0) IS TRUE
                        WHEN 'item_corrected' THEN amount_minor IS NULL OR amount_minor >= 0
                        ELSE amount_minor IS NULL END)
      THEN 'facts_money_where'
    WHEN NOT (kind <> 'notice_received'
              OR (body->>'notice' IN ('original_creditor_request', 'cease_communication', 'refuses_to_pay')) IS TRUE)
      THEN 'facts_notice_received'
    WHEN NOT (kind <> 'number_checked'
              OR (body->>'answer' IN ('same', 'reassigned', 'no_data')) IS TRUE AND (body->>'point' <> '') IS TRUE)
      THEN 'facts_number_checked'
    WHEN NOT (kind NOT IN ('note_pinned', 'note_unpinned', 'mention_seen', 'callback_set', 'callback_moved', 'callback_ended',
                           'settlement_offered', 'settlement_answered', 'settlement_ended')
              OR (body->>'id' <> '' AND account_id IS NOT NULL) IS TRUE)
      THEN 'facts_of_collectors'
    WHEN NOT (kind <> 'opted_out' OR body->>'refusal' IS NULL OR body->>'refusal' IN ('medium', 'keyword', 'revocation', 'marketing'))
      THEN 'facts_refusal'
    WHEN NOT (CASE kind WHEN 'settlement_offered'
                          THEN (body->>'due' ~ '^\d{4}-\d\d-\d\d$' AND jsonb_typeof(body->'items') = 'array' AND body->'items' <> '[]'
                                AND body->'amount'->>'currency' = body->'owed'->>'currency'
                                AND (body->'amount'->>'amount')::numeric > 0
                                AND (body->'amount'->>'amount')::numeric < (body->'owed'->>'amount')::numeric) IS TRUE
                        WHEN 'settlement_answered' THEN (body->>'outcome' IN ('approved', 'accepted')) IS TRUE
                        WHEN 'settlement_ended'
                          THEN (body->>'outcome' IN ('kept', 'broken', 'expired', 'declined', 'rejected', 'withdrawn', 'moot')) IS TRUE
                        ELSE true END)
      THEN 'facts_settlement'
    WHEN NOT (kind <> 'status_known'
              OR (body->>'status' IN ('attorney', 'bankruptcy', 'deceased', 'employer_prohibits', 'breathing_space', 'identity_theft',
                                      'servicemember', 'minor', 'litigation')) IS TRUE)
      THEN 'facts_status'
    WHEN NOT (kind <> 'task_opened'
              OR (body->>'task' IN ('call', 'escalation', 'draft', 'manual', 'no_channel', 'unknown', 'approval', 'catch_up', 'supervisor',
                                    'parked', 'failed', 'reply', 'settlement')) IS TRUE)
      THEN 'facts_task'
    WHEN NOT (kind <> 'wish_stated' OR (body->>'wish' IN ('inconvenient_place', 'no_work_calls', 'callback_request')) IS TRUE)
      THEN 'facts_wish'
  END;
  IF broken IS NOT NULL THEN
    RAISE EXCEPTION 'new row for relation "facts" violates check constraint "%"', broken
      USING ERRCODE = 'check_violation', SCHEMA = 'public', TABLE = 'facts', CONSTRAINT = broken;
  END IF;
  RETURN true;
END $$;
-- +goose StatementEnd

-- The rules are the same: what is in the table has been asked already, so it is not read again. facts_channel and
-- facts_id never were asked of the oldest rows.
ALTER TABLE facts
  ADD CONSTRAINT facts_sound CHECK (duly_sound_fact(kind, account_id, case_id, item_key, amount_minor, currency, body)) NOT VALID,
  DROP CONSTRAINT facts_account,
  DROP CONSTRAINT facts_asked,
  DROP CONSTRAINT facts_body,
  DROP CONSTRAINT facts_callback,
  DROP CONSTRAINT facts_case,
  DROP CONSTRAINT facts_channel,
  DROP CONSTRAINT facts_closing,
  DROP CONSTRAINT facts_contact_state,
  DROP CONSTRAINT facts_debt,
  DROP CONSTRAINT facts_direction,
  DROP CONSTRAINT facts_disposition,
  DROP CONSTRAINT facts_hold,
  DROP CONSTRAINT facts_id,
  DROP CONSTRAINT facts_item,
  DROP CONSTRAINT facts_item_dates,
  DROP CONSTRAINT facts_kind,
  DROP CONSTRAINT facts_mention,
  DROP CONSTRAINT facts_migration,
  DROP CONSTRAINT facts_money,
  DROP CONSTRAINT facts_money_where,
  DROP CONSTRAINT facts_notice_received,
  DROP CONSTRAINT facts_number_checked,
  DROP CONSTRAINT facts_of_collectors,
  DROP CONSTRAINT facts_refusal,
  DROP CONSTRAINT facts_settlement,
  DROP CONSTRAINT facts_status,
  DROP CONSTRAINT facts_task,
  DROP CONSTRAINT facts_wish;
