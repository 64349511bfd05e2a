-- Email addresses are compared without regard to case: a reply comes from john@example.com
-- although the creditor wrote John@Example.com.

-- +goose Up

CREATE INDEX contact_points_email ON contact_points (lower(value)) WHERE channel = 'email' AND value IS NOT NULL;
