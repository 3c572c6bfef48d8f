-- Devices, what is known to be on them, and which of them the reconciler has to look at.

-- The people whose devices are managed. name_key: the name in lower case.
CREATE TABLE directory_user (
    id         TEXT    PRIMARY KEY,
    name       TEXT    NOT NULL,
    name_key   TEXT    NOT NULL UNIQUE,
    full_name  TEXT,
    email      TEXT,
    created_at BIGINT NOT NULL
);

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
    shared_ipad        BOOLEAN,  -- IsMultiUser
    automated          BOOLEAN,  -- EnrolledViaDEP
    information        BYTEA,
    information_at     BIGINT,
    security           BYTEA,
    security_at        BIGINT,
    owner_id           TEXT    REFERENCES directory_user (id) ON DELETE SET NULL,
    created_at         BIGINT NOT NULL,
    updated_at         BIGINT NOT NULL
);
CREATE INDEX device_serial ON device (serial);
CREATE INDEX device_name ON device (name);
CREATE INDEX device_owner ON device (owner_id) WHERE owner_id IS NOT NULL;

-- When the device last spoke, to the minute: apart from the hot rows.
CREATE TABLE device_seen (
    device_id TEXT    PRIMARY KEY REFERENCES device (id) ON DELETE CASCADE,
    seen_at   BIGINT NOT NULL
);
CREATE INDEX device_seen_at ON device_seen (seen_at);

-- What the device acknowledged: that it erases itself, that it was locked, since when it has been in Lost Mode.
CREATE TABLE device_standing (
    device_id       TEXT PRIMARY KEY REFERENCES device (id) ON DELETE CASCADE,
    wiped_at        BIGINT,
    locked_at       BIGINT,
    lost_mode_since BIGINT
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

-- When the device last gave a whole list, and how many of its entries were left out because there were too many.
CREATE TABLE device_list (
    device_id TEXT    NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    list      TEXT    NOT NULL,
    seen_at   BIGINT NOT NULL,
    left_out  BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (device_id, list)
);

-- Profiles as the device last reported them. payloads: how many payloads it holds. has_mdm: whether the management itself is
-- one of them.
CREATE TABLE installed_profile (
    device_id           TEXT    NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    identifier          TEXT    NOT NULL,
    uuid                TEXT    NOT NULL,
    display_name        TEXT,
    organization        TEXT,
    is_managed          BOOLEAN,
    is_encrypted        BOOLEAN,
    removal_disallowed  BOOLEAN,
    payloads            BIGINT NOT NULL,
    has_mdm             BOOLEAN NOT NULL,
    PRIMARY KEY (device_id, identifier)
);

-- Apps as the device last reported them. place: the bundle identifier; where several have the same or none, what tells them apart
-- follows it. Sizes are bytes.
CREATE TABLE installed_app (
    device_id         TEXT    NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    place             TEXT    NOT NULL,
    bundle_id         TEXT,
    name              TEXT,
    version           TEXT,
    short_version     TEXT,
    external_version  BIGINT,
    bundle_size       BIGINT,
    dynamic_size      BIGINT,
    has_update        BOOLEAN,
    installing        BOOLEAN,
    is_validated      BOOLEAN,
    store_vendable    BOOLEAN,
    device_vpp        BOOLEAN,
    beta              BOOLEAN,
    ad_hoc_signed     BOOLEAN,
    app_clip          BOOLEAN,
    download_failed   BOOLEAN,
    source            TEXT,
    distributor       TEXT,
    PRIMARY KEY (device_id, place)
);
CREATE INDEX installed_app_bundle ON installed_app (bundle_id);

-- Certificates as the device last reported them. fingerprint: SHA-256 of the certificate, hex. not_after: NULL where the
-- certificate cannot be read.
CREATE TABLE installed_certificate (
    device_id   TEXT    NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    fingerprint TEXT    NOT NULL,
    common_name TEXT,
    is_identity BOOLEAN,
    serial      TEXT,
    not_before  BIGINT,
    not_after   BIGINT,
    is_authority BOOLEAN,
    PRIMARY KEY (device_id, fingerprint)
);

-- Provisioning profiles as the device last reported them.
CREATE TABLE provisioning_profile (
    device_id  TEXT    NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    uuid       TEXT    NOT NULL,
    name       TEXT,
    expires_at BIGINT,
    PRIMARY KEY (device_id, uuid)
);

-- Users with an account on the device, as it last reported them. Quota and use are bytes.
CREATE TABLE device_user (
    device_id        TEXT    NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    name             TEXT    NOT NULL,
    full_name        TEXT,
    uid              BIGINT,
    guid             TEXT,
    logged_in        BOOLEAN,
    has_data_to_sync BOOLEAN,
    data_quota       BIGINT,
    data_used        BIGINT,
    mobile_account   BOOLEAN,
    has_secure_token BOOLEAN,
    PRIMARY KEY (device_id, name)
);

-- System updates that the device last said it could install (AvailableOSUpdates).
CREATE TABLE available_update (
    device_id         TEXT    NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    product_key       TEXT    NOT NULL,
    name              TEXT,
    version           TEXT,
    build             TEXT,
    download_size     BIGINT,
    install_size      BIGINT,
    critical          BOOLEAN,
    major             BOOLEAN,
    security_response BOOLEAN,
    restart_required  BOOLEAN,
    deferred_until    BIGINT,
    PRIMARY KEY (device_id, product_key)
);

-- How far system updates are on the device (OSUpdateStatus). percent: downloaded.
CREATE TABLE update_progress (
    device_id           TEXT    NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    product_key         TEXT    NOT NULL,
    status              TEXT,
    downloaded          BOOLEAN,
    percent             BIGINT,
    deferrals_remaining BIGINT,
    next_install        BIGINT,
    PRIMARY KEY (device_id, product_key)
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
