//! Identities of outside authorities that the configuration trusts. Such a device needs no invitation; its certificate is bound to
//! an enrollment of its own at its first Authenticate, and speaks for that one from then on. What the certificate says about
//! itself decides nothing: whoever names an enrolled device is held, as everyone else.

use super::EnrollmentError;
use super::identity::{Proven, State};
use super::issuance::{self, Origin};
use crate::context::Context;
use crate::ids::EnrollmentId;
use russet_protocol::checkin::CheckIn;
use russet_store::Tx;

/// Opens an enrollment for an outside identity that says its first Authenticate; nothing in every other case.
pub(super) async fn bind(
    tx: &mut dyn Tx,
    ctx: &Context,
    proven: &Proven,
    message: &CheckIn,
) -> Result<(), EnrollmentError> {
    let (Some(certificate), CheckIn::Authenticate(hello)) = (&proven.outside, message) else { return Ok(()) };
    if hello.sender.user_key().is_some() || proven.is_known(tx).await? {
        return Ok(());
    }
    let (enrollment, now) = (EnrollmentId(ctx.uuid()), ctx.now());
    tx.run(
        "INSERT INTO enrollment (id, profile_identifier, topic, state, awaiting_configuration, created_at)
         VALUES ($1, '', $2, $3, $4, $5)",
        &[
            (&enrollment.text()).into(),
            hello.topic.as_ref().map_or("", |topic| topic.as_str()).into(),
            State::Offered.text().into(),
            false.into(),
            now.millis().into(),
        ],
    )
    .await?;
    issuance::record(tx, enrollment, Origin::Outside, "", certificate, now).await?;
    tracing::info!(%enrollment, "an identity of an outside authority was bound to a new enrollment");
    Ok(())
}
