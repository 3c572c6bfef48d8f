//! Devices against a small MDM server made for these tests: TLS by rustls, SCEP and signatures by OpenSSL, no code of the
//! real server. Scenarios state what a device answered and what is true on it afterwards.

mod acts;
mod apps;
mod authority;
mod courier;
mod declarations;
mod doors;
mod house;
mod life;
mod lists;
mod misbehavior;
mod patience;
mod profiles;
mod recovery;
mod schema;
mod users;

use super::*;
use house::House;
use russet_protocol::BundleId;
use russet_protocol::command::{AppAttributes, Command, InstallApplication};
use russet_protocol::profile::{AppLayerVpn, Payload, PayloadBody, Profile};
use russet_protocol::{AdamId, Platform};

/// Longer than anything here takes, short enough to fail by.
const SOON: Duration = Duration::from_secs(30);

/// One iPhone that is supervised and answers at once.
fn one(platform: Platform) -> Options {
    let none = Mix { iphones: 0, ipads: 0, macs: 0, apple_tvs: 0, shared_ipads: 0 };
    let mix = match platform {
        Platform::MacOs => Mix { macs: 1, ..none },
        Platform::IpadOs => Mix { ipads: 1, ..none },
        Platform::TvOs => Mix { apple_tvs: 1, ..none },
        _ => Mix { iphones: 1, ..none },
    };
    Options { count: 1, mix, supervised_percent: 100, ..quick() }
}

fn quick() -> Options {
    let retry = Retry { first: Duration::from_millis(10), most: Duration::from_millis(50) };
    Options { retry, not_now_pause: Duration::from_millis(20), system_roots: false, ..Options::default() }
}

/// Starts a fleet at this house and waits until all of it has enrolled.
async fn enrolled(house: &House, options: Options) -> Fleet {
    let options = Options { enroll_urls: vec![house.link()], trust_pem: house.roots_pem(), ..options };
    let fleet = Fleet::start(options).await.unwrap();
    let all = |devices: &[DeviceView]| {
        let failed = devices.iter().find(|device| device.phase == Phase::Failed);
        assert!(failed.is_none(), "could not enroll: {failed:?}");
        devices.iter().all(|device| device.enrolled).then_some(())
    };
    assert!(fleet.wait_for(SOON, all).await.is_some(), "not all enrolled: {:?}", fleet.snapshot());
    fleet
}

/// The only device of a fleet.
fn only(fleet: &Fleet) -> DeviceView {
    fleet.snapshot().into_iter().next().unwrap()
}

fn bundle(id: &str) -> BundleId {
    BundleId::new(id).unwrap()
}

const VPN_UUID: &str = "9E5C0D2A-7F7E-4F4B-8B0E-0A4B6C6D7E8F";

/// The app with store number 7, which has this bundle identifier where no store is asked.
const APP: &str = "com.example.app7";

fn install(change: impl FnOnce(&mut InstallApplication)) -> Command {
    let mut install = InstallApplication::licensed(AdamId(7));
    change(&mut install);
    Command::InstallApplication(install)
}

fn with_vpn(install: &mut InstallApplication) {
    install.attributes = Some(AppAttributes { vpn_uuid: Some(VPN_UUID.into()), ..AppAttributes::default() });
}

/// A profile of these payloads; its UUIDs follow from its name.
fn profile(name: &str, bodies: Vec<PayloadBody>) -> Profile {
    let identifier = format!("com.example.{name}");
    let mut profile = Profile::new(&identifier, format!("{name}-uuid"));
    profile.payloads = bodies
        .into_iter()
        .enumerate()
        .map(|(n, body)| Payload::new(format!("{identifier}.{n}"), format!("{name}-uuid-{n}"), body))
        .collect();
    profile
}

fn vpn() -> Profile {
    let settings = [
        ("VPNType".to_owned(), plist::Value::from("VPN")),
        ("VPNSubType".to_owned(), plist::Value::from("com.example.vpn")),
    ];
    let body = AppLayerVpn { vpn_uuid: VPN_UUID.into(), settings: settings.into_iter().collect() };
    profile("vpn", vec![PayloadBody::AppLayerVpn(body)])
}

fn send(profile: &Profile) -> Command {
    Command::InstallProfile { payload: profile.encode() }
}
