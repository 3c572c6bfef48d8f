-- Apps that are managed, what is known and planned of each on each device, and its story.

-- An asset of an account, and how it is managed. scope: 'everyone', or 'nobody' while it is taken off all devices.
-- settings: what the app says over the account's defaults, as JSON. version: for edits.
CREATE TABLE app (
    id            TEXT    PRIMARY KEY,
    account_id    TEXT    NOT NULL,
    adam_id       INTEGER NOT NULL,
    pricing_param TEXT    NOT NULL,
    scope         TEXT    NOT NULL,
    settings      TEXT    NOT NULL,
    version       INTEGER NOT NULL,
    created_at    INTEGER NOT NULL,
    UNIQUE (account_id, adam_id, pricing_param)
) STRICT, WITHOUT ROWID;

-- One app on one device: the last verdict, and the planner's notes for the next plan, as JSON. basis: the versions of
-- the settings that the verdict speaks of.
CREATE TABLE device_app (
    device_id TEXT    NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    app_id    TEXT    NOT NULL REFERENCES app (id) ON DELETE CASCADE,
    state     TEXT    NOT NULL,
    reason    TEXT    NOT NULL,
    owner     TEXT    NOT NULL,
    since     INTEGER NOT NULL,
    next_at   INTEGER NOT NULL,
    license   TEXT    NOT NULL,
    settings  TEXT    NOT NULL,
    memory    TEXT    NOT NULL,
    basis     TEXT    NOT NULL,
    PRIMARY KEY (device_id, app_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX device_app_app ON device_app (app_id);

-- Notes on a device as a whole, under its present enrollment. revision: raised by each plan that is carried out, so that
-- of two plans made of the same facts only one is.
CREATE TABLE device_plan (
    device_id     TEXT    PRIMARY KEY REFERENCES device (id) ON DELETE CASCADE,
    enrollment_id TEXT,
    memory        TEXT    NOT NULL,
    revision      INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What happened to an app on a device, in plain English, in the order of the plans that said it.
CREATE TABLE app_story (
    device_id TEXT    NOT NULL REFERENCES device (id) ON DELETE CASCADE,
    app_id    TEXT    NOT NULL REFERENCES app (id) ON DELETE CASCADE,
    plan      INTEGER NOT NULL,
    place     INTEGER NOT NULL,
    at        INTEGER NOT NULL,
    step      TEXT    NOT NULL,
    text      TEXT    NOT NULL,
    PRIMARY KEY (device_id, app_id, plan, place)
) STRICT, WITHOUT ROWID;
