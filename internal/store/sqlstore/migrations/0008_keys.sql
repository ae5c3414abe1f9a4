-- +goose Up
-- What belongs to no tenant has a revision of its own, and replicas read it with
-- the tenants'. Its row's lock puts changes of keys in order.

CREATE TABLE installation (
    id       BIGINT NOT NULL PRIMARY KEY,
    revision BIGINT NOT NULL,
    CHECK (id = 1)
);
INSERT INTO installation (id, revision) VALUES (1, 1);

-- A key signs from not_before until the next one does. One that was revoked has
-- no private half any more.
ALTER TABLE signing_keys ADD COLUMN not_before BIGINT NOT NULL DEFAULT 0;
ALTER TABLE signing_keys ADD COLUMN revoked_at BIGINT NOT NULL DEFAULT 0;
UPDATE signing_keys SET not_before = created_at;

-- The key-encryption keys the store has been sealed with, by check value. The one
-- with the latest seals_from seals.
CREATE TABLE key_encryption_keys (
    check_value BYTEA  NOT NULL PRIMARY KEY,
    seals_from  BIGINT NOT NULL,
    dropped_at  BIGINT NOT NULL
);

-- Which keys each running process has in its key file.
CREATE TABLE key_holders (
    process TEXT   NOT NULL PRIMARY KEY,
    host    TEXT   NOT NULL,
    checks  TEXT   NOT NULL,
    seen_at BIGINT NOT NULL
);
