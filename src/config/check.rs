//! What each kind of setting must look like. Every problem is said so that the reader knows what to write instead.

use super::TlsFiles;
use base64::Engine;
use russet_protocol::SecretBytes;
use russet_protocol::guard::Limits;
use russet_protocol::profile::Profile;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;
use zeroize::Zeroizing;

/// An address with a port.
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("{text:?} is no IP address with a port; write it as 0.0.0.0:8443 or [::]:8443"))
}

/// A node's name.
pub(super) fn name(text: &str) -> Result<String, String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if text.is_empty() || text.len() > 64 || !text.chars().all(fits) {
        return Err("use 1 to 64 letters, digits, '-', '_' or '.'".to_owned());
    }
    Ok(text.to_owned())
}

/// One line of text for people.
pub(super) fn line(text: &str) -> Result<String, String> {
    if text.is_empty() || text.chars().count() > 200 || text.chars().any(char::is_control) {
        return Err("use one line of 1 to 200 characters".to_owned());
    }
    Ok(text.to_owned())
}

/// The URL under which devices reach the server. Devices speak to an MDM server over https only.
pub(super) fn public_url(text: &str) -> Result<String, String> {
    let example = "write it as https://mdm.example.com:8443";
    let uri: http::Uri = text.parse().map_err(|_| format!("{text:?} is no URL; {example}"))?;
    if uri.scheme_str() != Some("https") {
        return Err(format!("devices accept https only; {example}"));
    }
    if uri.host().is_none_or(str::is_empty) {
        return Err(format!("names no host; {example}"));
    }
    if !matches!(uri.path(), "" | "/") || uri.query().is_some() || text.contains('@') {
        return Err(format!("must be scheme, host and port only; {example}"));
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// The URL of one of Apple's services, or of what stands in for it.
pub(super) fn service_url(text: &str) -> Result<String, String> {
    let uri: http::Uri = text.parse().map_err(|_| format!("{text:?} is no URL; write it as https://host/path"))?;
    let host = uri.host().unwrap_or_default();
    if host.is_empty() || text.contains('@') {
        return Err("must name a host, without a user; write it as https://host/path".to_owned());
    }
    match uri.scheme_str() {
        Some("https") => {}
        Some("http") if is_loopback(host) => {}
        Some("http") => return Err("plain http is allowed for loopback only; use https".to_owned()),
        _ => return Err("must begin with https://".to_owned()),
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// Whether a host of a URL is this machine by itself, without asking a name service.
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// A database's URL. The text may hold a password and is not quoted.
pub(super) fn database_url(text: &str) -> Result<(), String> {
    if let Some(path) = text.strip_prefix("sqlite:") {
        if path.trim_start_matches("//").is_empty() || path.contains(":memory:") {
            return Err("name a file: sqlite:data/russet.db".to_owned());
        }
        return Ok(());
    }
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        return Ok(());
    }
    Err("must begin with sqlite: or postgres://".to_owned())
}

/// A pause: a number and its unit.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let example = "write a number and ms, s, m, h or d, as 1500ms or 24h";
    let split = text.find(|c: char| !c.is_ascii_digit()).ok_or(example)?;
    let (number, unit) = text.split_at(split);
    let number: u64 = number.parse().map_err(|_| example)?;
    let millis = match unit.trim() {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(example.to_owned()),
    };
    match number.checked_mul(millis) {
        // A pause of nothing would spin; one of more than a year is a slip of the pen.
        Some(total) if (1..=366 * 86_400_000).contains(&total) => Ok(Duration::from_millis(total)),
        _ => Err("must be more than nothing and at most a year".to_owned()),
    }
}

pub(super) fn log_format(text: &str) -> Result<bool, String> {
    match text {
        "text" => Ok(false),
        "json" => Ok(true),
        _ => Err("must be text or json".to_owned()),
    }
}

pub(super) fn log_filter(text: &str) -> Result<String, String> {
    text.parse::<tracing_subscriber::filter::Targets>()
        .map(|_| text.to_owned())
        .map_err(|_| "write a level (error, warn, info, debug), or a filter as info,russet::push=debug".to_owned())
}

/// A PEM file of trust roots.
pub(super) fn roots_file(path: &Path) -> Result<(), String> {
    certificates(path).map(|_| ())
}

/// The certificates (DER) of a PEM file.
pub(super) fn authorities(path: &Path) -> Result<Vec<Vec<u8>>, String> {
    Ok(certificates(path)?.into_iter().map(|certificate| certificate.to_vec()).collect())
}

/// An RSA key (DER) from a PEM file.
pub(super) fn rsa_key(path: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    let pem = read(path)?;
    let problem = "holds no RSA key of 2048 bits or more in PEM form without a password";
    let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| problem.to_owned())?;
    let der = key.secret_der();
    let usable = match &key {
        PrivateKeyDer::Pkcs8(_) => ring::rsa::KeyPair::from_pkcs8(der).is_ok(),
        PrivateKeyDer::Pkcs1(_) => ring::rsa::KeyPair::from_der(der).is_ok(),
        _ => false,
    };
    if usable { Ok(Zeroizing::new(der.to_vec())) } else { Err(problem.to_owned()) }
}

/// Allow or decline.
pub(super) fn allow(text: &str) -> Result<bool, String> {
    match text {
        "decline" => Ok(false),
        "allow" => Ok(true),
        _ => Err(format!("{text:?} is neither decline nor allow")),
    }
}

/// A configuration profile for a Wi-Fi network, signed or not. What is in a signed one the device itself checks.
pub(super) fn wifi_profile(path: &Path) -> Result<SecretBytes, String> {
    let bytes = read(path)?;
    let is_signed = bytes.first() == Some(&0x30);
    let is_network = |profile: Profile| profile.payload("com.apple.wifi.managed").is_some();
    if is_signed || Profile::decode(&bytes, Limits::for_body(bytes.len())).is_ok_and(is_network) {
        return Ok(SecretBytes::new(bytes.to_vec()));
    }
    Err("is no configuration profile with a Wi-Fi network (com.apple.wifi.managed)".to_owned())
}

/// A UUID.
pub(super) fn uuid(text: &str) -> Result<String, String> {
    text.parse::<uuid::Uuid>().map(|_| text.to_owned()).map_err(|_| format!("{text:?} is no UUID"))
}

/// The name of a header, in lower case.
pub(super) fn header(text: &str) -> Result<String, String> {
    let name: http::HeaderName = text.parse().map_err(|_| format!("{text:?} is no name of a header"))?;
    Ok(name.as_str().to_owned())
}

/// Yes or no.
pub(super) fn flag(text: &str) -> Result<bool, String> {
    match text {
        "yes" | "true" => Ok(true),
        "no" | "false" => Ok(false),
        _ => Err("must be yes or no".to_owned()),
    }
}

pub(super) fn user_authenticate(text: &str) -> Result<bool, String> {
    match text {
        "empty" => Ok(true),
        "decline" => Ok(false),
        _ => Err("must be decline or empty".to_owned()),
    }
}

/// A certificate chain and its key. The fault is the key file's where the flag is set.
pub(super) fn tls_files(files: &TlsFiles) -> Result<(), (bool, String)> {
    let chain = certificates(&files.certificate).map_err(|problem| (false, problem))?;
    let pem = read(&files.key).map_err(|problem| (true, problem))?;
    let key = PrivateKeyDer::from_pem_slice(&pem)
        .map_err(|_| (true, "holds no private key in PEM form without a password".to_owned()))?;
    let signer = rustls::crypto::ring::sign::any_supported_type(&key)
        .map_err(|_| (true, "holds a key of a kind that devices do not accept; use RSA 2048 or P-256".to_owned()))?;
    rustls::sign::CertifiedKey::new(chain, signer)
        .keys_match()
        .map_err(|_| (true, "is not the key of the certificate's first entry".to_owned()))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = read(path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err("holds no certificate in PEM form".to_owned()),
    }
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, String> {
    std::fs::read(path).map(Zeroizing::new).map_err(|error| format!("{} cannot be read: {error}", path.display()))
}

/// 32 bytes as base64 or as hexadecimal digits. The text is a secret and is not quoted.
pub(super) fn master_key(text: &str) -> Result<Zeroizing<[u8; 32]>, String> {
    let text = text.trim();
    let bytes = if text.len() == 64 && text.is_ascii() {
        (0..32).map(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).ok()).collect::<Option<Vec<u8>>>()
    } else {
        base64::engine::general_purpose::STANDARD.decode(text).ok()
    };
    let bytes = Zeroizing::new(bytes.unwrap_or_default());
    <[u8; 32]>::try_from(bytes.as_slice())
        .map(Zeroizing::new)
        .map_err(|_| "must be 32 random bytes as base64 or hex; `openssl rand -base64 32` makes some".to_owned())
}

/// A master key file that exists already: it must be ours alone. One that does not exist is made later.
pub(super) fn master_key_file(path: &Path) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt;
    let Ok(facts) = std::fs::metadata(path) else { return Ok(()) };
    if !facts.is_file() {
        return Err(format!("{} is not a file", path.display()));
    }
    let mode = facts.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(format!("others may read it (mode {mode:04o}); run: chmod 600 {}", path.display()));
    }
    Ok(())
}
