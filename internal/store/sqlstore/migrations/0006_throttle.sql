-- +goose Up
-- What tries are charged to. A key is a keyed hash of the budget and of whom it
-- is about, so neither names that were tried nor addresses lie here; about is
-- the account that an unlock frees. expires_at is 0 for what only a right
-- answer, or an unlock, takes away.

CREATE TABLE throttle_counters (
    key        BYTEA  NOT NULL PRIMARY KEY,
    about      BYTEA  NOT NULL,
    tries      BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX throttle_counters_about ON throttle_counters (about);
CREATE INDEX throttle_counters_expiry ON throttle_counters (expires_at) WHERE expires_at > 0;

-- Browsers and apps that a person has logged in with. previous is the secret
-- before the last rotation, which parallel tabs may still show for a moment.
CREATE TABLE known_devices (
    id         TEXT   NOT NULL PRIMARY KEY,
    tenant     TEXT   NOT NULL,
    user_id    TEXT   NOT NULL,
    hash       BYTEA  NOT NULL UNIQUE,
    previous   BYTEA  NOT NULL,
    created_at BIGINT NOT NULL,
    used_at    BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    FOREIGN KEY (tenant, user_id) REFERENCES users (tenant, id) ON DELETE CASCADE
);
CREATE INDEX known_devices_user ON known_devices (tenant, user_id);
CREATE INDEX known_devices_previous ON known_devices (previous);
CREATE INDEX known_devices_expiry ON known_devices (expires_at);
