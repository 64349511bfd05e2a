-- What contact law asks for: further kinds of facts, the names of people beside the
-- debtor, and files of them.

-- +goose Up

ALTER TABLE facts DROP CONSTRAINT facts_kind;
ALTER TABLE facts ADD CONSTRAINT facts_kind CHECK (kind IN (
    'item', 'item_corrected', 'payment', 'payment_reversed', 'items_disposed',
    'case_opened', 'case_closed', 'steps_waived', 'step_passed', 'round_begun', 'step_counted', 'entry_ended',
    'hold_placed', 'hold_lifted', 'hold_extended', 'dispute_raised', 'dispute_resolved',
    'promise_made', 'promise_ended', 'offer_opened', 'offer_ended', 'plan_agreed', 'plan_ended', 'lease_taken', 'lease_ended',
    'task_opened', 'task_ended', 'contact_planned', 'contact_moved', 'contact_logged',
    'debtor_known', 'point_known', 'point_dead', 'opted_out', 'opted_in', 'consented', 'times_inconvenient', 'notice_sent',
    'note_written', 'feed_seen',
    'debt_known', 'person_known', 'location_known', 'status_known', 'wish_stated', 'wish_withdrawn', 'consent_revoked',
    'notice_received', 'notice_changed', 'number_checked'));

ALTER TABLE facts DROP CONSTRAINT facts_id;
ALTER TABLE facts ADD CONSTRAINT facts_id CHECK ((body->>'id' <> '') IS TRUE OR kind NOT IN (
    'payment', 'hold_placed', 'hold_lifted', 'hold_extended', 'dispute_raised', 'dispute_resolved',
    'promise_made', 'promise_ended', 'offer_opened', 'offer_ended', 'plan_agreed', 'plan_ended', 'lease_taken', 'lease_ended',
    'task_opened', 'task_ended', 'contact_planned', 'contact_moved', 'contact_logged', 'point_known', 'point_dead',
    'consented', 'consent_revoked', 'person_known', 'status_known', 'wish_stated', 'wish_withdrawn', 'notice_received', 'notice_changed')) NOT VALID;

ALTER TABLE facts DROP CONSTRAINT facts_hold;
ALTER TABLE facts ADD CONSTRAINT facts_hold CHECK (kind <> 'hold_placed' OR (
    (body->>'hold' IN ('dispute', 'hardship', 'breathing_space', 'bankruptcy', 'deceased', 'represented', 'cease',
                       'servicemember', 'recall', 'complaint', 'manual', 'identity_theft', 'litigation')) IS TRUE
    AND CASE body->>'scope' WHEN 'item' THEN item_key IS NOT NULL AND account_id IS NOT NULL
                            WHEN 'account' THEN item_key IS NULL AND account_id IS NOT NULL
                            WHEN 'debtor' THEN item_key IS NULL
                            ELSE false END));

ALTER TABLE facts DROP CONSTRAINT facts_channel;
ALTER TABLE facts ADD CONSTRAINT facts_channel CHECK (CASE
    WHEN kind IN ('contact_planned', 'point_known') THEN (body->>'channel' IN ('email', 'sms', 'letter', 'call')) IS TRUE
    WHEN kind IN ('opted_out', 'opted_in', 'consented', 'notice_sent') THEN body->>'channel' IS NULL OR body->>'channel' IN ('email', 'sms', 'letter', 'call')
    ELSE true END) NOT VALID;

-- A misspelt word would be looked for by no rule: what must stop contact is refused here too.
ALTER TABLE facts ADD CONSTRAINT facts_status CHECK (kind <> 'status_known' OR
    (body->>'status' IN ('attorney', 'bankruptcy', 'deceased', 'employer_prohibits', 'breathing_space', 'identity_theft', 'servicemember',
                         'minor', 'litigation')) IS TRUE);
ALTER TABLE facts ADD CONSTRAINT facts_wish CHECK (kind <> 'wish_stated' OR
    (body->>'wish' IN ('inconvenient_place', 'no_work_calls', 'callback_request')) IS TRUE);
ALTER TABLE facts ADD CONSTRAINT facts_notice_received CHECK (kind <> 'notice_received' OR
    (body->>'notice' IN ('original_creditor_request', 'cease_communication', 'refuses_to_pay')) IS TRUE);
ALTER TABLE facts ADD CONSTRAINT facts_number_checked CHECK (kind <> 'number_checked' OR
    ((body->>'answer' IN ('same', 'reassigned', 'no_data')) IS TRUE AND (body->>'point' <> '') IS TRUE));
ALTER TABLE facts ADD CONSTRAINT facts_refusal CHECK (kind <> 'opted_out' OR body->>'refusal' IS NULL OR
    body->>'refusal' IN ('medium', 'keyword', 'revocation', 'marketing'));
ALTER TABLE facts ADD CONSTRAINT facts_debt CHECK (kind <> 'debt_known' OR account_id IS NOT NULL);

-- Names of people beside the debtor: personal data, apart from the facts about them.
CREATE TABLE persons (
  debtor_id  uuid NOT NULL REFERENCES debtors,
  id         text NOT NULL CONSTRAINT persons_id CHECK (id <> ''),
  name       text NOT NULL DEFAULT '',
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (debtor_id, id)
);

ALTER TABLE import_runs DROP CONSTRAINT import_runs_kind;
ALTER TABLE import_runs ADD CONSTRAINT import_runs_kind CHECK (kind IN (
    'items', 'payments', 'bank', 'einvoice', 'contacts', 'consents', 'history'));

-- The sweep of the ledger reads every debtor that a message ever left for, or with whom
-- a person spoke.
CREATE INDEX facts_contacts ON facts (debtor_id) WHERE kind IN ('contact_moved', 'contact_logged');
