-- Who may use the API, and what they did.

-- A token is shown once; only the hash of its secret part stays.
CREATE TABLE api_token (
    id           TEXT    PRIMARY KEY,
    name         TEXT    NOT NULL,
    role         TEXT    NOT NULL,
    hash         BYTEA   NOT NULL,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT,
    last_used_at BIGINT,
    revoked_at   BIGINT
);

-- One row a change that was asked for: written before it is carried out, ended after. The id is a UUIDv7 and gives the order.
CREATE TABLE audit (
    id       TEXT    PRIMARY KEY,
    at       BIGINT NOT NULL,
    actor    TEXT    NOT NULL,
    action   TEXT    NOT NULL,
    subject  TEXT    NOT NULL,
    outcome  TEXT,
    ended_at BIGINT
);
