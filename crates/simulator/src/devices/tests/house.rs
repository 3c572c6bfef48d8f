//! The test server: what it is made of, what it remembers, and how a test makes it do things. What devices reach of it is
//! in [`super::doors`].

use super::authority::{CHALLENGE, TestAuthority};
use super::doors;
use crate::serve::{Connection, Listener, Speaks};
use plist::{Dictionary, Value};
use russet_protocol::CommandUuid;
use russet_protocol::command::{Command, wrap};
use russet_protocol::profile::{Mdm, Payload, PayloadBody, Profile, RootCertificate, Scep};
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::watch;

pub(super) const ENROLLMENT: &str = "com.example.enrollment";
pub(super) const TOPIC: &str = "com.apple.mgmt.External.test";

/// How a message proved who sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Proof {
    /// Header, BER with indefinite lengths.
    Ber,
    /// Header, DER.
    Der,
    /// TLS client certificate only.
    Certificate,
}

#[derive(Default)]
pub(super) struct Memory {
    /// Of each UDID: CommandUUIDs with the bytes to deliver.
    pub(super) queues: BTreeMap<String, VecDeque<(String, Vec<u8>)>>,
    delivered: u32,
    /// Every check-in message, as it came.
    pub(super) check_ins: Vec<Vec<u8>>,
    /// Every answer but Idle, as it came.
    pub(super) reports: Vec<Dictionary>,
    pub(super) proofs: BTreeSet<Proof>,
    /// Of each UDID: push token in hexadecimal and magic.
    pub(super) targets: BTreeMap<String, (String, String)>,
    /// What is answered to check-in messages of a kind, in turn; the last one stays. Others are answered 200, without a body.
    pub(super) replies: BTreeMap<&'static str, VecDeque<(u16, Dictionary)>>,
    /// Declarations, as `declaration-items` lists them: list, identifier, token, and the declaration itself.
    pub(super) declarations: Vec<(&'static str, &'static str, &'static str, serde_json::Value)>,
    /// The profile says that the server keeps bootstrap tokens and gives tokens of services.
    pub(super) capable: bool,
    /// The signatures' certificates, as they came.
    pub(super) signers: BTreeSet<Vec<u8>>,
    /// Every `Date` header of a device.
    pub(super) dates: BTreeSet<String>,
    /// So many of the next requests of devices are answered 503.
    pub(super) unavailable: u32,
    /// So many of the next answers are taken, and the command is delivered once more all the same.
    pub(super) forgetful: u32,
}

pub(super) struct Shared {
    pub(super) authority: TestAuthority,
    pub(super) sign_message: bool,
    pub(super) challenge: &'static str,
    pub(super) url: String,
    pub(super) memory: Mutex<Memory>,
    pub(super) heard: watch::Sender<()>,
}

pub(super) struct House {
    shared: Arc<Shared>,
    address: SocketAddr,
    listener: Mutex<Option<Listener>>,
    tls: Arc<rustls::ServerConfig>,
}

impl House {
    pub(super) async fn open(sign_message: bool) -> Self {
        Self::open_with(sign_message, CHALLENGE).await
    }

