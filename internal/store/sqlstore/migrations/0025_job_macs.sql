-- +goose Up
-- How far a sink of the log has come has a MAC, whose key is in the keystore
-- (docs/decisions/0058). Other jobs have none.

ALTER TABLE audit_jobs ADD COLUMN mac BYTEA;
