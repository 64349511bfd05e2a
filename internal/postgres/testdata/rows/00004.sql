-- Rows of the tables that schema version 4 made.
INSERT INTO inbox_requests (source, query, headers, body) VALUES ('twilio_status', 'a=1&t=2', '{"Content-Type": "application/x-www-form-urlencoded"}', 'MessageSid=SM1&MessageStatus=sent');
INSERT INTO inbox (source, event_id, kind, request_id, at) VALUES ('twilio_status', 'SM1/sent', 'sent', (SELECT max(id) FROM inbox_requests), '2026-03-02 12:00:05Z');
INSERT INTO contact_attempts (attempt, contact_id) VALUES ('44444444-4444-5444-8444-444444444444', '33333333-3333-4333-8333-333333333333/0/friendly-email/email/1');
INSERT INTO deliveries (contact_id, status, rank, at) VALUES ('33333333-3333-4333-8333-333333333333/0/friendly-email/email/1', 'sendgrid:processed', 10, '2026-03-02 12:00:05Z');
