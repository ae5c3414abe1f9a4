-- +goose Up
-- By which policy each running process decides, of the tenants in its memory. What a
-- process said goes with it.

CREATE TABLE applied_policies (
    process  TEXT   NOT NULL REFERENCES key_holders (process) ON DELETE CASCADE,
    tenant   TEXT   NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    revision BIGINT NOT NULL,
    PRIMARY KEY (process, tenant)
);
CREATE INDEX applied_policies_tenant ON applied_policies (tenant);
