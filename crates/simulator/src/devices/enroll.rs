//! Enrollment as a device goes through it: open the link, read the profile, trust its roots, make the identity,
//! Authenticate, TokenUpdate. Steps that fail in passing are repeated unchanged; everything else ends the attempt.

use super::channel::Channel;
use super::cms::Identity;
use super::csr;
use super::device::{Device, EnrollBy, hex};
use super::fault::{Doing, Fault};
use super::http::{Answer, Http, Wire, resolve};
use super::mdm_payload::{self, IdentitySource, MdmPayload};
use super::messages;
use super::options::IdentityStyle;
use super::profile::Profile;
use super::scep;
use super::state::Enrollment;
use super::view::Phase;
use openssl::pkcs12::Pkcs12;
use russet_protocol::Platform;
use std::sync::Arc;

const PROFILE_TYPE: &str = "application/x-apple-aspen-config";
/// How many links of a page are tried.
const MOST_LINKS: usize = 12;

impl Device {
    /// Enrolls, by a link or by a profile that is there.
    pub(super) async fn enroll(self: &Arc<Self>, by: &EnrollBy) -> Result<(), Fault> {
        let bytes = match by {
            EnrollBy::Link(link) => self.persist(|| self.fetch_profile(link)).await?,
            EnrollBy::Profile(bytes) => bytes.clone(),
        };
        let profile = Profile::open(&bytes, &self.shared.roots)?;
        self.shared.record.profile(&self.hardware, Channel::Device, &profile.top);
        let (mdm, source, remarks) = mdm_payload::read(&profile)?;
        self.change(|state| remarks.into_iter().for_each(|remark| state.problem("enrollment-profile", remark, None)));
        self.change(|state| state.awaiting = self.hardware.awaits);
        let enrollment = self.take_on(&profile, mdm, source).await?;
        let mdm = enrollment.mdm.clone();
        self.change(|state| {
            state.put_profile(Channel::Device, profile);
            if let Some(before) = state.enrollment.replace(enrollment) {
                self.shared.courier.forget(&hex(&before.token));
            }
            state.declarations.clear();
            state.enrolled_by = Some(by.clone());
            state.enrollments += 1;
            state.phase = Phase::Enrolled;
            state.last_error = None;
        });
        self.back_up();
        self.settle_in(&mdm).await;
        Ok(())
    }

    /// Makes the identity and talks to check-in; on success this enrollment can be used.
    pub(super) async fn take_on(
        self: &Arc<Self>,
        profile: &Profile,
        mdm: MdmPayload,
        source: IdentitySource,
    ) -> Result<Enrollment, Fault> {
        let trust = self.shared.trust.over(Arc::clone(&self.line)).and(&profile.certificates()?)?;
        let plain = Http::new(&trust, None)?;
        let identity = match source {
            IdentitySource::Scep(payload) => self.by_scep(&plain, &payload).await?,
            IdentitySource::Pkcs12 { data, password } => pkcs12(&data, &password)?,
        };
        let by_certificate = !mdm.sign_message || self.hardware.identity == IdentityStyle::ClientCertificate;
        let http = if by_certificate {
            let certificate = identity.certificate.to_der().doing("reading the identity")?;
            let key = identity.key.private_key_to_pkcs8().doing("reading the identity's key")?;
            Http::new(&trust, Some((certificate, key)))?
        } else {
            plain
        };
        let mut token = vec![0; 32];
        openssl::rand::rand_bytes(&mut token).doing("making a push token")?;
        let unlock_token = messages::has_unlock_token(&self.hardware, &mdm).then(|| {
            let mut bytes = vec![0; 128];
            openssl::rand::rand_bytes(&mut bytes).map(|()| bytes)
        });
        let enrollment = Enrollment {
            profile_identifier: profile.identifier.clone(),
            identity,
            http,
            token,
            magic: super::channel::upper_uuid(),
            unlock_token: unlock_token.transpose().doing("making an UnlockToken")?,
            mdm,
            previous: None,
        };
        let names = self.names(Channel::Device);
        let name = self.state().name.clone();
        let hello = messages::authenticate(&self.hardware, &names, &name, &enrollment.mdm)?;
        self.check_in(&enrollment, hello).await?;
        self.change(|state| state.arriving = Some(enrollment.magic.clone()));
        self.listen(Channel::Device, &enrollment.token);
        let update = self.token_update(&enrollment)?;
        if let Err(fault) = self.check_in(&enrollment, update).await {
            self.shared.courier.forget(&hex(&enrollment.token));
            return Err(fault);
        }
        Ok(enrollment)
    }

