//! Claiming a location: who manages it is read first, since Apple keeps no order between MDM servers. Then we say that we do,
//! and where notifications go. Where Apple cannot reach our webhook, events are polled.

use super::desk::{Desk, Halt, taken};
use crate::events;
use crate::licenses::store::{self, Claimed};
use russet_apps_and_books::{Answer, Claim, ClientConfig, Failure, MdmInfo, Webhook};
use russet_store::StoreError;
use zeroize::Zeroizing;

/// Below Apple's documented limits on `mdmInfo` (`maxMdmNameLength`, `maxMdmMetadataLength`).
const LONGEST_NAME: usize = 100;
const LONGEST_METADATA: usize = 255;
/// The notifications we act on.
const TYPES: [&str; 2] = ["ASSET_COUNT", "ASSET_MANAGEMENT"];
/// Apple cannot use the webhook: incomplete, too long, not valid, not reachable.
const WEBHOOK_REFUSED: [i64; 4] = [9710, 9711, 9712, 9728];

pub(super) async fn claim(desk: &mut Desk<'_>) -> Result<(), Halt> {
    desk.refresh_service().await?;
    let before = desk.ask(desk.client()?.client_config()).await?;
    if let Some(info) = &before.trailer.mdm_info
        && info.id != desk.id().text()
        && !desk.work.take_over
    {
        return Err(Halt::Stop(taken(&info.name)));
    }
    if let Some(u_id) = &before.trailer.u_id {
        let other = store::other_with_location(&mut *desk.ctx.store.read().await?, desk.id(), u_id).await?;
        if let Some(other) = other {
            return Err(Halt::Stop(format!(
                "The token is of the same location as the account {other:?}. Use that account, and remove this one."
            )));
        }
        if desk.work.u_id.as_ref().is_some_and(|known| known != u_id) {
            return Err(Halt::Stop(
                "The server token is of another location than this account's. Give it a token of its own location, and add an account \
                 for the other one.".to_owned(),
            ));
        }
    }
    let ours = mdm_info(desk);
    let url = webhook_url(desk);
    let is_so = before.trailer.mdm_info.as_ref() == Some(&ours)
        && desk.work.webhook_state == "notified"
        && before.body.notification_url == url;
    let (after, webhook_state) = if is_so {
        (before, "notified")
    } else {
        let location = before.body.location_name.as_deref().unwrap_or_default();
        let subject = format!("location {location:?} of account {:?}", desk.work.name);
        let entry = events::begin(desk.ctx, "russet", "claim a location at Apple", &subject).await?;
        let outcome = write(desk, ours, url).await;
        let words =
            outcome.as_ref().map_or_else(|error| format!("failed: {error}"), |(_, state)| format!("done, {state}"));
        events::end(desk.ctx, entry, &words).await?;
        let (answer, state) = outcome?;
        // What the answer leaves out was read before.
        (Answer { body: filled(answer.body, before.body), trailer: answer.trailer }, state)
    };
    let mut tx = desk.ctx.store.begin("a location is claimed").await?;
    let it = Claimed {
        u_id: after.trailer.u_id.as_deref(),
        location_name: after.body.location_name.as_deref(),
        country: after.body.country.as_deref(),
        platform: after.body.default_platform.as_deref(),
        token_expires_at: after.trailer.token_expires_at,
        webhook_state,
        at: desk.now(),
    };
    store::claimed(&mut *tx, desk.id(), &it).await?;
    tx.commit().await?;
    desk.reload().await
}

/// With the webhook where Apple can reach it, else without.
async fn write(
    desk: &Desk<'_>,
    mdm_info: MdmInfo,
    url: Option<String>,
) -> Result<(Answer<ClientConfig>, &'static str), Halt> {
    if let Some(url) = url {
        let webhook = Webhook { url, secret: webhook_secret(desk)?, types: TYPES.to_vec() };
        let claim = Claim { mdm_info: mdm_info.clone(), webhook: Some(webhook) };
        match desk.ask(desk.client()?.claim(&claim)).await {
            Err(Halt::Apple(failure)) if refuses_webhook(&failure) => {
                tracing::info!(account = %desk.id(), %failure, "Apple cannot reach the webhook; license events are polled");
            }
            outcome => return Ok((outcome?, "notified")),
        }
    }
    let answer = desk.ask(desk.client()?.claim(&Claim { mdm_info, webhook: None })).await?;
    Ok((answer, "polling"))
}

fn refuses_webhook(failure: &Failure) -> bool {
    failure.number().is_some_and(|number| WEBHOOK_REFUSED.contains(&number))
}

fn mdm_info(desk: &Desk<'_>) -> MdmInfo {
    let config = &desk.ctx.config;
    let short = |text: String, most: usize| text.chars().take(most).collect();
    MdmInfo {
        id: desk.id().text(),
        name: short(format!("Russet, {}", config.organization), LONGEST_NAME),
        // Tells apart two installations with one restored database, which have the same id.
        metadata: short(config.device.public_url.clone(), LONGEST_METADATA),
    }
}

/// Apple takes https only.
fn webhook_url(desk: &Desk<'_>) -> Option<String> {
    let base = &desk.ctx.config.device.public_url;
    base.starts_with("https://").then(|| format!("{base}/apple/notifications/{}", desk.work.webhook_path))
}

fn webhook_secret(desk: &Desk<'_>) -> Result<Zeroizing<String>, StoreError> {
    let (work, sealer) = (&desk.work, desk.ctx.store.sealer());
    let bytes = sealer.open(store::ACCOUNT, store::WEBHOOK, &work.id.text(), &work.webhook_secret)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| StoreError::corrupt(store::ACCOUNT, store::WEBHOOK, work.id))?;
    Ok(Zeroizing::new(text.to_owned()))
}

fn filled(new: ClientConfig, before: ClientConfig) -> ClientConfig {
    ClientConfig {
        country: new.country.or(before.country),
        default_platform: new.default_platform.or(before.default_platform),
        location_name: new.location_name.or(before.location_name),
        ..new
    }
}
