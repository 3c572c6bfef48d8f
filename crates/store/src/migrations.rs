//! Bringing the schema up to date. The same numbers and names stand in both folders; a released file is never changed.

use crate::StoreError;
use sqlx::migrate::{MigrateError, Migrator};

static SQLITE: Migrator = sqlx::migrate!("../../migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("../../migrations/postgres");

pub(crate) async fn sqlite(connection: &mut sqlx::SqliteConnection) -> Result<(), StoreError> {
    SQLITE.run_direct(None, connection, false).await.map_err(|error| explain(&error))
}

/// Takes PostgreSQL's advisory lock while it runs: of several nodes that start, one migrates.
pub(crate) async fn postgres(pool: &sqlx::PgPool) -> Result<(), StoreError> {
    POSTGRES.run(pool).await.map_err(|error| explain(&error))
}

fn explain(error: &MigrateError) -> StoreError {
    StoreError::Migration(match error {
        MigrateError::VersionMissing(version) => format!(
            "the database has migration {version}, which this program does not know: it was used by a newer Russet; start that one"
        ),
        MigrateError::VersionMismatch(version) => {
            format!("migration {version} was carried out in another form than this program knows")
        }
        MigrateError::Dirty(version) => format!("migration {version} was interrupted; restore a backup"),
        other => other.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_databases_have_the_same_migrations() {
        let names = |migrator: &Migrator| -> Vec<(i64, String)> {
            migrator.iter().map(|one| (one.version, one.description.to_string())).collect()
        };
        assert_eq!(names(&SQLITE), names(&POSTGRES));
        assert!(!names(&SQLITE).is_empty());
    }
}
