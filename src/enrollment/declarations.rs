//! Declarative management: what a channel is told about its declarations (there are none yet, and that is what it hears), and the
//! status it reports. Sources: Apple schema, `declarativemanagement.yaml`, `tokensresponse.yaml`, `statusreport.yaml`; Apple docs,
//! Integrating declarative management.

mod merge;

use super::identity::Speaker;
use super::{EnrollmentError, rows};
use crate::commands::{self, ChannelKind, NewCommand, OpenCommand, Priority, Purpose};
use crate::context::Context;
use crate::ids::{ChannelId, DeviceId};
use russet_protocol::Timestamp;
use russet_protocol::checkin::DeclarativeManagement;
use russet_protocol::command::Command;
use russet_store::{StoreError, Tx};
use serde_json::{Value, json};

/// The token of the empty set: it changes with the set, and this one never does.
const NOTHING_DECLARED: &str = "nothing-declared";
/// Most bytes of a channel's merged status. Lists of all apps have some hundred kB.
const LARGEST: usize = 8 << 20;

/// What a channel hears. `None`: there is no such declaration, or no such endpoint.
pub(super) async fn answer(
    tx: &mut dyn Tx,
    ctx: &Context,
    speaker: &Speaker,
    message: &DeclarativeManagement,
) -> Result<Option<Vec<u8>>, StoreError> {
    let answer = match message.endpoint.as_str() {
        "tokens" => {
            let since = set_since(tx, ctx, speaker).await?;
            json!({ "SyncTokens": { "DeclarationsToken": NOTHING_DECLARED, "Timestamp": since } })
        }
        "declaration-items" => json!({
            "Declarations": { "Activations": [], "Assets": [], "Configurations": [], "Management": [] },
            "DeclarationsToken": NOTHING_DECLARED,
        }),
        "status" => {
            if let Some(channel) = speaker.channel {
                take(tx, ctx, channel, message.data.as_deref().unwrap_or_default()).await?;
            }
            return Ok(Some(Vec::new()));
        }
        _ => return Ok(None),
    };
    Ok(Some(answer.to_string().into_bytes()))
}

/// Since when the set is as it is: since there has been the channel. Whole seconds, in UTC.
async fn set_since(tx: &mut dyn Tx, ctx: &Context, speaker: &Speaker) -> Result<String, StoreError> {
    let since = match speaker.channel {
        Some(channel) => {
            let sql = "SELECT created_at FROM channel WHERE id = $1";
            tx.one(sql, &[(&channel.text()).into()]).await?.int("created_at")?
        }
        None => ctx.now().millis(),
    };
    let moment = jiff::Timestamp::from_second(since.div_euclid(1000)).unwrap_or_default();
    Ok(moment.to_string())
}

/// A device that has renewed its enrollment profile forgets that it was told of declarations: the channels that took part are
/// told again [fleet#41167].
pub(super) async fn sync_again(tx: &mut dyn Tx, ctx: &Context, speaker: &Speaker) -> Result<(), EnrollmentError> {
    let sql = "SELECT c.id, c.user_key FROM channel c WHERE c.enrollment = $1
               AND EXISTS (SELECT 1 FROM declaration_status s WHERE s.channel = c.id) ORDER BY c.id";
    let took_part = tx.rows(sql, &[(&speaker.enrollment.text()).into()]).await?;
    let Some(device) = speaker.device.filter(|_| !took_part.is_empty()) else { return Ok(()) };
    let open = commands::open_of_device(tx, device).await?;
    for row in &took_part {
        let channel = rows::id(row, "channel", "id")?;
        let asked = |one: &OpenCommand| one.channel == channel && one.request_type == "DeclarativeManagement";
        if open.iter().any(asked) {
            continue;
        }
        let new = NewCommand {
            channel,
            device,
            command: &Command::DeclarativeManagement { data: None },
            after: None,
            purpose: Purpose::Declarations,
            priority: Priority::Bulk,
            expires_at: None,
        };
        let kind = if row.text("user_key")?.is_empty() { ChannelKind::Device } else { ChannelKind::User };
        commands::enqueue_on(tx, ctx, new, kind).await?;
    }
    Ok(())
}

/// Stores a status report on top of what was reported before. One that cannot be read is taken and left: refused, it would come
/// again for good.
async fn take(tx: &mut dyn Tx, ctx: &Context, channel: ChannelId, data: &[u8]) -> Result<(), StoreError> {
    let Ok(report @ Value::Object(_)) = serde_json::from_slice::<Value>(data) else {
        tracing::warn!(%channel, "a status report cannot be read and was left aside");
        return Ok(());
    };
    let id = channel.text();
    let sql = "SELECT report FROM declaration_status WHERE channel = $1 {lock}";
    let stored = match tx.optional(sql, &[(&id).into()]).await? {
        Some(row) => serde_json::from_str(&row.text("report")?).unwrap_or(Value::Null),
        None => Value::Null,
    };
    let merged = merge::report(stored, report).to_string();
    if merged.len() > LARGEST {
        tracing::warn!(%channel, bytes = merged.len(), "the status of a device is too large and was left aside");
        return Ok(());
    }
    tx.run(
        "INSERT INTO declaration_status (channel, report, received_at) VALUES ($1, $2, $3)
         ON CONFLICT (channel) DO UPDATE SET report = excluded.report, received_at = excluded.received_at",
        &[(&id).into(), (&merged).into(), ctx.now().millis().into()],
    )
    .await?;
    Ok(())
}

/// What a channel last reported.
#[derive(Debug, Clone, PartialEq)]
pub struct Reported {
    /// The channel.
    pub channel: ChannelId,
    /// The user, where it is not the device itself.
    pub user: Option<String>,
    /// `StatusItems` merged from all reports, and the `Errors` of the last. The device's own words: not to be believed.
    pub report: Value,
    /// When the last report came.
    pub received_at: Timestamp,
}

/// What the channels of a device's live enrollment report.
///
/// # Errors
/// Where the store fails.
pub async fn status_of_device(tx: &mut dyn Tx, device: DeviceId) -> Result<Vec<Reported>, StoreError> {
    let rows = tx
        .rows(
            "SELECT c.id, c.user_key, c.user_short_name, s.report, s.received_at
             FROM enrollment e JOIN channel c ON c.enrollment = e.id JOIN declaration_status s ON s.channel = c.id
             WHERE e.device = $1 AND e.state = 'live' ORDER BY c.user_key",
            &[(&device.text()).into()],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let key = row.text("user_key")?;
            let user = if key.is_empty() { None } else { Some(row.opt_text("user_short_name")?.unwrap_or(key)) };
            let channel = rows::id(row, "channel", "id")?;
            let report = serde_json::from_str(&row.text("report")?)
                .map_err(|_| StoreError::corrupt("declaration_status", "report", channel))?;
            Ok(Reported { channel, user, report, received_at: Timestamp(row.int("received_at")?) })
        })
        .collect()
}
