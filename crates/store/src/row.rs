//! One row of an answer, read by column name.

use crate::StoreError;
use sqlx::{ColumnIndex, Decode, Row as _, Type, TypeInfo as _, ValueRef as _};

/// One row of an answer. Reading a column that is not there, is NULL where none may be, or has another kind is
/// [`StoreError::Corrupt`].
#[derive(Debug)]
pub struct Row(pub(crate) Inner);

#[derive(Debug)]
pub(crate) enum Inner {
    Sqlite(sqlx::sqlite::SqliteRow),
    Postgres(sqlx::postgres::PgRow),
}

fn get<'r, R: sqlx::Row, T>(row: &'r R, column: &str) -> Result<Option<T>, StoreError>
where
    T: Decode<'r, R::Database> + Type<R::Database>,
    for<'c> &'c str: ColumnIndex<R>,
{
    row.try_get(column).map_err(|_| damaged(column))
}

fn damaged(column: &str) -> StoreError {
    StoreError::corrupt("an answer", column, "-")
}

macro_rules! columns {
    ($($(#[$doc:meta])* $name:ident, $opt:ident -> $type:ty;)*) => {$(
        $(#[$doc])*
        pub fn $name(&self, column: &str) -> Result<$type, StoreError> {
            self.$opt(column)?.ok_or_else(|| damaged(column))
        }
    )*};
}

impl Row {
    columns! {
        /// A true or false.
        flag, opt_flag -> bool;
        /// A number.
        int, opt_int -> i64;
        /// A text.
        text, opt_text -> String;
        /// Bytes.
        bytes, opt_bytes -> Vec<u8>;
    }

    /// A true or false, or NULL.
    pub fn opt_flag(&self, column: &str) -> Result<Option<bool>, StoreError> {
        match &self.0 {
            Inner::Sqlite(row) => Ok(get::<_, i64>(row, column)?.map(|number| number != 0)),
            Inner::Postgres(row) => get(row, column),
        }
    }

    /// A number, or NULL.
    pub fn opt_int(&self, column: &str) -> Result<Option<i64>, StoreError> {
        match &self.0 {
            Inner::Sqlite(row) => get(row, column),
            Inner::Postgres(row) => {
                // Literals such as `1` are 32-bit numbers there.
                let value = row.try_get_raw(column).map_err(|_| damaged(column))?;
                match value.type_info().name() {
                    "INT2" => Ok(get::<_, i16>(row, column)?.map(i64::from)),
                    "INT4" => Ok(get::<_, i32>(row, column)?.map(i64::from)),
                    _ => get(row, column),
                }
            }
        }
    }

    /// A text, or NULL.
    pub fn opt_text(&self, column: &str) -> Result<Option<String>, StoreError> {
        match &self.0 {
            Inner::Sqlite(row) => get(row, column),
            Inner::Postgres(row) => get(row, column),
        }
    }

    /// Bytes, or NULL.
    pub fn opt_bytes(&self, column: &str) -> Result<Option<Vec<u8>>, StoreError> {
        match &self.0 {
            Inner::Sqlite(row) => get(row, column),
            Inner::Postgres(row) => get(row, column),
        }
    }
}
