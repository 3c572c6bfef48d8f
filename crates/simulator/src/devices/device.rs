//! One simulated device: what it is, what it remembers, and its life from enrollment to leaving. Each runs as a task of
//! its own and talks to the server on its own connections.

use super::courier::Courier;
use super::fault::Fault;
use super::http::{Http, Trust};
use super::messages;
use super::options::{IdentityStyle, Options};
use super::record::{Kind, Record};
use super::roster::{Chance, Hardware};
use super::rules::VPN;
use super::state::{Enrollment, State};
use super::store_door::StoreDoor;
use super::view::Phase;
use base64::Engine;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, Semaphore, watch};

/// What all devices of a fleet share.
pub(super) struct Shared {
    pub(super) options: Options,
    /// Trust of a device before it has any profile.
    pub(super) trust: Trust,
    /// The certificates behind `trust` that came with the options.
    pub(super) roots: Vec<openssl::x509::X509>,
    /// The browser that opens enrollment links.
    pub(super) browser: Http,
    pub(super) store: StoreDoor,
    pub(super) courier: Courier,
    pub(super) record: Record,
    /// Counts changes of any device.
    pub(super) progress: watch::Sender<u64>,
    /// Limits enrollments under way.
    pub(super) enrolling: Semaphore,
    /// Limits keys being made, which costs processor.
    pub(super) keys: Semaphore,
}

/// What a person does with a device; taken up by its task.
#[derive(Debug, Default)]
pub(super) struct Orders {
    /// Open this link and enroll.
    pub(super) enroll: Option<String>,
    /// Remove the enrollment profile.
    pub(super) leave: bool,
    /// Ask for commands as if pushed.
    pub(super) poll: bool,
}

/// One device.
pub(super) struct Device {
    pub(super) hardware: Hardware,
    pub(super) shared: Arc<Shared>,
    state: Mutex<State>,
    orders: Mutex<Orders>,
    wake: Notify,
}

impl Device {
    pub(super) fn new(hardware: Hardware, shared: Arc<Shared>, link: Option<String>) -> Self {
        let chance = Chance::new(shared.options.seed ^ 0xD1CE, hardware.index);
        let state = Mutex::new(State::new(&hardware.name, chance));
        Self {
            hardware,
            shared,
            state,
            orders: Mutex::new(Orders { enroll: link, ..Orders::default() }),
            wake: Notify::new(),
        }
    }

