-- +goose Up
-- Changes of policies on their way. editors is a JSON list; the texts of who has
-- not acted yet are '', and their times 0. A draft is written over the version
-- before it.

CREATE TABLE drafts (
    id           TEXT   NOT NULL PRIMARY KEY,
    tenant       TEXT   NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    title        TEXT   NOT NULL,
    state        TEXT   NOT NULL,
    base         BIGINT NOT NULL,
    version      BIGINT NOT NULL,
    document     TEXT   NOT NULL,
    cases        TEXT   NOT NULL,
    author       TEXT   NOT NULL,
    created_at   BIGINT NOT NULL,
    edited_by    TEXT   NOT NULL,
    edited_at    BIGINT NOT NULL,
    editors      TEXT   NOT NULL,
    submitted_by TEXT   NOT NULL,
    submitted_at BIGINT NOT NULL,
    digest       TEXT   NOT NULL,
    alone_from   BIGINT NOT NULL,
    decided_by   TEXT   NOT NULL,
    decided_at   BIGINT NOT NULL,
    comment      TEXT   NOT NULL,
    published    BIGINT NOT NULL,
    published_at BIGINT NOT NULL,
    CHECK (id <> '' AND author <> '' AND version > 0)
);
CREATE INDEX drafts_tenant ON drafts (tenant, edited_at, id);

-- The test cases that belong to a policy, which draft it was, and who approved that.
ALTER TABLE policies ADD COLUMN cases TEXT NOT NULL DEFAULT '';
ALTER TABLE policies ADD COLUMN draft TEXT NOT NULL DEFAULT '';
ALTER TABLE policies ADD COLUMN approved_by TEXT NOT NULL DEFAULT '';
