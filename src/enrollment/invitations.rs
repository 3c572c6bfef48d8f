//! Invitations: links that let devices enroll. The code in a link is random, stored as a hash, expires, and admits a
//! stated number of devices, counted when they send Authenticate.

use super::{EnrollmentError, rows};
use crate::context::Context;
use crate::directory::users::Owner;
use crate::ids::{InvitationId, UserId};
use russet_protocol::{SerialNumber, Timestamp};
use russet_store::{Row, StoreError, Tx};
use std::time::Duration;

/// The longest an invitation may last.
pub const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);
/// The most devices one invitation may admit.
pub const MOST_USES: u32 = 100_000;

/// What an admin asks for.
#[derive(Debug, Clone)]
pub struct NewInvitation {
    /// Admits only the device with this serial number. Also lets that device replace an enrollment it still has.
    pub serial: Option<SerialNumber>,
    /// The user it is meant for, who becomes the owner of the devices. Also lets a device that is this user's already replace an
    /// enrollment it still has.
    pub user: Option<UserId>,
    /// How many devices may enroll with it.
    pub uses: u32,
    /// How long the link can be opened.
    pub expires_in: Duration,
    /// Whether devices sign each message (`SignMessage`), so that they need no client certificate in TLS.
    pub sign_message: bool,
    /// Whether its profiles bring the identity with its key (PKCS#12), for clients without SCEP.
    pub pkcs12: bool,
    /// For people: what it is for.
    pub note: String,
}

/// An invitation with its link: the only time the link is known.
#[derive(Debug, Clone)]
pub struct Created {
    /// Its id.
    pub id: InvitationId,
    /// The code in the link. A secret.
    pub code: String,
    /// The link to give to people.
    pub link: String,
    /// The last moment it can be opened.
    pub expires_at: Timestamp,
}

/// An invitation as it is listed.
#[derive(Debug, Clone)]
pub struct Invitation {
    /// Its id.
    pub id: InvitationId,
    /// The serial number it is meant for.
    pub serial: Option<SerialNumber>,
    /// The user it is meant for.
    pub user: Option<Owner>,
    /// How many devices may enroll with it.
    pub uses: u32,
    /// How many have.
    pub used: u32,
    /// `SignMessage` of the profiles it gives out.
    pub sign_message: bool,
    /// Whether its profiles bring the identity with its key.
    pub pkcs12: bool,
    /// What it is for.
    pub note: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// The last moment it can be opened.
    pub expires_at: Timestamp,
    /// When it was revoked.
    pub revoked_at: Option<Timestamp>,
}

impl Invitation {
    /// Whether its link still gives out profiles.
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && now <= self.expires_at && self.used < self.uses
    }
}

/// Makes an invitation.
///
/// # Errors
/// When what is asked for is out of bounds, or the store fails.
pub async fn create(ctx: &Context, new: NewInvitation) -> Result<Created, EnrollmentError> {
    let mut tx = ctx.store.begin("make an invitation").await?;
    let created = make(&mut *tx, ctx, &new).await?;
    tx.commit().await?;
    Ok(created)
}

/// [`create`], in a transaction of the caller's.
pub(super) async fn make(tx: &mut dyn Tx, ctx: &Context, new: &NewInvitation) -> Result<Created, EnrollmentError> {
    if new.uses == 0 || new.uses > MOST_USES {
        return Err(EnrollmentError::Invalid("an invitation admits between 1 and 100000 devices"));
    }
    if new.expires_in.is_zero() || new.expires_in > LONGEST {
        return Err(EnrollmentError::Invalid("an invitation lasts at least a moment and at most 365 days"));
    }
    if new.note.len() > 500 {
        return Err(EnrollmentError::Invalid("the note of an invitation has at most 500 bytes"));
    }
    let now = ctx.now();
    // As devices' serial numbers are read.
    let serial = new.serial.as_ref().map(|serial| serial.as_str().trim().to_ascii_uppercase());
    let (id, code) = (InvitationId(ctx.uuid()), rows::bearer(ctx.random_bytes()));
    let expires_at = now.plus(new.expires_in);
    tx.run(
        "INSERT INTO invitation (id, code_hash, serial, uses, used, sign_message, pkcs12, note, created_at, expires_at, owner_id)
         VALUES ($1, $2, $3, $4, 0, $5, $9, $6, $7, $8, $10)",
        &[
            (&id.text()).into(),
            (&rows::hash(&code)).into(),
            serial.as_deref().into(),
            new.uses.into(),
            new.sign_message.into(),
            (&new.note).into(),
            now.millis().into(),
            expires_at.millis().into(),
            new.pkcs12.into(),
            new.user.map(UserId::text).as_deref().into(),
        ],
    )
    .await?;
    let link = link(ctx, &code);
    Ok(Created { id, code, link, expires_at })
}

/// The link of an invitation with this code.
#[must_use]
pub fn link(ctx: &Context, code: &str) -> String {
    format!("{}/enroll/{code}", ctx.config.device.public_url)
}

