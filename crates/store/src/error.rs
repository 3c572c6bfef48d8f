//! What can go wrong in the store. No text here carries SQL, values or a secret; sources may name a path of this machine and
//! are for logs only.

use std::error::Error;

/// What can go wrong in the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A constraint of the database refused the change. The text names it for logs; it differs between databases, so never
    /// branch on it.
    #[error("the change contradicts what is stored ({constraint})")]
    Conflict {
        /// The constraint, or the columns, as the database names them.
        constraint: String,
    },
    /// The row that was asked for does not exist.
    #[error("there is no such row")]
    NotFound,
    /// The database cannot be reached, is full, or refused the statement. For the outcome of a commit: unknown.
    #[error("the database did not carry out the work; see the server's log for its reason, then try again")]
    Unavailable(#[source] Box<dyn Error + Send + Sync>),
    /// A stored value is not what the program wrote, or cannot be unsealed.
    #[error("the stored value of column {column} in {table} (row {id}) is damaged; restore it from a backup")]
    Corrupt {
        /// The table.
        table: String,
        /// The column.
        column: String,
        /// The row.
        id: String,
    },
    /// The schema could not be brought to this program's version.
    #[error("the database schema could not be brought up to date: {0}")]
    Migration(String),
    /// Another process uses the database, or the key or file cannot be used; the text says what to do.
    #[error("{0}")]
    Locked(String),
    /// The master key is missing, malformed or not the one this database was made with; the text says what to do.
    #[error("{0}")]
    Key(String),
    /// A statement of this transaction failed before: nothing more can be done with it.
    #[error("this transaction failed before; begin a new one")]
    Failed,
}

impl StoreError {
    /// A stored value that does not decode.
    #[must_use]
    pub fn corrupt(table: &str, column: &str, id: impl std::fmt::Display) -> Self {
        Self::Corrupt { table: table.to_owned(), column: column.to_owned(), id: id.to_string() }
    }

    pub(crate) fn unavailable(text: impl Into<String>) -> Self {
        Self::Unavailable(text.into().into())
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::RowNotFound => Self::NotFound,
            sqlx::Error::Database(refused) if is_constraint(refused.as_ref()) => Self::Conflict {
                constraint: refused.constraint().map_or_else(|| refused.message().to_owned(), str::to_owned),
            },
            _ => Self::Unavailable(Box::new(error)),
        }
    }
}

/// Whether a constraint refused: SQLSTATE class 23, or SQLite's primary code 19.
fn is_constraint(error: &dyn sqlx::error::DatabaseError) -> bool {
    let Some(code) = error.code() else { return false };
    if error.try_downcast_ref::<sqlx::sqlite::SqliteError>().is_some() {
        return code.parse::<i32>().is_ok_and(|code| code & 0xff == 19);
    }
    code.starts_with("23")
}
