//! The TLS certificates of the listeners: given as files, or made for a private network by this server's own authority,
//! whose certificate is the root that devices learn to trust when they enroll.
//!
//! A self-made certificate lives in the data folder (`tls-certificate.pem`, `tls-key.pem` of mode 0600) and its root beside
//! it (`tls-root.pem`), for programs on this machine that must trust the server.

use super::{StartError, folder};
use crate::config::TlsFiles;
use crate::context::Context;
use crate::server::tls::ServerCertificate;
use russet_pki::ca::{Authority, ServerName};
use russet_pki::certificate::Facts;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

/// How often certificates are looked at.
const LOOK: Duration = Duration::from_secs(3600);
/// A self-made certificate is replaced when less than this is left of it.
const RENEW_BEFORE: Duration = Duration::from_secs(60 * 24 * 3600);

/// A PEM chain and its key.
type Pair = (Zeroizing<Vec<u8>>, Zeroizing<Vec<u8>>);

/// Keeps the listeners' certificates fresh: renews the self-made one, reads given files again when they change.
pub(super) struct Keeper {
    ctx: Context,
    authority: Arc<Authority>,
    /// None where devices come through a proxy that ends their TLS.
    device: Option<ServerCertificate>,
    admin: Option<ServerCertificate>,
}

impl Keeper {
    /// Reads or makes the certificates.
    pub(super) fn open(ctx: &Context, authority: Arc<Authority>) -> Result<Self, StartError> {
        let device = match ctx.config.device.plain_http {
            true => None,
            false => {
                let (chain, key) = device_pair(ctx, &authority)?;
                Some(ServerCertificate::from_pem(&chain, &key)?)
            }
        };
        let admin = match &ctx.config.admin.tls {
            Some(files) => {
                let (chain, key) = given(files)?;
                Some(ServerCertificate::from_pem(&chain, &key)?)
            }
            None => None,
        };
        Ok(Self { ctx: ctx.clone(), authority, device, admin })
    }

    pub(super) fn device(&self) -> Option<&ServerCertificate> {
        self.device.as_ref()
    }

    pub(super) fn admin(&self) -> Option<&ServerCertificate> {
        self.admin.as_ref()
    }

    /// The root of a self-made certificate.
    pub(super) fn root_file(&self) -> Option<PathBuf> {
        self.ctx.config.device.is_self_made().then(|| self.ctx.config.data_dir.join("tls-root.pem"))
    }

    /// Looks every hour. What cannot be read or made is logged; the old certificate stays.
    pub(super) async fn run(self, stop: CancellationToken) {
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(LOOK) => {}
            }
            if let Err(error) = self.refresh() {
                tracing::error!(%error, "the TLS certificate was not renewed; the old one stays in use");
            }
        }
    }

    fn refresh(&self) -> Result<(), StartError> {
        if let Some(device) = &self.device {
            let (chain, key) = device_pair(&self.ctx, &self.authority)?;
            device.replace(&chain, &key)?;
        }
        if let (Some(files), Some(admin)) = (&self.ctx.config.admin.tls, &self.admin) {
            let (chain, key) = given(files)?;
            admin.replace(&chain, &key)?;
        }
        Ok(())
    }
}

fn device_pair(ctx: &Context, authority: &Authority) -> Result<Pair, StartError> {
    match &ctx.config.device.tls {
        Some(files) => given(files),
        None => self_made(ctx, authority),
    }
}

fn given(files: &TlsFiles) -> Result<Pair, StartError> {
    let read = |path: &PathBuf| {
        let missing = || std::io::Error::from(std::io::ErrorKind::NotFound);
        folder::read(path)?.ok_or_else(|| StartError::File { path: path.clone(), action: "read", source: missing() })
    };
    Ok((read(&files.certificate)?, read(&files.key)?))
}

fn self_made(ctx: &Context, authority: &Authority) -> Result<Pair, StartError> {
    let folder = &ctx.config.data_dir;
    let [certificate, key, root] = ["tls-certificate.pem", "tls-key.pem", "tls-root.pem"].map(|name| folder.join(name));
    let root_pem = authority.certificate_pem()?;
    let names = [name_of(&ctx.config.device.public_url)?];
    let stored = (folder::read(&certificate)?, folder::read(&key)?, folder::read(&root)?);
    if let (Some(chain), Some(key), Some(stored_root)) = stored
        && stored_root.as_slice() == root_pem.as_bytes()
        && serves(&chain, &names[0], ctx)
        && ServerCertificate::from_pem(&chain, &key).is_ok()
    {
        return Ok((chain, key));
    }
    let made = authority.issue_server(&names, ctx.random_bytes(), ctx.now())?;
    // The root goes last: a start that was cut off before it makes everything anew.
    folder::replace(&key, made.key_pem.as_bytes(), 0o600)?;
    folder::replace(&certificate, made.certificate_pem.as_bytes(), 0o644)?;
    folder::replace(&root, root_pem.as_bytes(), 0o644)?;
    tracing::info!(certificate = %certificate.display(), "made a TLS certificate for a private network");
    Ok((Zeroizing::new(made.certificate_pem.into_bytes()), Zeroizing::new(made.key_pem.as_bytes().to_vec())))
}

/// Whether a stored certificate is for this name and good for long enough. The authority writes the name into the subject
/// too; one that is too long for that is not found there, and its certificate is made anew at each look, which does no harm.
fn serves(chain: &[u8], name: &ServerName, ctx: &Context) -> bool {
    let Ok(leaf) = CertificateDer::from_pem_slice(chain) else { return false };
    let Ok(facts) = Facts::of(&leaf) else { return false };
    let wanted = match name {
        ServerName::Dns(name) => name.clone(),
        ServerName::Ip(address) => address.to_string(),
    };
    facts.common_name == Some(wanted) && facts.is_valid_at(ctx.now()) && facts.is_valid_at(ctx.now().plus(RENEW_BEFORE))
}

/// The name under which devices ask for this server.
fn name_of(public_url: &str) -> Result<ServerName, StartError> {
    let uri: Option<http::Uri> = public_url.parse().ok();
    let host = uri.as_ref().and_then(http::Uri::host).unwrap_or_default();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    if bare.is_empty() {
        return Err(StartError::Host(public_url.to_owned()));
    }
    Ok(bare.parse().map_or_else(|_| ServerName::Dns(bare.to_ascii_lowercase()), ServerName::Ip))
}
