//! A device and its queue, as the scenarios use them: each call is one transaction, as each request of a device is.

use crate::commands::{self, CommandError, Delivery, NewCommand, OpenCommand, Outcome, Priority, Purpose};
use crate::directory::dirty;
use crate::ids::{AppId, ChannelId, DeviceId};
use crate::push;
use crate::testing::{self, World};
use russet_protocol::checkin::Sender;
use russet_protocol::command::{Command, InstallApplication};
use russet_protocol::profile::Profile;
use russet_protocol::result::{Answer, ErrorChainItem, Report};
use russet_protocol::{AdamId, BundleId, CommandUuid, PushMagic, PushToken, Timestamp, Topic, Udid};

pub(super) struct Desk {
    pub(super) world: World,
    pub(super) device: DeviceId,
    pub(super) channel: ChannelId,
}

/// One desk on each database.
pub(super) async fn desks() -> Vec<Desk> {
    let mut desks = Vec::new();
    for world in testing::contexts().await {
        let device = world.device("C02").await;
        let channel = ChannelId(world.ctx.uuid());
        let mut tx = world.ctx.store.begin("test: TokenUpdate").await.unwrap();
        let (token, magic) = (PushToken::new(vec![7; 32]).unwrap(), PushMagic::new("magic").unwrap());
        let topic = Topic::new("com.apple.mgmt.External.test").unwrap();
        push::set_target(&mut *tx, channel, &token, &magic, &topic, world.ctx.now()).await.unwrap();
        tx.commit().await.unwrap();
        desks.push(Desk { world, device, channel });
    }
    desks
}

pub(super) fn bundle(id: &str) -> BundleId {
    BundleId::new(id).unwrap()
}

pub(super) fn install(adam: u64) -> Command {
    Command::InstallApplication(InstallApplication::licensed(AdamId(adam)))
}

/// A profile that nobody has to deliver but the queue.
pub(super) fn install_profile() -> Command {
    let mut profile = Profile::new("com.example.profile", "11111111-1111-1111-1111-111111111111");
    profile.organization = Some("Smith & Sons".to_owned());
    Command::InstallProfile { payload: profile.encode() }
}

pub(super) fn sender() -> Sender {
    Sender::device(Udid::new("UDID-C02").unwrap())
}

pub(super) fn license_not_found() -> Vec<ErrorChainItem> {
    vec![ErrorChainItem {
        code: 9610,
        domain: "ASDServerErrorDomain".to_owned(),
        localized: "Lizenz nicht gefunden".to_owned(),
        english: Some("License not found".to_owned()),
    }]
}

impl Desk {
    pub(super) async fn try_queue(
        &self,
        command: &Command,
        purpose: &Purpose,
        after: Option<&CommandUuid>,
        expires_at: Option<Timestamp>,
    ) -> Result<CommandUuid, CommandError> {
        let mut tx = self.world.ctx.store.begin("test: enqueue").await.unwrap();
        let new = NewCommand {
            channel: self.channel,
            device: self.device,
            command,
            after,
            purpose: purpose.clone(),
            priority: Priority::Interactive,
            expires_at,
        };
        let outcome = commands::enqueue(&mut *tx, &self.world.ctx, new).await;
        tx.commit().await.unwrap();
        outcome
    }

    pub(super) async fn queue(&self, command: &Command) -> CommandUuid {
        self.try_queue(command, &Purpose::Inventory, None, None).await.unwrap()
    }

    pub(super) async fn queue_after(&self, command: &Command, after: &CommandUuid) -> CommandUuid {
        self.try_queue(command, &Purpose::Inventory, Some(after), None).await.unwrap()
    }

    pub(super) fn app(&self) -> Purpose {
        Purpose::App(AppId(self.world.ctx.uuid()))
    }

    /// The device sends a report and gets what is next.
    pub(super) async fn say(&self, report: &Report) -> Option<Delivery> {
        let raw = report.encode();
        let mut tx = self.world.ctx.store.begin("test: report").await.unwrap();
        let ctx = &self.world.ctx;
        let next = commands::record_and_next(&mut *tx, ctx, self.channel, self.device, report, &raw).await.unwrap();
        tx.commit().await.unwrap();
        if let Some(next) = &next {
            hold_against_schema(&next.bytes);
        }
        next
    }

    pub(super) async fn idle(&self) -> Option<Delivery> {
        self.say(&Report::idle(sender())).await
    }

    pub(super) async fn acknowledge(&self, uuid: &CommandUuid) -> Option<Delivery> {
        self.answer(uuid, &Answer::none()).await
    }

    pub(super) async fn answer(&self, uuid: &CommandUuid, answer: &Answer) -> Option<Delivery> {
        self.say(&Report::acknowledged(sender(), uuid.clone(), answer)).await
    }

    pub(super) async fn fail(&self, uuid: &CommandUuid) -> Option<Delivery> {
        self.say(&Report::failed(sender(), uuid.clone(), license_not_found(), &Answer::none())).await
    }

    pub(super) async fn not_now(&self, uuid: &CommandUuid) -> Option<Delivery> {
        self.say(&Report::not_now(sender(), uuid.clone())).await
    }

    pub(super) async fn outcome(&self, uuid: &CommandUuid) -> Option<Outcome> {
        commands::outcome(&mut *self.world.ctx.store.read().await.unwrap(), uuid).await.unwrap()
    }

    pub(super) async fn open(&self) -> Vec<OpenCommand> {
        commands::open_of_device(&mut *self.world.ctx.store.read().await.unwrap(), self.device).await.unwrap()
    }

    /// When the device is pushed next.
    pub(super) async fn next_push(&self) -> Option<Timestamp> {
        let sql = "SELECT due_at FROM push_channel WHERE channel_id = $1";
        let channel = self.channel.text();
        let mut view = self.world.ctx.store.read().await.unwrap();
        view.one(sql, &[(&channel).into()]).await.unwrap().opt_int("due_at").unwrap().map(Timestamp)
    }

    /// Why the device is to be looked at; nothing where it is not. Takes the mark away.
    pub(super) async fn marks(&self) -> Vec<String> {
        let mut tx = self.world.ctx.store.begin("test: marks").await.unwrap();
        let causes = dirty::of_device(&mut *tx, self.device).await.unwrap().map(|(_, causes)| causes);
        tx.run("DELETE FROM dirty_mark", &[]).await.unwrap();
        tx.commit().await.unwrap();
        causes.unwrap_or_default()
    }

    /// The kept reports: status, note, bytes; oldest first.
    pub(super) async fn reports(&self) -> Vec<(String, Option<String>, Vec<u8>)> {
        let sql = "SELECT status, note, raw FROM command_report ORDER BY position";
        let rows = self.world.ctx.store.read().await.unwrap().rows(sql, &[]).await.unwrap();
        rows.iter()
            .map(|row| (row.text("status").unwrap(), row.opt_text("note").unwrap(), row.bytes("raw").unwrap()))
            .collect()
    }
}

/// Holds a delivered command against Apple's schema, where `SCHEMA_CHECK` names the program that knows it.
fn hold_against_schema(bytes: &[u8]) {
    let Some(program) = std::env::var_os("SCHEMA_CHECK") else { return };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("command.plist");
    std::fs::write(&file, bytes).unwrap();
    let outcome = std::process::Command::new(program).arg("command").arg(&file).output().unwrap();
    assert!(outcome.status.success(), "{}", String::from_utf8_lossy(&outcome.stdout));
}
