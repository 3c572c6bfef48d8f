//! Users: the people whose devices are managed. A device has at most one of them as its owner.
//!
//! Only what names a person is kept here, and only as an admin gave it: nothing a device says makes or changes a user.

use crate::ids::UserId;
use russet_protocol::Timestamp;
use russet_store::{Row, StoreError, Tx};

/// The longest name, in characters.
const LONGEST_NAME: usize = 200;
/// The longest e-mail address. Source: RFC 5321, section 4.5.3.1.
const LONGEST_EMAIL: usize = 320;

/// A user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Its id.
    pub id: UserId,
    /// How programs and admins name it, such as a login; no two users have the same, letter case aside.
    pub name: String,
    /// What people call it.
    pub full_name: Option<String>,
    /// Its e-mail address.
    pub email: Option<String>,
    /// When it was added.
    pub created_at: Timestamp,
    /// How many devices it owns.
    pub devices: u32,
}

/// The owner of a device, or whom an invitation is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// Its id.
    pub id: UserId,
    /// How programs name it.
    pub name: String,
    /// What people call it.
    pub full_name: Option<String>,
}

impl Owner {
    /// What to call it before people.
    #[must_use]
    pub fn label(&self) -> &str {
        self.full_name.as_deref().unwrap_or(&self.name)
    }

    /// Reads an owner from the columns `owner_id`, `owner_name`, `owner_full_name` of a join.
    pub(crate) fn read(row: &Row) -> Result<Option<Self>, StoreError> {
        let Some((id, name)) = row.opt_text("owner_id")?.zip(row.opt_text("owner_name")?) else { return Ok(None) };
        let id = id.parse().map_err(|_| StoreError::corrupt("directory_user", "id", id))?;
        Ok(Some(Self { id, name, full_name: row.opt_text("owner_full_name")? }))
    }
}

/// A user to be added.
#[derive(Debug, Clone, Default)]
pub struct NewUser {
    /// How programs name it.
    pub name: String,
    /// What people call it.
    pub full_name: Option<String>,
    /// Its e-mail address.
    pub email: Option<String>,
}

/// Why something about users was not done.
#[derive(Debug, thiserror::Error)]
pub enum UserError {
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The name is empty, too long, or holds control characters.
    #[error("a user's name and full name have at most 200 characters and no control characters; the name is not empty")]
    BadName,
    /// The address cannot be one.
    #[error("this is no e-mail address")]
    BadEmail,
    /// Another user has the name.
    #[error("there is a user of this name already")]
    NameTaken,
    /// Nobody is called that.
    #[error("there is no such user: `russet admin users list` shows who there is")]
    NotFound,
}

impl NewUser {
    /// What is kept of it.
    fn checked(self) -> Result<Self, UserError> {
        let told = |text: Option<String>| text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
        let fits = |text: &str| text.chars().count() <= LONGEST_NAME && !text.chars().any(char::is_control);
        let name = told(Some(self.name)).ok_or(UserError::BadName)?;
        let (full_name, email) = (told(self.full_name), told(self.email));
        if !fits(&name) || full_name.as_deref().is_some_and(|name| !fits(name)) {
            return Err(UserError::BadName);
        }
        let is_address = |text: &str| {
            let parts = text.rsplit_once('@');
            let plain = !text.chars().any(|letter| letter.is_control() || letter.is_whitespace());
            plain
                && text.len() <= LONGEST_EMAIL
                && parts.is_some_and(|(user, host)| !user.is_empty() && !host.is_empty())
        };
        if email.as_deref().is_some_and(|email| !is_address(email)) {
            return Err(UserError::BadEmail);
        }
        Ok(Self { name, full_name, email })
    }
}

macro_rules! users {
    ($rest:literal) => {
        concat!(
            "SELECT u.id, u.name, u.full_name, u.email, u.created_at,
                    (SELECT count(*) FROM device d WHERE d.owner_id = u.id) AS devices FROM directory_user u ",
            $rest
        )
    };
}

/// Adds a user.
///
/// # Errors
/// Where the name or the address cannot be, or another user has the name; or the store fails.
pub async fn add(tx: &mut dyn Tx, new: NewUser, id: UserId, now: Timestamp) -> Result<User, UserError> {
    let new = new.checked()?;
    let written = tx
        .run(
            "INSERT INTO directory_user (id, name, name_key, full_name, email, created_at) VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (name_key) DO NOTHING",
            &[
                (&id.text()).into(),
                (&new.name).into(),
                (&new.name.to_lowercase()).into(),
                new.full_name.as_deref().into(),
                new.email.as_deref().into(),
                now.millis().into(),
            ],
        )
        .await?;
    if written == 0 {
        return Err(UserError::NameTaken);
    }
    Ok(User { id, name: new.name, full_name: new.full_name, email: new.email, created_at: now, devices: 0 })
}

/// The user that a person means: by id or name.
///
/// # Errors
/// [`UserError::NotFound`]; or the store fails.
pub async fn find(tx: &mut dyn Tx, text: &str) -> Result<User, UserError> {
    let key = text.trim().to_lowercase();
    let row = tx.optional(users!("WHERE u.id = $1 OR u.name_key = $1 ORDER BY u.id LIMIT 1"), &[(&key).into()]).await?;
    Ok(read(&row.ok_or(UserError::NotFound)?)?)
}

/// Users in the order of their identifiers (in which they were added), after `after`.
///
/// # Errors
/// Where the store fails.
pub async fn list(tx: &mut dyn Tx, after: Option<UserId>, limit: u32) -> Result<Vec<User>, StoreError> {
    let after = after.map(UserId::text).unwrap_or_default();
    let sql = users!("WHERE u.id > $1 ORDER BY u.id LIMIT $2");
    tx.rows(sql, &[(&after).into(), limit.into()]).await?.iter().map(read).collect()
}

/// Forgets a user. Its devices stay, with no owner.
///
/// # Errors
/// Where the store fails.
pub async fn delete(tx: &mut dyn Tx, id: UserId) -> Result<(), StoreError> {
    tx.run("DELETE FROM directory_user WHERE id = $1", &[(&id.text()).into()]).await.map(|_| ())
}

fn read(row: &Row) -> Result<User, StoreError> {
    let id = row.text("id")?;
    Ok(User {
        id: id.parse().map_err(|_| StoreError::corrupt("directory_user", "id", id))?,
        name: row.text("name")?,
        full_name: row.opt_text("full_name")?,
        email: row.opt_text("email")?,
        created_at: Timestamp(row.int("created_at")?),
        devices: u32::try_from(row.int("devices")?).unwrap_or(u32::MAX),
    })
}
