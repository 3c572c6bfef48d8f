//! A first look.
use russet_store::{MasterKey, Store, StoreSettings};

#[tokio::test]
async fn opens_and_writes() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("a.db").display());
    let key = MasterKey::generate().unwrap();
    let store = Store::open(StoreSettings::new(&url, "one"), key.clone()).await.unwrap();
    assert!(
        Store::open(StoreSettings::new(&url, "two"), key).await.unwrap_err().to_string().contains("another process")
    );
    let mut tx = store.begin("test").await.unwrap();
    store.put_secret(&mut *tx, "a", b"b", 1).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = store.read().await.unwrap();
    assert_eq!(store.secret(&mut *tx, "a").await.unwrap().unwrap().as_slice(), b"b");
    let mut all = Vec::new();
    for n in 0..200 {
        let store = store.clone();
        all.push(tokio::spawn(async move {
            let mut tx = store.begin("test").await.unwrap();
            store.put_secret(&mut *tx, &format!("{n}"), b"b", 1).await.unwrap();
            tx.commit().await.unwrap();
        }));
    }
    for one in all {
        one.await.unwrap();
    }
    assert_eq!(
        store.read().await.unwrap().one("SELECT count(*) AS n FROM secret", &[]).await.unwrap().int("n").unwrap(),
        201
    );
}
