-- Up Migration
-- People look after their accounts: codes by mail prove an address, people end their sessions, and
-- leave for good.
ALTER TABLE identity.accounts
  -- When it was proved that mails to the address are read; null: it was not.
  ADD COLUMN confirmed_at timestamptz,
  -- The address without its tag, where a mailbox may have one account only; else null.
  ADD COLUMN mailbox text COLLATE "C" UNIQUE,
  -- When the person left for good: name, address and password are erased.
  ADD COLUMN left_at timestamptz;
-- Accounts from before bought tickets and got mails without a proof: they keep that.
UPDATE identity.accounts SET confirmed_at = created_at;

-- A code that was mailed. The code itself is computed from its id and the secret of the
-- installation, so that nobody who reads the database knows it.
CREATE TABLE identity.codes (
  id text COLLATE "C" PRIMARY KEY,
  account_id text COLLATE "C" NOT NULL REFERENCES identity.accounts,
  -- confirm: proves the account's address. change: a new address. reset: for a new password.
  purpose text NOT NULL CHECK (purpose IN ('confirm', 'change', 'reset')),
  -- The address to which it was mailed.
  email text COLLATE "C" NOT NULL,
  made_at timestamptz NOT NULL,
  ends_at timestamptz NOT NULL,
  used_at timestamptz
);
CREATE INDEX codes_account ON identity.codes (account_id, made_at);
CREATE INDEX codes_ended ON identity.codes (ends_at);

-- People list and end their sessions; an account may have many.
CREATE INDEX sessions_account ON identity.sessions (account_id);

ALTER TABLE identity.audit DROP CONSTRAINT audit_what_check;
ALTER TABLE identity.audit ADD CONSTRAINT audit_what_check CHECK (what IN
  ('account.made', 'account.role-changed', 'account.password-changed', 'account.edited',
   'account.email-confirmed', 'account.email-changed', 'account.left',
   'session.started', 'session.ended'));

ALTER TABLE notifications.mails DROP CONSTRAINT mails_kind_check;
ALTER TABLE notifications.mails ADD CONSTRAINT mails_kind_check CHECK (kind IN
  ('order-paid', 'order-failed', 'order-unknown', 'sale-opened', 'account-code'));
