-- An email address as its creditor wrote it, which schema version 11 finds in any case.
INSERT INTO contact_points (debtor_id, id, channel, value)
VALUES ('11111111-1111-5111-8111-1111111111aa', 'e11', 'email', 'John.Doe@Example.COM');
