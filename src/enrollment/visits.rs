//! Each enrolled device is visited at a moment of its own, once a day or oftener: it is asked anew what is on it, and woken where
//! it has been silent for a day. The moments follow from the devices' identifiers, so that a fleet is spread over the day.
//!
//! A question that still waits is never asked a second time: the queue of a silent device does not grow. One node at a time
//! visits; it takes a few devices by index and never looks at the whole fleet.

use super::{EnrollmentError, questions, rows};
use crate::commands::{self, NewCommand, Priority, Purpose};
use crate::context::Context;
use crate::directory::devices::{self, Device};
use crate::ids::{ChannelId, DeviceId, EnrollmentId};
use crate::push;
use ring::digest::{SHA256, digest};
use russet_protocol::Timestamp;
use russet_protocol::command::Command;
use russet_store::{Row, StoreError, Tx, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// After so long without a word a device is woken, whether something waits for it or not.
const QUIET: Duration = DAY;
/// The first visit comes so long after the enrollment, and as much again spread: what enrolling itself asks goes first.
const SETTLED: Duration = Duration::from_secs(15 * 60);
/// Devices of one transaction: each gets up to ten commands.
const BATCH: u32 = 8;
/// Between two looks, where nothing more is due.
const ROUND: Duration = Duration::from_secs(15);
const LEASE: &str = "visits of devices";
const LEASE_LASTS: Duration = Duration::from_secs(60);

/// Visits devices until told to stop, on one node at a time.
pub async fn run(ctx: Context, stop: CancellationToken) {
    loop {
        let pause = match turn(&ctx).await {
            Ok(visited) if visited == BATCH => Duration::ZERO,
            Ok(_) => ROUND,
            Err(error) => {
                tracing::warn!(%error, "devices were not visited; it is tried again soon");
                ROUND
            }
        };
        tokio::select! {
            () = stop.cancelled() => break,
            () = tokio::time::sleep(pause) => {}
        }
    }
    // Where it cannot be given up, it ends by itself.
    let _ = ctx.store.release_lease(LEASE).await;
}

async fn turn(ctx: &Context) -> Result<u32, EnrollmentError> {
    if !ctx.store.lease(LEASE, ctx.now().millis(), LEASE_LASTS).await? {
        return Ok(0);
    }
    round(ctx).await
}

/// A device that is due.
struct Due {
    enrollment: EnrollmentId,
    device: DeviceId,
    channel: ChannelId,
    inventory_at: Timestamp,
    is_leaving: bool,
}

/// Visits the devices that are due, a batch at most. How many those were.
///
/// # Errors
/// Where the store fails: nothing has happened then.
pub async fn round(ctx: &Context) -> Result<u32, EnrollmentError> {
    let mut tx = ctx.store.begin("visit devices").await?;
    let visited = visit(&mut *tx, ctx).await?;
    tx.commit().await?;
    Ok(visited)
}

/// [`round`], in a transaction of the caller's.
pub(super) async fn visit(tx: &mut dyn Tx, ctx: &Context) -> Result<u32, EnrollmentError> {
    let now = ctx.now();
    let due = due(tx, now).await?;
    let ids: Vec<DeviceId> = due.iter().map(|one| one.device).collect();
    let devices = devices::of_ids(tx, &ids).await?;
    let devices: BTreeMap<DeviceId, &Device> = devices.iter().map(|device| (device.id, device)).collect();
    let asked = asked(tx, &ids).await?;
    for one in due.iter().filter(|one| !one.is_leaving) {
        let Some(device) = devices.get(&one.device) else { continue };
        if one.inventory_at <= now {
            ask(tx, ctx, device, one.channel, &asked).await?;
        }
        if device.seen_at.is_none_or(|seen| now.since(seen) >= QUIET) {
            push::request(tx, one.channel, Priority::Bulk, now).await?;
        }
    }
    settle(tx, ctx, &due, now).await?;
    Ok(u32::try_from(due.len()).unwrap_or(BATCH))
}

async fn due(tx: &mut dyn Tx, now: Timestamp) -> Result<Vec<Due>, StoreError> {
    let sql = "SELECT e.id, e.device, e.inventory_at, e.unenroll_command, c.id AS channel
               FROM enrollment e JOIN channel c ON c.enrollment = e.id AND c.user_key = ''
               WHERE e.visit_at <= $1 AND e.state = 'live' ORDER BY e.visit_at LIMIT $2 {lock_skip}";
    let read = |row: &Row| {
        Ok(Due {
            enrollment: rows::id(row, "enrollment", "id")?,
            device: rows::id(row, "enrollment", "device")?,
            channel: rows::id(row, "channel", "channel")?,
            inventory_at: Timestamp(row.opt_int("inventory_at")?.unwrap_or(0)),
            is_leaving: row.opt_text("unenroll_command")?.is_some(),
        })
    };
    tx.rows(sql, &[now.millis().into(), BATCH.into()]).await?.iter().map(read).collect()
}

/// The questions that wait already, by device.
type Asked = BTreeMap<DeviceId, BTreeSet<String>>;

async fn asked(tx: &mut dyn Tx, devices: &[DeviceId]) -> Result<Asked, StoreError> {
    let mut asked = Asked::new();
    for open in commands::open_of_devices(tx, devices).await? {
        if open.purpose == Purpose::Inventory {
            asked.entry(open.device).or_default().insert(open.request_type);
        }
    }
    Ok(asked)
}

/// Everything that a device is asked about itself, but for what waits already.
pub(super) async fn unasked(tx: &mut dyn Tx, device: &Device) -> Result<Vec<Command>, StoreError> {
    let asked = asked(tx, &[device.id]).await?;
    Ok(new_questions(device, &asked))
}

fn new_questions(device: &Device, asked: &Asked) -> Vec<Command> {
    let mut all = questions::all(device);
    if let Some(asked) = asked.get(&device.id) {
        all.retain(|command| !asked.contains(command.request_type()));
    }
    all
}

async fn ask(
    tx: &mut dyn Tx,
    ctx: &Context,
    device: &Device,
    channel: ChannelId,
    asked: &Asked,
) -> Result<(), EnrollmentError> {
    for command in &new_questions(device, asked) {
        let (purpose, priority) = (Purpose::Inventory, Priority::Bulk);
        let new = NewCommand { channel, device: device.id, command, after: None, purpose, priority, expires_at: None };
        commands::enqueue(tx, ctx, new).await?;
    }
    Ok(())
}

/// Notes when each comes next.
async fn settle(tx: &mut dyn Tx, ctx: &Context, visited: &[Due], now: Timestamp) -> Result<(), StoreError> {
    let (every, cadence) = (ctx.config.fleet.inventory_every, cadence(ctx));
    // Less a part of a cadence: the visit that comes next to the time is the one, also after the first, which came early.
    let again = now.plus(every.saturating_sub(cadence / 4 * 3));
    let ids: Vec<String> = visited.iter().map(|one| one.enrollment.text()).collect();
    let values: Vec<Vec<Value<'_>>> = visited
        .iter()
        .zip(&ids)
        .map(|(one, id)| {
            let inventory_at = if one.inventory_at <= now { again } else { one.inventory_at };
            vec![id.into(), moment(one.device, now, cadence).millis().into(), inventory_at.millis().into()]
        })
        .collect();
    tx.many(
        "UPDATE enrollment SET visit_at = v.column2, inventory_at = v.column3
         FROM (VALUES {rows}) AS v WHERE enrollment.id = v.column1",
        &values,
    )
    .await?;
    Ok(())
}

/// The first visit to a device that has just enrolled.
pub(super) async fn begin(
    tx: &mut dyn Tx,
    enrollment: EnrollmentId,
    device: DeviceId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let at = moment(device, now, SETTLED).plus(SETTLED).millis();
    let sql = "UPDATE enrollment SET visit_at = $2, inventory_at = $2 WHERE id = $1";
    tx.run(sql, &[(&enrollment.text()).into(), at.into()]).await.map(|_| ())
}

/// How often devices are visited: each day, or as often as their inventory is wanted.
fn cadence(ctx: &Context) -> Duration {
    ctx.config.fleet.inventory_every.min(DAY)
}

/// The next moment after `now` that is this device's own, of those that come round each `cadence`.
fn moment(device: DeviceId, now: Timestamp, cadence: Duration) -> Timestamp {
    let cadence = i64::try_from(cadence.as_millis()).unwrap_or(i64::MAX).max(1);
    let hash = digest(&SHA256, device.0.as_bytes());
    let mut part = [0; 8];
    part.copy_from_slice(&hash.as_ref()[..8]);
    let own = i64::from_be_bytes(part).rem_euclid(cadence);
    let since = now.millis().saturating_sub(own).rem_euclid(cadence);
    Timestamp(now.millis().saturating_add(cadence - since))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::BEGIN;
    use uuid::Uuid;

    #[test]
    fn each_device_has_a_moment_of_its_own_and_a_fleet_is_spread_over_the_day() {
        let mut hours = BTreeMap::new();
        for number in 0..2400 {
            let device = DeviceId(Uuid::from_u128(number));
            let first = moment(device, BEGIN, DAY);
            let ahead = first.since(BEGIN);
            assert!(ahead > Duration::ZERO && ahead <= DAY);
            assert_eq!(moment(device, first, DAY), first.plus(DAY), "the same time each day");
            *hours.entry(ahead.as_secs() / 3600).or_insert(0) += 1;
        }
        assert!(hours.len() >= 24 && hours.values().all(|count| *count < 200), "{hours:?}");
    }
}
