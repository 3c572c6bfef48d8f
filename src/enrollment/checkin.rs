//! What each check-in message does, and how it is answered. Source: Apple docs, Check-in; Apple schema, `mdm/checkin/*.yaml`.

use super::identity::{self, Refused, Speaker, State};
use super::{EnrollmentError, arrival, bootstrap, ending, held, messages, records};
use crate::context::Context;
use crate::directory::devices;
use russet_protocol::checkin::CheckIn;
use russet_protocol::plist::{Dictionary, Value};
use russet_protocol::xml;
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
    /// GetToken: 400, no such service.
    UnknownService,
    /// DeclarativeManagement: 404, there are no declarations.
    NoDeclarations,
}

/// Handles a message of a proven speaker, in the caller's transaction. The transaction is to be committed also where the
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
        CheckIn::CheckOut(_) => check_out(tx, ctx, speaker).await?,
        CheckIn::SetBootstrapToken(token) if speaker.state == State::Live => {
            bootstrap::set(tx, ctx, speaker, token).await?;
        }
        CheckIn::SetBootstrapToken(_) => {}
        CheckIn::GetBootstrapToken(_) => {
            let token = bootstrap::get(tx, ctx, speaker).await?;
            return Ok(Ok(Reply::PropertyList(token)));
        }
        CheckIn::UserAuthenticate(_) => return Ok(Ok(Reply::UserNotManaged)),
        CheckIn::GetToken(_) => return Ok(Ok(Reply::UnknownService)),
        CheckIn::ReturnToService(_) => return Ok(Ok(Reply::PropertyList(no_return_to_service()))),
        // Nothing is declared. A status report is taken all the same, or it would come again for good.
        CheckIn::DeclarativeManagement(says) if says.endpoint != "status" => return Ok(Ok(Reply::NoDeclarations)),
        CheckIn::DeclarativeManagement(_) => {}
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

/// Source: Apple schema, `returntoservice.yaml`.
fn no_return_to_service() -> Vec<u8> {
    let mut settings = Dictionary::new();
    settings.insert("Enabled".to_owned(), Value::Boolean(false));
    let mut keys = Dictionary::new();
    keys.insert("ReturnToService".to_owned(), Value::Dictionary(settings));
    xml::encode_dictionary(keys)
}
