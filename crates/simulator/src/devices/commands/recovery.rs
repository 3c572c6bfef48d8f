//! What opens a Mac when its people cannot: the password of its recovery system, the key of its disk (Apple schema:
//! passcode.recovery.set.yaml, passcode.recovery.verify.yaml, rotate.file.vault.key.yaml).

use super::super::cms;
use super::super::device::Device;
use super::super::profile::AppleError;
use super::Reply;
use openssl::symm::Cipher;
use openssl::x509::X509;
use russet_protocol::command::{FileVaultKeyType, RotateFileVaultKey, SetRecoveryLock};
use russet_protocol::result::{Answer, RecoveryLockAnswer, RotateFileVaultKeyAnswer, RotateResult};
use russet_protocol::{SecretBytes, SecretText};

/// `SetRecoveryLock`: whoever changes it has to know it. An empty password takes it away.
pub(super) fn set_lock(device: &Device, lock: &SetRecoveryLock) -> Result<Reply, AppleError> {
    device.change(|state| {
        let current = lock.current.as_ref().map(|text| text.reveal().as_str());
        if state.recovery_lock.as_deref().is_some_and(|set| current != Some(set)) {
            return Err(AppleError::mdm(12008, "CurrentPassword is not the password of the recovery lock"));
        }
        state.recovery_lock = Some(lock.new.reveal().clone()).filter(|new| !new.is_empty());
        Ok(Reply::done(Answer::none()))
    })
}

/// `VerifyRecoveryLock`.
pub(super) fn verify_lock(device: &Device, password: &SecretText) -> Result<Reply, AppleError> {
    match &device.state().recovery_lock {
        None => Err(AppleError::mdm(12008, "There is no recovery lock")),
        Some(set) => {
            let verified = set == password.reveal();
            Ok(Reply::done(Answer::VerifyRecoveryLock(RecoveryLockAnswer { verified })))
        }
    }
}

/// `RotateFileVaultKey`: a new personal key comes back encrypted for the certificate that the command names.
pub(super) fn rotate(device: &Device, rotate: &RotateFileVaultKey) -> Result<Reply, AppleError> {
    if rotate.key_type == FileVaultKeyType::Institutional {
        let certificate = rotate.new_certificate.as_deref().unwrap_or_default();
        X509::from_der(certificate).map_err(|_| AppleError::mdm(12008, "NewCertificate is no certificate"))?;
        return Ok(Reply::done(Answer::RotateFileVaultKey(RotateFileVaultKeyAnswer::default())));
    }
    let opens = rotate.unlock.password.as_ref().map(|text| text.reveal().clone());
    if opens.is_none_or(|opens| opens != device.state().file_vault_key) {
        return Err(AppleError::mdm(12008, "FileVaultUnlock does not open the disk"));
    }
    let reply = rotate.reply_certificate.as_deref().unwrap_or_default();
    let recipient =
        X509::from_der(reply).map_err(|_| AppleError::mdm(12008, "ReplyEncryptionCertificate is no certificate"))?;
    let key = new_key(device);
    let sealed = cms::envelope(&recipient, key.as_bytes(), Cipher::aes_256_cbc(), false)
        .map_err(|fault| AppleError::mdm(12010, fault.to_string()))?;
    device.change(|state| state.file_vault_key = key);
    let result = RotateResult { encrypted_key: Some(SecretBytes::new(sealed)) };
    Ok(Reply::done(Answer::RotateFileVaultKey(RotateFileVaultKeyAnswer { result: Some(result) })))
}

/// Six groups of four characters, as people write them down.
fn new_key(device: &Device) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
    let mut state = device.state();
    let mut group = || (0..4).map(|_| char::from(ALPHABET[state.chance.below(ALPHABET.len())])).collect::<String>();
    (0..6).map(|_| group()).collect::<Vec<_>>().join("-")
}
