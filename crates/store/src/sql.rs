//! From the one text of a statement to the text of each database.

use sqlx::{AssertSqlSafe, SqlSafeStr, SqlStr};
use std::fmt::Write as _;

/// Which dialect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    Sqlite,
    Postgres,
}

/// Lists longer than this are asked in parts.
pub(crate) const LIST_PART: usize = 256;
/// SQLite's limit on parameters is 32 766, PostgreSQL's 65 535; smaller statements keep the writer's turns short.
const MOST_PARAMETERS: usize = 8_192;

/// The text of a plain statement. Only our own constants are ever put in.
pub(crate) fn plain(sql: &'static str, dialect: Dialect) -> SqlStr {
    if sql.contains('{') { AssertSqlSafe(locks(sql, dialect)).into_sql_str() } else { sql.into_sql_str() }
}

pub(crate) fn locks(sql: &str, dialect: Dialect) -> String {
    let (lock, skip) = match dialect {
        Dialect::Sqlite => ("", ""),
        Dialect::Postgres => ("FOR UPDATE", "FOR UPDATE SKIP LOCKED"),
    };
    sql.replace("{lock_skip}", skip).replace("{lock}", lock)
}

/// The text for `count` rows of `width` values.
pub(crate) fn with_rows(sql: &'static str, dialect: Dialect, count: usize, width: usize) -> SqlStr {
    let mut rows = String::with_capacity(count * width * 6);
    for row in 0..count {
        rows.push_str(if row == 0 { "(" } else { ",(" });
        for column in 0..width {
            let comma = if column == 0 { "" } else { "," };
            // Writing to a String cannot fail.
            let _ = write!(rows, "{comma}${}", row * width + column + 1);
        }
        rows.push(')');
    }
    AssertSqlSafe(locks(sql, dialect).replace("{rows}", &rows)).into_sql_str()
}

/// The text for a list of `count` after `fixed` parameters.
pub(crate) fn with_list(sql: &'static str, dialect: Dialect, fixed: usize, count: usize) -> SqlStr {
    let mut list = String::with_capacity(count * 5);
    for place in 0..count {
        let comma = if place == 0 { "" } else { "," };
        let _ = write!(list, "{comma}${}", fixed + place + 1);
    }
    AssertSqlSafe(locks(sql, dialect).replace("{list}", &list)).into_sql_str()
}

/// How many of `left` rows go into the next statement: a power of two, so that few different statements are prepared.
pub(crate) fn rows_at_once(left: usize, width: usize) -> usize {
    let most = (MOST_PARAMETERS / width.max(1)).clamp(1, 512);
    let fit = left.min(most).max(1);
    1 << fit.ilog2()
}

/// The length a list is padded to (by repeating its last value), for the same reason.
pub(crate) fn padded(length: usize) -> usize {
    length.next_power_of_two().min(LIST_PART)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_become_each_databases_text() {
        let text = "SELECT a FROM t WHERE b = $1 {lock_skip}";
        assert_eq!(plain(text, Dialect::Sqlite).as_str(), "SELECT a FROM t WHERE b = $1 ");
        assert_eq!(plain(text, Dialect::Postgres).as_str(), "SELECT a FROM t WHERE b = $1 FOR UPDATE SKIP LOCKED");
        assert_eq!(
            with_rows("INSERT INTO t (a, b) VALUES {rows}", Dialect::Sqlite, 2, 2).as_str(),
            "INSERT INTO t (a, b) VALUES ($1,$2),($3,$4)"
        );
        assert_eq!(with_list("a = $1 AND b IN ({list})", Dialect::Sqlite, 1, 2).as_str(), "a = $1 AND b IN ($2,$3)");
    }

    #[test]
    fn statements_come_in_few_sizes() {
        assert_eq!([1, 2, 3, 100, 5_000].map(|left| rows_at_once(left, 4)), [1, 2, 2, 64, 512]);
        assert_eq!(rows_at_once(3, 100_000), 1);
        assert_eq!([1, 3, 200].map(padded), [1, 4, 256]);
    }
}
