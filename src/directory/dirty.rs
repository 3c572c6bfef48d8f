//! Dirty marks: which devices somebody has to look at, and when.
//!
//! One row a device. Each change raises the generation; a mark is cleared only if its generation has not moved since it was
//! taken, so that no change is lost between looking and clearing. A wait is a mark with a later time. A worker takes marks
//! under a lease; where it dies, the marks come back when the lease ends.

use super::devices;
use crate::ids::DeviceId;
use russet_protocol::{SerialNumber, Timestamp};
use russet_store::{Row, StoreError, Tx, Value, Wake};
use std::collections::BTreeSet;
use std::time::Duration;

/// How urgent a mark is. The lanes share the workers half and half, so that a mass change never delays a device that has
/// just enrolled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// A device spoke or somebody waits before the screen.
    Interactive,
    /// A change to many devices.
    Bulk,
}

impl Lane {
    /// The number that is stored: smaller is more urgent.
    pub(crate) fn number(self) -> i64 {
        match self {
            Self::Interactive => 0,
            Self::Bulk => 1,
        }
    }

    /// Reads the stored number; commands that pass everything have one below zero.
    pub(crate) fn from_number(number: i64) -> Self {
        if number <= 0 { Self::Interactive } else { Self::Bulk }
    }
}

/// A mark that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// The device to look at.
    pub device: DeviceId,
    /// How urgent it is.
    pub lane: Lane,
    /// Its generation when it was taken.
    pub generation: i64,
    /// Why it is there, each cause once.
    pub causes: Vec<String>,
    /// The node that took it.
    node: String,
}

/// While a mark is taken its own due time is used up; only a newer mark sets one again.
const USED_UP: i64 = i64::MAX;

/// The part of each marking statement after the values: raises the generation, keeps the more urgent lane and the earlier
/// time, adds the cause. While a worker has the mark, `ready_at` stays the end of its lease.
macro_rules! marking {
    ($head:literal) => {
        concat!(
            "INSERT INTO dirty_mark (device_id, lane, generation, due_at, ready_at, causes) ",
            $head,
            " ON CONFLICT (device_id) DO UPDATE SET
                generation = dirty_mark.generation + 1,
                lane = CASE WHEN excluded.lane < dirty_mark.lane THEN excluded.lane ELSE dirty_mark.lane END,
                due_at = CASE WHEN excluded.due_at < dirty_mark.due_at THEN excluded.due_at ELSE dirty_mark.due_at END,
                ready_at = CASE WHEN dirty_mark.lease_owner IS NULL AND excluded.due_at < dirty_mark.ready_at
                                THEN excluded.due_at ELSE dirty_mark.ready_at END,
                causes = CASE WHEN ',' || dirty_mark.causes || ',' LIKE '%,' || excluded.causes || ',%'
                                OR length(dirty_mark.causes) > 400
                              THEN dirty_mark.causes ELSE dirty_mark.causes || ',' || excluded.causes END"
        )
    };
}

/// Marks a device to be looked at from `due_at` on. `cause` is a few words without a comma.
pub async fn mark(
    tx: &mut dyn Tx,
    device: DeviceId,
    lane: Lane,
    cause: &'static str,
    due_at: Timestamp,
) -> Result<(), StoreError> {
    let (id, due) = (device.text(), Value::from(due_at.millis()));
    let values = [(&id).into(), lane.number().into(), 1_i64.into(), due, due, cause.into()];
    tx.later(marking!("VALUES ($1, $2, $3, $4, $5, $6)"), &values).await?;
    tx.wake(Wake::Reconciler);
    Ok(())
}

/// Marks many devices.
pub async fn mark_many(
    tx: &mut dyn Tx,
    devices: &[DeviceId],
    lane: Lane,
    cause: &'static str,
    due_at: Timestamp,
) -> Result<(), StoreError> {
    // In one order everywhere, so that two transactions cannot wait for each other.
    let ids: BTreeSet<String> = devices.iter().map(|device| device.text()).collect();
    let due: Value<'_> = due_at.millis().into();
    let rows: Vec<Vec<Value<'_>>> =
        ids.iter().map(|id| vec![id.into(), lane.number().into(), 1_i64.into(), due, due, cause.into()]).collect();
    tx.many(marking!("VALUES {rows}"), &rows).await?;
    tx.wake(Wake::Reconciler);
    Ok(())
}

