//! The conversations of enrollments, for the rooms that queue commands, and the enrollments of a device, for those that
//! show them.

use super::identity::State;
use super::rows;
use crate::ids::{ChannelId, DeviceId, EnrollmentId};
use russet_protocol::Timestamp;
use russet_protocol::checkin::Sender;
use russet_store::{Row, StoreError, Tx, Value};

/// The device channel of a live enrollment: where commands to the device go. A re-enrollment gives another one, with an
/// empty queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveChannel {
    /// The channel.
    pub channel: ChannelId,
    /// Its enrollment.
    pub enrollment: EnrollmentId,
    /// Its device.
    pub device: DeviceId,
    /// Since when it has been in use.
    pub live_at: Timestamp,
    /// Whether it is a user enrollment: no UDID, no serial number, user-assigned licenses only.
    pub user_enrollment: bool,
    /// Whether the device was asked to leave and has not done so yet: nothing more should be sent to it.
    pub leaving: bool,
    /// Whether the device acknowledged its erasure and has not spoken since: what was on it is gone.
    pub wiped: bool,
}

macro_rules! live {
    ($rest:literal) => {
        concat!(
            "SELECT c.id AS channel, e.id AS enrollment, e.device, e.live_at, e.user_enrollment_id, e.unenroll_command,
                    (SELECT s.wiped_at FROM device_standing s LEFT JOIN device_seen n ON n.device_id = s.device_id
                     WHERE s.device_id = e.device AND (n.seen_at IS NULL OR n.seen_at <= s.wiped_at)) AS wiped_at
             FROM enrollment e JOIN channel c ON c.enrollment = e.id AND c.user_key = '' WHERE e.state = 'live' AND ",
            $rest
        )
    };
}

/// The device channel of a device, where it is enrolled.
///
/// # Errors
/// Where the store fails.
pub async fn live_of_device(tx: &mut dyn Tx, device: DeviceId) -> Result<Option<LiveChannel>, StoreError> {
    let row = tx.optional(live!("e.device = $1"), &[(&device.text()).into()]).await?;
    row.as_ref().map(read).transpose()
}

/// As [`live_of_device`], and until the transaction ends the enrollment stays: what is queued for it now, its end will find.
///
/// # Errors
/// Where the store fails.
pub async fn hold_live_of_device(tx: &mut dyn Tx, device: DeviceId) -> Result<Option<LiveChannel>, StoreError> {
    let row = tx.optional(live!("e.device = $1 {lock}"), &[(&device.text()).into()]).await?;
    row.as_ref().map(read).transpose()
}

/// The device channels of those of these devices that are enrolled, in no order.
///
/// # Errors
/// Where the store fails.
pub async fn live_of_devices(tx: &mut dyn Tx, devices: &[DeviceId]) -> Result<Vec<LiveChannel>, StoreError> {
    let ids: Vec<String> = devices.iter().map(|device| device.text()).collect();
    let list: Vec<Value<'_>> = ids.iter().map(Into::into).collect();
    tx.rows_in(live!("e.device IN ({list})"), &[], &list).await?.iter().map(read).collect()
}

/// The channels of a device's users that go by this name: a `UserID`, or a short name.
///
/// # Errors
/// Where the store fails.
pub async fn of_user(tx: &mut dyn Tx, device: DeviceId, user: &str) -> Result<Vec<ChannelId>, StoreError> {
    let sql = "SELECT c.id FROM channel c JOIN enrollment e ON e.id = c.enrollment
               WHERE e.device = $1 AND e.state = 'live' AND c.user_key <> '' AND (c.user_key = $2 OR c.user_short_name = $2)";
    let rows = tx.rows(sql, &[(&device.text()).into(), user.into()]).await?;
    rows.iter().map(|row| rows::id(row, "channel", "id")).collect()
}

/// How many devices are enrolled.
///
/// # Errors
/// Where the store fails.
pub async fn live_count(tx: &mut dyn Tx) -> Result<u64, StoreError> {
    let row = tx.one("SELECT count(*) AS live FROM enrollment WHERE state = 'live'", &[]).await?;
    Ok(u64::try_from(row.int("live")?).unwrap_or(0))
}

/// One enrollment of a device, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shown {
    /// Its id.
    pub id: EnrollmentId,
    /// Where it stands.
    pub state: State,
    /// Why it is held, rejected or ended.
    pub reason: Option<String>,
    /// The push topic of its profile.
    pub topic: String,
    /// When Authenticate came.
    pub authenticated_at: Option<Timestamp>,
    /// When the first TokenUpdate came.
    pub live_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The last moment of the newest identity it has used.
    pub identity_ends_at: Option<Timestamp>,
    /// Since when a renewal of its identity waits for the device.
    pub renewing_since: Option<Timestamp>,
}

