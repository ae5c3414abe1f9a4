-- +goose Up
-- Written as PostgreSQL reads it; what differs for SQLite, see dialect.go.

CREATE TABLE meta (
    key   TEXT  NOT NULL PRIMARY KEY,
    value BYTEA NOT NULL
);

CREATE TABLE person_keys (
    idx        BYTEA  NOT NULL PRIMARY KEY,
    ref        BYTEA  NOT NULL UNIQUE,
    wrapped    BYTEA  NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE month_keys (
    tenant     BYTEA  NOT NULL,
    class      TEXT   NOT NULL,
    month      TEXT   NOT NULL,
    wrapped    BYTEA  NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, class, month)
);
