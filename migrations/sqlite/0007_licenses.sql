-- App Store accounts, the mirror of Apple's records, and what is to be changed at Apple.

-- One location at Apple. token and webhook_secret are sealed; token_hash refuses the same token twice, u_id the same location.
-- sync_due_at: when all records are read next; assets_due_at: when the counts are.
-- unmarked: up to which serial number the account's devices have been marked after a change; NULL where none is pending.
CREATE TABLE license_account (
    id                TEXT    PRIMARY KEY,
    name              TEXT    NOT NULL UNIQUE,
    token             BLOB    NOT NULL,
    token_hash        BLOB    NOT NULL UNIQUE,
    token_expires_at  INTEGER NOT NULL,
    organization_name TEXT    NOT NULL,
    u_id              TEXT    UNIQUE,
    location_name     TEXT,
    country_code      TEXT,
    platform          TEXT,
    state             TEXT    NOT NULL,
    state_text        TEXT    NOT NULL,
    state_at          INTEGER NOT NULL,
    take_over         INTEGER NOT NULL,
    claimed_at        INTEGER,
    webhook_path      TEXT    NOT NULL UNIQUE,
    webhook_secret    BLOB    NOT NULL,
    webhook_state     TEXT    NOT NULL,
    webhook_at        INTEGER,
    blocked_until     INTEGER,
    troubles          INTEGER NOT NULL,
    sync_due_at       INTEGER NOT NULL,
    assets_due_at     INTEGER NOT NULL,
    last_sync_at      INTEGER,
    defaults          TEXT    NOT NULL,
    defaults_version  INTEGER NOT NULL,
    unmarked          TEXT,
    created_at        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What the location owns. total and available are NULL for free apps without limit.
CREATE TABLE license_asset (
    account_id        TEXT    NOT NULL REFERENCES license_account (id) ON DELETE CASCADE,
    adam_id           INTEGER NOT NULL,
    pricing           TEXT    NOT NULL,
    product_type      TEXT    NOT NULL,
    device_assignable INTEGER NOT NULL,
    revocable         INTEGER NOT NULL,
    platforms         TEXT    NOT NULL,
    total             INTEGER,
    assigned          INTEGER NOT NULL,
    available         INTEGER,
    retired           INTEGER NOT NULL,
    seen_at           INTEGER NOT NULL,
    PRIMARY KEY (account_id, adam_id, pricing)
) STRICT, WITHOUT ROWID;

-- Names and bundle ids, from the metadata lookup. asked_at: also where nothing was found.
CREATE TABLE license_metadata (
    account_id          TEXT    NOT NULL REFERENCES license_account (id) ON DELETE CASCADE,
    adam_id             INTEGER NOT NULL,
    name                TEXT,
    bundle_id           TEXT,
    version             TEXT,
    external_version_id INTEGER,
    minimum_os          TEXT,
    icon_url            TEXT,
    asked_at            INTEGER NOT NULL,
    PRIMARY KEY (account_id, adam_id)
) STRICT, WITHOUT ROWID;

-- Which license is assigned to whom, as Apple last said. target_kind: serial or user.
CREATE TABLE license_assignment (
    account_id  TEXT    NOT NULL REFERENCES license_account (id) ON DELETE CASCADE,
    adam_id     INTEGER NOT NULL,
    pricing     TEXT    NOT NULL,
    target_kind TEXT    NOT NULL,
    target      TEXT    NOT NULL,
    since       INTEGER NOT NULL,
    seen_at     INTEGER NOT NULL,
    PRIMARY KEY (account_id, adam_id, pricing, target_kind, target)
) STRICT, WITHOUT ROWID;
CREATE INDEX license_assignment_target ON license_assignment (target_kind, target);

-- One call to Apple that gives or takes licenses. state: sending (stored before it is sent, so its outcome is unknown after a
-- crash), following (event_id is known), unclear (to be decided by reading Apple's records). Deleted when it is decided.
CREATE TABLE license_batch (
    id           TEXT    PRIMARY KEY,
    account_id   TEXT    NOT NULL REFERENCES license_account (id) ON DELETE CASCADE,
    action       TEXT    NOT NULL,
    state        TEXT    NOT NULL,
    event_id     TEXT,
    sent_at      INTEGER NOT NULL,
    look_at      INTEGER NOT NULL,
    looks        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX license_batch_account ON license_batch (account_id, look_at);
CREATE INDEX license_batch_event ON license_batch (event_id) WHERE event_id IS NOT NULL;

-- One open wish for each license and serial number: the primary key refuses a second. wanted: assigned or released.
-- state: open, sent (batch_id says with which call), waiting (no license is left), failed. No row: nothing is to be done.
CREATE TABLE license_intent (
    account_id   TEXT    NOT NULL REFERENCES license_account (id) ON DELETE CASCADE,
    adam_id      INTEGER NOT NULL,
    pricing      TEXT    NOT NULL,
    serial       TEXT    NOT NULL,
    wanted       TEXT    NOT NULL,
    state        TEXT    NOT NULL,
    since        INTEGER NOT NULL,
    batch_id     TEXT,
    error_number INTEGER,
    error_text   TEXT,
    tries        INTEGER NOT NULL,
    due_at       INTEGER NOT NULL,
    PRIMARY KEY (account_id, adam_id, pricing, serial)
) STRICT, WITHOUT ROWID;
CREATE INDEX license_intent_due ON license_intent (account_id, state, due_at);
CREATE INDEX license_intent_serial ON license_intent (serial);
CREATE INDEX license_intent_batch ON license_intent (batch_id) WHERE batch_id IS NOT NULL;

-- Apple's notifications as they came: kept for a while to know a repeated one. processed_at: when the worker has looked.
CREATE TABLE license_notification (
    account_id      TEXT    NOT NULL REFERENCES license_account (id) ON DELETE CASCADE,
    notification_id TEXT    NOT NULL,
    received_at     INTEGER NOT NULL,
    body            BLOB    NOT NULL,
    processed_at    INTEGER,
    PRIMARY KEY (account_id, notification_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX license_notification_waiting ON license_notification (account_id, received_at) WHERE processed_at IS NULL;
