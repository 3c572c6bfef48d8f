//! The two profiles that the demo's admin imports, as an admin would have them as `.mobileconfig` files: a per-app VPN
//! and a Kerberos single sign-on. Built from typed values, never as text.

use plist::{Dictionary, Value};

/// UUIDs of the demo's profiles; fixed, so that a second demo shows the same ones.
const VPN_PROFILE_UUID: &str = "8F6A2C1E-5B0D-4E58-9A57-0D4C6B1E9F10";
const VPN_PAYLOAD_UUID: &str = "2C7B1D55-94E0-4F0B-8C3A-61D2A7B3E411";
/// The `VPNUUID` that apps will name.
pub const VPN_UUID: &str = "C9E3B7A4-1F26-4D0B-B3E5-7A90D1C2F312";
const SSO_PROFILE_UUID: &str = "5D1E8A90-3C74-4B6F-A2D8-E4F50617A813";
const SSO_PAYLOAD_UUID: &str = "71B0C6D2-E8F3-4A95-9C1D-20B4E6F8A914";

/// The base URLs under which the demo's apps sign in without asking.
pub const BASE_URLS: &[&str] = &["https://intranet.example.com/", "https://files.example.com/"];

fn dictionary<const N: usize>(entries: [(&str, Value); N]) -> Dictionary {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn text(value: &str) -> Value {
    Value::String(value.to_owned())
}

fn profile(identifier: &str, uuid: &str, name: &str, payload: Dictionary) -> anyhow::Result<Vec<u8>> {
    let profile = dictionary([
        ("PayloadType", text("Configuration")),
        ("PayloadVersion", Value::Integer(1.into())),
        ("PayloadIdentifier", text(identifier)),
        ("PayloadUUID", text(uuid)),
        ("PayloadDisplayName", text(name)),
        ("PayloadContent", Value::Array(vec![Value::Dictionary(payload)])),
    ]);
    let mut bytes = Vec::new();
    Value::Dictionary(profile).to_writer_xml(&mut bytes)?;
    Ok(bytes)
}

/// A per-app VPN: apps that name its `VPNUUID` reach the organization through it (payload
/// `com.apple.vpn.managed.applayer`).
pub fn per_app_vpn() -> anyhow::Result<Vec<u8>> {
    let payload = dictionary([
        ("PayloadType", text("com.apple.vpn.managed.applayer")),
        ("PayloadVersion", Value::Integer(1.into())),
        ("PayloadIdentifier", text("com.example.vpn.apps.payload")),
        ("PayloadUUID", text(VPN_PAYLOAD_UUID)),
        ("PayloadDisplayName", text("VPN for managed apps")),
        ("VPNUUID", text(VPN_UUID)),
        ("UserDefinedName", text("VPN for managed apps")),
        ("VPNType", text("IKEv2")),
        ("OnDemandMatchAppEnabled", Value::Boolean(true)),
        (
            "IKEv2",
            Value::Dictionary(dictionary([
                ("RemoteAddress", text("vpn.example.com")),
                ("RemoteIdentifier", text("vpn.example.com")),
                ("LocalIdentifier", text("device.example.com")),
                ("AuthenticationMethod", text("SharedSecret")),
                ("SharedSecret", text("demo only, not a secret")),
            ])),
        ),
    ]);
    profile("com.example.vpn.apps", VPN_PROFILE_UUID, "VPN for managed apps", payload)
}

/// A Kerberos single sign-on (payload `com.apple.sso`). Which apps and which URLs it serves is filled in per device.
pub fn kerberos_single_sign_on() -> anyhow::Result<Vec<u8>> {
    let payload = dictionary([
        ("PayloadType", text("com.apple.sso")),
        ("PayloadVersion", Value::Integer(1.into())),
        ("PayloadIdentifier", text("com.example.sso.payload")),
        ("PayloadUUID", text(SSO_PAYLOAD_UUID)),
        ("PayloadDisplayName", text("Single sign-on")),
        ("Name", text("Example sign-on")),
        ("Kerberos", Value::Dictionary(dictionary([("PrincipalName", text("demo")), ("Realm", text("EXAMPLE.COM"))]))),
    ]);
    profile("com.example.sso", SSO_PROFILE_UUID, "Single sign-on", payload)
}
