-- +goose Up
-- Several devices a person: each remembers how its clock differs, which step of
-- the future was told of when a code was refused, and when it was last used.

ALTER TABLE totp_devices ADD COLUMN drift BIGINT NOT NULL DEFAULT 0;
ALTER TABLE totp_devices ADD COLUMN told_step BIGINT NOT NULL DEFAULT 0;
ALTER TABLE totp_devices ADD COLUMN used_at BIGINT NOT NULL DEFAULT 0;