/// The enrollments of a device, newest first; the first one tells how it stands.
///
/// # Errors
/// Where the store fails.
pub async fn enrollments_of_device(tx: &mut dyn Tx, device: DeviceId) -> Result<Vec<Shown>, StoreError> {
    let sql = "SELECT id, state, reason, topic, authenticated_at, live_at, ended_at, renewal_asked_at,
                      (SELECT max(i.not_after) FROM identity i
                       WHERE i.enrollment = enrollment.id AND i.confirmed_at IS NOT NULL) AS identity_ends_at
               FROM enrollment WHERE device = $1 ORDER BY authenticated_at DESC, id DESC LIMIT 50";
    let show = |row: &Row| {
        Ok(Shown {
            id: rows::id(row, "enrollment", "id")?,
            state: State::read(row)?,
            reason: row.opt_text("reason")?,
            topic: row.text("topic")?,
            authenticated_at: row.opt_int("authenticated_at")?.map(Timestamp),
            live_at: row.opt_int("live_at")?.map(Timestamp),
            ended_at: row.opt_int("ended_at")?.map(Timestamp),
            identity_ends_at: row.opt_int("identity_ends_at")?.map(Timestamp),
            renewing_since: row.opt_int("renewal_asked_at")?.map(Timestamp),
        })
    };
    tx.rows(sql, &[(&device.text()).into()]).await?.iter().map(show).collect()
}

/// The device channel of an enrollment.
pub(super) async fn device_channel(tx: &mut dyn Tx, enrollment: EnrollmentId) -> Result<Option<ChannelId>, StoreError> {
    let sql = "SELECT id FROM channel WHERE enrollment = $1 AND user_key = ''";
    let row = tx.optional(sql, &[(&enrollment.text()).into()]).await?;
    row.map(|row| rows::id(&row, "channel", "id")).transpose()
}

/// All channels of an enrollment.
pub(super) async fn of_enrollment(tx: &mut dyn Tx, enrollment: EnrollmentId) -> Result<Vec<ChannelId>, StoreError> {
    let sql = "SELECT id FROM channel WHERE enrollment = $1 ORDER BY id";
    let rows = tx.rows(sql, &[(&enrollment.text()).into()]).await?;
    rows.iter().map(|row| rows::id(row, "channel", "id")).collect()
}

/// The channel of this sender, made where it is new: called with each TokenUpdate. Its address is made of what the enrollment
/// was bound to, not of what the message says.
pub(super) async fn ensure(
    tx: &mut dyn Tx,
    enrollment: EnrollmentId,
    sender: &Sender,
    id_if_new: ChannelId,
    now: Timestamp,
) -> Result<ChannelId, StoreError> {
    let user_key = sender.user_key().unwrap_or_default();
    let of_user = if user_key.is_empty() { String::new() } else { format!(":{user_key}") };
    tx.run(
        "INSERT INTO channel (id, enrollment, user_key, user_short_name, user_long_name, created_at, address, token_updates)
         SELECT $1, $2, $3, $4, $5, $6, coalesce(udid, user_enrollment_id, id) || $7, 1 FROM enrollment WHERE id = $2
         ON CONFLICT (enrollment, user_key) DO UPDATE SET
             token_updates = channel.token_updates + 1,
             user_short_name = coalesce(excluded.user_short_name, channel.user_short_name),
             user_long_name = coalesce(excluded.user_long_name, channel.user_long_name)",
        &[
            (&id_if_new.text()).into(),
            (&enrollment.text()).into(),
            user_key.into(),
            sender.user_short_name.as_deref().into(),
            sender.user_long_name.as_deref().into(),
            now.millis().into(),
            (&of_user).into(),
        ],
    )
    .await?;
    let sql = "SELECT id FROM channel WHERE enrollment = $1 AND user_key = $2";
    let row = tx.one(sql, &[(&enrollment.text()).into(), user_key.into()]).await?;
    rows::id(&row, "channel", "id")
}

fn read(row: &Row) -> Result<LiveChannel, StoreError> {
    Ok(LiveChannel {
        channel: rows::id(row, "channel", "channel")?,
        enrollment: rows::id(row, "enrollment", "enrollment")?,
        device: rows::id(row, "enrollment", "device")?,
        live_at: Timestamp(row.int("live_at")?),
        user_enrollment: row.opt_text("user_enrollment_id")?.is_some(),
        leaving: row.opt_text("unenroll_command")?.is_some(),
        wiped: row.opt_int("wiped_at")?.is_some(),
    })
}
