//! Sealing of secrets: AES-256-GCM under the master key, bound to the table, column and row they are stored in, so that a
//! sealed value moved elsewhere in the database does not open.
//!
//! A sealed value is one byte of format (1), four bytes that tell the key, twelve bytes of nonce, the ciphertext, and sixteen
//! bytes of tag.

use crate::{MasterKey, StoreError};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom as _, SystemRandom};
use zeroize::Zeroizing;

const FORMAT: u8 = 1;
const KEY_ID: usize = 4;
const HEAD: usize = 1 + KEY_ID + NONCE_LEN;

/// Seals and opens secrets.
pub struct Sealer {
    key: LessSafeKey,
    key_id: [u8; KEY_ID],
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sealer(…)")
    }
}

impl Sealer {
    pub(crate) fn new(key: &MasterKey) -> Result<Self, StoreError> {
        let unbound = UnboundKey::new(&AES_256_GCM, key.0.as_ref());
        let unbound = unbound.map_err(|_| StoreError::Key("the master key is not 32 bytes long".to_owned()))?;
        let mut named = Zeroizing::new(b"russet master key id".to_vec());
        named.extend_from_slice(key.0.as_ref());
        let mut key_id = [0; KEY_ID];
        key_id.copy_from_slice(&digest(&SHA256, &named).as_ref()[..KEY_ID]);
        Ok(Self { key: LessSafeKey::new(unbound), key_id })
    }

    /// Seals a secret for one place.
    pub fn seal(&self, table: &str, column: &str, row: &str, secret: &[u8]) -> Result<Vec<u8>, StoreError> {
        let failed = || StoreError::unavailable("a secret could not be sealed");
        let mut nonce = [0; NONCE_LEN];
        SystemRandom::new().fill(&mut nonce).map_err(|_| failed())?;
        let mut sealed = Vec::with_capacity(HEAD + secret.len() + AES_256_GCM.tag_len());
        sealed.push(FORMAT);
        sealed.extend_from_slice(&self.key_id);
        sealed.extend_from_slice(&nonce);
        sealed.extend_from_slice(secret);
        let (_, body) = sealed.split_at_mut(HEAD);
        let nonce = Nonce::assume_unique_for_key(nonce);
        let tag = self.key.seal_in_place_separate_tag(nonce, Aad::from(place(table, column, row)), body);
        sealed.extend_from_slice(tag.map_err(|_| failed())?.as_ref());
        Ok(sealed)
    }

    /// Opens a secret. [`StoreError::Corrupt`] if it was changed or moved, or sealed under another key.
    pub fn open(&self, table: &str, column: &str, row: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        self.unseal(table, column, row, sealed).ok_or_else(|| StoreError::corrupt(table, column, row))
    }

    fn unseal(&self, table: &str, column: &str, row: &str, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (head, body) = sealed.split_at_checked(HEAD)?;
        let (front, nonce) = head.split_at_checked(1 + KEY_ID)?;
        if front.first() != Some(&FORMAT) || front.get(1..) != Some(self.key_id.as_slice()) {
            return None;
        }
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut body = Zeroizing::new(body.to_vec());
        let length = self.key.open_in_place(nonce, Aad::from(place(table, column, row)), &mut body).ok()?.len();
        body.truncate(length);
        Some(body)
    }
}

/// What a sealed value is bound to. Lengths are written out, so that no two places share a text.
fn place(table: &str, column: &str, row: &str) -> Vec<u8> {
    format!("{}:{table}{}:{column}{}:{row}", table.len(), column.len(), row.len()).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_opens_only_in_its_place_and_under_its_key() {
        let sealer = Sealer::new(&MasterKey::generate().unwrap()).unwrap();
        let sealed = sealer.seal("account", "token", "7", b"secret").unwrap();
        assert_eq!(sealer.open("account", "token", "7", &sealed).unwrap().as_slice(), b"secret");
        assert!(sealer.open("account", "token", "8", &sealed).is_err());
        assert!(sealer.open("account", "toke", "n7", &sealed).is_err());
        let other = Sealer::new(&MasterKey::generate().unwrap()).unwrap();
        assert!(other.open("account", "token", "7", &sealed).is_err());
        for place in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[place] ^= 1;
            assert!(sealer.open("account", "token", "7", &damaged).is_err(), "byte {place}");
            assert!(sealer.open("account", "token", "7", &sealed[..place]).is_err(), "cut at {place}");
        }
        assert_ne!(sealed, sealer.seal("account", "token", "7", b"secret").unwrap());
    }
}
