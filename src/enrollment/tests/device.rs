//! A device of these tests: it accepts an invitation, makes its identity, and speaks with it.

use super::super::checkin::Reply;
use super::super::identity::Presented;
use super::super::{EnrollmentError, conversation, issuance, profile};
use super::TOPIC;
use super::scep_client::Client;
use crate::commands::Delivery;
use crate::testing::World;
use openssl::pkcs7::{Pkcs7, Pkcs7Flags};
use openssl::stack::Stack;
use russet_pki::ca::Authority;
use russet_protocol::checkin::{Authenticate, CheckIn, CheckOut, Sender, TokenUpdate};
use russet_protocol::command::{Command, Delivered};
use russet_protocol::guard::Limits;
use russet_protocol::plist::Dictionary;
use russet_protocol::profile::{PayloadBody, Profile};
use russet_protocol::result::{Report, Status};
use russet_protocol::{CommandUuid, PushMagic, PushToken, SerialNumber, Topic, Udid};
use std::sync::Arc;

pub(crate) struct Phone {
    pub(crate) serial: String,
    pub(crate) client: Client,
    /// The identity, DER.
    pub(crate) certificate: Vec<u8>,
    pub(crate) authority: Arc<Authority>,
}

/// The content of a signed profile, its signature checked by OpenSSL.
pub(crate) fn opened(signed: &[u8]) -> Vec<u8> {
    let (mut content, store) = (Vec::new(), openssl::x509::store::X509StoreBuilder::new().unwrap().build());
    let flags = Pkcs7Flags::NOVERIFY | Pkcs7Flags::BINARY;
    let message = Pkcs7::from_der(signed).unwrap();
    message.verify(&Stack::new().unwrap(), &store, None, Some(&mut content), flags).unwrap();
    content
}

/// The profile behind a code.
pub(crate) async fn download(world: &World, authority: &Arc<Authority>, code: &str) -> Profile {
    let signed = profile::for_invitation(&world.ctx, authority, code).await.unwrap();
    Profile::decode(&opened(&signed), Limits::default()).unwrap()
}

/// The challenge in a profile.
pub(crate) fn challenge(profile: &Profile) -> String {
    match &profile.payload("com.apple.security.scep").unwrap().body {
        PayloadBody::Scep(scep) => scep.challenge.clone().unwrap(),
        other => panic!("{other:?}"),
    }
}

impl Phone {
    /// Opens the link and gets an identity; says nothing yet.
    pub(crate) async fn accept(world: &World, authority: &Arc<Authority>, code: &str, serial: &str) -> Self {
        let profile = download(world, authority, code).await;
        Self::from_profile(world, authority, &profile, serial).await
    }

    /// Gets an identity by the challenge of a profile; says nothing yet.
    pub(crate) async fn from_profile(
        world: &World,
        authority: &Arc<Authority>,
        profile: &Profile,
        serial: &str,
    ) -> Self {
        let client = Client::new();
        let message = client.message(Some(&challenge(profile)), authority.certificate_der(), "T1", None);
        let answer = issuance::answer(&world.ctx, authority, message).await.unwrap();
        let certificate = client.open(&answer).expect("a certificate is issued");
        Self { serial: serial.to_owned(), client, certificate, authority: Arc::clone(authority) }
    }

    pub(crate) fn sender(&self) -> Sender {
        Sender::device(Udid::new(format!("UDID-{}", self.serial)).unwrap())
    }

    /// A user of it, where it is a Mac.
    pub(crate) fn user(&self) -> Sender {
        let name = Some("someone".to_owned());
        Sender { user_id: Some("1D4F0000-USER".to_owned()), user_short_name: name, ..self.sender() }
    }

    fn presented(&self) -> Presented<'_> {
        Presented { peer: Some(&self.certificate), signature: None }
    }

    pub(crate) fn authenticate(&self) -> CheckIn {
        CheckIn::Authenticate(Authenticate {
            sender: self.sender(),
            topic: Topic::new(TOPIC).ok(),
            serial_number: SerialNumber::new(&self.serial).ok(),
            product_name: Some("iPhone17,2".to_owned()),
            os_version: Some("18.1".to_owned()),
            build_version: Some("22B83".to_owned()),
            ..Authenticate::default()
        })
    }

    pub(crate) fn token_update(&self) -> CheckIn {
        CheckIn::TokenUpdate(TokenUpdate {
            sender: self.sender(),
            topic: Topic::new(TOPIC).unwrap(),
            token: PushToken::new([9; 32]).unwrap(),
            push_magic: PushMagic::new("magic").unwrap(),
            unlock_token: Some(vec![1; 40]),
            awaiting_configuration: None,
            not_on_console: None,
            other: Dictionary::new(),
        })
    }

    pub(crate) async fn says(&self, world: &World, message: &CheckIn) -> Result<Reply, EnrollmentError> {
        conversation::check_in(&world.ctx, &self.authority, self.presented(), &message.encode()).await
    }

    /// Authenticate and TokenUpdate, each answered 200.
    pub(crate) async fn arrive(&self, world: &World) {
        assert_eq!(self.says(world, &self.authenticate()).await.unwrap(), Reply::Done);
        assert_eq!(self.says(world, &self.token_update()).await.unwrap(), Reply::Done);
    }

    pub(crate) async fn check_out(&self, world: &World) -> Result<Reply, EnrollmentError> {
        let sender = self.sender();
        self.says(world, &CheckIn::CheckOut(CheckOut { sender, ..CheckOut::default() })).await
    }

    pub(crate) async fn reports(&self, world: &World, report: &Report) -> Result<Option<Delivery>, EnrollmentError> {
        conversation::report(&world.ctx, &self.authority, self.presented(), &report.encode()).await
    }

    pub(crate) async fn idle(&self, world: &World) -> Result<Option<Delivery>, EnrollmentError> {
        self.reports(world, &Report::idle(self.sender())).await
    }

    pub(crate) async fn answers(
        &self,
        world: &World,
        uuid: &CommandUuid,
        status: Status,
    ) -> Result<Option<Delivery>, EnrollmentError> {
        let report = Report { status, command_uuid: Some(uuid.clone()), ..Report::idle(self.sender()) };
        self.reports(world, &report).await
    }

    /// Fetches and refuses commands until there is none; what they were.
    pub(crate) async fn drain(&self, world: &World) -> Vec<Command> {
        let (mut commands, mut next) = (Vec::new(), self.idle(world).await.unwrap());
        while let Some(delivery) = next {
            let delivered = Delivered::decode(&delivery.bytes, Limits::default()).unwrap().unwrap();
            commands.push(delivered.command);
            next = self.answers(world, &delivery.uuid, Status::Error).await.unwrap();
        }
        commands
    }
}
