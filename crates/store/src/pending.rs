//! Writes that go to the database with the next trip.
//!
//! A trip costs more than the work of a small statement: on SQLite it goes through the connection's own thread, on
//! PostgreSQL over the network. So writes that nobody asks about are kept and sent together: on SQLite as one text of
//! several statements, with whatever is asked next at its end; on PostgreSQL as one statement with the others in its WITH.
//!
//! PostgreSQL runs such statements on one view of the data, in no order: none sees what another did, and no two may touch
//! one row. Hence [`Pending::may_join`]: a statement that so much as names a table that is written before it goes later.

use crate::Value;
use crate::sql::{Dialect, locks};
use std::fmt::Write as _;

/// More than any use case puts off; keeps the texts few.
const MOST: usize = 12;

/// A value of its own.
enum Owned {
    Flag(Option<bool>),
    Int(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
}

struct Put {
    sql: &'static str,
    values: Vec<Owned>,
}

/// Writes that were put off, in their order.
#[derive(Default)]
pub(crate) struct Pending {
    writes: Vec<Put>,
}

impl Pending {
    pub(crate) fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }

    /// Whether this statement may go to the database together with those that wait.
    pub(crate) fn may_join(&self, sql: &str, dialect: Dialect) -> bool {
        let apart = || self.writes.iter().all(|write| !names(sql, target(write.sql)));
        self.writes.len() < MOST && (dialect == Dialect::Sqlite || apart())
    }

    pub(crate) fn add(&mut self, sql: &'static str, values: &[Value<'_>]) {
        let values = values.iter().map(|value| match *value {
            Value::Flag(value) => Owned::Flag(value),
            Value::Int(value) => Owned::Int(value),
            Value::Text(value) => Owned::Text(value.map(str::to_owned)),
            Value::Bytes(value) => Owned::Bytes(value.map(<[u8]>::to_vec)),
        });
        self.writes.push(Put { sql, values: values.collect() });
    }

    /// The text of all of them; on SQLite with this statement at its end.
    pub(crate) fn text(&self, dialect: Dialect, last: Option<&str>) -> String {
        let parts: Vec<&str> = self.writes.iter().map(|write| write.sql).chain(last).collect();
        let mut text = String::with_capacity(parts.iter().map(|part| part.len() + 16).sum());
        let mut offset = 0;
        let before_last = parts.len().saturating_sub(1);
        for (place, part) in parts.into_iter().enumerate() {
            match (dialect, place) {
                (Dialect::Sqlite, 0) => {}
                (Dialect::Sqlite, _) => text.push_str("; "),
                (Dialect::Postgres, _) if before_last == 0 => {}
                (Dialect::Postgres, 0) => text.push_str("WITH w0 AS ("),
                (Dialect::Postgres, place) if place == before_last => text.push_str(") "),
                (Dialect::Postgres, place) => {
                    let _ = write!(text, "), w{place} AS (");
                }
            }
            renumber(part, offset, &mut text);
            offset += self.writes.get(place).map_or(0, |write| write.values.len());
        }
        locks(&text, dialect)
    }

    /// The values of all of them, in the order of the text.
    pub(crate) fn values(&self) -> impl Iterator<Item = Value<'_>> + Send {
        self.writes.iter().flat_map(|write| &write.values).map(|value| match value {
            Owned::Flag(value) => Value::Flag(*value),
            Owned::Int(value) => Value::Int(*value),
            Owned::Text(value) => Value::Text(value.as_deref()),
            Owned::Bytes(value) => Value::Bytes(value.as_deref()),
        })
    }
}

/// The table that a statement writes.
fn target(sql: &str) -> &str {
    let mut words = sql.split_ascii_whitespace();
    match words.next() {
        Some("UPDATE") => words.next(),
        // INSERT INTO, DELETE FROM.
        _ => words.nth(1),
    }
    .unwrap_or_default()
}

/// Whether the word stands in the text.
fn names(sql: &str, word: &str) -> bool {
    sql.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').any(|part| part == word)
}

/// Copies a statement with its parameters counted from `offset`.
fn renumber(sql: &str, offset: usize, text: &mut String) {
    let mut pieces = sql.split('$');
    text.push_str(pieces.next().unwrap_or_default());
    for piece in pieces {
        let digits = piece.bytes().take_while(u8::is_ascii_digit).count();
        match piece[..digits].parse::<usize>() {
            Ok(number) => {
                let _ = write!(text, "${}", number + offset);
            }
            Err(_) => text.push('$'),
        }
        text.push_str(&piece[digits..]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two() -> Pending {
        let mut pending = Pending::default();
        pending.add("INSERT INTO a (x, y) VALUES ($1, $2)", &[1_i64.into(), "y".into()]);
        pending.add("DELETE FROM b WHERE x = $1", &[2_i64.into()]);
        pending
    }

    #[test]
    fn each_database_gets_its_own_text() {
        let pending = two();
        assert_eq!(
            pending.text(Dialect::Sqlite, Some("SELECT z FROM b WHERE z = $1 {lock}")),
            "INSERT INTO a (x, y) VALUES ($1, $2); DELETE FROM b WHERE x = $3; SELECT z FROM b WHERE z = $4 "
        );
        assert_eq!(
            pending.text(Dialect::Postgres, None),
            "WITH w0 AS (INSERT INTO a (x, y) VALUES ($1, $2)) DELETE FROM b WHERE x = $3"
        );
        assert_eq!(pending.values().count(), 3);
    }

    #[test]
    fn what_names_a_table_that_is_written_goes_later() {
        let pending = two();
        assert!(pending.may_join("UPDATE c SET ab = $1", Dialect::Postgres));
        assert!(!pending.may_join("INSERT INTO c SELECT x FROM a", Dialect::Postgres));
        assert!(!pending.may_join("UPDATE b SET x = $1", Dialect::Postgres));
        assert!(pending.may_join("UPDATE b SET x = $1", Dialect::Sqlite), "there they run in their order");
    }
}
