-- Devices, what is known to be on them, and which of them the reconciler has to look at.

-- One piece of hardware. Devices in a user enrollment have neither UDID nor serial number, only Apple's EnrollmentID.
CREATE TABLE device (
    id                 TEXT    PRIMARY KEY,
    udid               TEXT    UNIQUE,
    user_enrollment_id TEXT    UNIQUE,
    serial             TEXT,
    name               TEXT,
    product_name       TEXT,
    model              TEXT,
    model_name         TEXT,
    os_version         TEXT,
    build              TEXT,
    supervised         BOOLEAN,
    information        BYTEA,
    information_at     BIGINT,
    security           BYTEA,
    security_at        BIGINT,
    created_at         BIGINT NOT NULL,
    updated_at         BIGINT NOT NULL
);
CREATE INDEX device_serial ON device (serial);
CREATE INDEX device_name ON device (name);

-- When the device last spoke, to the minute: apart from the hot rows.
CREATE TABLE device_seen (
    device_id TEXT    PRIMARY KEY REFERENCES device (id) ON DELETE CASCADE,
    seen_at   BIGINT NOT NULL
);

-- Managed apps as the device last reported them. status_at: when this status was first reported.
CREATE TABLE managed_app (
    device_id         TEXT    NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    bundle_id         TEXT    NOT NULL,
    status            TEXT    NOT NULL,
    status_at         BIGINT NOT NULL,
    management_flags  BIGINT,
    external_version  BIGINT,
    has_configuration BOOLEAN,
    seen_at           BIGINT NOT NULL,
    PRIMARY KEY (device_id, bundle_id)
);

-- When the device last gave its whole list of managed apps, and of profiles.
CREATE TABLE device_list (
    device_id TEXT    NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    list      TEXT    NOT NULL,
    seen_at   BIGINT NOT NULL,
    PRIMARY KEY (device_id, list)
);

-- Profiles as the device last reported them.
CREATE TABLE installed_profile (
    device_id    TEXT    NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    identifier   TEXT    NOT NULL,
    uuid         TEXT    NOT NULL,
    display_name TEXT,
    is_managed   BOOLEAN,
    seen_at      BIGINT NOT NULL,
    PRIMARY KEY (device_id, identifier)
);

-- One row for each device that is to be looked at. lane: 0 interactive, 1 bulk. due_at: when. ready_at: when a worker may take
-- it: due_at, or while leased the end of the lease.
CREATE TABLE dirty_mark (
    device_id   TEXT    PRIMARY KEY REFERENCES device (id) ON DELETE CASCADE,
    lane        BIGINT NOT NULL,
    generation  BIGINT NOT NULL,
    due_at      BIGINT NOT NULL,
    ready_at    BIGINT NOT NULL,
    lease_owner TEXT,
    causes      TEXT    NOT NULL
);
CREATE INDEX dirty_mark_ready ON dirty_mark (lane, ready_at);
CREATE INDEX dirty_mark_leased ON dirty_mark (lease_owner) WHERE lease_owner IS NOT NULL;
