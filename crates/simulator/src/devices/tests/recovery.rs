//! Passwords and keys of Macs, and the tokens that devices ask for.

use super::house::{House, text};
use super::*;
use openssl::pkcs7::{Pkcs7, Pkcs7Flags};
use openssl::x509::X509;
use plist::Dictionary;
use russet_protocol::SecretText;
use russet_protocol::command::{FileVaultKeyType, FileVaultUnlock, RotateFileVaultKey, SetRecoveryLock};

fn set_lock(current: Option<&str>, new: &str) -> Command {
    let (current, new) = (current.map(SecretText::new), SecretText::new(new));
    Command::SetRecoveryLock(SetRecoveryLock { current, new })
}

fn verify(password: &str) -> Command {
    Command::VerifyRecoveryLock { password: SecretText::new(password) }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_recovery_lock_is_changed_by_who_knows_it() {
    let house = House::open(true).await;
    let fleet = enrolled(&house, one(Platform::MacOs)).await;
    assert_eq!(text(&house.ask(&fleet, &set_lock(None, "first")).await, "Status"), "Acknowledged");
    assert_eq!(text(&house.ask(&fleet, &set_lock(Some("wrong"), "second")).await, "Status"), "Error");
    for (password, verified) in [("wrong", false), ("first", true)] {
        let answer = house.ask(&fleet, &verify(password)).await;
        assert_eq!(answer.get("PasswordVerified").and_then(plist::Value::as_boolean), Some(verified));
    }
    house.ask(&fleet, &set_lock(Some("first"), "")).await;
    assert!(!only(&fleet).recovery_lock);
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_of_the_disk_comes_back_for_the_servers_eyes_only() {
    let house = House::open(true).await;
    let fleet = enrolled(&house, one(Platform::MacOs)).await;
    let certificate = X509::from_pem(&house.roots_pem()).unwrap();
    let rotate = |password: &str| {
        Command::RotateFileVaultKey(RotateFileVaultKey {
            key_type: FileVaultKeyType::Personal,
            unlock: FileVaultUnlock { password: Some(SecretText::new(password)), ..FileVaultUnlock::default() },
            new_certificate: None,
            reply_certificate: Some(certificate.to_der().unwrap()),
        })
    };
    assert_eq!(text(&house.ask(&fleet, &rotate("guess")).await, "Status"), "Error");
    let answer = house.ask(&fleet, &rotate("ABCD-EFGH-IJKL-MNOP-QRST-UVWX")).await;
    let sealed = answer.get("RotateResult").and_then(plist::Value::as_dictionary).unwrap();
    let sealed = sealed.get("EncryptedNewRecoveryKey").and_then(plist::Value::as_data).unwrap();
    let key = Pkcs7::from_der(sealed).unwrap().decrypt(house.root_key(), &certificate, Pkcs7Flags::BINARY).unwrap();
    assert_eq!(String::from_utf8(key).unwrap().split('-').count(), 6);
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mac_leaves_its_bootstrap_token_where_the_server_keeps_it() {
    let house = House::open(true).await;
    house.memory().capable = true;
    let token = [("BootstrapToken".to_owned(), plist::Value::Data(vec![7; 64]))].into_iter().collect::<Dictionary>();
    house.memory().replies.insert("GetBootstrapToken", [(200, token)].into());
    let fleet = enrolled(&house, one(Platform::MacOs)).await;
    let escrowed = |devices: &[DeviceView]| (devices[0].heard.len() == 1).then_some(());
    fleet.wait_for(SOON, escrowed).await.unwrap();
    fleet.ask(0, Question::GetBootstrapToken);
    fleet.ask(0, Question::DropBootstrapToken);
    let heard = |devices: &[DeviceView]| (devices[0].heard.len() == 3).then(|| devices[0].clone());
    let device = fleet.wait_for(SOON, heard).await.unwrap();
    let set = house.said("SetBootstrapToken");
    let length = |keys: &Dictionary| keys.get("BootstrapToken").and_then(plist::Value::as_data).unwrap().len();
    assert_eq!((length(&set[0]), length(&set[1])), (64, 0), "escrowed, then taken back");
    assert_eq!(device.heard[1].answer["BootstrapToken"], "64 bytes");
    assert!(!device.bootstrap_escrowed);
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_questions_are_asked_and_any_answer_is_heard() {
    let house = House::open(true).await;
    house.memory().replies.insert("GetToken", [(400, Dictionary::new())].into());
    let off = [("Enabled".to_owned(), plist::Value::from(false))].into_iter().collect::<Dictionary>();
    let back = [("ReturnToService".to_owned(), plist::Value::Dictionary(off))].into_iter().collect();
    house.memory().replies.insert("ReturnToService", [(200, back)].into());
    let fleet = enrolled(&house, one(Platform::Ios)).await;
    for question in [Question::GetMaidToken, Question::GetWatchToken, Question::ReturnToService] {
        fleet.ask(0, question);
    }
    let heard = |devices: &[DeviceView]| (devices[0].heard.len() == 3).then(|| devices[0].clone());
    let device = fleet.wait_for(SOON, heard).await.unwrap();
    let statuses: Vec<u16> = device.heard.iter().map(|heard| heard.status).collect();
    assert_eq!(statuses, [400, 400, 200]);
    assert_eq!(device.heard[2].answer["ReturnToService.Enabled"], "false");
    let services: Vec<Dictionary> = house.said("GetToken");
    assert_eq!(text(&services[1], "TokenServiceType"), "com.apple.watch.pairing");
    fleet.stop().await;
}
