//! How the database finds wishes and licenses among many.

use crate::licenses::store::{self, Batch, Key, Wanted};
use crate::licenses::{need, release, states_of_serials};
use crate::testing::{self, Explained};
use russet_apps_and_books::Action;
use russet_protocol::{AdamId, PricingParam, SerialNumber};
use std::collections::BTreeSet;

#[tokio::test]
async fn no_statement_of_a_turn_reads_all_licenses() {
    for world in testing::contexts().await {
        let (ctx, crowd) = (&world.ctx, world.crowd().await);
        let (now, id) = (ctx.now(), crowd.account);
        let serial = SerialNumber::new(&crowd.serial).unwrap();
        let key =
            |adam| Key { account: id, adam: AdamId(adam), pricing: PricingParam::Standard, serial: serial.clone() };
        let mut tx = ctx.store.begin("test: plans").await.unwrap();
        let mut tx = Explained::new(&mut *tx, &world);
        assert_eq!(store::due_wishes(&mut tx, id, now, 100).await.unwrap().len(), 30);
        let batches = store::due_batches(&mut tx, id, now, 100).await.unwrap();
        assert_eq!(store::wishes_of(&mut tx, id, batches[0].id).await.unwrap().len(), 100);
        store::next_chore(&mut tx, id, 1000, now).await.unwrap();
        store::held(&mut tx, id, &BTreeSet::from([serial.as_str()])).await.unwrap();
        states_of_serials(&mut tx, std::slice::from_ref(&serial)).await.unwrap();
        need(&mut tx, id, AdamId(1003), PricingParam::Standard, &serial, now).await.unwrap();
        let batch = Batch { id: ctx.uuid(), action: Action::Associate, event: None, sent_at: now, looks: 0 };
        assert!(store::begin_batch(&mut tx, id, &batch, &[key(1003)]).await.unwrap());
        store::follow(&mut tx, batch.id, "event-new", now).await.unwrap();
        store::look_again(&mut tx, &batch, Some("event-new"), now).await.unwrap();
        store::hint(&mut tx, id, "event-new", now).await.unwrap();
        store::is_wanted(&mut tx, &key(1003), Wanted::Assigned).await.unwrap();
        store::gained(&mut tx, &key(1003), now).await.unwrap();
        store::came_true(&mut tx, &key(1003), Wanted::Assigned, now).await.unwrap();
        release(&mut tx, id, AdamId(1003), PricingParam::Standard, &serial, now).await.unwrap();
        store::wait(&mut tx, &key(1003), now).await.unwrap();
        store::failed(&mut tx, &key(1003), 1, "test", now).await.unwrap();
        store::lost(&mut tx, &key(1003), now).await.unwrap();
        store::end_batch(&mut tx, batch.id).await.unwrap();
        tx.expect_no_scans();
    }
}
