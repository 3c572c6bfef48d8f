//! Tokens open what they should, and only as long as they should.

use super::*;
use crate::config::Config;
use crate::context::{Clock, SystemRandom};
use russet_store::{MasterKey, Store, StoreSettings};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

#[derive(Default)]
struct Hands(AtomicI64);

impl Clock for Hands {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::Relaxed))
    }
}

async fn context(folder: &std::path::Path) -> (Context, Arc<Hands>) {
    let config = Config::defaults(folder);
    let settings = StoreSettings::new(config.database_url.clone(), "test");
    let store = Store::open(settings, MasterKey::generate().unwrap()).await.unwrap();
    let clock = Arc::new(Hands(AtomicI64::new(1_000_000)));
    let ctx = Context {
        store,
        clock: clock.clone(),
        random: Arc::new(SystemRandom),
        config: Arc::new(config),
        node: "test".into(),
    };
    (ctx, clock)
}

async fn opens(ctx: &Context, text: &str) -> bool {
    find(&mut *ctx.store.read().await.unwrap(), text, ctx.now()).await.unwrap().is_some()
}

#[tokio::test]
async fn a_token_opens_until_it_is_rotated_revoked_or_ended() {
    let folder = tempfile::tempdir().unwrap();
    let (ctx, clock) = context(folder.path()).await;
    let first = create_first::<AccessError>(&ctx, |_| Ok(())).await.unwrap().unwrap();
    assert!(create_first::<AccessError>(&ctx, |_| Ok(())).await.unwrap().is_none(), "only a new installation gets one");
    assert!(first.text.starts_with(PREFIX) && first.text.len() == PREFIX.len() + 64);
    assert!(opens(&ctx, &first.text).await);

    let rotated = rotate(&ctx, first.token.id).await.unwrap();
    assert!(!opens(&ctx, &first.text).await && opens(&ctx, &rotated.text).await);

    revoke(&ctx, first.token.id).await.unwrap();
    assert!(!opens(&ctx, &rotated.text).await);
    assert!(matches!(rotate(&ctx, first.token.id).await, Err(AccessError::NotFound)));
    assert!(
        create_first::<AccessError>(&ctx, |_| Ok(())).await.unwrap().is_none(),
        "a revoked token does not make the installation new"
    );

    let brief = create(&ctx, "brief", Role::Admin, Some(Duration::from_secs(60))).await.unwrap();
    assert!(opens(&ctx, &brief.text).await);
    clock.0.fetch_add(60_000, Ordering::Relaxed);
    assert!(!opens(&ctx, &brief.text).await);
}

#[tokio::test]
async fn a_first_token_that_could_not_be_kept_was_never_made() {
    let folder = tempfile::tempdir().unwrap();
    let (ctx, _) = context(folder.path()).await;
    let lost = create_first(&ctx, |_| Err(AccessError::BadName)).await;
    assert!(matches!(lost, Err(AccessError::BadName)));
    let mut kept = String::new();
    let keep = |made: &Made| {
        kept = made.text.as_str().to_owned();
        Ok::<_, AccessError>(())
    };
    assert!(create_first(&ctx, keep).await.unwrap().is_some());
    assert!(opens(&ctx, &kept).await);
    assert_eq!(list(&mut *ctx.store.read().await.unwrap()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_is_no_token_opens_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let (ctx, _) = context(folder.path()).await;
    let one = create(&ctx, "one", Role::Admin, None).await.unwrap();
    let two = create(&ctx, "two", Role::Admin, None).await.unwrap();
    // The id of one with the secret of the other.
    let decode = |text: &str| URL_SAFE_NO_PAD.decode(&text[PREFIX.len()..]).unwrap();
    let mixed = [&decode(&one.text)[..16], &decode(&two.text)[16..]].concat();
    let mixed = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(mixed));
    for text in ["", PREFIX, "rst_short", &one.text[1..], &one.text[..one.text.len() - 1], &mixed] {
        assert!(!opens(&ctx, text).await, "{text}");
    }
    assert!(matches!(create(&ctx, " \n", Role::Admin, None).await, Err(AccessError::BadName)));
}

#[tokio::test]
async fn the_last_use_is_written_in_batches_and_lists_hold_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let (ctx, _) = context(folder.path()).await;
    let made = create(&ctx, "one", Role::Admin, None).await.unwrap();
    let uses = LastUsed::default();
    uses.note(made.token.id, Timestamp(7));
    uses.note(made.token.id, Timestamp(9));
    uses.write(&ctx).await.unwrap();
    let listed = list(&mut *ctx.store.read().await.unwrap()).await.unwrap();
    assert_eq!(listed[0].last_used_at, Some(Timestamp(9)));
    assert!(!format!("{listed:?}").contains(&made.text[PREFIX.len() + 22..]));
}
