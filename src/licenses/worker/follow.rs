//! Following calls to their end. Where Apple's answer is not known (a crash, a cut connection) there is no event to follow: then
//! Apple's records decide, and nothing is sent again before the call must have shown in them.

use super::desk::{Desk, Halt};
use super::records;
use super::send::concerns;
use super::settle::{End, aim, settle};
use crate::licenses::store::{self, Batch, Key, Wanted, Wish};
use russet_apps_and_books::{AppleError, ErrorInfo, EventState};
use russet_store::StoreError;
use std::time::Duration;

/// Calls looked at in one turn.
const PART: u32 = 100;
/// A call with an unclear answer must have shown in Apple's records after so many polls (5 minutes with the usual pace, after
/// which Apple expects an event to be asked about).
const UNCLEAR_POLLS: u32 = 10;
/// An event that is still pending after so many polls is given up for now (30 minutes; Apple: after 10 send again).
const PENDING_POLLS: i64 = 60;
/// Apple does not know the event.
const UNKNOWN_EVENT: i64 = 9708;

pub(super) async fn due(desk: &mut Desk<'_>) -> Result<(), Halt> {
    let batches = store::due_batches(&mut *desk.ctx.store.read().await?, desk.id(), desk.now(), PART).await?;
    for batch in batches {
        let wishes = store::wishes_of(&mut *desk.ctx.store.read().await?, desk.id(), batch.id).await?;
        if wishes.is_empty() || follow(desk, &batch, wishes).await? {
            let mut tx = desk.ctx.store.begin("a license call is decided").await?;
            store::end_batch(&mut *tx, batch.id).await?;
            tx.commit().await?;
        }
    }
    Ok(())
}

/// Whether the call is decided.
async fn follow(desk: &Desk<'_>, batch: &Batch, wishes: Vec<Wish>) -> Result<bool, Halt> {
    let Some(event) = &batch.event else { return unclear(desk, batch, wishes).await };
    let status = match desk.ask(desk.client()?.event(event)).await {
        Err(Halt::Apple(failure)) if failure.number() == Some(UNKNOWN_EVENT) => {
            return read(desk, batch, wishes, |_| Some(End::Again)).await;
        }
        outcome => outcome?,
    };
    desk.heard(&status.trailer)?;
    match status.body.state {
        EventState::Complete => {
            settle(desk, batch.action, wishes.into_iter().map(|wish| (wish, End::Done)).collect()).await?;
            Ok(true)
        }
        EventState::Failed => {
            let failures = status.body.failures;
            read(desk, batch, wishes, |key| Some(End::Failed(blame(&failures, key)))).await
        }
        EventState::Pending | EventState::Unknown if batch.looks >= PENDING_POLLS => {
            let message = "Apple has not finished the request in a long time".to_owned();
            let error = AppleError { number: 0, message, info: ErrorInfo::default() };
            read(desk, batch, wishes, |_| Some(End::Failed(error.clone()))).await
        }
        EventState::Pending | EventState::Unknown => {
            look_again(desk, batch).await?;
            Ok(false)
        }
    }
}

/// No event is known: what shows in Apple's records is done; the rest is waited for, and sent again once it must have shown.
async fn unclear(desk: &Desk<'_>, batch: &Batch, wishes: Vec<Wish>) -> Result<bool, Halt> {
    let patience = desk.ctx.config.pace.event_poll.saturating_mul(UNCLEAR_POLLS);
    let over = desk.now() >= batch.sent_at.plus(patience.max(Duration::from_secs(1)));
    read(desk, batch, wishes, |_| over.then_some(End::Again)).await
}

/// Decides by Apple's records: what the call was for is done, the rest ends as `otherwise` says, or is looked at again.
async fn read(
    desk: &Desk<'_>,
    batch: &Batch,
    wishes: Vec<Wish>,
    otherwise: impl Fn(&Key) -> Option<End>,
) -> Result<bool, Halt> {
    let keys: Vec<Key> = wishes.iter().map(|wish| wish.key.clone()).collect();
    let records = records::read(desk, &keys).await?;
    let wanted = aim(batch.action) == Wanted::Assigned;
    let (mut ends, mut undecided) = (Vec::new(), false);
    for wish in wishes {
        let is_so = records.assigned.contains(&wish.key) == wanted;
        let certain = records.certain.contains(&wish.key);
        match (certain && is_so, certain) {
            (true, _) => ends.push((wish, End::Done)),
            (false, true) => match otherwise(&wish.key) {
                Some(end) => ends.push((wish, end)),
                None => undecided = true,
            },
            (false, false) => undecided = true,
        }
    }
    settle(desk, batch.action, ends).await?;
    if undecided {
        look_again(desk, batch).await?;
    }
    Ok(!undecided)
}

/// Apple's reason for one license: the failure that names it, else any.
fn blame(failures: &[AppleError], key: &Key) -> AppleError {
    let named = failures.iter().find(|failure| concerns(&failure.info, key)).or(failures.first());
    named.cloned().unwrap_or_else(|| AppleError {
        number: 0,
        message: "Apple reported a failure without a reason".to_owned(),
        info: ErrorInfo::default(),
    })
}

async fn look_again(desk: &Desk<'_>, batch: &Batch) -> Result<(), StoreError> {
    let at = desk.now().plus(desk.ctx.config.pace.event_poll);
    let mut tx = desk.ctx.store.begin("look at a license call again").await?;
    store::look_again(&mut *tx, batch, batch.event.as_deref(), at).await?;
    tx.commit().await
}
