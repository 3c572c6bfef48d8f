-- What the engine itself needs: who this installation is, sealed values, leases.

-- One row: the installation. key_check is a known text sealed under the master key, so that a wrong key is told at start.
CREATE TABLE instance (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    instance   TEXT    NOT NULL,
    key_check  BLOB    NOT NULL
) STRICT;

-- Secrets that belong to no row of a room: the certificate authority's key, the push certificate's key. Sealed.
CREATE TABLE secret (
    name       TEXT    PRIMARY KEY,
    sealed     BLOB    NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Work that one node at a time may do. Free when expires_at has passed.
CREATE TABLE lease (
    name       TEXT    PRIMARY KEY,
    owner      TEXT    NOT NULL,
    expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
