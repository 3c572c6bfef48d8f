-- The push outbox and the push certificate.

-- One row a channel: where its pushes go, and whether one is wanted. generation rises with each request and each new token,
-- so that the outcome of an older push cannot undo either. requested_at: since when somebody waits for the device, NULL when
-- nobody does. due_at: when a worker may push, NULL when it may not. stopped: why there are no pushes until the next TokenUpdate.
CREATE TABLE push_channel (
    channel_id   TEXT    PRIMARY KEY,
    topic        TEXT,
    token        BLOB,
    magic        TEXT,
    target_at    INTEGER,
    lane         INTEGER NOT NULL,
    generation   INTEGER NOT NULL,
    requested_at INTEGER,
    due_at       INTEGER,
    tried_at     INTEGER,
    pushed_at    INTEGER,
    attempts     INTEGER NOT NULL,
    trouble      TEXT,
    stopped      TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX push_channel_stopped ON push_channel (target_at) WHERE stopped IS NOT NULL;
CREATE INDEX push_channel_due ON push_channel (topic, lane, due_at) WHERE due_at IS NOT NULL;

-- One row: the push certificate in use. pause: why nothing is pushed before retry_at: 'refused' (APNs refuses it) or
-- 'unreachable' (APNs does not answer); pause_reason: the words.
CREATE TABLE push_certificate (
    id              INTEGER PRIMARY KEY CHECK (id = 1),
    topic           TEXT    NOT NULL,
    not_before      INTEGER NOT NULL,
    not_after       INTEGER NOT NULL,
    fingerprint     TEXT    NOT NULL,
    serial          TEXT    NOT NULL,
    certificate_pem TEXT    NOT NULL,
    key_sealed      BLOB    NOT NULL,
    imported_at     INTEGER NOT NULL,
    pause           TEXT,
    pause_reason    TEXT,
    retry_at        INTEGER
) STRICT;
