-- +goose Up
-- What the log holds is not changed by mistake of ours: entries and checkpoints
-- are written once, sealed rows and tags are written once and deleted by an
-- erasure, the head only grows. Roles without the rights are the stronger wall
-- (docs/operations.md), and whoever owns the tables can drop a trigger; the tree
-- shows what was done then.
--
-- Triggers a statement, not a row: TRUNCATE has no rows.

-- +goose StatementBegin
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'table % of the log: % is refused', TG_TABLE_NAME, TG_OP;
END
$$;
-- +goose StatementEnd

CREATE TRIGGER audit_entries_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_checkpoints_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_checkpoints EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_sealed_unchanged BEFORE UPDATE OR TRUNCATE ON audit_sealed EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_tags_unchanged BEFORE UPDATE OR TRUNCATE ON audit_tags EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_head_kept BEFORE DELETE OR TRUNCATE ON audit_head EXECUTE FUNCTION audit_refuse();
CREATE TRIGGER audit_head_grows BEFORE UPDATE ON audit_head FOR EACH ROW
    WHEN (NEW.size < OLD.size OR NEW.tree_size < OLD.tree_size OR NEW.id <> OLD.id) EXECUTE FUNCTION audit_refuse();