/// A link as a picture for a screen or for paper: an SVG document. None where it is too long for a QR code, which would take some
/// three thousand characters.
#[must_use]
pub fn qr_code_svg(link: &str) -> Option<String> {
    let code = qrcode::QrCode::new(link).ok()?;
    Some(code.render::<qrcode::render::svg::Color<'_>>().min_dimensions(240, 240).build())
}

macro_rules! invitations {
    ($rest:literal) => {
        concat!(
            "SELECT i.id, i.serial, i.uses, i.used, i.sign_message, i.pkcs12, i.note, i.created_at, i.expires_at, i.revoked_at,
                    i.owner_id, (SELECT u.name FROM directory_user u WHERE u.id = i.owner_id) AS owner_name,
                    (SELECT u.full_name FROM directory_user u WHERE u.id = i.owner_id) AS owner_full_name
             FROM invitation i ",
            $rest
        )
    };
}

/// All invitations, the newest first, at most a thousand.
///
/// # Errors
/// When the store fails.
pub async fn list(tx: &mut dyn Tx) -> Result<Vec<Invitation>, EnrollmentError> {
    let rows = tx.rows(invitations!("ORDER BY i.id DESC LIMIT 1000"), &[]).await?;
    Ok(rows.iter().map(read).collect::<Result<_, _>>()?)
}

/// Closes an invitation. Devices that have enrolled with it stay.
///
/// # Errors
/// [`StoreError::NotFound`] for an unknown one.
pub async fn revoke(ctx: &Context, id: InvitationId) -> Result<(), EnrollmentError> {
    let mut tx = ctx.store.begin("revoke an invitation").await?;
    let changed = tx
        .run(
            "UPDATE invitation SET revoked_at = COALESCE(revoked_at, $2) WHERE id = $1",
            &[(&id.text()).into(), ctx.now().millis().into()],
        )
        .await?;
    if changed == 0 {
        return Err(StoreError::NotFound.into());
    }
    Ok(tx.commit().await?)
}

/// The open invitation with this code.
pub(super) async fn open_by_code(
    tx: &mut dyn Tx,
    code: &str,
    now: Timestamp,
) -> Result<Option<Invitation>, StoreError> {
    let row = tx.optional(invitations!("WHERE i.code_hash = $1"), &[(&rows::hash(code)).into()]).await?;
    let invitation = row.as_ref().map(read).transpose()?;
    Ok(invitation.filter(|invitation| invitation.is_open(now)))
}

/// Counts one device, and gives the invitation if it admits that device: not revoked, a use left, and meant for it. An identity
/// of an outside authority needs no invitation: the configuration invites it.
pub(super) async fn admit(
    tx: &mut dyn Tx,
    id: Option<InvitationId>,
    serial: Option<&SerialNumber>,
) -> Result<Admission, StoreError> {
    let Some(id) = id else { return Ok(Admission::Admitted) };
    let row = tx.one(invitations!("WHERE i.id = $1 {lock}"), &[(&id.text()).into()]).await?;
    let invitation = read(&row)?;
    if invitation.revoked_at.is_some() {
        return Ok(Admission::Refused("its invitation was revoked"));
    }
    if invitation.used >= invitation.uses {
        return Ok(Admission::Refused("its invitation had already admitted as many devices as it was made for"));
    }
    if invitation.serial.is_some() && invitation.serial.as_ref() != serial {
        return Ok(Admission::Refused("its invitation is meant for another serial number"));
    }
    tx.run("UPDATE invitation SET used = used + 1 WHERE id = $1", &[(&id.text()).into()]).await?;
    Ok(Admission::Admitted)
}

/// Whom an invitation was made for: an admin vouched for that device, or for the devices of that user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct MadeFor {
    /// The one serial number.
    pub(super) serial: Option<String>,
    /// The user.
    pub(super) user: Option<UserId>,
}

/// Whom an invitation was made for.
pub(super) async fn made_for(tx: &mut dyn Tx, id: Option<InvitationId>) -> Result<MadeFor, StoreError> {
    let Some(id) = id else { return Ok(MadeFor::default()) };
    let row = tx.one("SELECT serial, owner_id FROM invitation WHERE id = $1", &[(&id.text()).into()]).await?;
    Ok(MadeFor { serial: row.opt_text("serial")?, user: rows::opt_id(&row, "invitation", "owner_id")? })
}

/// Closes the invitations that were made for a user.
///
/// # Errors
/// Where the store fails.
pub async fn revoke_of(tx: &mut dyn Tx, user: UserId, now: Timestamp) -> Result<(), StoreError> {
    let sql = "UPDATE invitation SET revoked_at = $2 WHERE owner_id = $1 AND revoked_at IS NULL";
    tx.run(sql, &[(&user.text()).into(), now.millis().into()]).await.map(|_| ())
}

/// Whether an invitation admits a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Admission {
    /// It does.
    Admitted,
    /// It does not, for this reason.
    Refused(&'static str),
}

fn read(row: &Row) -> Result<Invitation, StoreError> {
    let count = |column| Ok::<_, StoreError>(u32::try_from(row.int(column)?).unwrap_or(u32::MAX));
    let serial = row.opt_text("serial")?;
    Ok(Invitation {
        id: rows::id(row, "invitation", "id")?,
        serial: serial.and_then(|serial| SerialNumber::new(serial).ok()),
        user: Owner::read(row)?,
        uses: count("uses")?,
        used: count("used")?,
        sign_message: row.flag("sign_message")?,
        pkcs12: row.flag("pkcs12")?,
        note: row.text("note")?,
        created_at: Timestamp(row.int("created_at")?),
        expires_at: Timestamp(row.int("expires_at")?),
        revoked_at: row.opt_int("revoked_at")?.map(Timestamp),
    })
}
