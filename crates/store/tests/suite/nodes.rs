//! Wakes, leases, secrets, keys, and a second process.

use crate::world::{World, put, worlds};
use russet_store::{Database, MasterKey, Store, StoreError, StoreSettings, Wake};
use std::time::Duration;

const TTL: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_commit_wakes_and_a_rollback_does_not() {
    for world in worlds().await {
        let bell = world.store.waker(Wake::Reconciler);
        let mut dropped = world.store.begin("dropped").await.unwrap();
        dropped.wake(Wake::Reconciler);
        drop(dropped);
        let mut kept = world.store.begin("kept").await.unwrap();
        kept.wake(Wake::Push);
        kept.commit().await.unwrap();
        // On PostgreSQL all bells ring once when listening begins, in case something was missed.
        if world.store.database() == Database::Sqlite {
            let rings = tokio::time::timeout(Duration::from_millis(50), bell.notified()).await;
            assert!(rings.is_err(), "neither the rolled back one nor another lane rings");
        }
        let mut tx = world.store.begin("a change").await.unwrap();
        tx.wake(Wake::Reconciler);
        tx.commit().await.unwrap();
        tokio::time::timeout(Duration::from_secs(10), bell.notified()).await.unwrap();
    }
}

#[tokio::test]
async fn a_lease_has_one_holder_until_it_ends() {
    for world in worlds().await {
        assert!(world.store.lease("sync", 1_000, TTL).await.unwrap());
        assert!(world.store.lease("sync", 5_000, TTL).await.unwrap(), "renewed");
        assert_eq!(world.store.lease_holder("sync", 5_000).await.unwrap(), Some(("one".to_owned(), 15_000)));
        if world.store.database() == Database::Sqlite {
            continue;
        }
        let two = world.open("two").await.unwrap();
        assert!(!two.lease("sync", 14_999, TTL).await.unwrap());
        two.release_lease("sync").await.unwrap();
        assert!(!two.lease("sync", 14_999, TTL).await.unwrap(), "nobody gives up another's lease");
        assert!(two.lease("sync", 15_000, TTL).await.unwrap());
        assert!(!world.store.lease("sync", 15_001, TTL).await.unwrap());
        two.release_lease("sync").await.unwrap();
        assert!(world.store.lease("sync", 15_002, TTL).await.unwrap());
    }
}

#[tokio::test]
async fn each_node_has_a_name_of_its_own() {
    for world in worlds().await {
        if world.store.database() == Database::Sqlite {
            continue;
        }
        let refused = world.open("one").await.unwrap_err();
        assert!(refused.to_string().contains("node name \"one\""), "{refused}");
        world.store.close().await;
        let again = world.open("one").await.unwrap();
        assert!(again.lease("sync", 1_000, TTL).await.unwrap());
    }
}

#[tokio::test]
async fn other_nodes_are_woken_too() {
    for world in worlds().await {
        if world.store.database() == Database::Sqlite {
            continue;
        }
        let two = world.open("two").await.unwrap();
        let bell = two.waker(Wake::Licenses);
        let rung = bell.notified();
        tokio::pin!(rung);
        // Listening begins in the background: ring until it is heard.
        let heard = async {
            loop {
                let mut tx = world.store.begin("a change").await.unwrap();
                tx.wake(Wake::Licenses);
                tx.commit().await.unwrap();
                if tokio::time::timeout(Duration::from_millis(100), &mut rung).await.is_ok() {
                    return;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(20), heard).await.unwrap();
    }
}

#[tokio::test]
async fn secrets_are_sealed_and_only_the_right_key_opens_the_store() {
    for world in worlds().await {
        let mut tx = world.store.begin("a secret").await.unwrap();
        world.store.put_secret(&mut *tx, "authority", b"private", 1).await.unwrap();
        let stored = tx.one("SELECT sealed FROM secret", &[]).await.unwrap().bytes("sealed").unwrap();
        assert!(!stored.windows(7).any(|part| part == b"private"));
        // A sealed value moved to another row does not open there.
        tx.run("INSERT INTO secret (name, sealed, updated_at) VALUES ('moved', $1, 1)", &[(&stored).into()])
            .await
            .unwrap();
        tx.commit().await.unwrap();
        let World { store, url, key, database } = world;
        store.close().await;
        drop(store);

        let wrong = MasterKey::generate().unwrap();
        let refused = Store::open(StoreSettings::new(&url, "one"), wrong).await.unwrap_err();
        assert!(matches!(refused, StoreError::Key(_)), "{refused}");
        let store = Store::open(StoreSettings::new(&url, "one"), key).await.unwrap();
        let mut view = store.read().await.unwrap();
        assert_eq!(store.secret(&mut *view, "authority").await.unwrap().unwrap().as_slice(), b"private");
        assert!(matches!(store.secret(&mut *view, "moved").await, Err(StoreError::Corrupt { .. })));
        assert!(store.secret(&mut *view, "unknown").await.unwrap().is_none());
        drop(database);
    }
}

#[tokio::test]
async fn a_second_process_is_refused_on_sqlite_and_welcome_on_postgresql() {
    for world in worlds().await {
        let mut tx = world.store.begin("before").await.unwrap();
        put(&mut *tx, 1, "kept").await.unwrap();
        tx.commit().await.unwrap();
        match (world.store.database(), world.open("two").await) {
            (Database::Sqlite, Err(refused)) => {
                let text = refused.to_string();
                assert!(text.contains("another process uses the database file"), "{text}");
                assert!(text.contains("PostgreSQL"), "{text}");
            }
            (Database::Postgres, Ok(two)) => {
                let mut view = two.read().await.unwrap();
                assert_eq!(view.rows("SELECT id FROM play", &[]).await.unwrap().len(), 1);
            }
            (database, outcome) => panic!("{database:?}: {outcome:?}"),
        }
    }
}
