-- The queue of commands, what came of them, and what devices said word for word.

-- The Command dictionary, once for all devices that get it; sealed, since profiles hold secrets. hash: SHA-256 of the plain body.
-- used_at: last enqueued, to the day.
CREATE TABLE command_body (
    hash    BLOB    PRIMARY KEY,
    sealed  BLOB    NOT NULL,
    used_at INTEGER NOT NULL
) STRICT;
CREATE INDEX command_body_used ON command_body (used_at);

-- Open commands only: what has ended moves to command_history in the same transaction.
-- state: queued, delivered, not_now. waits_for: the open command that has to succeed first. priority: 0 interactive, 1 bulk.
-- sent_as: the CommandUUID that the device knows, where a program chose one; devices may share it. Else it is uuid.
CREATE TABLE command (
    position     INTEGER PRIMARY KEY AUTOINCREMENT,
    uuid         TEXT    NOT NULL UNIQUE,
    sent_as      TEXT,
    channel_id   TEXT    NOT NULL,
    device_id    TEXT    NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    request_type TEXT    NOT NULL,
    body_hash    BLOB    NOT NULL REFERENCES command_body (hash),
    purpose      TEXT    NOT NULL,
    priority     INTEGER NOT NULL,
    state        TEXT    NOT NULL,
    waits_for    TEXT,
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER,
    delivered_at INTEGER,
    not_now_at   INTEGER
) STRICT;
CREATE INDEX command_queue ON command (channel_id, priority, position);
CREATE INDEX command_device ON command (device_id);
CREATE INDEX command_body_hash ON command (body_hash);
CREATE INDEX command_waits_for ON command (waits_for) WHERE waits_for IS NOT NULL;
CREATE INDEX command_expires ON command (expires_at) WHERE expires_at IS NOT NULL;
CREATE UNIQUE INDEX command_sent_as ON command (channel_id, sent_as) WHERE sent_as IS NOT NULL;
-- At most one open install of an app on a channel: two would reserve two licenses and update the app twice. What an admin
-- sends by hand has no app that we know of.
CREATE UNIQUE INDEX command_one_install ON command (channel_id, purpose)
    WHERE request_type = 'InstallApplication' AND purpose <> 'admin';

-- What came of commands. state: done, failed, dropped, expired. reason: why, in words, where the device did not say it.
-- error_chain: JSON. summary: what the answer says, in a few words.
CREATE TABLE command_history (
    uuid             TEXT    PRIMARY KEY,
    sent_as          TEXT,
    channel_id       TEXT    NOT NULL,
    device_id        TEXT    NOT NULL,
    request_type     TEXT    NOT NULL,
    body_hash        BLOB    NOT NULL,
    purpose          TEXT    NOT NULL,
    priority         INTEGER NOT NULL,
    state            TEXT    NOT NULL,
    reason           TEXT,
    error_chain      TEXT,
    rejection_reason TEXT,
    summary          TEXT,
    created_at       INTEGER NOT NULL,
    delivered_at     INTEGER,
    ended_at         INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX command_history_device ON command_history (device_id, purpose, ended_at);
CREATE INDEX command_history_ended ON command_history (ended_at);
CREATE INDEX command_history_sent_as ON command_history (channel_id, sent_as) WHERE sent_as IS NOT NULL;

-- Reports word for word. command_uuid as the device named it: it may be nobody's. is_sealed: raw holds a secret of
-- the device, such as its bypass code, and is sealed.
CREATE TABLE command_report (
    position     INTEGER PRIMARY KEY AUTOINCREMENT,
    channel_id   TEXT    NOT NULL,
    device_id    TEXT    NOT NULL,
    command_uuid TEXT,
    status       TEXT    NOT NULL,
    note         TEXT,
    raw          BLOB    NOT NULL,
    is_sealed    INTEGER NOT NULL,
    received_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX command_report_uuid ON command_report (command_uuid) WHERE command_uuid IS NOT NULL;
CREATE INDEX command_report_received ON command_report (received_at);
