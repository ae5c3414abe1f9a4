-- +goose Up
-- Who made an invitation, where a person did: it opens nothing that they could not give
-- when it is used. And the password that was chosen with one, until a second factor sets it.

ALTER TABLE invites ADD COLUMN made_by TEXT NOT NULL DEFAULT '';
ALTER TABLE tickets ADD COLUMN password_hash TEXT NOT NULL DEFAULT '';
