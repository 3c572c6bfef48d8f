//! Sending wishes: collected, shared out where licenses are scarce, grouped into few large calls, stored, then sent.

use super::desk::{Desk, Halt};
use super::settle::{self, End, aim, class};
use crate::events;
use crate::licenses::store::{self, Batch, Key, Wanted, Wish};
use russet_apps_and_books::{Action, Advice, AppleError, AssetKey, ErrorInfo, Failure, Limits};
use russet_planner::allocate::{self, allocate};
use russet_planner::errors::Class;
use russet_store::StoreError;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Wishes looked at in one turn.
const PART: u32 = 2000;
/// Serial numbers and licenses of one call, below Apple's limits: an event is one unit of failure, and a call is stored in one
/// transaction.
const MOST_SERIALS: usize = 200;
const MOST_LICENSES: usize = 500;
/// Those who wait for a license look by themselves so often; more licenses wake them at once.
const WAITING: Duration = Duration::from_secs(3600);
/// The first look at an event where no notification will come.
const FIRST_LOOK: Duration = Duration::from_secs(5);
/// Over Apple's limits on assets, people, devices.
const OVER_LIMIT: [i64; 3] = [9700, 9701, 9702];

pub(super) async fn due(desk: &mut Desk<'_>) -> Result<(), Halt> {
    let collect = desk.ctx.config.pace.license_collect;
    let wishes = {
        let mut tx = desk.ctx.store.begin("look at wishes for licenses").await?;
        store::due_wishes(&mut *tx, desk.id(), desk.now(), PART).await?
    };
    // The oldest decides: later ones go along.
    if wishes.iter().all(|wish| wish.since.plus(collect) > desk.now()) {
        return Ok(());
    }
    let open = without_done(desk, wishes).await?;
    let (give, take): (Vec<Wish>, Vec<Wish>) = open.into_iter().partition(|wish| wish.wanted == Wanted::Assigned);
    // First what comes back, so that it can be given soon.
    send_all(desk, Action::Disassociate, take).await?;
    let give = shared_out(desk, give).await?;
    send_all(desk, Action::Associate, give).await
}

/// Wishes that the mirror says are so already are done.
async fn without_done(desk: &Desk<'_>, wishes: Vec<Wish>) -> Result<Vec<Wish>, Halt> {
    let serials: BTreeSet<&str> = wishes.iter().map(|wish| wish.key.serial.as_str()).collect();
    let held = store::held(&mut *desk.ctx.store.read().await?, desk.id(), &serials).await?;
    let is_done = |wish: &Wish| {
        let key = (wish.key.adam, wish.key.pricing, wish.key.serial.as_str().to_owned());
        held.contains(&key) == (wish.wanted == Wanted::Assigned)
    };
    let (done, open): (Vec<Wish>, Vec<Wish>) = wishes.into_iter().partition(is_done);
    for action in [Action::Associate, Action::Disassociate] {
        let of_action = done.iter().filter(|wish| wish.wanted == aim(action));
        settle::settle(desk, action, of_action.map(|wish| (wish.clone(), End::Done)).collect()).await?;
    }
    Ok(open)
}

/// First come, first served; the rest waits.
async fn shared_out(desk: &Desk<'_>, wishes: Vec<Wish>) -> Result<Vec<Wish>, Halt> {
    let left = store::left(&mut *desk.ctx.store.read().await?, desk.id()).await?;
    let mut by_asset: BTreeMap<_, Vec<Wish>> = BTreeMap::new();
    for wish in wishes {
        by_asset.entry((wish.key.adam, wish.key.pricing)).or_default().push(wish);
    }
    let (mut given, mut waiting) = (Vec::new(), Vec::new());
    for (asset, wishes) in by_asset {
        let free = match left.get(&asset) {
            Some(None) => u64::MAX,
            Some(Some(free)) => *free,
            None => 0,
        };
        let asked = wishes.iter().map(|wish| allocate::Wish { who: wish.key.serial.clone(), since: wish.since });
        let shares = allocate(asked.collect(), free, 0);
        let may: BTreeSet<_> = shares.given.into_iter().collect();
        let (yes, no): (Vec<Wish>, Vec<Wish>) = wishes.into_iter().partition(|wish| may.contains(&wish.key.serial));
        given.extend(yes);
        waiting.extend(no);
    }
    let until = desk.now().plus(WAITING);
    let ends = waiting.into_iter().map(|wish| (wish, End::NoneLeft(until))).collect();
    settle::settle(desk, Action::Associate, ends).await?;
    Ok(given)
}

async fn send_all(desk: &mut Desk<'_>, action: Action, wishes: Vec<Wish>) -> Result<(), Halt> {
    if wishes.is_empty() {
        return Ok(());
    }
    desk.refresh_service().await?;
    let limits = desk.client()?.service().limits;
    for call in calls(wishes, limits) {
        send(desk, action, call).await?;
    }
    Ok(())
}

