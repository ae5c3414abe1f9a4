-- +goose Up
-- The log is a Merkle tree (RFC 6962). The frontier is the roots of the perfect
-- subtrees of its first tree_size entries, the largest first, 32 bytes each; it
-- lags behind size where a process of an older release has appended.

ALTER TABLE audit_head ADD COLUMN tree_size BIGINT NOT NULL DEFAULT 0;
ALTER TABLE audit_head ADD COLUMN frontier BYTEA;

-- Signed notes (C2SP tlog-checkpoint), each over the first size entries.
CREATE TABLE audit_checkpoints (
    size       BIGINT NOT NULL PRIMARY KEY,
    note       BYTEA  NOT NULL,
    created_at BIGINT NOT NULL
);

-- Full tiles of 256 hashes (C2SP tlog-tiles), derived from the entries.
CREATE TABLE audit_tiles (
    level  BIGINT NOT NULL,
    n      BIGINT NOT NULL,
    hashes BYTEA  NOT NULL,
    PRIMARY KEY (level, n)
);

-- Which entries are about a record: a keyed hash of the record's name. The key is
-- the month's, so a tag means nothing once that is gone.
CREATE TABLE audit_tags (
    tag BYTEA  NOT NULL,
    idx BIGINT NOT NULL,
    PRIMARY KEY (tag, idx)
);

-- How far the jobs over the log have come: checkpoints, sinks, verification.
CREATE TABLE audit_jobs (
    name     TEXT   NOT NULL PRIMARY KEY,
    position BIGINT NOT NULL,
    at       BIGINT NOT NULL
);
