//! What each check-in message does, and how it is answered. Source: Apple docs, Check-in; Apple schema, `mdm/checkin/*.yaml`.

use super::identity::{self, Refused, Speaker, State};
use super::return_to_service::{self, AskedBy, Offer};
use super::rows::{self, Sealed};
use super::{EnrollmentError, arrival, bootstrap, declarations, ending, held, messages, records, service_tokens};
use crate::context::Context;
use crate::directory::devices;
use russet_protocol::checkin::{CheckIn, UserAuthenticate};
use russet_protocol::command::ReturnToService;
use russet_protocol::plist::{Dictionary, Value};
use russet_protocol::{Secret, xml};
use russet_store::Tx;

/// How a check-in message is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// 200, no body.
    Done,
    /// 200 with this property list.
    PropertyList(Vec<u8>),
    /// UserAuthenticate: 410, network users of this Mac are not managed.
    UserNotManaged,
    /// 200 with this JSON; empty for a status report that was taken.
    Json(Vec<u8>),
    /// GetToken: 400, no such service.
    UnknownService,
    /// DeclarativeManagement: 404, there is no such declaration.
    NoDeclaration,
}

/// Handles a message of a proven speaker, in the caller's transaction. `offer`: what a device gets that returns to service, made
/// before the transaction where the configuration allows it. The transaction is to be committed also where the
/// answer is [`Refused`]: why an enrollment was turned away is kept.
///
/// # Errors
/// Where the message lacks what it cannot do without, or the store fails.
pub async fn handle(
    tx: &mut dyn Tx,
    ctx: &Context,
    speaker: &Speaker,
    message: &CheckIn,
    raw: &[u8],
    offer: Option<Offer>,
) -> Result<Result<Reply, Refused>, EnrollmentError> {
    let now = ctx.now();
    match speaker.state {
        // The goodbye of an enrollment may come twice, or after our own command has ended it.
        State::Ended | State::Rejected if matches!(message, CheckIn::CheckOut(_)) => return Ok(Ok(Reply::Done)),
        State::Ended | State::Rejected => return Ok(Err(Refused::Over)),
        State::Live => {
            if let Some(device) = speaker.device {
                devices::seen(tx, device, now).await?;
            }
        }
        State::Offered | State::Enrolling | State::Held => {}
    }
    if matches!(message, CheckIn::Authenticate(_) | CheckIn::TokenUpdate(_) | CheckIn::CheckOut(_)) {
        messages::keep(tx, ctx, speaker.enrollment, message, raw, now).await?;
    }
    match message {
        CheckIn::Authenticate(hello) => {
            if let Err(refused) = arrival::authenticate(tx, ctx, speaker, hello).await? {
                return Ok(Err(refused));
            }
        }
        CheckIn::TokenUpdate(update) => {
            arrival::token_update(tx, ctx, speaker, update).await?;
            identity::confirm(tx, speaker, now).await?;
        }
        CheckIn::CheckOut(goodbye) if goodbye.sender.user_key().is_some() => user_check_out(tx, ctx, speaker).await?,
        CheckIn::CheckOut(_) => check_out(tx, ctx, speaker).await?,
        CheckIn::SetBootstrapToken(token) if speaker.state == State::Live => {
            bootstrap::set(tx, ctx, speaker, token).await?;
        }
        CheckIn::SetBootstrapToken(_) => {}
        CheckIn::GetBootstrapToken(_) => {
            let token = bootstrap::get(tx, ctx, speaker).await?;
            return Ok(Ok(Reply::PropertyList(token)));
        }
        CheckIn::UserAuthenticate(login) => return Ok(Ok(user_authenticate(ctx, speaker, login))),
        CheckIn::GetToken(asked) => {
            let known = (speaker.state == State::Live).then_some(asked.service.as_str());
            let token = known.and_then(|service| service_tokens::answer(ctx, service));
            return Ok(Ok(token.map_or(Reply::UnknownService, Reply::PropertyList)));
        }
        CheckIn::ReturnToService(_) => {
            let granted = grant_return(tx, ctx, speaker, offer).await?;
            return Ok(Ok(Reply::PropertyList(return_to_service::answer(granted.as_ref()))));
        }
        CheckIn::DeclarativeManagement(says) => {
            let answer = declarations::answer(tx, ctx, speaker, says).await?;
            return Ok(Ok(answer.map_or(Reply::NoDeclaration, Reply::Json)));
        }
    }
    if speaker.state == State::Held {
        held::reconsider(tx, ctx, speaker.enrollment).await?;
    }
    Ok(Ok(Reply::Done))
}

async fn check_out(tx: &mut dyn Tx, ctx: &Context, speaker: &Speaker) -> Result<(), EnrollmentError> {
    let enrollment = records::locked(tx, speaker.enrollment).await?;
    ending::end(tx, &enrollment, "the device checked out", ctx.now()).await?;
    held::follow(tx, ctx, &enrollment).await
}

/// A user says goodbye; the device stays.
async fn user_check_out(tx: &mut dyn Tx, ctx: &Context, speaker: &Speaker) -> Result<(), EnrollmentError> {
    match speaker.channel {
        Some(channel) => Ok(ending::end_channel(tx, channel, "the user checked out", ctx.now()).await?),
        None => Ok(()),
    }
}

/// What a device needs that wants to erase itself and come back; none where it may not. Its bootstrap token lets it keep its apps.
async fn grant_return(
    tx: &mut dyn Tx,
    ctx: &Context,
    speaker: &Speaker,
    offer: Option<Offer>,
) -> Result<Option<ReturnToService>, EnrollmentError> {
    let (State::Live, Some(device), Some(offer)) = (speaker.state, speaker.device, offer) else { return Ok(None) };
    let device = devices::get(tx, device).await?;
    if device.serial.is_none() {
        return Ok(None);
    }
    let mut granted = offer.record(tx, ctx, device.serial.as_ref(), AskedBy::Device).await?;
    let token = rows::sealed(tx, ctx, speaker.enrollment, Sealed::BootstrapToken).await?;
    granted.bootstrap_token = token.map(|token| Secret::new(token.to_vec()));
    Ok(Some(granted))
}

/// A network or mobile user of a Mac logs in. An empty challenge says that nothing has to prove the password; who sends a digest
/// all the same is not managed, as nothing here knows passwords. Source: Apple schema, `userauthenticate.yaml`.
fn user_authenticate(ctx: &Context, speaker: &Speaker, login: &UserAuthenticate) -> Reply {
    let managed = ctx.config.check_in.manages_network_users && speaker.state == State::Live;
    if !managed || login.digest_response.is_some() {
        return Reply::UserNotManaged;
    }
    let mut keys = Dictionary::new();
    keys.insert("DigestChallenge".to_owned(), Value::String(String::new()));
    Reply::PropertyList(xml::encode_dictionary(keys))
}
