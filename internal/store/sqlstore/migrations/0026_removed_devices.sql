-- +goose Up
-- Devices that were factors and were removed or replaced, for a while: whoever still uses
-- such an authenticator is told so. Nothing opens by them.

CREATE TABLE removed_devices (
    id           TEXT   NOT NULL PRIMARY KEY,
    tenant       TEXT   NOT NULL,
    user_id      TEXT   NOT NULL,
    name         TEXT   NOT NULL,
    secret       BYTEA  NOT NULL,
    algorithm    TEXT   NOT NULL,
    digits       BIGINT NOT NULL,
    period       BIGINT NOT NULL,
    last_step    BIGINT NOT NULL,
    drift        BIGINT NOT NULL,
    told_step    BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    confirmed_at BIGINT NOT NULL,
    used_at      BIGINT NOT NULL,
    removed_at   BIGINT NOT NULL,
    FOREIGN KEY (tenant, user_id) REFERENCES users (tenant, id) ON DELETE CASCADE
);

CREATE INDEX removed_devices_user ON removed_devices (tenant, user_id);
CREATE INDEX removed_devices_since ON removed_devices (removed_at);
