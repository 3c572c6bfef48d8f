//! One simulated device: what it is, what it remembers, and its life from enrollment to leaving. Each runs as a task of
//! its own and talks to the server on its own connections.

use super::channel::{self, Channel, Names};
use super::courier::Courier;
use super::fault::Fault;
use super::http::{Http, Trust};
use super::line::{Line, Statuses};
use super::messages;
use super::misbehave::Way;
use super::options::{IdentityStyle, Options};
use super::questions::Question;
use super::record::{Kind, Record};
use super::roster::{Chance, Hardware};
use super::rules::VPN;
use super::state::{Enrollment, State};
use super::store_door::StoreDoor;
use super::view::{Phase, Power};
use base64::Engine;
use std::collections::{BTreeSet, VecDeque};
use std::sync::atomic::AtomicBool;
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
    /// From now on nobody misbehaves.
    pub(super) behave: Arc<AtomicBool>,
    pub(super) statuses: Arc<Statuses>,
}

/// How a device comes by its enrollment profile.
#[derive(Debug, Clone)]
pub(super) enum EnrollBy {
    /// A person opens a link.
    Link(String),
    /// It was left on the device when it was erased.
    Profile(Vec<u8>),
}

/// What a person does with a device; taken up by its task.
#[derive(Debug, Default)]
pub(super) struct Orders {
    /// Enroll.
    pub(super) enroll: Option<EnrollBy>,
    /// Remove the enrollment profile.
    pub(super) leave: bool,
    /// Come back from a backup.
    pub(super) restore: bool,
    /// Switch the device on, type its PIN or passcode, set it up again.
    pub(super) tend: bool,
    /// Users to log in, by their places.
    pub(super) log_in: VecDeque<usize>,
    /// Ask the server outside of commands.
    pub(super) questions: VecDeque<Question>,
    /// Ask for commands on these channels as if pushed.
    pub(super) poll: BTreeSet<Channel>,
}

/// One device.
pub(super) struct Device {
    pub(super) hardware: Hardware,
    pub(super) shared: Arc<Shared>,
    pub(super) line: Arc<Line>,
    state: Mutex<State>,
    orders: Mutex<Orders>,
    wake: Notify,
}

