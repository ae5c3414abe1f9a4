-- +goose Up
-- What the log holds is not changed by mistake of ours: entries and checkpoints
-- are written once, sealed rows and tags are written once and deleted by an
-- erasure, the head only grows. Whoever owns the file can drop a trigger; the
-- tree shows what was done then.
--
-- (REPLACE deletes without a delete trigger, so what is there is looked for. A
-- checkpoint that is there stays, without an error: replicas may make the same one.
-- A tag has nothing that could become another.)

-- +goose StatementBegin
CREATE TRIGGER audit_entries_kept BEFORE DELETE ON audit_entries
BEGIN SELECT RAISE(ABORT, 'entries of the log are never deleted'); END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER audit_entries_unchanged BEFORE UPDATE ON audit_entries
BEGIN SELECT RAISE(ABORT, 'entries of the log are never changed'); END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER audit_entries_once BEFORE INSERT ON audit_entries WHEN EXISTS (SELECT 1 FROM audit_entries WHERE idx = NEW.idx)
BEGIN SELECT RAISE(ABORT, 'entries of the log are never changed'); END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER audit_checkpoints_kept BEFORE DELETE ON audit_checkpoints
BEGIN SELECT RAISE(ABORT, 'checkpoints of the log are never deleted'); END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER audit_checkpoints_unchanged BEFORE UPDATE ON audit_checkpoints
BEGIN SELECT RAISE(ABORT, 'checkpoints of the log are never changed'); END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER audit_sealed_unchanged BEFORE UPDATE ON audit_sealed
BEGIN SELECT RAISE(ABORT, 'sealed data of the log is never changed'); END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER audit_tags_unchanged BEFORE UPDATE ON audit_tags
BEGIN SELECT RAISE(ABORT, 'tags of the log are never changed'); END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER audit_head_kept BEFORE DELETE ON audit_head
BEGIN SELECT RAISE(ABORT, 'the head of the log is never deleted'); END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER audit_head_grows BEFORE UPDATE ON audit_head WHEN NEW.size < OLD.size OR NEW.tree_size < OLD.tree_size OR NEW.id <> OLD.id
BEGIN SELECT RAISE(ABORT, 'the log never shrinks'); END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER audit_checkpoints_once BEFORE INSERT ON audit_checkpoints WHEN EXISTS (SELECT 1 FROM audit_checkpoints WHERE size = NEW.size)
BEGIN SELECT RAISE(IGNORE); END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER audit_sealed_once BEFORE INSERT ON audit_sealed WHEN EXISTS (SELECT 1 FROM audit_sealed WHERE idx = NEW.idx AND seg = NEW.seg)
BEGIN SELECT RAISE(ABORT, 'sealed data of the log is never changed'); END;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE TRIGGER audit_head_once BEFORE INSERT ON audit_head WHEN EXISTS (SELECT 1 FROM audit_head WHERE id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'the log has one head'); END;
-- +goose StatementEnd
