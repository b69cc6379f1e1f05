-- Up Migration
-- Accounts that get no more mails about sales that open. Mails about their orders are still sent.
CREATE TABLE notifications.stops (
  account_id text COLLATE "C" PRIMARY KEY,
  stopped_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- How often the recipient asked for the mail again, by the order's page.
ALTER TABLE notifications.mails ADD COLUMN repeats integer NOT NULL DEFAULT 0
  CHECK (repeats >= 0);

-- The operator's list also has mails that were never composed, and can show only those that failed.
DROP INDEX notifications.mails_newest;
CREATE INDEX mails_newest ON notifications.mails (written_at DESC, id DESC)
  WHERE subject IS NOT NULL OR reason IS NOT NULL;
CREATE INDEX mails_failing ON notifications.mails (written_at DESC, id DESC)
  WHERE reason IS NOT NULL AND state IN ('WAITING', 'GIVEN_UP');

-- Whether the tickets of a show say who bought them.
ALTER TABLE catalogue.shows ADD COLUMN names_buyer boolean NOT NULL DEFAULT false;
