//! The client certificate of a device, as a proxy in front of us passes it on. Sources: RFC 9440, section 2.2 (`Client-Cert`);
//! nginx, `$ssl_client_escaped_cert`.
//!
//! No private key takes part in a header, and a certificate is no secret: the header counts from listed proxies only, and from
//! everyone else it is nothing at all.

use super::answer::plain;
use crate::config::{Config, DeviceListener};
use crate::server::PeerAddress;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use russet_pki::text;
use std::net::IpAddr;
use std::sync::Arc;

/// The header of a listed proxy cannot be read: the proxy is set up wrongly, or lets its clients write it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unreadable;

/// The certificate (DER) that the proxy at `peer` passes on; none where the peer is no proxy of ours, or passes none.
pub(super) fn certificate(
    listener: &DeviceListener,
    peer: Option<IpAddr>,
    headers: &HeaderMap,
) -> Result<Option<Vec<u8>>, Unreadable> {
    if !peer.is_some_and(|address| listener.is_proxy(address)) {
        return Ok(None);
    }
    let mut values = headers.get_all(&listener.client_certificate_header).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => text::passed_on_certificate(value.as_bytes()).map_err(|_| Unreadable),
        // Two of them: one may be the client's own.
        (Some(_), Some(_)) => Err(Unreadable),
    }
}

/// Without TLS this server answers its proxies only.
pub(super) async fn only(State(config): State<Arc<Config>>, request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<PeerAddress>().map(|PeerAddress(address)| address.ip());
    if peer.is_some_and(|address| config.device.is_proxy(address)) {
        next.run(request).await
    } else {
        plain(StatusCode::FORBIDDEN, "this server is reached through its proxy")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::AddressRange;
    use axum::http::HeaderValue;

    fn listener() -> DeviceListener {
        let mut listener = DeviceListener::new(([0, 0, 0, 0], 8443).into(), "https://mdm.example.com".to_owned());
        listener.trusted_proxies = vec![AddressRange::parse("10.0.0.0/8").unwrap()];
        listener
    }

    fn said(from: &str, values: &[&str]) -> Result<Option<Vec<u8>>, Unreadable> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append("client-cert", HeaderValue::from_str(value).unwrap());
        }
        certificate(&listener(), Some(from.parse().unwrap()), &headers)
    }

    #[test]
    fn either_form_is_read_from_a_listed_proxy_only() {
        let der = Some(vec![0x30, 0xfb, 0xef, 0xff]);
        let nginx = "-----BEGIN%20CERTIFICATE-----%0AMPvv%0A/w==%0A-----END%20CERTIFICATE-----%0A";
        for value in
            [":MPvv/w==:", nginx, "-----BEGIN%20CERTIFICATE-----%0AMPvv%2Fw%3D%3D%0A-----END%20CERTIFICATE-----"]
        {
            assert_eq!(said("10.0.0.1", &[value]), Ok(der.clone()), "{value}");
            assert_eq!(said("192.0.2.1", &[value]), Ok(None), "anybody can write it");
        }
        assert_eq!(said("10.0.0.1", &[]), Ok(None));
        assert_eq!(said("10.0.0.1", &[""]), Ok(None), "a client without a certificate");
    }

    #[test]
    fn what_cannot_be_read_is_no_certificate() {
        for value in ["MPvv/w==", "::", "-----BEGIN%2", "(null)"] {
            assert_eq!(said("10.0.0.1", &[value]), Err(Unreadable), "{value}");
        }
        assert_eq!(said("10.0.0.1", &[":MPvv/w==:", ":MPvv/w==:"]), Err(Unreadable), "one may be the client's own");
    }
}
