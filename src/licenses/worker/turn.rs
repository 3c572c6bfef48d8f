//! One turn: what is due for one account, and what trouble on the way means for it.

use super::desk::{Desk, Halt, Kept};
use super::{claim, follow, hints, marks, mirror, names, send};
use crate::context::Context;
use crate::ids::AccountId;
use crate::licenses::accounts::AccountState;
use crate::licenses::store::{self, Work};
use russet_apps_and_books::Failure;
use russet_planner::errors::{Class, Domain, look_up};
use russet_protocol::Timestamp;
use russet_store::StoreError;
use std::time::Duration;

/// The longest pause after repeated trouble.
const LONGEST_PAUSE: Duration = Duration::from_secs(300);

/// Does what is due; when something is due next.
pub(super) async fn turn(ctx: &Context, id: AccountId, kept: &mut Kept) -> Option<Timestamp> {
    match attempt(ctx, id, kept).await {
        Ok(next) => next,
        Err(error) => {
            tracing::warn!(account = %id, %error, "work on an App Store account stopped; trying again");
            None
        }
    }
}

async fn attempt(ctx: &Context, id: AccountId, kept: &mut Kept) -> Result<Option<Timestamp>, StoreError> {
    marks::catch_up(ctx, id).await?;
    let Some(work) = store::work(&mut *ctx.store.read().await?, id).await? else { return Ok(None) };
    let next = next_due(ctx, &work).await?;
    if next.is_none_or(|next| next > ctx.now()) {
        return Ok(next);
    }
    let (state, troubles) = (work.state, work.troubles);
    match chores(ctx, work, kept).await {
        Ok(()) => {
            if state != AccountState::Ready || troubles > 0 {
                let mut tx = ctx.store.begin("an account is well").await?;
                store::set_state(&mut *tx, id, AccountState::Ready, "All is well.", ctx.now()).await?;
                store::block(&mut *tx, id, None, 0).await?;
                tx.commit().await?;
            }
        }
        // Quietly: the other node does it, and says so itself.
        Err(Halt::Lost) => return Ok(None),
        Err(Halt::Store(error)) => return Err(error),
        Err(halt) => halted(ctx, id, troubles, &halt).await?,
    }
    let Some(work) = store::work(&mut *ctx.store.read().await?, id).await? else { return Ok(None) };
    next_due(ctx, &work).await
}

/// When something is due next; none where nothing is until somebody acts.
async fn next_due(ctx: &Context, work: &Work) -> Result<Option<Timestamp>, StoreError> {
    if work.state == AccountState::Stopped {
        return Ok(None);
    }
    let mut next = work.sync_due_at.min(work.assets_due_at);
    if !work.claimed {
        next = Timestamp(0);
    } else {
        let collect = i64::try_from(ctx.config.pace.license_collect.as_millis()).unwrap_or(0);
        let stale = names::stale(ctx.now());
        let chore = store::next_chore(&mut *ctx.store.read().await?, work.id, collect, stale).await?;
        next = chore.map_or(next, |chore| chore.min(next));
    }
    Ok(Some(work.blocked_until.map_or(next, |until| until.max(next))))
}

async fn chores(ctx: &Context, work: Work, kept: &mut Kept) -> Result<(), Halt> {
    let mut desk = Desk::open(ctx, work, kept).await?;
    let now = desk.now();
    if !desk.work.claimed || desk.work.sync_due_at <= now {
        claim::claim(&mut desk).await?;
    }
    hints::read(&desk).await?;
    desk.reload().await?;
    follow::due(&mut desk).await?;
    mirror::due(&mut desk).await?;
    send::due(&mut desk).await?;
    names::due(&desk).await
}

/// Writes down what the trouble means: an admin has to act, or it is tried again after a pause that grows.
async fn halted(ctx: &Context, id: AccountId, troubles: i64, halt: &Halt) -> Result<(), StoreError> {
    let now = ctx.now();
    let stopped = match halt {
        Halt::Stop(text) => Some(text.clone()),
        Halt::Setup(error) => Some(format!("{error}. Then ask for a synchronization.")),
        Halt::Apple(failure) => refused(failure),
        Halt::Lost | Halt::Store(_) => None,
    };
    let mut tx = ctx.store.begin("an account is in trouble").await?;
    if let Some(text) = stopped {
        tracing::warn!(account = %id, reason = %text, "an App Store account is stopped");
        store::set_state(&mut *tx, id, AccountState::Stopped, &text, now).await?;
    } else {
        let doublings = u32::try_from(troubles.clamp(0, 20)).unwrap_or(20);
        let growing = Duration::from_secs(1).saturating_mul(2_u32.saturating_pow(doublings)).min(LONGEST_PAUSE);
        let asked = match halt {
            Halt::Apple(failure) => failure.retry_after(),
            _ => None,
        };
        let pause = asked.unwrap_or(growing);
        tracing::info!(account = %id, %halt, pause_ms = pause.as_millis(), "trouble with an App Store account; trying again");
        let text = format!("{halt}. It is tried again by itself.");
        store::set_state(&mut *tx, id, AccountState::Trouble, &text, now).await?;
        store::block(&mut *tx, id, Some(now.plus(pause)), troubles.saturating_add(1)).await?;
    }
    tx.commit().await
}

/// The words for a refusal that only an admin can mend.
fn refused(failure: &Failure) -> Option<String> {
    let known = look_up(Domain::AppsAndBooks, failure.number()?)?;
    let stops = matches!(known.class, Class::Account);
    let number = known.number;
    stops.then(|| format!("Apple refuses the account: {} (error {number}). What helps: {}.", known.words, known.help))
}
