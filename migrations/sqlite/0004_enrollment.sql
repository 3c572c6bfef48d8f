-- Who devices are: the certificate authority, invitations, enrollments, identities, channels.

-- The certificate authority of this installation. Its key is the secret 'authority.<id>'.
CREATE TABLE authority (
    id          TEXT    PRIMARY KEY,
    certificate BLOB    NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A link that lets devices enroll. The code in it is stored as its SHA-256 only.
CREATE TABLE invitation (
    id           TEXT    PRIMARY KEY,
    code_hash    BLOB    NOT NULL UNIQUE,
    serial       TEXT,               -- the one serial number it is meant for
    owner_id     TEXT    REFERENCES directory_user (id) ON DELETE SET NULL,  -- the user it is meant for, who becomes the owner
    uses         INTEGER NOT NULL,   -- how many devices may enroll with it
    used         INTEGER NOT NULL,   -- how many have sent Authenticate
    sign_message INTEGER NOT NULL,   -- SignMessage of the profiles it gives out
    pkcs12       INTEGER NOT NULL,   -- whether its profiles bring the identity with its key, for clients without SCEP
    note         TEXT    NOT NULL,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    revoked_at   INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX invitation_serial ON invitation (serial) WHERE serial IS NOT NULL;
CREATE INDEX invitation_owner ON invitation (owner_id) WHERE owner_id IS NOT NULL;

-- One enrollment of a device, from the download of its profile on.
CREATE TABLE enrollment (
    id                     TEXT    PRIMARY KEY,
    invitation             TEXT    REFERENCES invitation (id),  -- none: an identity of an outside authority
    profile_identifier     TEXT    NOT NULL,  -- PayloadIdentifier of its enrollment profile
    topic                  TEXT    NOT NULL,  -- push topic in its enrollment profile
    public_url             TEXT,              -- of ServerURL and CheckInURL in its enrollment profile, which may never change
    state                  TEXT    NOT NULL CHECK (state IN ('offered', 'enrolling', 'live', 'held', 'rejected', 'ended')),
    reason                 TEXT,              -- why it is held, rejected or ended
    device                 TEXT,              -- from Authenticate on, unless held
    udid                   TEXT,
    user_enrollment_id     TEXT,
    serial                 TEXT,
    awaiting_configuration INTEGER NOT NULL,
    bootstrap_token        BLOB,              -- sealed
    unlock_token           BLOB,              -- sealed
    unenroll_command       TEXT,              -- CommandUUID of the RemoveProfile that ends it
    renew_at               INTEGER,           -- when its identity is to be renewed, or the renewal to be looked at
    renewal_command        TEXT,              -- CommandUUID of the InstallProfile that renews it
    renewal_asked_at       INTEGER,           -- when that was queued
    visit_at               INTEGER,           -- when it is visited next: asked what is on it, woken where it is silent
    inventory_at           INTEGER,           -- from when on a visit asks what is on it
    created_at             INTEGER NOT NULL,
    authenticated_at       INTEGER,
    live_at                INTEGER,
    ended_at               INTEGER
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX enrollment_live_of_device ON enrollment (device) WHERE state = 'live';
CREATE INDEX enrollment_by_device ON enrollment (device, authenticated_at);
CREATE INDEX enrollment_by_udid ON enrollment (udid);
CREATE INDEX enrollment_by_user_enrollment_id ON enrollment (user_enrollment_id);
CREATE INDEX enrollment_by_serial ON enrollment (serial);
CREATE INDEX enrollment_by_invitation ON enrollment (invitation, state, created_at);
CREATE INDEX enrollment_renew_at ON enrollment (renew_at) WHERE renew_at IS NOT NULL;
CREATE INDEX enrollment_visit_at ON enrollment (visit_at) WHERE visit_at IS NOT NULL;
CREATE INDEX enrollment_held ON enrollment (created_at) WHERE state = 'held';

-- A SCEP challenge, by its SHA-256: one use, one enrollment.
CREATE TABLE scep_challenge (
    hash       BLOB    PRIMARY KEY,
    enrollment TEXT    NOT NULL REFERENCES enrollment (id) ON DELETE CASCADE,
    expires_at INTEGER NOT NULL,
    used_at    INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX scep_challenge_by_enrollment ON scep_challenge (enrollment);

-- A certificate and the one enrollment it speaks for. origin: issued here by SCEP, issued here with its key, or bound at the
-- first Authenticate of an identity of a trusted outside authority.
CREATE TABLE identity (
    fingerprint    TEXT    PRIMARY KEY,  -- SHA-256 of the certificate, hex
    enrollment     TEXT    NOT NULL REFERENCES enrollment (id),
    certificate    BLOB    NOT NULL,
    public_key     BLOB    NOT NULL,     -- SHA-256 of the SubjectPublicKeyInfo
    origin         TEXT    NOT NULL CHECK (origin IN ('scep', 'pkcs12', 'outside')),
    transaction_id TEXT    NOT NULL,     -- of the SCEP request, else empty
    issued_at      INTEGER NOT NULL,
    not_after      INTEGER NOT NULL,
    confirmed_at   INTEGER,              -- first TokenUpdate or command answer with it
    replaced_at    INTEGER               -- when a newer one was confirmed
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX identity_by_request ON identity (enrollment, transaction_id, public_key);
CREATE INDEX identity_by_enrollment ON identity (enrollment, issued_at);

-- One conversation of an enrollment: the device itself (user_key empty) or one of its users.
-- address: the UDID or EnrollmentID, for a user with ':' and the user after it. Programs name channels so; it is compared
-- whole and never taken apart. token_updates: how many TokenUpdates came.
CREATE TABLE channel (
    id              TEXT    PRIMARY KEY,
    enrollment      TEXT    NOT NULL REFERENCES enrollment (id),
    user_key        TEXT    NOT NULL,
    address         TEXT    NOT NULL,
    user_short_name TEXT,
    user_long_name  TEXT,
    token_updates   INTEGER NOT NULL,
    created_at      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX channel_of_enrollment ON channel (enrollment, user_key);
CREATE INDEX channel_by_address ON channel (address);
CREATE INDEX channel_by_user_short_name ON channel (user_short_name) WHERE user_short_name IS NOT NULL;

-- The newest check-in message of each kind, as it came, sealed: it carries tokens.
CREATE TABLE checkin_message (
    enrollment   TEXT    NOT NULL REFERENCES enrollment (id),
    user_key     TEXT    NOT NULL,
    message_type TEXT    NOT NULL,
    body         BLOB    NOT NULL,
    received_at  INTEGER NOT NULL,
    PRIMARY KEY (enrollment, user_key, message_type)
) STRICT, WITHOUT ROWID;
