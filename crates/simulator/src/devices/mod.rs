//! Simulated iPhones, iPads, Macs and Apple TVs that enroll in any MDM server and behave as Apple's documents say: they open
//! the enrollment link, make an identity by SCEP, check in, wait for pushes at the simulated APNs, fetch commands and carry
//! them out, verify what they are sent, and refuse with Apple's errors. Asked to ([`Misbehavior`]), they do what devices in the
//! field do at the worst moments.
//!
//! [`Fleet::start`] begins, [`Fleet::snapshot`] shows what is true on each device. Devices are patient: while the server is
//! away they keep what they have to say and try again. Everything is kept in memory and invented; nothing of a real
//! device is in here. Must never use the server's own code for CMS or SCEP: OpenSSL does both here.
//!
//! Where to look: `enroll`, `users`, `questions`, `declarations` and `session` are the conversations, `channel` who speaks,
//! `commands` what a device does with each command, `power` what follows, `restore` how it comes back from a backup, `rules` and
//! `mdm_payload` what it holds profiles against, `line` how messages get lost, `state` what it remembers, `view` what can be seen.

mod channel;
mod cms;
mod commands;
mod courier;
mod csr;
mod declarations;
mod der;
mod device;
mod enroll;
mod fault;
mod http;
mod line;
mod mdm_payload;
mod messages;
mod misbehave;
mod options;
mod power;
mod profile;
mod questions;
mod record;
mod restore;
mod roster;
mod rules;
mod scep;
mod session;
mod snapshot;
mod state;
mod store_door;
mod users;
mod view;

pub use fault::Fault;
pub use misbehave::{Misbehavior, UnknownWay, WAYS, Way};
pub use options::{IdentityStyle, Mix, Options, Pace, Retry};
pub use questions::Question;
pub use view::{
    AppView, DeviceView, HeardView, JournalEntry, NetworkView, PayloadView, Phase, Power, Problem, ProfileView,
    SignatureView, SsoView, UserView,
};

use courier::Courier;
use device::{Device, EnrollBy, Shared};
use openssl::x509::X509;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use store_door::StoreDoor;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

/// A running fleet. Dropping it switches all devices off.
pub struct Fleet {
    devices: Vec<Arc<Device>>,
    shared: Arc<Shared>,
    tasks: JoinSet<()>,
}

impl Fleet {
    /// Starts the devices; they enroll in the background. What becomes of it is in [`Fleet::snapshot`].
    ///
    /// # Errors
    /// When there is no link to enroll by, no device, or a trust root cannot be read.
    #[expect(clippy::unused_async, reason = "needs a runtime to start its tasks in, which an async function has")]
    pub async fn start(options: Options) -> Result<Self, Fault> {
        if options.count == 0 || options.enroll_urls.is_empty() {
            return Err(Fault::Options("a fleet needs at least one device and one enrollment link".into()));
        }
        let wrong = |e: &dyn std::fmt::Display| Fault::Options(format!("a trust root cannot be read as PEM: {e}"));
        let roots = X509::stack_from_pem(&options.trust_pem).map_err(|e| wrong(&e))?;
        if roots.is_empty() && !options.trust_pem.is_empty() {
            return Err(wrong(&"there is no certificate in it"));
        }
        let trust = http::Trust::new(options.system_roots, &roots)?;
        let browser = http::Http::new(&trust, None)?;
        let shared = Arc::new(Shared {
            store: StoreDoor::new(options.store_url.clone(), browser.clone(), options.retry),
            courier: Courier::default(),
            progress: watch::Sender::new(0),
            enrolling: Semaphore::new(options.parallel_enrollments.max(1)),
            keys: Semaphore::new(std::thread::available_parallelism().map_or(2, usize::from)),
            behave: Arc::default(),
            statuses: Arc::default(),
            trust,
            roots,
            browser,
            record: record::Record(options.record.clone()),
            options,
        });
        let mut tasks = JoinSet::new();
        if let Some(address) = shared.options.courier.clone() {
            let shared = Arc::clone(&shared);
            tasks.spawn(async move { shared.courier.run(&address, shared.options.retry).await });
        }
        let options = &shared.options;
        let devices: Vec<Arc<Device>> = (0..options.count)
            .map(|number| {
                let link = options.enroll_urls.get(number % options.enroll_urls.len()).cloned();
                Arc::new(Device::new(roster::invent(options, options.first + number), Arc::clone(&shared), link))
            })
            .collect();
        for device in &devices {
            tasks.spawn(Arc::clone(device).run());
        }
        Ok(Self { devices, shared, tasks })
    }