    /// `TokenUpdate` of the device's own channel.
    pub(super) fn token_update(&self, enrollment: &Enrollment) -> Result<Vec<u8>, Fault> {
        let wake = messages::Wake {
            token: &enrollment.token,
            magic: &enrollment.magic,
            unlock_token: enrollment.unlock_token.as_deref(),
            awaiting: self.state().awaiting,
        };
        messages::token_update(&self.hardware, &self.names(Channel::Device), None, &enrollment.mdm, &wake)
    }

    /// Sends one check-in message until it is answered 200; any other final answer stops the enrollment.
    pub(super) async fn check_in(&self, enrollment: &Enrollment, body: Vec<u8>) -> Result<(), Fault> {
        self.check_in_on(Channel::Device, enrollment, body).await
    }

    /// As [`Self::check_in`], on any channel.
    pub(super) async fn check_in_on(
        &self,
        channel: Channel,
        enrollment: &Enrollment,
        body: Vec<u8>,
    ) -> Result<(), Fault> {
        let wire = self.signed(channel, enrollment, &enrollment.mdm.check_in_url, messages::CHECK_IN, body)?;
        let answer = self.persist(|| async { enrollment.http.send(&wire).await?.ok() }).await?;
        if !answer.body.is_empty() {
            self.change(|state| {
                state.problem(
                    "check-in-body",
                    "a check-in message was answered with a body; Apple's servers send none",
                    None,
                );
            });
        }
        Ok(())
    }

    async fn by_scep(&self, http: &Http, payload: &mdm_payload::ScepPayload) -> Result<Identity, Fault> {
        let bits = payload.bits;
        let key = {
            let _turn = self.shared.keys.acquire().await.map_err(|_| Fault::Stopped)?;
            tokio::task::spawn_blocking(move || csr::make_key(bits)).await.map_err(|_| Fault::Stopped)??
        };
        let manner = scep::Manner {
            indefinite: self.hardware.platform != Platform::MacOs || self.hardware.index.is_multiple_of(2),
            by_get: self.hardware.index % 4 == 3,
            odd: self.line.odd(),
        };
        let authority = self.persist(|| scep::authority(http, payload)).await?;
        let request = scep::request(payload, &authority, &key, manner)?;
        self.persist(|| scep::submit(http, &authority, &request)).await
    }

    /// Repeats a step while it fails in passing, with growing waits.
    pub(super) async fn persist<T, F>(&self, step: impl Fn() -> F) -> Result<T, Fault>
    where
        F: Future<Output = Result<T, Fault>>,
    {
        let retry = self.shared.options.retry;
        let mut wait = retry.first;
        loop {
            match step().await {
                Err(fault) if fault.is_passing() => {
                    tracing::debug!(serial = self.hardware.serial, %fault, "a simulated device will try again");
                    self.change(|state| state.last_error = Some(fault.to_string()));
                }
                other => return other,
            }
            tokio::time::sleep(self.jittered(wait)).await;
            wait = (wait * 2).min(retry.most);
        }
    }