/// Few large calls: serial numbers with the same set of assets go together, cut to the limits. A call is for every asset of it
/// and every serial number of it.
fn calls(wishes: Vec<Wish>, limits: Limits) -> Vec<Vec<Wish>> {
    let mut by_serial: BTreeMap<_, BTreeMap<AssetKey, Wish>> = BTreeMap::new();
    for wish in wishes {
        let asset = AssetKey { adam_id: wish.key.adam, pricing_param: wish.key.pricing };
        by_serial.entry(wish.key.serial.clone()).or_default().insert(asset, wish);
    }
    let mut by_assets: BTreeMap<Vec<AssetKey>, Vec<BTreeMap<AssetKey, Wish>>> = BTreeMap::new();
    for wishes in by_serial.into_values() {
        by_assets.entry(wishes.keys().copied().collect()).or_default().push(wishes);
    }
    let mut calls = Vec::new();
    for (assets, serials) in by_assets {
        for assets in assets.chunks(limits.assets.max(1)) {
            let most = MOST_SERIALS.min(limits.serial_numbers).min(MOST_LICENSES / assets.len()).max(1);
            for serials in serials.chunks(most) {
                let of = |wishes: &BTreeMap<AssetKey, Wish>| -> Vec<Wish> {
                    assets.iter().filter_map(|asset| wishes.get(asset).cloned()).collect()
                };
                calls.push(serials.iter().flat_map(of).collect());
            }
        }
    }
    calls
}

/// One call: stored and committed, then sent, then its event stored.
async fn send(desk: &mut Desk<'_>, action: Action, wishes: Vec<Wish>) -> Result<(), Halt> {
    let (ctx, id) = (desk.ctx, desk.id());
    let batch = Batch { id: ctx.uuid(), action, event: None, sent_at: desk.now(), looks: 0 };
    let keys: Vec<Key> = wishes.iter().map(|wish| wish.key.clone()).collect();
    let mut tx = ctx.store.begin("store a license call before it is sent").await?;
    if !store::begin_batch(&mut *tx, id, &batch, &keys).await? {
        // Somebody has wished otherwise since these wishes were read; the next turn looks at all of them anew.
        return Ok(());
    }
    tx.commit().await?;

    let assets: BTreeSet<AssetKey> =
        keys.iter().map(|key| AssetKey { adam_id: key.adam, pricing_param: key.pricing }).collect();
    let serials: BTreeSet<String> = keys.iter().map(|key| key.serial.to_string()).collect();
    let (assets, serials): (Vec<_>, Vec<_>) = (assets.into_iter().collect(), serials.into_iter().collect());
    let (words, subject) = audited(desk, action, &assets, &serials);
    let entry = events::begin(ctx, "russet", words, &subject).await?;
    let outcome = desk.ask(desk.client()?.change(action, &assets, &serials)).await;
    let words = match &outcome {
        Ok(answer) => format!("accepted as event {}", answer.body),
        Err(halt) => format!("failed: {halt}"),
    };
    events::end(ctx, entry, &words).await?;
    match outcome {
        Ok(answer) => {
            let pace = ctx.config.pace.event_poll;
            let first = if desk.work.webhook_state == "notified" { pace } else { pace.min(FIRST_LOOK) };
            let mut tx = ctx.store.begin("store the event of a license call").await?;
            store::follow(&mut *tx, batch.id, &answer.body, desk.now().plus(first)).await?;
            tx.commit().await?;
            desk.heard(&answer.trailer)
        }
        Err(Halt::Apple(failure)) => refused(desk, &batch, wishes, failure).await,
        Err(halt) => Err(halt),
    }
}

fn audited(desk: &Desk<'_>, action: Action, assets: &[AssetKey], serials: &[String]) -> (&'static str, String) {
    let words = match action {
        Action::Associate => "give licenses at Apple",
        Action::Disassociate => "take licenses back at Apple",
    };
    let list = |items: &mut dyn Iterator<Item = String>| items.take(10).collect::<Vec<_>>().join(", ");
    let apps = list(&mut assets.iter().map(|asset| asset.adam_id.to_string()));
    let named = list(&mut serials.iter().cloned());
    let more = if serials.len() > 10 { " and others" } else { "" };
    let subject = format!("account {:?}: apps {apps}; {} serial numbers: {named}{more}", desk.work.name, serials.len());
    (words, subject)
}

/// What a refusal means for the wishes of the call, and whether the account's work goes on.
async fn refused(desk: &mut Desk<'_>, batch: &Batch, wishes: Vec<Wish>, failure: Failure) -> Result<(), Halt> {
    let all = |end: fn() -> End, wishes: Vec<Wish>| wishes.into_iter().map(|wish| (wish, end())).collect::<Vec<_>>();
    let number = failure.number().unwrap_or(0);
    match failure.advice() {
        Advice::ReadFirst => {
            look_later(desk, batch).await?;
            return Err(Halt::Apple(failure));
        }
        // Whether it is so already is for Apple's records to say.
        Advice::Stop if class(number) == Class::AlreadySo => return Ok(look_now(desk, batch).await?),
        Advice::Stop if OVER_LIMIT.contains(&number) => {
            desk.doubt_limits();
            settle::settle(desk, batch.action, all(|| End::Again, wishes)).await?;
        }
        Advice::Stop if class(number) != Class::Account => {
            let ends = blamed(&failure, wishes);
            settle::settle(desk, batch.action, ends).await?;
            return Ok(end(desk, batch).await?);
        }
        Advice::Again | Advice::Stop => settle::settle(desk, batch.action, all(|| End::Again, wishes)).await?,
    }
    end(desk, batch).await?;
    Err(Halt::Apple(failure))
}

