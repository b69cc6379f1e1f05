-- Up Migration
CREATE SCHEMA identity;

CREATE TABLE identity.accounts (
  id text COLLATE "C" PRIMARY KEY,
  -- Stored in lower case, so that one constraint covers every spelling.
  email text COLLATE "C" NOT NULL CHECK (email = lower(email)),
  name text NOT NULL,
  role text NOT NULL CHECK (role IN ('BUYER', 'ORGANISER', 'OPERATOR')),
  locale text NOT NULL CHECK (locale IN ('ko', 'en')),
  password_hash text NOT NULL,
  created_at timestamptz NOT NULL,
  CONSTRAINT accounts_email UNIQUE (email)
);

-- One row per session, from sign-in to its end, however many refresh tokens it uses. `secret_hash`
-- is the hash of their common random part; `generation` says which of them is valid now. A refresh
-- changes the row but no index, so each page keeps free space for that.
CREATE TABLE identity.sessions (
  id text COLLATE "C" PRIMARY KEY,
  account_id text COLLATE "C" NOT NULL REFERENCES identity.accounts,
  secret_hash bytea NOT NULL,
  generation integer NOT NULL DEFAULT 1,
  -- When each of the last generations was used, newest first.
  retired_at timestamptz[] NOT NULL DEFAULT '{}',
  started_at timestamptz NOT NULL,
  ends_at timestamptz NOT NULL,
  -- Set if the session was revoked before it expired: logged out, or its refresh token used twice.
  ended_at timestamptz
) WITH (fillfactor = 70);
CREATE INDEX sessions_ended ON identity.sessions (ended_at) WHERE ended_at IS NOT NULL;

-- Who changed an account or a session, when, why, in which request. Append-only.
CREATE TABLE identity.audit (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL,
  -- An account, or `system`.
  who text COLLATE "C" NOT NULL,
  what text NOT NULL CHECK (what IN ('account.made', 'session.started', 'session.ended')),
  account_id text COLLATE "C" NOT NULL,
  session_id text COLLATE "C",
  why text NOT NULL,
  request_id text
);
CREATE INDEX audit_account ON identity.audit (account_id, seq);

CREATE FUNCTION identity.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'identity.audit is only ever added to';
END $$;
CREATE TRIGGER audit_is_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON identity.audit
  FOR EACH STATEMENT EXECUTE FUNCTION identity.refuse_change();

-- Every process is notified when a session ends, because its access tokens must end as well.
CREATE FUNCTION identity.tell_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('identity_sessions', NEW.id);
  RETURN NULL;
END $$;
CREATE TRIGGER sessions_ended AFTER UPDATE OF ended_at ON identity.sessions
  FOR EACH ROW WHEN (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL)
  EXECUTE FUNCTION identity.tell_ended();
