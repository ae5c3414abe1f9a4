-- +goose Up
-- Sessions of an earlier epoch of their user are over. Where a session began is
-- kept as a network, never as an address.

ALTER TABLE users ADD COLUMN epoch BIGINT NOT NULL DEFAULT 0;

ALTER TABLE sessions ADD COLUMN epoch BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN network TEXT NOT NULL DEFAULT '';
ALTER TABLE sessions ADD COLUMN agent TEXT NOT NULL DEFAULT '';
CREATE INDEX sessions_expiry ON sessions (expires_at);
CREATE INDEX sessions_ended ON sessions (ended_at) WHERE ended_at > 0;

-- The token that took this one's place, sealed to this row, for as long as it may
-- be handed out again.
ALTER TABLE refresh_tokens ADD COLUMN successor BYTEA;
CREATE INDEX refresh_tokens_successor ON refresh_tokens (used_at) WHERE successor IS NOT NULL;

-- What a person is shown of their own logins. Refusals of one kind within an hour
-- are one row with a count, so that strangers cannot fill it; user_id '' is where
-- attempts on nobody's account go, which has to cost the same.
CREATE TABLE login_history (
    tenant   TEXT   NOT NULL,
    user_id  TEXT   NOT NULL,
    id       TEXT   NOT NULL,
    at       BIGINT NOT NULL,
    activity TEXT   NOT NULL,
    outcome  TEXT   NOT NULL,
    code     TEXT   NOT NULL,
    level    BIGINT NOT NULL,
    network  TEXT   NOT NULL,
    agent    TEXT   NOT NULL,
    times    BIGINT NOT NULL,
    PRIMARY KEY (tenant, user_id, id)
);
CREATE INDEX login_history_at ON login_history (tenant, user_id, at, id);
CREATE INDEX login_history_age ON login_history (at);

-- When something that one process does for all is due again.
CREATE TABLE chores (
    name   TEXT   NOT NULL PRIMARY KEY,
    due_at BIGINT NOT NULL
);
