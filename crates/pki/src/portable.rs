//! Identities that travel with their key, as PKCS#12, for clients without SCEP. The key is made here and leaves in the
//! message only: callers keep the certificate, never the key.

use crate::CryptoError;
use crate::ca::{Authority, SerialBytes};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::stack::Stack;
use openssl::x509::X509;
use russet_protocol::Timestamp;
use zeroize::Zeroizing;

/// An identity with its key.
#[derive(Debug, Clone)]
pub struct PortableIdentity {
    /// The certificate, DER.
    pub certificate: Vec<u8>,
    /// Certificate, authority and key as PKCS#12 under the password that was asked for. A secret.
    pub pkcs12: Zeroizing<Vec<u8>>,
}

impl Authority {
    /// Makes a key and an identity for it, as [`Authority::issue_identity`] does for a key that was asked for. Takes about a
    /// tenth of a second: not for a thread that serves others.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn issue_portable(
        &self,
        common_name: &str,
        password: &str,
        serial: SerialBytes,
        now: Timestamp,
    ) -> Result<PortableIdentity, CryptoError> {
        let key = PKey::from_rsa(Rsa::generate(2048)?)?;
        let certificate = self.issue_identity(&key.public_key_to_der()?, common_name, serial, now)?;
        let x509 = X509::from_der(&certificate)?;
        let mut chain = Stack::new()?;
        chain.push(self.certificate.clone())?;
        let mut builder = Pkcs12::builder();
        // The newer forms (AES, SHA-256) are refused by systems before iOS 18 and macOS 15; what protects this message is
        // the connection it travels on, not its password, which stands beside it in the profile.
        let algorithm = Nid::PBE_WITHSHA1AND3_KEY_TRIPLEDES_CBC;
        builder.key_algorithm(algorithm).cert_algorithm(algorithm).mac_md(MessageDigest::sha1());
        builder.name(common_name).pkey(&key).cert(&x509).ca(chain);
        let pkcs12 = Zeroizing::new(builder.build2(password)?.to_der()?);
        Ok(PortableIdentity { certificate, pkcs12 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_with_its_password_and_holds_all_that_a_device_needs() {
        let now = Timestamp(1_795_248_000_000);
        let authority = Authority::generate("Test", [1; 20], now).unwrap();
        let made = authority.issue_portable("someone", "word", [2; 20], now).unwrap();
        let stored = Pkcs12::from_der(&made.pkcs12).unwrap();
        assert!(stored.parse2("another").is_err());
        let parsed = stored.parse2("word").unwrap();
        let (certificate, key) = (parsed.cert.unwrap(), parsed.pkey.unwrap());
        assert_eq!(certificate.to_der().unwrap(), made.certificate);
        assert!(certificate.public_key().unwrap().public_eq(&key));
        assert_eq!(parsed.ca.unwrap().len(), 1);
        let facts = authority.trusted().check(&made.certificate, now).unwrap();
        assert_eq!(facts.common_name.as_deref(), Some("someone"));
        assert_eq!(authority.trusted().check_issued(&made.certificate), Ok(facts), "whatever the date");
    }
}
