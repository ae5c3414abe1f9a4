-- +goose Up
-- The log's head has a MAC, whose key is in the keystore (docs/decisions/0057). Whoever
-- moves the head without making its MAC anew, as an older release would, is refused.

ALTER TABLE audit_head ADD COLUMN mac BYTEA;

-- +goose StatementBegin
CREATE TRIGGER audit_head_authenticated BEFORE UPDATE ON audit_head WHEN NEW.size <> OLD.size AND NEW.mac = OLD.mac AND length(OLD.mac) > 0
BEGIN SELECT RAISE(ABORT, 'the head of the log moves with its MAC only'); END;
-- +goose StatementEnd
