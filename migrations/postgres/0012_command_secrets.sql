-- What an admin will need after a command was carried out: the PIN of a locked or erased Mac, the password of recoveryOS.
-- Kept as long as the device is known, whatever becomes of the command's history. secret: sealed.
-- sent_as: as in command. confirmed_at: when the device acknowledged it.
CREATE TABLE command_secret (
    uuid       TEXT   PRIMARY KEY,
    sent_as    TEXT,
    device_id  TEXT   NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    name       TEXT   NOT NULL,
    secret     BYTEA  NOT NULL,
    created_at BIGINT NOT NULL,
    confirmed_at BIGINT
);
CREATE INDEX command_secret_device ON command_secret (device_id);
