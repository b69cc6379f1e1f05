-- Up Migration
CREATE SCHEMA notifications;

-- A mail to be sent once: written in the transaction of its cause, composed when it is sent.
CREATE TABLE notifications.mails (
  id text COLLATE "C" PRIMARY KEY,
  kind text NOT NULL
    CHECK (kind IN ('order-paid', 'order-failed', 'order-unknown', 'sale-opened')),
  -- The order or the show that the mail is about.
  about_id text COLLATE "C" NOT NULL,
  -- The account that gets it; its address is read when the mail is sent.
  recipient_id text COLLATE "C" NOT NULL,
  -- DROPPED: no longer relevant. GIVEN_UP: could not be sent after all retries.
  state text NOT NULL DEFAULT 'WAITING'
    CHECK (state IN ('WAITING', 'SENT', 'DROPPED', 'GIVEN_UP')),
  tries integer NOT NULL DEFAULT 0,
  tried_at timestamptz,
  -- Why the last attempt failed, or why the mail was dropped.
  reason text,
  -- As composed at the last attempt.
  to_address text,
  subject text,
  text_part text,
  html_part text,
  written_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  sent_at timestamptz,
  given_up_at timestamptz,
  CHECK ((state = 'SENT') = (sent_at IS NOT NULL)),
  CHECK ((state = 'GIVEN_UP') = (given_up_at IS NOT NULL)),
  -- However often an event is delivered, there is one mail.
  UNIQUE (kind, about_id, recipient_id)
);
CREATE INDEX mails_newest ON notifications.mails (written_at DESC, id DESC)
  WHERE subject IS NOT NULL;
CREATE INDEX mails_waiting ON notifications.mails (written_at) WHERE state = 'WAITING';
