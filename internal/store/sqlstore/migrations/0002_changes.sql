-- +goose Up
-- What each revision changed of what decisions are made from. The history of a
-- tenant is whole after changes_from: for tenants from before this table that
-- is the revision they have now.

CREATE TABLE changes (
    tenant   TEXT   NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    revision BIGINT NOT NULL,
    n        BIGINT NOT NULL,
    kind     TEXT   NOT NULL,
    key      TEXT   NOT NULL,
    PRIMARY KEY (tenant, revision, n)
);

ALTER TABLE tenants ADD COLUMN changes_from BIGINT NOT NULL DEFAULT 0;
UPDATE tenants SET changes_from = revision;

CREATE INDEX users_disabled ON users (tenant, id) WHERE disabled;
