-- Up Migration
-- The audit also records changes of a role and of a password.
ALTER TABLE identity.audit DROP CONSTRAINT audit_what_check;
ALTER TABLE identity.audit ADD CONSTRAINT audit_what_check CHECK (what IN
  ('account.made', 'account.role-changed', 'account.password-changed',
   'session.started', 'session.ended'));