/// Marks the devices with these serial numbers, as far as there are any.
pub async fn mark_serials(
    tx: &mut dyn Tx,
    serials: impl IntoIterator<Item = &SerialNumber>,
    lane: Lane,
    cause: &'static str,
    due_at: Timestamp,
) -> Result<(), StoreError> {
    let serials: BTreeSet<String> = serials.into_iter().map(|serial| serial.as_str().to_ascii_uppercase()).collect();
    let list: Vec<Value<'_>> = serials.iter().map(Into::into).collect();
    tx.run_in(
        marking!("SELECT id, $1, 1, $2, $2, $3 FROM device WHERE serial IN ({list}) ORDER BY id"),
        &[lane.number().into(), due_at.millis().into(), cause.into()],
        &list,
    )
    .await?;
    tx.wake(Wake::Reconciler);
    Ok(())
}

/// Marks every device.
pub async fn mark_all(tx: &mut dyn Tx, lane: Lane, cause: &'static str, due_at: Timestamp) -> Result<(), StoreError> {
    tx.run(
        marking!("SELECT id, $1, 1, $2, $2, $3 FROM device WHERE id IS NOT NULL ORDER BY id"),
        &[lane.number().into(), due_at.millis().into(), cause.into()],
    )
    .await?;
    tx.wake(Wake::Reconciler);
    Ok(())
}

/// The devices that somebody has to look at now, or is looking at.
pub async fn busy(tx: &mut dyn Tx, now: Timestamp) -> Result<Vec<DeviceId>, StoreError> {
    let sql = "SELECT device_id FROM dirty_mark WHERE lease_owner IS NOT NULL OR ready_at <= $1";
    tx.rows(sql, &[now.millis().into()]).await?.iter().map(|row| devices::id(row, "device_id")).collect()
}

/// Takes up to `limit` marks that are due, at most half of them from one lane while the other has as many waiting. Nobody else
/// gets them for `lease`.
pub async fn take(
    tx: &mut dyn Tx,
    node: &str,
    limit: u32,
    now: Timestamp,
    lease: Duration,
) -> Result<Vec<Mark>, StoreError> {
    let mut interactive = due(tx, Lane::Interactive, limit, now, node).await?;
    let mut bulk = due(tx, Lane::Bulk, limit, now, node).await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let for_bulk = bulk.len().min((limit / 2).max(limit.saturating_sub(interactive.len())));
    bulk.truncate(for_bulk);
    interactive.truncate(limit - for_bulk);
    interactive.append(&mut bulk);
    let ids: Vec<String> = interactive.iter().map(|mark| mark.device.text()).collect();
    let list: Vec<Value<'_>> = ids.iter().map(Into::into).collect();
    tx.run_in(
        "UPDATE dirty_mark SET lease_owner = $1, ready_at = $2, due_at = $3 WHERE device_id IN ({list})",
        &[node.into(), now.plus(lease).millis().into(), USED_UP.into()],
        &list,
    )
    .await?;
    Ok(interactive)
}

async fn due(tx: &mut dyn Tx, lane: Lane, limit: u32, now: Timestamp, node: &str) -> Result<Vec<Mark>, StoreError> {
    let rows = tx
        .rows(
            "SELECT device_id, generation, causes FROM dirty_mark WHERE lane = $1 AND ready_at <= $2
             ORDER BY ready_at LIMIT $3 {lock_skip}",
            &[lane.number().into(), now.millis().into(), limit.into()],
        )
        .await?;
    rows.iter().map(|row| read(row, lane, node)).collect()
}

fn read(row: &Row, lane: Lane, node: &str) -> Result<Mark, StoreError> {
    Ok(Mark {
        device: devices::id(row, "device_id")?,
        lane,
        generation: row.int("generation")?,
        causes: row.text("causes")?.split(',').filter(|cause| !cause.is_empty()).map(str::to_owned).collect(),
        node: node.to_owned(),
    })
}

