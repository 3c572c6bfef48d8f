//! Stories of licenses, each on every database against a simulated Apps and Books. Time passes only where a story says so;
//! what Apple's side does in its own time is waited for by looking.

mod changes;
mod plans;
mod stories;
mod trouble;

use super::desk::Kept;
use super::turn;
use crate::config::Config;
use crate::context::Context;
use crate::ids::AccountId;
use crate::licenses::{Defaults, LicenseState, State, accounts, need, release, states_of_serial};
use crate::testing::{self, World};
use russet_protocol::{AdamId, PricingParam, SerialNumber};
use russet_simulator::apps_and_books::{Limits, Options, Settings, Simulator};
use std::sync::Arc;
use std::time::Duration;

/// An app of the demo's location with 30 licenses.
const APP: AdamId = AdamId(1_500_000_106);
/// Another one.
const OTHER: AdamId = AdamId(1_500_000_101);

/// One database, one simulated location, one account for it.
struct Stage {
    world: World,
    ctx: Context,
    simulator: Simulator,
    account: AccountId,
    kept: Kept,
}

impl Stage {
    async fn new(world: World, settings: Settings) -> Self {
        let simulator = Simulator::start(Options { settings, ..Options::default() }).await.unwrap();
        let ctx = context(&world, &simulator);
        let token = simulator.vpptoken(None).unwrap();
        let account = accounts::create(&ctx, "Berlin", &token, Defaults::default()).await.unwrap().id;
        Self { world, ctx, simulator, account, kept: Kept::default() }
    }

    /// One turn of the worker.
    async fn turn(&mut self) {
        turn::turn(&self.ctx, self.account, &mut self.kept).await;
    }

    /// The process ends and starts again: all but the store is forgotten.
    fn restart(&mut self) {
        self.kept = Kept::default();
    }

    /// Turns, a second each, until it is so.
    async fn until(&mut self, what: &str, so: impl AsyncFn(&Self) -> bool) {
        for _ in 0..400 {
            self.turn().await;
            if so(self).await {
                return;
            }
            self.world.clock.advance(Duration::from_secs(1));
        }
        panic!("it never came to this: {what}; the account says: {:?}", self.account().await);
    }

    async fn account(&self) -> accounts::Account {
        accounts::get(&mut *self.ctx.store.read().await.unwrap(), self.account).await.unwrap().unwrap()
    }

    async fn need(&self, adam: AdamId, serial: &str) {
        let mut tx = self.ctx.store.begin("test: need").await.unwrap();
        let now = self.ctx.now();
        need(&mut *tx, self.account, adam, PricingParam::Standard, &serial_number(serial), now).await.unwrap();
        tx.commit().await.unwrap();
    }

    async fn release(&self, adam: AdamId, serial: &str) {
        let mut tx = self.ctx.store.begin("test: release").await.unwrap();
        let now = self.ctx.now();
        release(&mut *tx, self.account, adam, PricingParam::Standard, &serial_number(serial), now).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// How the license stands; `None` where there is neither license nor wish.
    async fn state(&self, adam: AdamId, serial: &str) -> Option<State> {
        let mut view = self.ctx.store.read().await.unwrap();
        let states = states_of_serial(&mut *view, &serial_number(serial)).await.unwrap();
        states.into_iter().find(|state: &LicenseState| state.adam_id == adam).map(|state| state.state)
    }

    async fn is_assigned(&self, adam: AdamId, serial: &str) -> bool {
        self.state(adam, serial).await == Some(State::Assigned)
    }

    /// How often a license was asked for at Apple, and how often while it was held or on its way.
    fn asked(&self, adam: AdamId, serial: &str) -> (u64, u64) {
        let truth = self.simulator.truth();
        let it = truth.iter().find(|it| it.adam_id == adam && it.serial_number.as_deref() == Some(serial));
        it.map_or((0, 0), |it| (it.associate_calls, it.repeated_associate_calls))
    }

    fn is_held(&self, adam: AdamId, serial: &str) -> bool {
        let truth = self.simulator.truth();
        truth.iter().any(|it| it.adam_id == adam && it.serial_number.as_deref() == Some(serial) && it.held)
    }

    /// Requests of this call so far.
    fn calls(&self, call: &str) -> usize {
        let journal = self.simulator.journal();
        journal.since(0).iter().filter(|entry| entry.what.what.call() == Some(call)).count()
    }
}

fn serial_number(text: &str) -> SerialNumber {
    SerialNumber::new(text).unwrap()
}

/// A context whose configuration points at the simulator. Apple cannot reach its webhook: nothing listens there.
fn context(world: &World, simulator: &Simulator) -> Context {
    let roots = world.folder().join("apps-and-books.pem");
    std::fs::write(&roots, simulator.roots_pem()).unwrap();
    let mut config = Config::clone(&world.ctx.config);
    config.apple.apps_and_books_url = simulator.base_url();
    config.apple.apps_and_books_roots = Some(roots);
    config.pace.event_poll = Duration::from_secs(3);
    config.device.public_url = "https://127.0.0.1:9".to_owned();
    Context { config: Arc::new(config), ..world.ctx.clone() }
}

/// Apple's side without delays and without a limit on requests, three records a page.
fn quick() -> Settings {
    let limits = Limits { max_request_per_second: 10_000, ..Limits::default() };
    let plain = Settings { event_delay_millis: 0, visibility_delay_millis: 0, ..Settings::default() };
    Settings { page_size: 3, throttle: false, limits, ..plain }
}

/// A stage on each database, with the first reading done.
async fn stages(settings: Settings) -> Vec<Stage> {
    let mut stages = Vec::new();
    for world in testing::contexts().await {
        let mut stage = Stage::new(world, settings.clone()).await;
        stage
            .until("the account is ready", async |stage| stage.account().await.state == accounts::AccountState::Ready)
            .await;
        stages.push(stage);
    }
    stages
}
