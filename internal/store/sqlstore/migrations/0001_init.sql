-- +goose Up
-- Written as PostgreSQL reads it; what differs for SQLite, see dialect.go.
-- Times are Unix microseconds, 0 for none. JSON is TEXT. Ids are made in Go.

CREATE TABLE meta (
    key   TEXT  NOT NULL PRIMARY KEY,
    value BYTEA NOT NULL
);

CREATE TABLE tenants (
    id                TEXT    NOT NULL PRIMARY KEY,
    ref               BYTEA   NOT NULL UNIQUE,
    mfa               TEXT    NOT NULL,
    strict_fields     BOOLEAN NOT NULL,
    disabled          BOOLEAN NOT NULL,
    catalog           TEXT    NOT NULL,
    revision          BIGINT  NOT NULL,
    snapshot_revision BIGINT  NOT NULL,
    created_at        BIGINT  NOT NULL,
    CHECK (id <> ''),
    CHECK (snapshot_revision <= revision)
);

CREATE TABLE subjects (
    tenant      TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    type        TEXT NOT NULL,
    id          TEXT NOT NULL,
    attributes  TEXT NOT NULL,
    teams       TEXT NOT NULL,
    unit        TEXT NOT NULL,
    manager     TEXT NOT NULL,
    territories TEXT NOT NULL,
    accounts    TEXT NOT NULL,
    contact     TEXT NOT NULL,
    PRIMARY KEY (tenant, type, id),
    CHECK (type <> '' AND type <> 'role' AND id <> '')
);

