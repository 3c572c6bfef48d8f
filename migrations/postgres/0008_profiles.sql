-- Configuration profiles that admins imported, and what was asked of each device about a profile.

-- The content holds secrets (keys, passwords of VPNs): sealed. hash: SHA-256 of the content, lower-case hexadecimal.
CREATE TABLE profile (
    id             TEXT    PRIMARY KEY,
    name           TEXT    NOT NULL,
    kind           TEXT    NOT NULL,
    identifier     TEXT    NOT NULL UNIQUE,
    display_name   TEXT,
    vpn_uuid       TEXT    UNIQUE,
    realm          TEXT,
    payload_types  TEXT    NOT NULL,
    signed         BOOLEAN NOT NULL,
    content_sealed BYTEA   NOT NULL,
    hash           TEXT    NOT NULL,
    created_at     BIGINT  NOT NULL,
    updated_at     BIGINT  NOT NULL
);

-- One row a device and profile. installed_hash: what the device last confirmed, NULL when it has none. command: the newest
-- command about it that is not settled yet, command_hash what it installs (NULL: it removes). failed_*: the last refusal.
CREATE TABLE device_profile (
    device_id      TEXT    NOT NULL,
    identifier     TEXT    NOT NULL,
    channel_id     TEXT    NOT NULL,
    installed_hash TEXT,
    installed_at   BIGINT,
    command        TEXT,
    command_hash   TEXT,
    command_at     BIGINT,
    failed_hash    TEXT,
    failed_at      BIGINT,
    failed_text    TEXT,
    failed_tries   BIGINT  NOT NULL,
    PRIMARY KEY (device_id, identifier)
);
CREATE INDEX device_profile_identifier ON device_profile (identifier);
