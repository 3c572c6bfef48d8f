-- What channels report about themselves by declarative management: JSON, merged from all reports.
CREATE TABLE declaration_status (
    channel     TEXT    PRIMARY KEY REFERENCES channel (id) ON DELETE CASCADE,
    report      TEXT    NOT NULL,
    received_at INTEGER NOT NULL
) STRICT;
