-- +goose Up
-- A process that keeps records in memory says until when it will have said so
-- again; 0 for none. One that does not come back has lost what it held.

ALTER TABLE audit_sources ADD COLUMN held_until BIGINT NOT NULL DEFAULT 0;
CREATE INDEX audit_sources_held ON audit_sources (held_until) WHERE held_until > 0;
