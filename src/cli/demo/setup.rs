//! What an admin does once: push certificate, profiles, account with its defaults, apps for everyone, an invitation. Each
//! step is one call of the HTTP API, and says the command that does the same by hand.

use super::profiles;
use super::world::Apple;
use crate::cli::client::Client;
use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// Fieldbook, for iPhone and iPad.
const FIELDBOOK: u64 = 1_500_000_101;
/// Ledger Scan, for iPhone.
const LEDGER_SCAN: u64 = 1_500_000_102;
/// Keynest, for Mac.
const KEYNEST: u64 = 1_500_000_104;
/// Roundtable, for all of them.
const ROUNDTABLE: u64 = 1_500_000_105;
/// The apps that the demo gives to everyone.
pub const APPS: &[u64] = &[FIELDBOOK, LEDGER_SCAN, KEYNEST, ROUNDTABLE];

/// The licenses are mirrored within this time.
const MIRROR_LIMIT: Duration = Duration::from_secs(60);

/// What came of the setup.
pub struct Ready {
    /// The account's id.
    pub account: String,
    /// The enrollment link.
    pub link: String,
    /// The account's defaults, as they were set.
    pub defaults: Value,
}

/// Does all of it. `say` is told each step in words and as a command.
///
/// # Errors
/// When the server refuses a step, or the licenses do not arrive.
pub async fn run(client: &Client, apple: &Apple, devices: usize, say: &dyn Fn(&str, &str)) -> anyhow::Result<Ready> {
    let certificate = STANDARD.encode(apple.push_certificate()?);
    client
        .ask(http::Method::PUT, "/api/v1/push-certificate", Some(&json!({ "certificate": certificate })), None)
        .await
        .context("importing the push certificate")?;
    say("Push certificate imported", "russet admin push-certificate import push.pem");

    let vpn = import(client, "VPN for managed apps", &profiles::per_app_vpn()?).await?;
    let sign_on = import(client, "Single sign-on", &profiles::kerberos_single_sign_on()?).await?;
    say("Per-app VPN and Kerberos single sign-on imported", "russet admin profiles import vpn.mobileconfig");

    let defaults = defaults(&vpn, &sign_on);
    let account = client
        .post(
            "/api/v1/accounts",
            &json!({ "name": "Berlin", "server_token": apple.server_token()?, "defaults": defaults }),
        )
        .await
        .context("adding the App Store account")?;
    let account = id(&account)?;
    say("App Store account added, with its defaults", "russet admin accounts add --name Berlin --token-file …");

    wait_for_licenses(client, &account).await?;
    say("Claimed at Apps and Books, licenses mirrored", "russet admin accounts assets Berlin");

    for adam_id in APPS {
        let body = json!({ "account": account, "adam_id": adam_id, "scope": "everyone" });
        client.post("/api/v1/apps", &body).await.with_context(|| format!("giving the app {adam_id} to everyone"))?;
    }
    say("Apps given to everyone", "russet admin apps add --account Berlin 1500000101");

    let invitation = client
        .post("/api/v1/invitations", &json!({ "uses": devices, "note": "the demo's devices" }))
        .await
        .context("making an invitation")?;
    let link = invitation["link"].as_str().context("the invitation has no link")?.to_owned();
    say("Invitation made", "russet admin invitations create");
    Ok(Ready { account, link, defaults })
}

/// The account's defaults.
#[must_use]
pub fn defaults(vpn: &str, sign_on: &str) -> Value {
    json!({
        "assignment_type": "device",
        "mandatory": true,
        "prevent_backup": true,
        "data_roaming": false,
        "cellular_data": true,
        "vpn_profile": vpn,
        "sso_profile": sign_on,
        "sso_urls": profiles::BASE_URLS,
    })
}

async fn import(client: &Client, name: &str, mobileconfig: &[u8]) -> anyhow::Result<String> {
    let body = json!({ "name": name, "content": STANDARD.encode(mobileconfig) });
    let made = client.post("/api/v1/profiles", &body).await.with_context(|| format!("importing the profile {name}"))?;
    id(&made)
}

/// Waits until every app of the demo is mirrored and its bundle id is known.
async fn wait_for_licenses(client: &Client, account: &str) -> anyhow::Result<()> {
    let began = Instant::now();
    loop {
        let assets = client.get(&format!("/api/v1/accounts/{account}/assets")).await?;
        let known = |adam_id: &u64| {
            assets["items"].as_array().is_some_and(|items| {
                items.iter().any(|item| item["adam_id"].as_u64() == Some(*adam_id) && item["bundle_id"].is_string())
            })
        };
        if APPS.iter().all(known) {
            return Ok(());
        }
        if began.elapsed() > MIRROR_LIMIT {
            let account = client.get(&format!("/api/v1/accounts/{account}")).await?;
            anyhow::bail!(
                "the licenses did not arrive: the account is {} ({})",
                account["state"],
                account["state_text"]
            );
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

fn id(made: &Value) -> anyhow::Result<String> {
    Ok(made["id"].as_str().context("the answer names no id")?.to_owned())
}
