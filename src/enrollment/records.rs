//! The rows of enrollments: reading one with its lock, and finding those that stand for the same device.

use super::identity::State;
use super::rows;
use crate::ids::{DeviceId, EnrollmentId, InvitationId};
use russet_protocol::Timestamp;
use russet_store::{Row, StoreError, Tx};

/// One enrollment, as far as its changes of state need it.
#[derive(Debug, Clone)]
pub(super) struct Record {
    pub(super) id: EnrollmentId,
    pub(super) invitation: Option<InvitationId>,
    pub(super) profile_identifier: String,
    pub(super) state: State,
    pub(super) device: Option<DeviceId>,
    pub(super) udid: Option<String>,
    pub(super) user_enrollment_id: Option<String>,
    pub(super) serial: Option<String>,
    pub(super) live_at: Option<Timestamp>,
    pub(super) unenroll_command: Option<String>,
}

macro_rules! records {
    ($rest:literal) => {
        concat!(
            "SELECT id, invitation, profile_identifier, state, device, udid, user_enrollment_id, serial, live_at,
                    unenroll_command FROM enrollment ",
            $rest
        )
    };
}

/// One enrollment, locked until the transaction ends.
pub(super) async fn locked(tx: &mut dyn Tx, id: EnrollmentId) -> Result<Record, StoreError> {
    read(&tx.one(records!("WHERE id = $1 {lock}"), &[(&id.text()).into()]).await?)
}

/// The live enrollment of a device.
pub(super) async fn live_of(tx: &mut dyn Tx, device: DeviceId) -> Result<Option<Record>, StoreError> {
    let sql = records!("WHERE device = $1 AND state = 'live' {lock}");
    tx.optional(sql, &[(&device.text()).into()]).await?.as_ref().map(read).transpose()
}

/// The other live enrollments that name the same hardware: by UDID, EnrollmentID or serial number.
pub(super) async fn live_beside(tx: &mut dyn Tx, own: &Record) -> Result<Vec<Record>, StoreError> {
    beside(
        tx,
        records!("WHERE state = 'live' AND id <> $1 AND (udid = $2 OR user_enrollment_id = $3 OR serial = $4) {lock}"),
        own,
    )
    .await
}

/// The other held enrollments that name the same hardware, oldest first.
pub(super) async fn held_beside(tx: &mut dyn Tx, own: &Record) -> Result<Vec<Record>, StoreError> {
    beside(
        tx,
        records!(
            "WHERE state = 'held' AND id <> $1 AND (udid = $2 OR user_enrollment_id = $3 OR serial = $4) ORDER BY id {lock}"
        ),
        own,
    )
    .await
}

async fn beside(tx: &mut dyn Tx, sql: &'static str, own: &Record) -> Result<Vec<Record>, StoreError> {
    let id = own.id.text();
    let args = [
        (&id).into(),
        own.udid.as_deref().into(),
        own.user_enrollment_id.as_deref().into(),
        own.serial.as_deref().into(),
    ];
    tx.rows(sql, &args).await?.iter().map(read).collect()
}

/// Sets the state, and why.
pub(super) async fn set_state(
    tx: &mut dyn Tx,
    id: EnrollmentId,
    state: State,
    reason: Option<&str>,
) -> Result<(), StoreError> {
    let id = id.text();
    let args = [(&id).into(), state.text().into(), reason.into()];
    tx.run("UPDATE enrollment SET state = $2, reason = $3 WHERE id = $1", &args).await.map(|_| ())
}

fn read(row: &Row) -> Result<Record, StoreError> {
    Ok(Record {
        id: rows::id(row, "enrollment", "id")?,
        invitation: rows::opt_id(row, "enrollment", "invitation")?,
        profile_identifier: row.text("profile_identifier")?,
        state: State::read(row)?,
        device: rows::opt_id(row, "enrollment", "device")?,
        udid: row.opt_text("udid")?,
        user_enrollment_id: row.opt_text("user_enrollment_id")?,
        serial: row.opt_text("serial")?,
        live_at: row.opt_int("live_at")?.map(Timestamp),
        unenroll_command: row.opt_text("unenroll_command")?,
    })
}
