//! Apple's part of the license records, for tests of the rooms above: an account with assets, and answers to wishes.

use super::{Defaults, accounts};
use crate::context::Context;
use crate::directory::dirty::{self, Lane};
use crate::ids::AccountId;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use russet_protocol::SerialNumber;

/// An account whose location owns apps: number, name, bundle identifier, platforms as Apple writes them.
pub(crate) async fn account(ctx: &Context, defaults: Defaults, apps: &[(u32, &str, &str, &str)]) -> AccountId {
    let token = STANDARD.encode(r#"{"token":"inner","expDate":"2030-11-08T22:33:22+0000","orgName":"Test"}"#);
    let account = accounts::create(ctx, "Test", &token, defaults).await.unwrap().id;
    let mut tx = ctx.store.begin("test: assets").await.unwrap();
    let now = ctx.now().millis();
    for (adam, name, bundle_id, platforms) in apps {
        let id = account.text();
        tx.run(
            "INSERT INTO license_asset (account_id, adam_id, pricing, product_type, device_assignable, revocable, platforms,
                                        total, assigned, available, retired, seen_at)
             VALUES ($1, $2, 'STDQ', 'App', $3, $3, $4, 10, 0, 10, 0, $5)",
            &[(&id).into(), (*adam).into(), true.into(), (*platforms).into(), now.into()],
        )
        .await
        .unwrap();
        tx.run(
            "INSERT INTO license_metadata (account_id, adam_id, name, bundle_id, asked_at) VALUES ($1, $2, $3, $4, $5)",
            &[(&id).into(), (*adam).into(), (*name).into(), (*bundle_id).into(), now.into()],
        )
        .await
        .unwrap();
    }
    tx.commit().await.unwrap();
    account
}

/// Apple confirms every open wish. How many there were.
pub(crate) async fn confirm(ctx: &Context) -> usize {
    let mut tx = ctx.store.begin("test: confirm").await.unwrap();
    let wishes = tx.rows("SELECT * FROM license_intent ORDER BY serial, adam_id", &[]).await.unwrap();
    let now = ctx.now();
    for wish in &wishes {
        let (account, serial) = (wish.text("account_id").unwrap(), wish.text("serial").unwrap());
        let (adam, pricing) = (wish.int("adam_id").unwrap(), wish.text("pricing").unwrap());
        let key = [(&account).into(), adam.into(), (&pricing).into(), (&serial).into()];
        tx.run(
            "DELETE FROM license_intent WHERE account_id = $1 AND adam_id = $2 AND pricing = $3 AND serial = $4",
            &key,
        )
        .await
        .unwrap();
        let [account, adam, pricing, target] = key;
        if wish.text("wanted").unwrap() == "assigned" {
            tx.run(
                "INSERT INTO license_assignment (account_id, adam_id, pricing, target_kind, target, since, seen_at)
                 VALUES ($1, $2, $3, 'serial', $4, $5, $5)",
                &[account, adam, pricing, target, now.millis().into()],
            )
            .await
            .unwrap();
        } else {
            tx.run(
                "DELETE FROM license_assignment WHERE account_id = $1 AND adam_id = $2 AND pricing = $3 AND target = $4",
                &[account, adam, pricing, target],
            )
            .await
            .unwrap();
        }
        let serial = SerialNumber::new(&serial).unwrap();
        dirty::mark_serials(&mut *tx, [&serial], Lane::Interactive, "license changed", now).await.unwrap();
    }
    tx.commit().await.unwrap();
    wishes.len()
}
