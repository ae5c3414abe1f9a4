-- +goose Up
-- The head only grows. A tree of more entries than there are is none that the log has
-- made: it may be set back to that of the entries.

DROP TRIGGER audit_head_grows;

-- +goose StatementBegin
CREATE TRIGGER audit_head_grows BEFORE UPDATE ON audit_head WHEN NEW.size < OLD.size OR NEW.id <> OLD.id
    OR NEW.tree_size < OLD.tree_size AND (OLD.tree_size <= OLD.size OR NEW.tree_size < NEW.size)
BEGIN SELECT RAISE(ABORT, 'the log never shrinks'); END;
-- +goose StatementEnd
