//! What people and devices get over HTTP from enrollment links and SCEP.

mod bad_input;

use crate::enrollment::tests::device::{challenge, opened};
use crate::enrollment::tests::{invite, ready};
use crate::testing::{self, World};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Method, Request, StatusCode, header};
use russet_protocol::guard::Limits;
use russet_protocol::profile::Profile;
use tower::ServiceExt;

struct Got {
    status: StatusCode,
    media_type: String,
    body: Vec<u8>,
}

async fn send(router: &Router, method: Method, uri: &str, body: &[u8]) -> Got {
    let request = Request::builder().method(method).uri(uri).body(Body::from(body.to_vec())).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    let media_type = response.headers().get(header::CONTENT_TYPE).map(|value| value.to_str().unwrap().to_owned());
    let status = response.status();
    assert_ne!(status, StatusCode::UNAUTHORIZED, "401 un-enrolls devices");
    let body = to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec();
    Got { status, media_type: media_type.unwrap_or_default(), body }
}

fn router(world: &World) -> Router {
    super::router(world.ctx.clone())
}

#[tokio::test]
async fn the_page_leads_to_the_profile_and_opening_it_changes_nothing() {
    let world = testing::sqlite().await;
    let router = router(&world);
    let code = invite(&world, None, 1).await.code;
    let page = format!("/enroll/{code}");
    let early = send(&router, Method::GET, &page, &[]).await;
    assert_eq!(early.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(String::from_utf8_lossy(&early.body).contains("push certificate"));

    ready(&world).await;
    let shown = send(&router, Method::GET, &page, &[]).await;
    assert_eq!((shown.status, shown.media_type.as_str()), (StatusCode::OK, "text/html; charset=utf-8"));
    let html = String::from_utf8(shown.body).unwrap();
    let link = format!("{page}/profile");
    assert!(html.contains(&format!("href=\"{link}\"")), "{html}");
    let rows = async || {
        let mut view = world.ctx.store.read().await.unwrap();
        let row = (&mut *view as &mut dyn russet_store::Tx).one("SELECT count(*) AS n FROM enrollment", &[]).await;
        row.unwrap().int("n").unwrap()
    };
    assert_eq!(rows().await, 0, "a preview of the link is no offer");
    let profile = send(&router, Method::GET, &link, &[]).await;
    assert_eq!((profile.status, profile.media_type.as_str()), (StatusCode::OK, "application/x-apple-aspen-config"));
    let profile = Profile::decode(&opened(&profile.body), Limits::default()).unwrap();
    assert!(!challenge(&profile).is_empty());
    assert_eq!(rows().await, 1);

    for path in ["/enroll/unknown", "/enroll/unknown/profile"] {
        let unknown = send(&router, Method::GET, path, &[]).await;
        assert_eq!(unknown.status, StatusCode::NOT_FOUND);
        assert!(String::from_utf8_lossy(&unknown.body).contains("not valid"));
    }
}

#[tokio::test]
async fn scep_tells_who_it_is_and_refuses_garbage() {
    let world = testing::sqlite().await;
    let (router, authority) = (router(&world), ready(&world).await);
    let capabilities = send(&router, Method::GET, "/scep?operation=GetCACaps&message=", &[]).await;
    assert_eq!(capabilities.media_type, "text/plain");
    assert!(String::from_utf8_lossy(&capabilities.body).lines().any(|line| line == "SHA-256"));
    let certificate = send(&router, Method::GET, "/scep?operation=GetCACert&message=Russet", &[]).await;
    assert_eq!(certificate.media_type, "application/x-x509-ca-cert");
    assert_eq!(certificate.body, authority.certificate_der());
    for (method, uri, body) in [
        (Method::GET, "/scep", Vec::new()),
        (Method::GET, "/scep?operation=Format", Vec::new()),
        (Method::GET, "/scep?operation=PKIOperation&message=%21%21", Vec::new()),
        (Method::GET, "/scep?operation=PKIOperation&message=aGVsbG8", Vec::new()),
        (Method::POST, "/scep?operation=PKIOperation", b"hello".to_vec()),
    ] {
        assert_eq!(send(&router, method, uri, &body).await.status, StatusCode::BAD_REQUEST, "{uri}");
    }
    let large = send(&router, Method::POST, "/scep?operation=PKIOperation", &vec![0; 65 * 1024]).await;
    assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn what_is_not_there_is_404() {
    let world = testing::sqlite().await;
    let router = router(&world);
    assert_eq!(send(&router, Method::GET, "/health", &[]).await.status, StatusCode::OK);
    for path in ["/", "/api/v1/status", "/enroll", "/enroll/", "/enroll/a/b", "/console", "//mdm", "/mdm/"] {
        assert_eq!(send(&router, Method::GET, path, &[]).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}