    /// A wait between three quarters and five quarters of this one, so that a fleet does not knock in step.
    pub(super) fn jittered(&self, wait: std::time::Duration) -> std::time::Duration {
        let part = self.state().chance.below(50);
        wait * u32::try_from(75 + part).unwrap_or(100) / 100
    }

    /// Opens the link; where it shows a page, follows the page's links to the profile as a person would.
    async fn fetch_profile(&self, link: &str) -> Result<Vec<u8>, Fault> {
        let answer = self.browse(link).await?;
        if answer.media_type() == PROFILE_TYPE {
            return Ok(answer.body.to_vec());
        }
        if answer.media_type() != "text/html" {
            return Err(Fault::Refused(format!(
                "{link} answered {:?}, which is neither {PROFILE_TYPE} nor a page with a link to it",
                answer.media_type()
            )));
        }
        let page = String::from_utf8_lossy(&answer.body).into_owned();
        for target in links(&page, &answer.url).into_iter().take(MOST_LINKS) {
            match self.browse(&target).await {
                Ok(answer) if answer.media_type() == PROFILE_TYPE => return Ok(answer.body.to_vec()),
                Err(fault) if fault.is_passing() => return Err(fault),
                _ => {}
            }
        }
        Err(Fault::Refused(format!("the page at {link} has no link that answers {PROFILE_TYPE}")))
    }

    async fn browse(&self, url: &str) -> Result<Answer, Fault> {
        let agent = match self.hardware.platform {
            Platform::MacOs => {
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Safari/605.1.15"
            }
            Platform::IpadOs => {
                "Mozilla/5.0 (iPad; CPU OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Safari/604.1"
            }
            _ => {
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 Safari/604.1"
            }
        };
        let wire =
            Wire::get(url).header("user-agent", agent).header("accept", "text/html,application/xhtml+xml,*/*;q=0.8");
        self.shared.browser.send(&wire).await?.ok()
    }
}

fn pkcs12(data: &[u8], password: &str) -> Result<Identity, Fault> {
    let parsed = Pkcs12::from_der(data).and_then(|p12| p12.parse2(password)).doing("opening the PKCS#12 identity")?;
    match (parsed.cert, parsed.pkey) {
        (Some(certificate), Some(key)) => Ok(Identity { certificate, key }),
        _ => Err(Fault::Refused("the PKCS#12 identity lacks its certificate or its key".into())),
    }
}

/// The page's links on the same host, those that look like a profile first.
fn links(page: &str, base: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for part in page.split("href").skip(1) {
        let Some(rest) = part.trim_start().strip_prefix('=') else { continue };
        let rest = rest.trim_start();
        let target = match rest.chars().next() {
            Some(quote @ ('"' | '\'')) => rest[1..].split(quote).next(),
            _ => rest.split(|c: char| c.is_whitespace() || c == '>').next(),
        };
        let Some(target) = target.map(|target| target.replace("&amp;", "&")) else { continue };
        if let Some(url) = resolve(base, &target)
            && origin(&url) == origin(base)
            && !found.contains(&url)
        {
            found.push(url);
        }
    }
    found.sort_by_key(|url| !(url.contains("profile") || url.contains("mobileconfig")));
    found
}

fn origin(url: &str) -> Option<(String, String)> {
    let uri: http::Uri = url.parse().ok()?;
    Some((uri.scheme_str()?.to_owned(), uri.authority()?.to_string()))
}

#[cfg(test)]
mod tests {
    use super::links;

    #[test]
    fn a_person_finds_the_profile_on_the_page() {
        let page = r#"<link href="/style.css"><a href='help'>?</a> <a class=x href="abc/profile?a=1&amp;b=2">Install</a> <a href="https://elsewhere/">x</a>"#;
        assert_eq!(
            links(page, "https://mdm:8443/enroll/abc"),
            [
                "https://mdm:8443/enroll/abc/profile?a=1&b=2",
                "https://mdm:8443/style.css",
                "https://mdm:8443/enroll/help"
            ]
        );
    }
}