CREATE TABLE teams (
    tenant TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id     TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE units (
    tenant TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id     TEXT NOT NULL,
    parent TEXT NOT NULL,
    heads  TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE territories (
    tenant TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id     TEXT NOT NULL,
    parent TEXT NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE roles (
    tenant      TEXT    NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id          TEXT    NOT NULL,
    require_mfa BOOLEAN NOT NULL,
    PRIMARY KEY (tenant, id)
);

-- An assignment goes with its role: a role made again under an old name must
-- not find the old members in it.
CREATE TABLE assignments (
    tenant     TEXT   NOT NULL,
    member     TEXT   NOT NULL,
    role       TEXT   NOT NULL,
    from_time  BIGINT NOT NULL,
    until_time BIGINT NOT NULL,
    PRIMARY KEY (tenant, member, role),
    FOREIGN KEY (tenant, role) REFERENCES roles (tenant, id) ON DELETE CASCADE
);
CREATE INDEX assignments_role ON assignments (tenant, role);

CREATE TABLE resources (
    tenant     TEXT NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    type       TEXT NOT NULL,
    id         TEXT NOT NULL,
    attributes TEXT NOT NULL,
    PRIMARY KEY (tenant, type, id)
);

CREATE TABLE users (
    tenant        TEXT    NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    id            TEXT    NOT NULL,
    username      TEXT    NOT NULL,
    username_key  TEXT    NOT NULL,
    password_hash TEXT    NOT NULL,
    disabled      BOOLEAN NOT NULL,
    created_at    BIGINT  NOT NULL,
    PRIMARY KEY (tenant, id),
    UNIQUE (tenant, username_key),
    CHECK (id <> '' AND username_key <> '')
);

-- One row a user: a new invitation or ticket takes the place of the old one, in
-- one statement, so there is never a moment with two.
CREATE TABLE invites (
    tenant     TEXT   NOT NULL,
    user_id    TEXT   NOT NULL,
    hash       BYTEA  NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT NOT NULL,
    PRIMARY KEY (tenant, user_id),
    FOREIGN KEY (tenant, user_id) REFERENCES users (tenant, id) ON DELETE CASCADE
);

CREATE TABLE tickets (
    tenant     TEXT   NOT NULL,
    user_id    TEXT   NOT NULL,
    hash       BYTEA  NOT NULL UNIQUE,
    purpose    TEXT   NOT NULL,
    methods    TEXT   NOT NULL,
    auth_time  BIGINT NOT NULL,
    device     TEXT   NOT NULL,
    tries      BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at   BIGINT NOT NULL,
    PRIMARY KEY (tenant, user_id),
    FOREIGN KEY (tenant, user_id) REFERENCES users (tenant, id) ON DELETE CASCADE
);

CREATE TABLE totp_devices (
    id           TEXT   NOT NULL PRIMARY KEY,
    tenant       TEXT   NOT NULL,
    user_id      TEXT   NOT NULL,
    name         TEXT   NOT NULL,
    secret       BYTEA  NOT NULL,
    algorithm    TEXT   NOT NULL,
    digits       BIGINT NOT NULL,
    period       BIGINT NOT NULL,
    last_step    BIGINT NOT NULL,
    created_at   BIGINT NOT NULL,
    confirmed_at BIGINT NOT NULL,
    FOREIGN KEY (tenant, user_id) REFERENCES users (tenant, id) ON DELETE CASCADE
);
CREATE INDEX totp_devices_user ON totp_devices (tenant, user_id);

CREATE TABLE recovery_codes (
    tenant   TEXT   NOT NULL,
    user_id  TEXT   NOT NULL,
    selector TEXT   NOT NULL,
    hash     BYTEA  NOT NULL,
    used_at  BIGINT NOT NULL,
    PRIMARY KEY (tenant, user_id, selector),
    FOREIGN KEY (tenant, user_id) REFERENCES users (tenant, id) ON DELETE CASCADE
);

CREATE TABLE sessions (
    id         TEXT    NOT NULL PRIMARY KEY,
    tenant     TEXT    NOT NULL,
    user_id    TEXT    NOT NULL,
    restricted BOOLEAN NOT NULL,
    acr        BIGINT  NOT NULL,
    amr        TEXT    NOT NULL,
    auth_time  BIGINT  NOT NULL,
    created_at BIGINT  NOT NULL,
    last_seen  BIGINT  NOT NULL,
    expires_at BIGINT  NOT NULL,
    ended_at   BIGINT  NOT NULL,
    FOREIGN KEY (tenant, user_id) REFERENCES users (tenant, id) ON DELETE CASCADE
);
CREATE INDEX sessions_user ON sessions (tenant, user_id);

CREATE TABLE refresh_tokens (
    hash       BYTEA  NOT NULL PRIMARY KEY,
    session    TEXT   NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at    BIGINT NOT NULL
);
CREATE INDEX refresh_tokens_session ON refresh_tokens (session);

-- tenant is NULL for a platform client.
CREATE TABLE clients (
    id                       TEXT    NOT NULL PRIMARY KEY,
    tenant                   TEXT    REFERENCES tenants (id) ON DELETE CASCADE,
    tenants                  TEXT    NOT NULL,
    scopes                   TEXT    NOT NULL,
    trust_subject_properties BOOLEAN NOT NULL,
    require_token            BOOLEAN NOT NULL,
    secret_hash              BYTEA   NOT NULL,
    disabled                 BOOLEAN NOT NULL,
    created_at               BIGINT  NOT NULL
);

CREATE TABLE policies (
    tenant     TEXT   NOT NULL REFERENCES tenants (id) ON DELETE CASCADE,
    revision   BIGINT NOT NULL,
    document   TEXT   NOT NULL,
    author     TEXT   NOT NULL,
    reason     TEXT   NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (tenant, revision)
);

CREATE TABLE signing_keys (
    id         TEXT   NOT NULL PRIMARY KEY,
    algorithm  TEXT   NOT NULL,
    private    BYTEA  NOT NULL,
    created_at BIGINT NOT NULL
);

-- The head row's lock puts appends in order; entries outlive their tenants.
CREATE TABLE audit_head (
    id   BIGINT NOT NULL PRIMARY KEY,
    size BIGINT NOT NULL,
    CHECK (id = 1)
);
INSERT INTO audit_head (id, size) VALUES (1, 0);

-- How many entries each process has written since it started.
CREATE TABLE audit_sources (
    src BYTEA  NOT NULL PRIMARY KEY,
    seq BIGINT NOT NULL
);

CREATE TABLE audit_entries (
    idx  BIGINT NOT NULL PRIMARY KEY,
    leaf BYTEA  NOT NULL
);

-- By ref for all that is held of a person; by idx to read entries in order.
CREATE TABLE audit_sealed (
    ref        BYTEA  NOT NULL,
    idx        BIGINT NOT NULL,
    seg        BIGINT NOT NULL,
    salt       BYTEA  NOT NULL,
    commitment BYTEA  NOT NULL,
    ct         BYTEA  NOT NULL,
    PRIMARY KEY (ref, idx, seg),
    UNIQUE (idx, seg)
);
