//! Requests as bytes on the wire: whatever a row wants to send, not only what an HTTP library would.

use super::{Device, House};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use openssl::pkcs7::{Pkcs7, Pkcs7Flags};
use openssl::pkey::{PKey, Private};
use openssl::stack::Stack;
use openssl::x509::X509;
use russet_protocol::media;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::sync::Arc;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// A client certificate and its key, DER.
#[derive(Clone)]
pub(super) struct Identity {
    pub(super) certificate: Vec<u8>,
    pub(super) key: Vec<u8>,
    /// Shown behind the certificate, as if it were of its chain.
    pub(super) also: Vec<Vec<u8>>,
}

impl Identity {
    pub(super) fn new(certificate: Vec<u8>, key: Vec<u8>) -> Self {
        Self { certificate, key, also: Vec::new() }
    }
}

#[derive(Clone)]
pub(super) struct Request {
    pub(super) line: String,
    pub(super) headers: Vec<(String, Vec<u8>)>,
    pub(super) body: Vec<u8>,
    pub(super) identity: Option<Identity>,
    pub(super) chunked: bool,
}

pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Whether this is a CertRep with the `pkiStatus` of a failure.
    pub(super) fn is_scep_failure(&self) -> bool {
        let failure = b"\x06\x0a\x60\x86\x48\x01\x86\xf8\x45\x01\x09\x03\x31\x03\x13\x012";
        self.body.windows(failure.len()).any(|part| part == failure)
    }

    fn parse(bytes: &[u8]) -> Self {
        let end = bytes.windows(4).position(|part| part == b"\r\n\r\n").unwrap_or(bytes.len());
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        assert_ne!(status, 401, "it would un-enroll the device");
        assert!(status < 500, "never a fault of ours: {head}");
        Self { status, head, body: bytes.get(end + 4..).unwrap_or_default().to_vec() }
    }
}

impl Request {
    pub(super) fn new(line: &str, body: &[u8]) -> Self {
        Self { line: line.to_owned(), headers: Vec::new(), body: body.to_vec(), identity: None, chunked: false }
    }

    /// To the server URL.
    pub(super) fn report(body: &[u8]) -> Self {
        Self::new("PUT /mdm", body).with("Content-Type", media::MDM)
    }

    /// To the check-in URL.
    pub(super) fn check_in(body: &[u8]) -> Self {
        Self::new("PUT /checkin", body).with("Content-Type", media::CHECK_IN)
    }

    pub(super) fn with(mut self, name: &str, value: impl Into<Vec<u8>>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// With the device's client certificate.
    pub(super) fn of(self, device: &Device) -> Self {
        self.shown(device.identity())
    }

    pub(super) fn shown(mut self, identity: Identity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// With an `Mdm-Signature` over these bytes.
    pub(super) fn signed(self, certificate: &[u8], key: &PKey<Private>, over: &[u8], flags: Pkcs7Flags) -> Self {
        let (signer, none) = (X509::from_der(certificate).unwrap(), Stack::new().unwrap());
        let flags = flags | Pkcs7Flags::DETACHED | Pkcs7Flags::BINARY;
        let signature = Pkcs7::sign(&signer, key, &none, over, flags).unwrap().to_der().unwrap();
        self.with("Mdm-Signature", STANDARD.encode(signature))
    }

    /// In one chunk, without saying before how long it is.
    pub(super) fn chunked(mut self) -> Self {
        self.chunked = true;
        self
    }

    /// With an `Mdm-Signature` over the body that OpenSSL's command line makes, with these options. It signs with
    /// `certificate.pem` and `key.pem` in this folder.
    pub(super) fn signed_by_openssl(self, folder: &std::path::Path, options: &str) -> Self {
        std::fs::write(folder.join("body"), &self.body).unwrap();
        let arguments =
            format!("cms -sign -binary -in body -signer certificate.pem -inkey key.pem -outform DER {options}");
        let run = std::process::Command::new("openssl").args(arguments.split_whitespace()).current_dir(folder).output();
        let run = run.unwrap();
        assert!(run.status.success(), "{options}: {}", String::from_utf8_lossy(&run.stderr));
        self.with("Mdm-Signature", STANDARD.encode(run.stdout))
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        let mut bytes = format!("{} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n", self.line).into_bytes();
        for (name, value) in &self.headers {
            bytes.extend_from_slice(name.as_bytes());
            bytes.extend_from_slice(b": ");
            bytes.extend_from_slice(value);
            bytes.extend_from_slice(b"\r\n");
        }
        let length = self.body.len();
        if self.chunked {
            bytes.extend_from_slice(format!("Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n").as_bytes());
            bytes.extend_from_slice(&self.body);
            bytes.extend_from_slice(b"\r\n0\r\n\r\n");
        } else {
            bytes.extend_from_slice(format!("Content-Length: {length}\r\n\r\n").as_bytes());
            bytes.extend_from_slice(&self.body);
        }
        bytes
    }

    pub(super) async fn send(&self, house: &House) -> Answer {
        let mut stream = house.connect(self.identity.as_ref()).await;
        // A peer that refuses early may close while we still write: its answer counts.
        let _ = stream.write_all(&self.bytes()).await;
        let _ = stream.flush().await;
        read(&mut stream).await
    }
}

/// The answer, to the end of the connection.
pub(super) async fn read(stream: &mut TlsStream<TcpStream>) -> Answer {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes).await;
    Answer::parse(&bytes)
}

impl House {
    /// A connection with TLS, and with this client certificate.
    pub(super) async fn connect(&self, identity: Option<&Identity>) -> TlsStream<TcpStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.root.clone()).unwrap();
        let builder = ClientConfig::builder().with_root_certificates(roots);
        let config = match identity {
            Some(Identity { certificate, key, also }) => {
                let key = PrivateKeyDer::try_from(key.clone()).unwrap();
                let chain = [certificate].into_iter().chain(also).map(|der| CertificateDer::from(der.clone()));
                builder.with_client_auth_cert(chain.collect(), key).unwrap()
            }
            None => builder.with_no_client_auth(),
        };
        let stream = TcpStream::connect(self.address).await.unwrap();
        let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
        connector.connect(ServerName::try_from("localhost").unwrap(), stream).await.unwrap()
    }
}
