-- Devices, what is known to be on them, and which of them the reconciler has to look at.

-- The people whose devices are managed. name_key: the name in lower case.
CREATE TABLE directory_user (
    id         TEXT    PRIMARY KEY,
    name       TEXT    NOT NULL,
    name_key   TEXT    NOT NULL UNIQUE,
    full_name  TEXT,
    email      TEXT,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

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
    supervised         INTEGER,
    shared_ipad        INTEGER,  -- IsMultiUser
    automated          INTEGER,  -- EnrolledViaDEP
    information        BLOB,
    information_at     INTEGER,
    security           BLOB,
    security_at        INTEGER,
    owner_id           TEXT    REFERENCES directory_user (id) ON DELETE SET NULL,
    created_at         INTEGER NOT NULL,
    updated_at         INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX device_serial ON device (serial);
CREATE INDEX device_name ON device (name);
CREATE INDEX device_owner ON device (owner_id) WHERE owner_id IS NOT NULL;

-- When the device last spoke, to the minute: apart from the hot rows.
CREATE TABLE device_seen (
    device_id TEXT    PRIMARY KEY REFERENCES device (id) ON DELETE CASCADE,
    seen_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX device_seen_at ON device_seen (seen_at);

-- What the device acknowledged: that it erases itself, that it was locked, since when it has been in Lost Mode.
CREATE TABLE device_standing (
    device_id       TEXT PRIMARY KEY REFERENCES device (id) ON DELETE CASCADE,
    wiped_at        INTEGER,
    locked_at       INTEGER,
    lost_mode_since INTEGER
) STRICT, WITHOUT ROWID;

-- Managed apps as the device last reported them. status_at: when this status was first reported.
CREATE TABLE managed_app (
    device_id         TEXT    NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    bundle_id         TEXT    NOT NULL,
    status            TEXT    NOT NULL,
    status_at         INTEGER NOT NULL,
    management_flags  INTEGER,
    external_version  INTEGER,
    has_configuration INTEGER,
    seen_at           INTEGER NOT NULL,
    PRIMARY KEY (device_id, bundle_id)
) STRICT, WITHOUT ROWID;

-- When the device last gave a whole list, and how many of its entries were left out because there were too many.
CREATE TABLE device_list (
    device_id TEXT    NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    list      TEXT    NOT NULL,
    seen_at   INTEGER NOT NULL,
    left_out  INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (device_id, list)
) STRICT, WITHOUT ROWID;

-- Profiles as the device last reported them. payloads: how many payloads it holds. has_mdm: whether the management itself is
-- one of them.
CREATE TABLE installed_profile (
    device_id           TEXT    NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    identifier          TEXT    NOT NULL,
    uuid                TEXT    NOT NULL,
    display_name        TEXT,
    organization        TEXT,
    is_managed          INTEGER,
    is_encrypted        INTEGER,
    removal_disallowed  INTEGER,
    payloads            INTEGER NOT NULL,
    has_mdm             INTEGER NOT NULL,
    PRIMARY KEY (device_id, identifier)
) STRICT, WITHOUT ROWID;

-- Apps as the device last reported them. place: the bundle identifier; where several have the same or none, what tells them apart
-- follows it. Sizes are bytes.
CREATE TABLE installed_app (
    device_id         TEXT    NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    place             TEXT    NOT NULL,
    bundle_id         TEXT,
    name              TEXT,
    version           TEXT,
    short_version     TEXT,
    external_version  INTEGER,
    bundle_size       INTEGER,
    dynamic_size      INTEGER,
    has_update        INTEGER,
    installing        INTEGER,
    is_validated      INTEGER,
    store_vendable    INTEGER,
    device_vpp        INTEGER,
    beta              INTEGER,
    ad_hoc_signed     INTEGER,
    app_clip          INTEGER,
    download_failed   INTEGER,
    source            TEXT,
    distributor       TEXT,
    PRIMARY KEY (device_id, place)
) STRICT, WITHOUT ROWID;
CREATE INDEX installed_app_bundle ON installed_app (bundle_id);

-- Certificates as the device last reported them. fingerprint: SHA-256 of the certificate, hex. not_after: NULL where the
-- certificate cannot be read.
CREATE TABLE installed_certificate (
    device_id   TEXT    NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    fingerprint TEXT    NOT NULL,
    common_name TEXT,
    is_identity INTEGER,
    serial      TEXT,
    not_before  INTEGER,
    not_after   INTEGER,
    is_authority INTEGER,
    PRIMARY KEY (device_id, fingerprint)
) STRICT, WITHOUT ROWID;

-- Provisioning profiles as the device last reported them.
CREATE TABLE provisioning_profile (
    device_id  TEXT    NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    uuid       TEXT    NOT NULL,
    name       TEXT,
    expires_at INTEGER,
    PRIMARY KEY (device_id, uuid)
) STRICT, WITHOUT ROWID;

-- Users with an account on the device, as it last reported them. Quota and use are bytes.
CREATE TABLE device_user (
    device_id        TEXT    NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    name             TEXT    NOT NULL,
    full_name        TEXT,
    uid              INTEGER,
    guid             TEXT,
    logged_in        INTEGER,
    has_data_to_sync INTEGER,
    data_quota       INTEGER,
    data_used        INTEGER,
    mobile_account   INTEGER,
    has_secure_token INTEGER,
    PRIMARY KEY (device_id, name)
) STRICT, WITHOUT ROWID;

-- System updates that the device last said it could install (AvailableOSUpdates).
CREATE TABLE available_update (
    device_id         TEXT    NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    product_key       TEXT    NOT NULL,
    name              TEXT,
    version           TEXT,
    build             TEXT,
    download_size     INTEGER,
    install_size      INTEGER,
    critical          INTEGER,
    major             INTEGER,
    security_response INTEGER,
    restart_required  INTEGER,
    deferred_until    INTEGER,
    PRIMARY KEY (device_id, product_key)
) STRICT, WITHOUT ROWID;

-- How far system updates are on the device (OSUpdateStatus). percent: downloaded.
CREATE TABLE update_progress (
    device_id           TEXT    NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    product_key         TEXT    NOT NULL,
    status              TEXT,
    downloaded          INTEGER,
    percent             INTEGER,
    deferrals_remaining INTEGER,
    next_install        INTEGER,
    PRIMARY KEY (device_id, product_key)
) STRICT, WITHOUT ROWID;

-- One row for each device that is to be looked at. lane: 0 interactive, 1 bulk. due_at: when. ready_at: when a worker may take
-- it: due_at, or while leased the end of the lease.
CREATE TABLE dirty_mark (
    device_id   TEXT    PRIMARY KEY REFERENCES device (id) ON DELETE CASCADE,
    lane        INTEGER NOT NULL,
    generation  INTEGER NOT NULL,
    due_at      INTEGER NOT NULL,
    ready_at    INTEGER NOT NULL,
    lease_owner TEXT,
    causes      TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX dirty_mark_ready ON dirty_mark (lane, ready_at);
CREATE INDEX dirty_mark_leased ON dirty_mark (lease_owner) WHERE lease_owner IS NOT NULL;
