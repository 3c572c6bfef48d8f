//! Writing down how a call ended, license by license: in the mirror, on the wish, and as a mark on the device.

use super::desk::{Desk, Halt};
use crate::directory::dirty::{self, Lane};
use crate::licenses::store::{self, Key, Wanted, Wish};
use russet_apps_and_books::{Action, AppleError};
use russet_planner::errors::{Class, Domain, look_up};
use russet_protocol::Timestamp;
use russet_store::{StoreError, Tx};
use std::time::Duration;

/// Licenses of one transaction.
const PART: usize = 250;
/// From so many on it is a mass change, which must not delay devices that somebody waits for.
const MASS: usize = 50;
/// When Apple said that none is left although it counted some: looked at again after this, or when there are more.
const NONE_LEFT: Duration = Duration::from_secs(600);
/// After passing trouble, by how often it was tried; then what needs an admin.
const LADDER: [Duration; 5] = [
    Duration::from_secs(60),
    Duration::from_secs(300),
    Duration::from_secs(900),
    Duration::from_secs(3600),
    Duration::from_secs(6 * 3600),
];
const DAILY: Duration = Duration::from_secs(24 * 3600);

/// How it ended for one license.
pub(super) enum End {
    /// What the call was for is so.
    Done,
    /// It is to be sent again.
    Again,
    /// No license is left; looked at again then.
    NoneLeft(Timestamp),
    /// It failed.
    Failed(AppleError),
}

/// Writes down how licenses ended. Those that are not named stay as they are.
pub(super) async fn settle(desk: &Desk<'_>, action: Action, ends: Vec<(Wish, End)>) -> Result<(), Halt> {
    let lane = if ends.len() < MASS { Lane::Interactive } else { Lane::Bulk };
    for part in ends.chunks(PART) {
        let now = desk.now();
        let mut tx = desk.ctx.store.begin("settle licenses").await?;
        for (wish, end) in part {
            one(&mut *tx, action, wish, end, now).await?;
        }
        // After all wishes: the reconciler, too, writes a device's wishes before its mark.
        let serials = part.iter().map(|(wish, _)| &wish.key.serial);
        dirty::mark_serials(&mut *tx, serials, lane, "a license changed", now).await?;
        tx.commit().await?;
    }
    Ok(())
}

async fn one(tx: &mut dyn Tx, action: Action, wish: &Wish, end: &End, now: Timestamp) -> Result<(), StoreError> {
    let key = &wish.key;
    match end {
        End::Done => is_so(tx, key, aim(action), now).await,
        End::Again => store::reopen(tx, key, now).await,
        // The opposite is wanted by now: whatever kept the call from its aim, it is tried.
        End::NoneLeft(_) | End::Failed(_) if !store::is_wanted(tx, key, aim(action)).await? => {
            store::reopen(tx, key, now).await
        }
        End::NoneLeft(at) => store::wait(tx, key, *at).await,
        End::Failed(error) => match class(error.number) {
            Class::NoneLeft => store::wait(tx, key, now.plus(NONE_LEFT)).await,
            class => {
                let pause = match class {
                    Class::Admin | Class::Person | Class::Ours => DAILY,
                    _ => {
                        let step = usize::try_from(wish.tries).unwrap_or(0).min(LADDER.len() - 1);
                        LADDER.get(step).copied().unwrap_or(DAILY)
                    }
                };
                store::failed(tx, key, error.number, &words(error), now.plus(pause)).await
            }
        },
    }
}

/// What a call is for.
pub(super) fn aim(action: Action) -> Wanted {
    match action {
        Action::Associate => Wanted::Assigned,
        Action::Disassociate => Wanted::Released,
    }
}

/// It is so at Apple: the mirror says it, and the wish is done where that is what is wanted.
pub(super) async fn is_so(tx: &mut dyn Tx, key: &Key, so: Wanted, now: Timestamp) -> Result<(), StoreError> {
    match so {
        Wanted::Assigned => store::gained(tx, key, now).await?,
        Wanted::Released => store::lost(tx, key, now).await?,
    }
    store::came_true(tx, key, so, now).await
}

/// What an error number asks for.
pub(super) fn class(number: i64) -> Class {
    look_up(Domain::AppsAndBooks, number).map_or(Class::Passing, |known| known.class)
}

/// Apple's words; ours where it had none.
fn words(error: &AppleError) -> String {
    let message = error.message.trim();
    if !message.is_empty() {
        return message.to_owned();
    }
    let known = look_up(Domain::AppsAndBooks, error.number);
    known.map_or_else(|| "Apple gave no reason".to_owned(), |known| known.words.to_owned())
}
