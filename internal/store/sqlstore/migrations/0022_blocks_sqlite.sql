-- +goose Up
-- What is held of a person, and what tells of a record, is indexed by blocks of 1024
-- entries: the index over all of the log had another page to write for each entry, and
-- a block's is some tens, written together. A search asks block after block
-- (docs/decisions/0052).
--
-- Rows of sealed data and tags are kept where their key is: the row behind a key, in
-- a table of its own, was a second page and a second search. Rows are copied in the
-- log's order, into indexes that are there already, so that nothing has to be sorted in
-- memory.

CREATE TABLE sealed_by_block (
    ref        BYTEA  NOT NULL,
    idx        BIGINT NOT NULL,
    seg        BIGINT NOT NULL,
    salt       BYTEA  NOT NULL,
    commitment BYTEA  NOT NULL,
    ct         BYTEA  NOT NULL,
    PRIMARY KEY (idx, seg)
) STRICT, WITHOUT ROWID;
CREATE INDEX audit_sealed_by_ref ON sealed_by_block (idx / 1024, ref, idx);
INSERT INTO sealed_by_block (ref, idx, seg, salt, commitment, ct)
    SELECT ref, idx, seg, salt, commitment, ct FROM audit_sealed ORDER BY idx, seg;
DROP TABLE audit_sealed;
ALTER TABLE sealed_by_block RENAME TO audit_sealed;

CREATE TABLE tags_by_block (
    block BIGINT NOT NULL,
    tag   BYTEA  NOT NULL,
    idx   BIGINT NOT NULL,
    PRIMARY KEY (block, tag, idx),
    CHECK (block = idx / 1024)
) STRICT, WITHOUT ROWID;
INSERT INTO tags_by_block (block, tag, idx)
    SELECT idx / 1024, tag, idx FROM audit_tags ORDER BY rowid;
DROP TABLE audit_tags;
ALTER TABLE tags_by_block RENAME TO audit_tags;

-- The triggers went with the tables.

-- +goose StatementBegin
CREATE TRIGGER audit_sealed_unchanged BEFORE UPDATE ON audit_sealed
BEGIN SELECT RAISE(ABORT, 'sealed data of the log is never changed'); END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER audit_sealed_once BEFORE INSERT ON audit_sealed WHEN EXISTS (SELECT 1 FROM audit_sealed WHERE idx = NEW.idx AND seg = NEW.seg)
BEGIN SELECT RAISE(ABORT, 'sealed data of the log is never changed'); END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER audit_tags_unchanged BEFORE UPDATE ON audit_tags
BEGIN SELECT RAISE(ABORT, 'tags of the log are never changed'); END;
-- +goose StatementEnd