    /// The memory, to read. Held for moments only.
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the memory and tells those who watch.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state());
        self.shared.progress.send_modify(|count| *count += 1);
        result
    }

    /// Gives the device's person something to do.
    pub(super) fn order(&self, order: impl FnOnce(&mut Orders)) {
        order(&mut self.orders.lock().unwrap_or_else(PoisonError::into_inner));
        self.wake.notify_one();
    }

    fn take<T>(&self, take: impl FnOnce(&mut Orders) -> T) -> T {
        take(&mut self.orders.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// A push came in.
    fn pushed(&self, magic: &str) {
        let right = self.change(|state| {
            let right = state.arriving.as_deref() == Some(magic)
                || state.enrollment.as_ref().is_some_and(|enrollment| enrollment.magic == magic);
            if right {
                state.pushes += 1;
            } else {
                state.problem("wrong-push-magic", "a push carried a PushMagic that is not this enrollment's", None);
            }
            right
        });
        if right {
            self.order(|orders| orders.poll = true);
        }
    }

    /// Listens for pushes to this token.
    pub(super) fn listen(self: &Arc<Self>, token: &[u8]) {
        let device = Arc::downgrade(self);
        let receiver = move |magic: &str| {
            if let Some(device) = device.upgrade() {
                device.pushed(magic);
            }
        };
        self.shared.courier.subscribe(hex(token), Arc::new(receiver));
    }

    /// Lives until the task is dropped.
    pub(super) async fn run(self: Arc<Self>) {
        loop {
            if let Some(link) = self.take(|orders| orders.enroll.take()) {
                let Ok(_turn) = self.shared.enrolling.acquire().await else { return };
                self.change(|state| state.phase = Phase::Enrolling);
                match self.enroll(&link).await {
                    Ok(()) => tracing::debug!(serial = self.hardware.serial, "a simulated device has enrolled"),
                    Err(fault) => self.change(|state| {
                        state.phase = Phase::Failed;
                        state.last_error = Some(fault.to_string());
                        state.problem("enrollment-failed", fault.to_string(), None);
                    }),
                }
            }
            if self.state().enrollment.is_some() {
                self.live().await;
            } else {
                self.wake.notified().await;
            }
        }
    }

    /// Waits for pushes and works until the enrollment ends or a new one is ordered.
    async fn live(self: &Arc<Self>) {
        let options = &self.shared.options;
        let mut ask_again = None;
        loop {
            let leave = self.take(|orders| std::mem::take(&mut orders.leave));
            if leave {
                self.check_out().await;
            }
            if self.state().enrollment.is_none() || self.take(|orders| orders.enroll.is_some()) {
                return;
            }
            if self.take(|orders| std::mem::take(&mut orders.poll)) {
                let deferred = self.session().await;
                ask_again = deferred.then_some(options.not_now_pause);
                continue;
            }
            // While locked, nothing changes: unlocking gives the order to ask again.
            let pause = ask_again.filter(|_| !self.state().locked).or(options.poll_every);
            match pause {
                None => self.wake.notified().await,
                Some(pause) => tokio::select! {
                    () = self.wake.notified() => {}
                    () = tokio::time::sleep(pause) => {
                        ask_again = None;
                        self.order(|orders| orders.poll = true);
                    }
                },
            }
        }
    }

    /// The person (or the server) removes the enrollment: says goodbye once if the profile asks for it, then forgets.
    pub(super) async fn check_out(self: &Arc<Self>) {
        let Some(enrollment) = self.state().enrollment.clone() else { return };
        if enrollment.mdm.check_out
            && let Ok(body) = messages::check_out(&self.hardware, &enrollment.mdm)
        {
            // Best effort, sent once (Apple schema: checkout.yaml).
            if let Ok(wire) = self.signed(&enrollment, &enrollment.mdm.check_in_url, messages::CHECK_IN, body) {
                let _told = enrollment.http.send(&wire).await;
            }
        }
        self.forget_enrollment();
    }

    /// Removes what came with the enrollment: managed profiles, apps with flag 1; the rest stays, unmanaged.
    pub(super) fn forget_enrollment(&self) {
        self.change(|state| {
            if let Some(enrollment) = state.enrollment.take() {
                self.shared.courier.forget(&hex(&enrollment.token));
            }
            state.profiles.retain(|installed| !installed.managed);
            state.apps.retain(|_, app| !(app.managed && app.flags & 1 != 0) && app.present);
            for app in state.apps.values_mut() {
                app.managed = false;
                app.attributes.clear();
                app.configuration = None;
            }
            state.phase = Phase::Left;
        });
    }

    /// A request as this enrollment makes it, signed where its identity style says so.
    pub(super) fn signed(
        &self,
        enrollment: &Enrollment,
        url: &str,
        kind: &str,
        body: Vec<u8>,
    ) -> Result<super::http::Wire, Fault> {
        if kind == messages::CHECK_IN {
            self.shared.record.bytes(Kind::CheckIn, &self.hardware, &body);
        }
        let signature = match self.hardware.identity {
            _ if !enrollment.mdm.sign_message => None,
            IdentityStyle::SignatureBer => Some(super::cms::detached_ber(&enrollment.identity, &body)?),
            IdentityStyle::SignatureDer | IdentityStyle::ClientCertificate => {
                Some(super::cms::detached_der(&enrollment.identity, &body)?)
            }
        };
        let mut wire = super::http::Wire::with_body(http::Method::PUT, url, kind, body).header("user-agent", "MDM/1.0");
        if let Some(signature) = signature {
            let signature = base64::engine::general_purpose::STANDARD.encode(signature);
            wire = wire.header("mdm-signature", signature);
        }
        Ok(wire)
    }

    /// Says so where a VPN profile went away under apps that use it.
    pub(super) fn check_vpn_use(state: &mut State, command: &str) {
        let there = state.vpn_uuids();
        let broken: Vec<String> = state
            .apps
            .values()
            .filter(|app| app.managed)
            .filter(|app| {
                let uuid = app.attributes.get("VPNUUID").and_then(plist::Value::as_string);
                uuid.is_some_and(|uuid| !there.contains(&uuid.to_ascii_uppercase()))
            })
            .map(|app| app.bundle_id.clone())
            .collect();
        for bundle in broken {
            state.problem(
                "vpn-pulled-away",
                format!("the {VPN} profile of {bundle} went away while the app still refers to it"),
                Some(command),
            );
        }
    }
}

/// Lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
