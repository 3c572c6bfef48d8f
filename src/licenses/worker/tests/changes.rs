//! Wishes that change between two looks of the worker.

use crate::context::Context;
use crate::ids::AccountId;
use crate::licenses::store::{self, Batch, Key, Wanted};
use crate::licenses::{self, Defaults, need, release};
use crate::testing;
use russet_apps_and_books::Action;
use russet_protocol::{AdamId, PricingParam, SerialNumber};

const STANDARD: PricingParam = PricingParam::Standard;

async fn wish(ctx: &Context, key: &Key, wanted: Wanted) {
    let mut tx = ctx.store.begin("test: wish").await.unwrap();
    let now = ctx.now();
    match wanted {
        Wanted::Assigned => need(&mut *tx, key.account, key.adam, key.pricing, &key.serial, now).await.unwrap(),
        Wanted::Released => release(&mut *tx, key.account, key.adam, key.pricing, &key.serial, now).await.unwrap(),
    }
    tx.commit().await.unwrap();
}

/// Whether a call may carry these wishes.
async fn begin(ctx: &Context, account: AccountId, action: Action, keys: &[Key]) -> bool {
    let batch = Batch { id: ctx.uuid(), action, event: None, sent_at: ctx.now(), looks: 0 };
    let mut tx = ctx.store.begin("test: store a call").await.unwrap();
    let stored = store::begin_batch(&mut *tx, account, &batch, keys).await.unwrap();
    if stored {
        tx.commit().await.unwrap();
    }
    stored
}

#[tokio::test]
async fn a_call_carries_only_what_is_still_wished() {
    for world in testing::contexts().await {
        let ctx = &world.ctx;
        let account = licenses::testing::account(ctx, Defaults::default(), &[(1001, "Notes", "a", "iOS")]).await;
        let key = |serial| {
            let serial = SerialNumber::new(serial).unwrap();
            Key { account, adam: AdamId(1001), pricing: STANDARD, serial }
        };
        let keys = [key("C01"), key("C02")];
        for key in &keys {
            wish(ctx, key, Wanted::Assigned).await;
        }
        // Undone after the worker has read it.
        wish(ctx, &keys[1], Wanted::Released).await;
        assert!(!begin(ctx, account, Action::Associate, &keys).await);
        assert!(begin(ctx, account, Action::Associate, &keys[..1]).await, "the refused call has taken nothing along");
        assert!(!begin(ctx, account, Action::Associate, &keys[..1]).await, "it is on its way");

        // Held, to be given back, and kept after all: nothing may be taken from the device.
        licenses::testing::confirm(ctx).await;
        wish(ctx, &keys[0], Wanted::Released).await;
        wish(ctx, &keys[0], Wanted::Assigned).await;
        assert!(!begin(ctx, account, Action::Disassociate, &keys[..1]).await);
    }
}
