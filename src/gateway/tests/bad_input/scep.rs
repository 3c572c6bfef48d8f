//! SCEP from strangers: what is no message is 400, what is one gets a CertRep that refuses.

use super::requests::Request;
use super::{Expect, House, Row, houses, noise};
use crate::enrollment::tests::device::{challenge, download};
use crate::enrollment::tests::scep_client::Client;
use crate::enrollment::tests::{DAY, invite, ready};
use russet_pki::ca::Authority;

const POST: &str = "POST /scep?operation=PKIOperation";

/// Sends a message; the certificate it was answered with, none where it was refused as SCEP refuses.
async fn ask(house: &House, client: &Client, message: &[u8]) -> Option<Vec<u8>> {
    let answer = Request::new(POST, message).send(house).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    house.healthy("a SCEP message").await;
    client.open(&answer.body)
}

#[tokio::test]
async fn no_certificate_without_a_right_to_it() {
    for house in houses().await {
        let (world, authority) = (&house.world, ready(&house.world).await);
        let foreign = Authority::generate("Foreign", [9; 20], world.ctx.now()).unwrap();
        let code = invite(world, None, 9).await.code;
        let fresh = async || challenge(&download(world, &authority, &code).await);
        let ours = authority.certificate_der();
        let client = Client::new();

        assert!(ask(&house, &client, &client.message(None, ours, "T0", None)).await.is_none(), "no challenge");
        assert!(ask(&house, &client, &client.message(Some("guess"), ours, "T1", None)).await.is_none(), "a wrong one");
        assert!(ask(&house, &client, &client.message(Some(&"x".repeat(200)), ours, "T2", None)).await.is_none());
        let once = fresh().await;
        let to_another = client.message(Some(&once), foreign.certificate_der(), "T3", None);
        assert!(ask(&house, &client, &to_another).await.is_none(), "encrypted to another authority");
        let message = client.message(Some(&once), ours, "T4", None);
        let issued = ask(&house, &client, &message).await.expect("the challenge is still good");
        assert_eq!(ask(&house, &client, &message).await, Some(issued), "the same request again");
        let thief = Client::new();
        assert!(ask(&house, &thief, &thief.message(Some(&once), ours, "T5", None)).await.is_none(), "a used one");
        let late = fresh().await;
        world.clock.advance(2 * DAY);
        assert!(ask(&house, &client, &client.message(Some(&late), ours, "T6", None)).await.is_none(), "an expired one");
    }
}

#[tokio::test]
async fn what_is_no_scep_message_is_refused() {
    for house in houses().await {
        ready(&house.world).await;
        let get = |query: &str| Request::new(&format!("GET /scep?{query}"), b"");
        let foreign = russet_pki::ca::Authority::generate("Foreign", [9; 20], house.world.ctx.now()).unwrap();
        let whole = Client::new().message(Some("x"), foreign.certificate_der(), "T", None);
        let mut changed = whole.clone();
        let end = changed.len() - 5;
        changed[end] ^= 1;
        let rows = [
            ("nothing", Request::new(POST, b""), 400, "not BER"),
            ("a word", Request::new(POST, b"hello"), 400, "not BER"),
            ("noise", Request::new(POST, &noise(3000)), 400, ""),
            ("cut short", Request::new(POST, &whole[..whole.len() / 2]), 400, "not BER"),
            ("a changed signature", Request::new(POST, &changed), 400, "signature does not verify"),
            ("a certificate", Request::new(POST, house.root.as_ref()), 400, "not a signed message"),
            ("nested without end", Request::new(POST, &[0x30, 0x80].repeat(20_000)), 400, "not BER"),
            ("too large", Request::new(POST, &vec![0x30; 65 * 1024]), 413, "refused"),
            ("no operation", get(""), 400, ""),
            ("an unknown operation", get("operation=GetCRL"), 400, ""),
            ("no base64", get("operation=PKIOperation&message=%00%ff"), 400, ""),
            ("no message", get("operation=PKIOperation"), 400, ""),
            ("NUL in a link", Request::new("GET /enroll/%00", b""), 404, ""),
            ("no UTF-8 in a link", Request::new("GET /enroll/%ff%fe", b""), 400, ""),
            ("NUL in a notification's path", Request::new("POST /apple/notifications/%00", b"{}"), 404, ""),
            ("a path that climbs", Request::new("GET /enroll/../../etc/passwd", b""), 404, ""),
        ];
        let row = |(name, request, status, why)| Row::new(name, request, Expect::Refused(status, why));
        house.run(rows.into_iter().map(row).collect()).await;
    }
}