/// Those that Apple's error names have failed; where it names none, all. The others are sent again without them.
fn blamed(failure: &Failure, wishes: Vec<Wish>) -> Vec<(Wish, End)> {
    let error = match failure {
        Failure::Apple { error, .. } => error.clone(),
        other => AppleError { number: 0, message: other.to_string(), info: ErrorInfo::default() },
    };
    let named = wishes.iter().any(|wish| concerns(&error.info, &wish.key));
    let end = |wish: &Wish| {
        if !named || concerns(&error.info, &wish.key) { End::Failed(error.clone()) } else { End::Again }
    };
    wishes.into_iter().map(|wish| (wish.clone(), end(&wish))).collect()
}

/// Whether an error is about this license: it names its asset or its serial number, and contradicts neither.
pub(super) fn concerns(info: &ErrorInfo, key: &Key) -> bool {
    let asset = info.assets.iter().any(|asset| (asset.adam_id, asset.pricing_param) == (key.adam, key.pricing));
    let serial = info.serial_numbers.iter().any(|serial| serial.eq_ignore_ascii_case(key.serial.as_str()));
    match (info.assets.is_empty(), info.serial_numbers.is_empty()) {
        (true, true) => false,
        (true, false) => serial,
        (false, true) => asset,
        (false, false) => asset && serial,
    }
}

async fn end(desk: &Desk<'_>, batch: &Batch) -> Result<(), StoreError> {
    let mut tx = desk.ctx.store.begin("a license call is decided").await?;
    store::end_batch(&mut *tx, batch.id).await?;
    tx.commit().await
}

async fn look_later(desk: &Desk<'_>, batch: &Batch) -> Result<(), StoreError> {
    look(desk, batch, desk.ctx.config.pace.event_poll).await
}

async fn look_now(desk: &Desk<'_>, batch: &Batch) -> Result<(), StoreError> {
    look(desk, batch, Duration::ZERO).await
}

async fn look(desk: &Desk<'_>, batch: &Batch, after: Duration) -> Result<(), StoreError> {
    let mut tx = desk.ctx.store.begin("a license call has an unclear end").await?;
    store::look_again(&mut *tx, batch, None, desk.now().plus(after)).await?;
    tx.commit().await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::AccountId;
    use russet_protocol::{AdamId, PricingParam, SerialNumber, Timestamp};
    use uuid::Uuid;

    fn wish(adam: u64, serial: usize) -> Wish {
        let serial = SerialNumber::new(format!("C{serial:04}")).unwrap();
        let account = AccountId(Uuid::nil());
        let key = Key { account, adam: AdamId(adam), pricing: PricingParam::Standard, serial };
        Wish { key, wanted: Wanted::Assigned, since: Timestamp(0), tries: 0 }
    }

    #[test]
    fn each_call_is_a_full_rectangle_within_the_limits() {
        // Everybody needs apps 1 to 30; the first seven also need app 99.
        let mut wishes: Vec<Wish> = (0..60).flat_map(|serial| (1..=30).map(move |adam| wish(adam, serial))).collect();
        wishes.extend((0..7).map(|serial| wish(99, serial)));
        let all: BTreeSet<Key> = wishes.iter().map(|wish| wish.key.clone()).collect();
        let limits = Limits { assets: 25, serial_numbers: 10, requests_per_second: 15 };
        let mut sent = BTreeSet::new();
        for call in calls(wishes, limits) {
            let adams: BTreeSet<_> = call.iter().map(|wish| wish.key.adam).collect();
            let serials: BTreeSet<_> = call.iter().map(|wish| wish.key.serial.clone()).collect();
            assert!(adams.len() <= 25 && serials.len() <= 10);
            assert_eq!(call.len(), adams.len() * serials.len(), "nobody gets what nobody wished");
            for wish in call {
                assert!(sent.insert(wish.key), "asked for twice");
            }
        }
        assert_eq!(sent, all);
    }

    #[test]
    fn an_error_is_about_what_it_names() {
        let key = wish(1, 5).key;
        let asset = AssetKey { adam_id: AdamId(1), pricing_param: PricingParam::Standard };
        let other = AssetKey { adam_id: AdamId(2), pricing_param: PricingParam::Standard };
        let info = |assets: &[AssetKey], serials: &[&str]| ErrorInfo {
            assets: assets.to_vec(),
            serial_numbers: serials.iter().map(|serial| (*serial).to_owned()).collect(),
            ..ErrorInfo::default()
        };
        assert!(concerns(&info(&[asset], &[]), &key) && concerns(&info(&[], &["c0005"]), &key));
        assert!(concerns(&info(&[asset, other], &["C0005"]), &key));
        assert!(!concerns(&info(&[], &[]), &key) && !concerns(&info(&[other], &["C0005"]), &key));
    }
}
