-- +goose Up
-- Offices that one holder asked for and another decides about. decided_by is ''
-- while nobody has.

CREATE TABLE office_requests (
    id           TEXT   NOT NULL PRIMARY KEY,
    tenant       TEXT   NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    member       TEXT   NOT NULL,
    office       TEXT   NOT NULL,
    reason       TEXT   NOT NULL,
    requested_by TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    state        TEXT   NOT NULL,
    decided_by   TEXT   NOT NULL,
    decided_at   BIGINT NOT NULL,
    CHECK (id <> '' AND member <> '' AND requested_by <> '')
);
CREATE INDEX office_requests_tenant ON office_requests (tenant, created_at, id);
