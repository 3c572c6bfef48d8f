//! Many rows and long lists in few statements.

use crate::world::worlds;
use russet_store::Value;

#[tokio::test]
async fn thousands_of_rows_go_in_come_out_and_change_by_lists() {
    for world in worlds().await {
        let names: Vec<String> = (0..5_000).map(|id| format!("name {id}")).collect();
        let rows: Vec<Vec<Value<'_>>> =
            (0_i64..).zip(&names).map(|(id, name)| vec![id.into(), name.into(), 1_i64.into()]).collect();
        let mut tx = world.store.begin("many").await.unwrap();
        let insert = "INSERT INTO play (id, name, amount) VALUES {rows}
                      ON CONFLICT (id) DO UPDATE SET amount = play.amount + excluded.amount";
        assert_eq!(tx.many(insert, &rows).await.unwrap(), 5_000);
        assert_eq!(tx.many(insert, &rows).await.unwrap(), 5_000);
        assert_eq!(tx.many(insert, &[]).await.unwrap(), 0);

        let list: Vec<Value<'_>> = names.iter().take(601).map(Into::into).collect();
        let found =
            tx.rows_in("SELECT id FROM play WHERE amount = $1 AND name IN ({list})", &[2_i64.into()], &list).await;
        assert_eq!(found.unwrap().len(), 601, "no row twice, though short parts are filled up");
        let none = tx.rows_in("SELECT id FROM play WHERE name IN ({list})", &[], &[]).await.unwrap();
        assert!(none.is_empty());
        let update = "UPDATE play SET amount = $1 WHERE name IN ({list})";
        assert_eq!(tx.run_in(update, &[9_i64.into()], &list).await.unwrap(), 601);
        assert_eq!(tx.run_in(update, &[9_i64.into()], &[]).await.unwrap(), 0);
        tx.commit().await.unwrap();
        assert_eq!(world.count().await, 5_000);
    }
}

#[tokio::test]
async fn rows_of_different_width_are_refused() {
    for world in worlds().await {
        let mut tx = world.store.begin("many").await.unwrap();
        let rows = [vec![Value::from(1_i64)], vec![Value::from(2_i64), Value::from("two")]];
        assert!(tx.many("INSERT INTO play (id) VALUES {rows}", &rows).await.is_err());
    }
}