    /// A server whose profiles carry this challenge.
    pub(super) async fn open_with(sign_message: bool, challenge: &'static str) -> Self {
        let authority = TestAuthority::new();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(authority.root.certificate.to_der().unwrap())).unwrap();
        let clients = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
            .allow_unauthenticated()
            .build()
            .unwrap();
        let identity = authority.server();
        let chain = vec![CertificateDer::from(identity.certificate.to_der().unwrap())];
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(identity.key.private_key_to_pkcs8().unwrap()));
        let tls = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_client_cert_verifier(clients)
            .with_single_cert(chain, key)
            .unwrap();
        let place = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let shared = Arc::new(Shared {
            authority,
            sign_message,
            challenge,
            url: format!("https://localhost:{}", place.port()),
            memory: Mutex::default(),
            heard: watch::Sender::new(()),
        });
        let house = Self { shared, address: place, listener: Mutex::new(None), tls: Arc::new(tls) };
        house.up().await;
        house
    }

    /// Starts listening (again).
    pub(super) async fn up(&self) {
        let router = doors::router(Arc::clone(&self.shared));
        let listener = Listener::open(self.address, Speaks::Tls(Arc::clone(&self.tls)), router).await.unwrap();
        *self.listener.lock().unwrap() = Some(listener);
    }

    /// Stops listening: connections end, new ones are refused.
    pub(super) async fn down(&self) {
        let listener = self.listener.lock().unwrap().take();
        if let Some(listener) = listener {
            listener.connections().open().iter().for_each(Connection::cut);
            listener.stop().await;
        }
    }

    pub(super) fn link(&self) -> String {
        format!("{}/enroll/code", self.shared.url)
    }

    pub(super) fn roots_pem(&self) -> Vec<u8> {
        self.shared.authority.root.certificate.to_pem().unwrap()
    }

    pub(super) fn root_key(&self) -> &openssl::pkey::PKeyRef<openssl::pkey::Private> {
        &self.shared.authority.root.key
    }

    pub(super) fn memory(&self) -> MutexGuard<'_, Memory> {
        self.shared.memory.lock().unwrap()
    }

    pub(super) fn signed(&self, profile: &Profile) -> Vec<u8> {
        self.shared.authority.signed(&profile.encode())
    }

    pub(super) fn enrollment_profile(&self) -> Profile {
        self.shared.enrollment_profile()
    }

    /// Puts a command into a device's queue; its CommandUUID comes back.
    pub(super) fn enqueue(&self, udid: &str, command: &Command) -> String {
        self.enqueue_body(udid, &command.to_body())
    }

    pub(super) fn enqueue_body(&self, udid: &str, body: &[u8]) -> String {
        let mut memory = self.memory();
        memory.delivered += 1;
        let uuid = format!("command-{}", memory.delivered);
        let bytes = wrap(&CommandUuid::new(&uuid).unwrap(), body).unwrap();
        memory.queues.entry(udid.to_owned()).or_default().push_back((uuid.clone(), bytes));
        uuid
    }

    /// Puts a command into the only device's queue, wakes it, and waits for its answer.
    pub(super) async fn ask(&self, fleet: &super::Fleet, command: &Command) -> Dictionary {
        let udid = super::only(fleet).udid;
        let uuid = self.enqueue(&udid, command);
        fleet.poll(0);
        self.answer(&uuid).await
    }

    /// The same on the channel of the only user of the only device.
    pub(super) async fn ask_user(&self, fleet: &super::Fleet, command: &Command) -> Dictionary {
        let device = super::only(fleet);
        let uuid = self.enqueue(&format!("{}:{}", device.udid, device.users[0].short_name), command);
        fleet.poll(0);
        self.answer(&uuid).await
    }

    /// What the devices said in check-in messages of this kind.
    pub(super) fn said(&self, kind: &str) -> Vec<Dictionary> {
        let read = |bytes: &Vec<u8>| plist::from_bytes::<Dictionary>(bytes).unwrap();
        self.memory().check_ins.iter().map(read).filter(|keys| text(keys, "MessageType") == kind).collect()
    }

    /// Waits until a condition holds, looking again whenever a device was heard.
    pub(super) async fn until(&self, holds: impl Fn() -> bool) {
        let mut heard = self.shared.heard.subscribe();
        let wait = async {
            loop {
                heard.mark_unchanged();
                if holds() {
                    return;
                }
                heard.changed().await.unwrap();
            }
        };
        tokio::time::timeout(super::SOON, wait).await.unwrap();
    }

    /// The final answer to a command (`NotNow` is none).
    pub(super) async fn answer(&self, uuid: &str) -> Dictionary {
        let mut heard = self.shared.heard.subscribe();
        let wait = async {
            loop {
                heard.mark_unchanged();
                let found = self
                    .memory()
                    .reports
                    .iter()
                    .find(|report| text(report, "CommandUUID") == uuid && text(report, "Status") != "NotNow")
                    .cloned();
                match found {
                    Some(found) => return found,
                    None => heard.changed().await.unwrap(),
                }
            }
        };
        tokio::time::timeout(super::SOON, wait).await.unwrap_or_else(|_| panic!("no answer to {uuid}"))
    }
}

/// A text of a dictionary, or nothing.
pub(super) fn text<'a>(keys: &'a Dictionary, key: &str) -> &'a str {
    keys.get(key).and_then(Value::as_string).unwrap_or_default()
}

impl Shared {
    fn capabilities(&self) -> Vec<String> {
        let all = ["com.apple.mdm.per-user-connections", "com.apple.mdm.bootstraptoken", "com.apple.mdm.token"];
        let count = if self.memory.lock().unwrap().capable { 3 } else { 1 };
        all[..count].iter().map(|name| (*name).to_owned()).collect()
    }

    pub(super) fn enrollment_profile(&self) -> Profile {
        let mut profile = Profile::new(ENROLLMENT, "enrollment-uuid");
        let scep = Scep {
            url: format!("{}/scep", self.url),
            name: Some("Test CA & more".into()),
            subject: vec![vec![("O".into(), "Smith & Sons".into())], vec![("CN".into(), "%SERIAL%".into())]],
            challenge: Some(self.challenge.into()),
            key_size: 2048,
            key_usage: Some(5),
            ca_fingerprint: None,
            retries: None,
            retry_delay: None,
            key_is_extractable: None,
        };
        let mdm = Mdm {
            identity_uuid: "scep-uuid".into(),
            topic: TOPIC.into(),
            server_url: format!("{}/mdm", self.url),
            check_in_url: Some(format!("{}/checkin", self.url)),
            sign_message: self.sign_message,
            access_rights: Some(8191),
            check_out_when_removed: true,
            server_capabilities: self.capabilities(),
            enrollment_mode: None,
            assigned_managed_apple_id: None,
        };
        let root = RootCertificate { certificate: self.authority.root.certificate.to_der().unwrap(), file_name: None };
        profile.payloads = vec![
            Payload::new("com.example.enrollment.root", "root-uuid", PayloadBody::RootCertificate(root)),
            Payload::new("com.example.enrollment.scep", "scep-uuid", PayloadBody::Scep(scep)),
            Payload::new("com.example.enrollment.mdm", "mdm-uuid", PayloadBody::Mdm(mdm)),
        ];
        profile
    }
}