    /// Every device as it is now, in order of their numbers.
    #[must_use]
    pub fn snapshot(&self) -> Vec<DeviceView> {
        self.devices.iter().map(|device| device.view()).collect()
    }

    /// Waits until the devices satisfy the condition, looking again after every change; `None` when they do not within the
    /// time given.
    pub async fn wait_for<R>(&self, within: Duration, mut look: impl FnMut(&[DeviceView]) -> Option<R>) -> Option<R> {
        let mut progress = self.shared.progress.subscribe();
        let found = async {
            loop {
                progress.mark_unchanged();
                if let Some(found) = look(&self.snapshot()) {
                    return Some(found);
                }
                progress.changed().await.ok()?;
            }
        };
        tokio::time::timeout(within, found).await.ok().flatten()
    }

    /// Locks or unlocks a device (by its place in [`Fleet::snapshot`]): while locked it answers `NotNow` where Apple's
    /// devices do. Unlocking makes it ask for commands.
    pub fn lock(&self, place: usize, locked: bool) {
        if let Some(device) = self.devices.get(place) {
            device.change(|state| state.locked = locked);
            if !locked {
                device.poll_all();
            }
        }
    }

    /// The person says no to the next question about this app (bundle identifier). Only unsupervised devices ask.
    pub fn refuse_next(&self, place: usize, bundle_id: &str) {
        if let Some(device) = self.devices.get(place) {
            device.change(|state| state.refusals.insert(bundle_id.to_owned()));
        }
    }

    /// The person removes the enrollment profile.
    pub fn leave(&self, place: usize) {
        if let Some(device) = self.devices.get(place) {
            device.order(|orders| orders.leave = true);
        }
    }

    /// The person opens a link and enrolls (again).
    pub fn enroll(&self, place: usize, link: &str) {
        if let Some(device) = self.devices.get(place) {
            device.order(|orders| orders.enroll = Some(EnrollBy::Link(link.to_owned())));
        }
    }

    /// A device asks for commands, on all its channels, as if it had been pushed.
    pub fn poll(&self, place: usize) {
        if let Some(device) = self.devices.get(place) {
            device.poll_all();
        }
    }

    /// A person deals with the device: switches it on, types its PIN or passcode, enrolls it again the way it was enrolled if
    /// it was erased.
    pub fn tend(&self, place: usize) {
        if let Some(device) = self.devices.get(place) {
            device.order(|orders| orders.tend = true);
        }
    }

    /// User number `user` of a Mac or a Shared iPad logs in.
    pub fn log_in(&self, place: usize, user: usize) {
        if let Some(device) = self.devices.get(place) {
            device.order(|orders| orders.log_in.push_back(user));
        }
    }

    /// The device asks the server something outside of commands; what it hears is in [`DeviceView::heard`].
    pub fn ask(&self, place: usize, question: Question) {
        if let Some(device) = self.devices.get(place) {
            device.order(|orders| orders.questions.push_back(question));
        }
    }

    /// A backup is made of the device as it is now.
    pub fn back_up(&self, place: usize) {
        if let Some(device) = self.devices.get(place) {
            device.back_up();
        }
    }

    /// The device is restored from its last backup.
    pub fn restore(&self, place: usize) {
        if let Some(device) = self.devices.get(place) {
            device.order(|orders| orders.restore = true);
        }
    }

    /// From now on nobody misbehaves any more.
    pub fn behave(&self) {
        self.shared.behave.store(true, Ordering::Relaxed);
    }

    /// How often servers answered devices with each HTTP status.
    #[must_use]
    pub fn statuses(&self) -> BTreeMap<u16, u64> {
        self.shared.statuses.all()
    }

    /// Switches all devices off, without a word to the server.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

#[cfg(test)]
mod tests;