/// The device was looked at. With `next` it is to be looked at again then, for that cause; a change that came meanwhile
/// makes it due at its own time. Nothing happens where the lease went to another node.
pub async fn done(tx: &mut dyn Tx, mark: &Mark, next: Option<(Timestamp, &'static str)>) -> Result<(), StoreError> {
    let id = mark.device.text();
    let ours: [Value<'_>; 3] = [(&id).into(), (&mark.node).into(), mark.generation.into()];
    let settled = match next {
        None => {
            tx.run("DELETE FROM dirty_mark WHERE device_id = $1 AND lease_owner = $2 AND generation = $3", &ours)
                .await?
        }
        Some((at, cause)) => {
            let [device, node, generation] = ours;
            tx.run(
                "UPDATE dirty_mark SET lease_owner = NULL, due_at = $4, ready_at = $4, causes = $5, lane = $6
                 WHERE device_id = $1 AND lease_owner = $2 AND generation = $3",
                &[device, node, generation, at.millis().into(), cause.into(), mark.lane.number().into()],
            )
            .await?
        }
    };
    if settled == 0 {
        let at = next.map_or(USED_UP, |(at, _)| at.millis());
        tx.run(
            "UPDATE dirty_mark SET lease_owner = NULL,
                 due_at = CASE WHEN due_at < $3 THEN due_at ELSE $3 END,
                 ready_at = CASE WHEN due_at < $3 THEN due_at ELSE $3 END
             WHERE device_id = $1 AND lease_owner = $2",
            &[(&id).into(), (&mark.node).into(), at.into()],
        )
        .await?;
        tx.wake(Wake::Reconciler);
    }
    Ok(())
}

/// [`done`] for many marks, each with its own next time: a device that is as wanted costs next to nothing.
pub async fn done_many(tx: &mut dyn Tx, marks: &[(&Mark, Timestamp)], cause: &'static str) -> Result<(), StoreError> {
    // In one order everywhere, so that two transactions cannot wait for each other.
    let mut marks = marks.to_vec();
    marks.sort_by_key(|(mark, _)| mark.device);
    let ids: Vec<String> = marks.iter().map(|(mark, _)| mark.device.text()).collect();
    let rows: Vec<Vec<Value<'_>>> = marks
        .iter()
        .zip(&ids)
        .map(|((mark, at), id)| {
            let lane = mark.lane.number();
            vec![id.into(), (&mark.node).into(), mark.generation.into(), at.millis().into(), cause.into(), lane.into()]
        })
        .collect();
    let settled = tx
        .many(
            "UPDATE dirty_mark SET lease_owner = NULL, due_at = v.column4, ready_at = v.column4, causes = v.column5,
                 lane = v.column6
             FROM (VALUES {rows}) AS v
             WHERE device_id = v.column1 AND lease_owner = v.column2 AND generation = v.column3",
            &rows,
        )
        .await?;
    if usize::try_from(settled).is_ok_and(|settled| settled == marks.len()) {
        return Ok(());
    }
    // A change came to one of them: those that are settled are not touched again.
    for (mark, at) in marks {
        done(tx, mark, Some((at, cause))).await?;
    }
    Ok(())
}

/// Takes back the leases of this node, which has just started: what it had taken before is due at once.
pub async fn reclaim(tx: &mut dyn Tx, node: &str, now: Timestamp) -> Result<u64, StoreError> {
    let back = tx
        .run(
            "UPDATE dirty_mark SET lease_owner = NULL, due_at = $2, ready_at = $2 WHERE lease_owner = $1",
            &[node.into(), now.millis().into()],
        )
        .await?;
    tx.wake(Wake::Reconciler);
    Ok(back)
}

/// When the next mark becomes ready, so that a worker knows how long it may sleep.
pub async fn next_ready(tx: &mut dyn Tx) -> Result<Option<Timestamp>, StoreError> {
    let mut next: Option<i64> = None;
    for lane in [Lane::Interactive, Lane::Bulk] {
        let sql = "SELECT ready_at FROM dirty_mark WHERE lane = $1 ORDER BY ready_at LIMIT 1";
        if let Some(row) = tx.optional(sql, &[lane.number().into()]).await? {
            let ready = row.int("ready_at")?;
            next = Some(next.map_or(ready, |soonest| soonest.min(ready)));
        }
    }
    Ok(next.map(Timestamp))
}

/// The mark of a device, for explanations: from when on it is due, and why. `None`: nobody has to look.
pub async fn of_device(tx: &mut dyn Tx, device: DeviceId) -> Result<Option<(Timestamp, Vec<String>)>, StoreError> {
    let sql = "SELECT ready_at, causes FROM dirty_mark WHERE device_id = $1";
    let Some(row) = tx.optional(sql, &[(&device.text()).into()]).await? else { return Ok(None) };
    let causes = row.text("causes")?.split(',').map(str::to_owned).collect();
    Ok(Some((Timestamp(row.int("ready_at")?), causes)))
}
