-- Who may use the API, and what they did.

-- A token is shown once; only the hash of its secret part stays.
CREATE TABLE api_token (
    id           TEXT    PRIMARY KEY,
    name         TEXT    NOT NULL,
    role         TEXT    NOT NULL,
    hash         BLOB    NOT NULL,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    last_used_at INTEGER,
    revoked_at   INTEGER
) STRICT, WITHOUT ROWID;

-- One row a change that was asked for: written before it is carried out, ended after. The id is a UUIDv7 and gives the order.
CREATE TABLE audit (
    id       TEXT    PRIMARY KEY,
    at       INTEGER NOT NULL,
    actor    TEXT    NOT NULL,
    action   TEXT    NOT NULL,
    subject  TEXT    NOT NULL,
    outcome  TEXT,
    ended_at INTEGER
) STRICT, WITHOUT ROWID;
