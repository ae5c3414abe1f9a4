-- +goose Up
-- How many logins and decisions of each tenant a summary's entries tell of, so that
-- charts of a month need not read them (package audit/search). Summaries without are
-- written again.
ALTER TABLE audit_summaries ADD COLUMN totals BYTEA;
DELETE FROM audit_summaries;
