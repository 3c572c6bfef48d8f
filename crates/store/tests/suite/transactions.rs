//! All of a transaction or nothing of it, however many write at once.

use crate::world::{put, worlds};
use russet_store::StoreError;

#[tokio::test]
async fn a_commit_keeps_and_a_drop_takes_back() {
    for world in worlds().await {
        let mut kept = world.store.begin("kept").await.unwrap();
        put(&mut *kept, 1, "kept").await.unwrap();
        assert_eq!(world.count().await, 0, "nobody sees it before");
        kept.commit().await.unwrap();
        let mut dropped = world.store.begin("dropped").await.unwrap();
        put(&mut *dropped, 2, "dropped").await.unwrap();
        drop(dropped);
        let mut after = world.store.begin("after").await.unwrap();
        put(&mut *after, 2, "dropped").await.unwrap();
        drop(after);
        assert_eq!(world.count().await, 1);
    }
}

#[tokio::test]
async fn writes_put_off_are_there_before_whatever_is_asked_next() {
    let later = "INSERT INTO play (id, name, amount) VALUES ($1, $2, 0)";
    for world in worlds().await {
        let mut tx = world.store.begin("put off").await.unwrap();
        tx.later(later, &[1_i64.into(), "one".into()]).await.unwrap();
        tx.later(
            "INSERT INTO play (id, name) SELECT id + 1, $1 FROM play WHERE id = $2",
            &["two".into(), 1_i64.into()],
        )
        .await
        .unwrap();
        tx.later("UPDATE play SET amount = $2 WHERE id = $1", &[2_i64.into(), 7_i64.into()]).await.unwrap();
        let rows = tx.rows("SELECT id, amount FROM play WHERE id > $1 ORDER BY id", &[0_i64.into()]).await.unwrap();
        let found: Vec<_> = rows.iter().map(|row| (row.int("id").unwrap(), row.int("amount").unwrap())).collect();
        assert_eq!(found, [(1, 0), (2, 7)]);
        tx.later("UPDATE play SET amount = $1 WHERE name = $2", &[8_i64.into(), "one".into()]).await.unwrap();
        let changed =
            tx.run("UPDATE play SET flag = $1 WHERE amount = $2", &[true.into(), 8_i64.into()]).await.unwrap();
        assert_eq!(changed, 1, "only what was asked for is counted");
        tx.later(later, &[3_i64.into(), "three".into()]).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(world.count().await, 3);
    }
}

#[tokio::test]
async fn a_write_put_off_that_fails_spoils_its_transaction() {
    let later = "INSERT INTO play (id, name) VALUES ($1, $2)";
    for world in worlds().await {
        let mut tx = world.store.begin("at the commit").await.unwrap();
        tx.later(later, &[1_i64.into(), "one".into()]).await.unwrap();
        tx.later(later, &[2_i64.into(), "one".into()]).await.unwrap();
        assert!(matches!(tx.commit().await, Err(StoreError::Conflict { .. })));
        let mut tx = world.store.begin("at the next question").await.unwrap();
        tx.later(later, &[1_i64.into(), "one".into()]).await.unwrap();
        tx.later(later, &[2_i64.into(), "one".into()]).await.unwrap();
        let next = "SELECT id FROM play";
        assert!(matches!(tx.rows(next, &[]).await, Err(StoreError::Conflict { .. })));
        assert!(matches!(tx.rows(next, &[]).await, Err(StoreError::Failed)));
        drop(tx);
        let mut dropped = world.store.begin("given up").await.unwrap();
        dropped.later(later, &[1_i64.into(), "one".into()]).await.unwrap();
        drop(dropped);
        assert_eq!(world.count().await, 0);
    }
}

#[tokio::test]
async fn a_view_stands_still_and_cannot_write() {
    for world in worlds().await {
        let mut view = world.store.read().await.unwrap();
        let count = "SELECT count(*) AS n FROM play";
        assert_eq!(view.one(count, &[]).await.unwrap().int("n").unwrap(), 0);
        let mut tx = world.store.begin("meanwhile").await.unwrap();
        put(&mut *tx, 1, "new").await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(view.one(count, &[]).await.unwrap().int("n").unwrap(), 0, "the same view");
        assert!(put(&mut *view, 2, "by a reader").await.is_err());
        drop(view);
        assert_eq!(world.count().await, 1);
    }
}

#[tokio::test]
async fn a_failed_statement_spoils_its_transaction_and_no_other() {
    for world in worlds().await {
        let mut tx = world.store.begin("first").await.unwrap();
        put(&mut *tx, 1, "one").await.unwrap();
        tx.commit().await.unwrap();
        let mut spoiled = world.store.begin("spoiled").await.unwrap();
        put(&mut *spoiled, 2, "two").await.unwrap();
        assert!(matches!(put(&mut *spoiled, 3, "one").await, Err(StoreError::Conflict { .. })));
        assert!(matches!(put(&mut *spoiled, 4, "four").await, Err(StoreError::Failed)));
        assert!(matches!(spoiled.commit().await, Err(StoreError::Failed)));
        let mut wrong = world.store.begin("wrong").await.unwrap();
        assert!(matches!(wrong.rows("SELECT nothing FROM nowhere", &[]).await, Err(StoreError::Unavailable(_))));
        drop(wrong);
        let mut next = world.store.begin("next").await.unwrap();
        put(&mut *next, 2, "two").await.unwrap();
        next.commit().await.unwrap();
        assert_eq!(world.count().await, 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_writers_at_once_lose_nothing_and_failures_are_their_own() {
    for world in worlds().await {
        let mut tx = world.store.begin("the sum").await.unwrap();
        put(&mut *tx, 0, "sum").await.unwrap();
        tx.commit().await.unwrap();
        let mut writers = Vec::new();
        for id in 1..=120_i64 {
            let store = world.store.clone();
            writers.push(tokio::spawn(async move {
                let mut tx = store.begin("a writer").await?;
                let sum = tx.one("SELECT amount FROM play WHERE id = 0 {lock}", &[]).await?.int("amount")?;
                tx.run("UPDATE play SET amount = $1 WHERE id = 0", &[(sum + 1).into()]).await?;
                match id % 3 {
                    // Refused by the database, given up by its owner, kept.
                    0 => put(&mut *tx, id, "sum").await.map(|_| false),
                    1 => Ok(false),
                    _ => {
                        put(&mut *tx, id, &format!("writer {id}")).await?;
                        tx.commit().await.map(|()| true)
                    }
                }
            }));
        }
        let (mut committed, mut refused) = (0, 0);
        for writer in writers {
            match writer.await.unwrap() {
                Ok(done) => committed += i64::from(done),
                Err(StoreError::Conflict { .. }) => refused += 1,
                Err(other) => panic!("{other:?}"),
            }
        }
        assert_eq!((committed, refused), (40, 40));
        let mut view = world.store.read().await.unwrap();
        let sum = view.one("SELECT amount FROM play WHERE id = 0", &[]).await.unwrap().int("amount").unwrap();
        assert_eq!(sum, committed, "each that said it was done is counted, and no other");
        drop(view);
        assert_eq!(world.count().await, 41);
    }
}
