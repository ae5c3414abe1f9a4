-- +goose Up
-- What is held of a person, and what tells of a record, is indexed by blocks of 1024
-- entries: the index over all of the log had another page to write for each entry, and
-- a block's is some tens, written together. A search asks block after block
-- (docs/decisions/0052). Replicas of an older release write as before, since a tag
-- knows its block by itself, and search more slowly until they are gone.

ALTER TABLE audit_sealed
    DROP CONSTRAINT audit_sealed_pkey,
    DROP CONSTRAINT audit_sealed_idx_seg_key,
    ADD PRIMARY KEY (idx, seg);
CREATE INDEX audit_sealed_by_ref ON audit_sealed ((idx / 1024), ref, idx);

ALTER TABLE audit_tags
    ADD COLUMN block BIGINT NOT NULL GENERATED ALWAYS AS (idx / 1024) STORED,
    DROP CONSTRAINT audit_tags_pkey,
    ADD PRIMARY KEY (block, tag, idx);
