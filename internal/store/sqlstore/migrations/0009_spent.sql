-- +goose Up
-- A client with a public key authenticates by what it signs (RFC 7523), and has
-- no secret; '' for one that has a secret.

ALTER TABLE clients ADD COLUMN public_key TEXT NOT NULL DEFAULT '';

-- What counts once, or no more: assertions of clients that were used, access
-- tokens that were revoked. Forgotten when they would have expired.
CREATE TABLE spent (
    id         BYTEA  NOT NULL PRIMARY KEY,
    expires_at BIGINT NOT NULL
);

CREATE INDEX spent_expires ON spent (expires_at);
