//! Values go in and come out alike.

use crate::world::worlds;
use russet_store::{StoreError, Value};

/// One row: id, name, amount, flag, bytes.
type Cells<'a> = (i64, Option<&'a str>, Option<i64>, Option<bool>, Option<&'a [u8]>);

#[tokio::test]
async fn each_kind_of_value_comes_back_as_it_went_in() {
    for world in worlds().await {
        let long = "ü€😀".repeat(10_000);
        let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
        let rows: [Cells<'_>; 4] = [
            (1, Some("'; DROP TABLE play; --"), Some(i64::MIN), Some(true), Some(&[])),
            (2, Some(&long), Some(i64::MAX), Some(false), Some(&bytes)),
            (3, Some(""), Some(0), None, Some(&[0])),
            (4, None, None, None, None),
        ];
        let mut tx = world.store.begin("values").await.unwrap();
        for (id, name, amount, flag, bytes) in rows {
            let args: [Value<'_>; 5] = [id.into(), name.into(), amount.into(), flag.into(), bytes.into()];
            let sql = "INSERT INTO play (id, name, amount, flag, bytes) VALUES ($1, $2, $3, $4, $5)";
            assert_eq!(tx.run(sql, &args).await.unwrap(), 1);
        }
        tx.commit().await.unwrap();

        let mut view = world.store.read().await.unwrap();
        let found = view.rows("SELECT * FROM play ORDER BY id", &[]).await.unwrap();
        for (row, (id, name, amount, flag, bytes)) in found.iter().zip(rows) {
            assert_eq!(row.int("id").unwrap(), id);
            assert_eq!(row.opt_text("name").unwrap().as_deref(), name);
            assert_eq!(row.opt_int("amount").unwrap(), amount);
            assert_eq!(row.opt_flag("flag").unwrap(), flag);
            assert_eq!(row.opt_bytes("bytes").unwrap().as_deref(), bytes);
        }
        let only_true = view.rows("SELECT id FROM play WHERE flag", &[]).await.unwrap();
        assert_eq!(only_true.len(), 1);
    }
}

#[tokio::test]
async fn what_is_not_there_is_an_error_and_no_default() {
    for world in worlds().await {
        let mut tx = world.store.begin("values").await.unwrap();
        tx.run("INSERT INTO play (id) VALUES (1)", &[]).await.unwrap();
        let row = tx.one("SELECT name, 1 AS one FROM play", &[]).await.unwrap();
        assert!(matches!(row.text("name"), Err(StoreError::Corrupt { .. })), "NULL");
        assert!(matches!(row.opt_text("surname"), Err(StoreError::Corrupt { .. })), "no such column");
        assert!(matches!(row.text("one"), Err(StoreError::Corrupt { .. })), "another kind");
        assert_eq!(row.int("one").unwrap(), 1);
        let nobody = "SELECT id FROM play WHERE id = $1";
        assert!(matches!(tx.one(nobody, &[7_i64.into()]).await, Err(StoreError::NotFound)));
        assert!(tx.optional(nobody, &[7_i64.into()]).await.unwrap().is_none());
        tx.commit().await.unwrap();
    }
}

#[tokio::test]
async fn a_text_loses_its_nul_on_both_databases() {
    for world in worlds().await {
        let mut tx = world.store.begin("a hostile name").await.unwrap();
        crate::world::put(&mut *tx, 1, "i\0Phone\0").await.unwrap();
        let found = tx.one("SELECT name FROM play WHERE name = $1", &["iPhone\0".into()]).await.unwrap();
        assert_eq!(found.text("name").unwrap(), "iPhone");
    }
}