impl Device {
    pub(super) fn new(hardware: Hardware, shared: Arc<Shared>, link: Option<String>) -> Self {
        let chance = Chance::new(shared.options.seed ^ 0xD1CE, hardware.index);
        let state = Mutex::new(State::new(&hardware.name, chance));
        let line = Line::new(
            shared.options.misbehavior.clone(),
            Arc::clone(&shared.behave),
            Arc::clone(&shared.statuses),
            Chance::new(shared.options.seed ^ 0x0BAD, hardware.index),
        );
        Self {
            hardware,
            shared,
            line: Arc::new(line),
            state,
            orders: Mutex::new(Orders { enroll: link.map(EnrollBy::Link), ..Orders::default() }),
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

    pub(super) fn take<T>(&self, take: impl FnOnce(&mut Orders) -> T) -> T {
        take(&mut self.orders.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What a message on this channel says about who sends it.
    pub(super) fn names(&self, channel: Channel) -> Names {
        channel::names(&self.hardware, self.state().user(channel))
    }

    /// Whether the device misbehaves in this way now.
    pub(super) fn happens(&self, way: Way) -> bool {
        self.line.happens(way)
    }

    /// A push came in.
    fn pushed(&self, channel: Channel, magic: &str) {
        let right = self.change(|state| {
            let known = match state.user(channel) {
                Some(user) => user.magic == magic,
                None => {
                    state.arriving.as_deref() == Some(magic)
                        || state.enrollment.as_ref().is_some_and(|enrollment| enrollment.magic == magic)
                }
            };
            if known {
                state.pushes += 1;
            } else {
                state.problem("wrong-push-magic", "a push carried a PushMagic that is not this enrollment's", None);
            }
            known
        });
        if right {
            self.order(|orders| orders.poll.extend([channel]));
        }
    }

    /// Listens for pushes to this token.
    pub(super) fn listen(self: &Arc<Self>, channel: Channel, token: &[u8]) {
        let device = Arc::downgrade(self);
        let receiver = move |magic: &str| {
            if let Some(device) = device.upgrade() {
                device.pushed(channel, magic);
            }
        };
        self.shared.courier.subscribe(hex(token), Arc::new(receiver));
    }

    /// Lives until the task is dropped.
    pub(super) async fn run(self: Arc<Self>) {
        loop {
            if let Some(by) = self.take(|orders| orders.enroll.take()) {
                let Ok(_turn) = self.shared.enrolling.acquire().await else { return };
                self.change(|state| state.phase = Phase::Enrolling);
                match self.enroll(&by).await {
                    Ok(()) => tracing::debug!(serial = self.hardware.serial, "a simulated device has enrolled"),
                    Err(fault) => self.change(|state| {
                        state.phase = if state.enrollment.is_some() { Phase::Enrolled } else { Phase::Failed };
                        state.last_error = Some(fault.to_string());
                        state.problem("enrollment-failed", fault.to_string(), None);
                    }),
                }
            }
            if self.state().enrollment.is_some() {
                self.live().await;
            } else {
                self.wait_for_a_person().await;
            }
        }
    }

    /// Waits for pushes and works until the enrollment ends or a new one is ordered.
    async fn live(self: &Arc<Self>) {
        let options = &self.shared.options;
        let mut ask_again = BTreeSet::new();
        loop {
            if self.state().power != Power::On {
                self.wait_for_a_person().await;
                continue;
            }
            if self.take(|orders| std::mem::take(&mut orders.tend)) {
                self.tend();
            }
            if self.take(|orders| std::mem::take(&mut orders.leave)) {
                self.check_out().await;
            }
            if self.state().enrollment.is_none() || self.take(|orders| orders.enroll.is_some()) {
                return;
            }
            if self.take(|orders| std::mem::take(&mut orders.restore)) {
                self.restore().await;
                continue;
            }
            if let Some(user) = self.take(|orders| orders.log_in.pop_front()) {
                self.log_in(user).await;
                continue;
            }
            if let Some(question) = self.take(|orders| orders.questions.pop_front()) {
                self.ask(question).await;
                continue;
            }
            if let Some(channel) = self.take(|orders| orders.poll.pop_first()) {
                if self.session(channel).await {
                    ask_again.insert(channel);
                } else {
                    ask_again.remove(&channel);
                }
                continue;
            }
            // While locked, nothing changes: unlocking gives the order to ask again.
            let locked = self.state().locked;
            let deferred = (!ask_again.is_empty() && !locked).then_some(options.not_now_pause);
            let unlocks = locked.then_some(options.person_after).flatten();
            match deferred.or(unlocks).or(options.poll_every) {
                None => self.wake.notified().await,
                Some(pause) => tokio::select! {
                    () = self.wake.notified() => {}
                    () = tokio::time::sleep(self.jittered(pause)) => {
                        if unlocks.is_some() {
                            self.tend();
                        }
                        let again = std::mem::take(&mut ask_again);
                        let due = if deferred.is_some() { again } else { self.state().channels().into_iter().collect() };
                        self.order(|orders| orders.poll.extend(due));
                    }
                },
            }
        }
    }

    /// Waits until something is ordered or, where people come by themselves, until one has dealt with the device.
    async fn wait_for_a_person(&self) {
        let stuck = {
            let state = self.state();
            state.phase == Phase::Erased || state.power != Power::On
        };
        match self.shared.options.person_after.filter(|_| stuck) {
            None => self.wake.notified().await,
            Some(after) => tokio::select! {
                () = self.wake.notified() => {}
                () = tokio::time::sleep(self.jittered(after)) => self.order(|orders| orders.tend = true),
            },
        }
        if self.take(|orders| std::mem::take(&mut orders.tend)) {
            self.tend();
        }
    }

    /// The person (or the server) removes the enrollment: says goodbye once if the profile asks for it, then forgets.
    pub(super) async fn check_out(self: &Arc<Self>) {
        let Some(enrollment) = self.state().enrollment.clone() else { return };
        if enrollment.mdm.check_out
            && let Ok(body) = messages::check_out(&self.names(Channel::Device), &enrollment.mdm)
        {
            // Best effort, sent once (Apple schema: checkout.yaml).
            let url = enrollment.mdm.check_in_url.clone();
            if let Ok(wire) = self.signed(Channel::Device, &enrollment, &url, messages::CHECK_IN, body) {
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
            self.forget_users(state);
            state.declarations.clear();
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
        channel: Channel,
        enrollment: &Enrollment,
        url: &str,
        kind: &str,
        body: Vec<u8>,
    ) -> Result<super::http::Wire, Fault> {
        if kind == messages::CHECK_IN {
            self.shared.record.bytes(Kind::CheckIn, &self.hardware, channel, &body);
        }
        let signature = match self.hardware.identity {
            _ if !enrollment.mdm.sign_message => None,
            IdentityStyle::SignatureBer => Some(super::cms::detached_ber(&enrollment.identity, &body)?),
            IdentityStyle::SignatureDer | IdentityStyle::ClientCertificate => {
                Some(super::cms::detached_der(&enrollment.identity, &body, self.line.odd())?)
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
