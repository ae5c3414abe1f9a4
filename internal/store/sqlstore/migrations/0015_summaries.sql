-- +goose Up
-- What 256 entries of the log, or 256 such summaries, may have in them, so that a
-- search need not look at them (package audit/search). Derived from the entries:
-- without them a search is slower, and they are written again.
CREATE TABLE audit_summaries (
    level    BIGINT NOT NULL,
    n        BIGINT NOT NULL,
    oldest   BIGINT NOT NULL,
    newest   BIGINT NOT NULL,
    tenants  BYTEA  NOT NULL,
    keys     BYTEA  NOT NULL,
    requests BYTEA  NOT NULL,
    PRIMARY KEY (level, n)
);
