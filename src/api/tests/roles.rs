//! Every route against every role; no route without a line here and in the documentation.

use super::*;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::path::Path;

/// Each route: method, path, whether a viewer may.
const ROUTES: &[(&str, &str, bool)] = &[
    ("GET", "/accounts", true),
    ("POST", "/accounts", false),
    ("GET", "/accounts/{id}", true),
    ("DELETE", "/accounts/{id}", false),
    ("PUT", "/accounts/{id}/server-token", false),
    ("GET", "/accounts/{id}/defaults", true),
    ("PUT", "/accounts/{id}/defaults", false),
    ("POST", "/accounts/{id}/defaults/preview", false),
    ("GET", "/accounts/{id}/assets", true),
    ("POST", "/accounts/{id}/sync", false),
    ("GET", "/apps", true),
    ("POST", "/apps", false),
    ("GET", "/apps/{id}", true),
    ("DELETE", "/apps/{id}", false),
    ("GET", "/apps/{id}/settings", true),
    ("PUT", "/apps/{id}/settings", false),
    ("GET", "/audit", false),
    ("GET", "/devices", true),
    ("GET", "/devices/{device}", true),
    ("GET", "/devices/{device}/commands", true),
    ("GET", "/devices/{device}/declarative-status", true),
    ("POST", "/devices/{device}/commands", false),
    ("DELETE", "/devices/{device}/commands", false),
    ("DELETE", "/devices/{device}/commands/{uuid}", false),
    ("GET", "/devices/{device}/commands/{uuid}", true),
    ("GET", "/devices/{device}/commands/{uuid}/secret", false),
    ("GET", "/devices/{device}/installed-apps", true),
    ("GET", "/devices/{device}/certificates", true),
    ("GET", "/devices/{device}/profiles", true),
    ("GET", "/devices/{device}/provisioning-profiles", true),
    ("GET", "/devices/{device}/users", true),
    ("GET", "/devices/{device}/available-updates", true),
    ("GET", "/devices/{device}/update-progress", true),
    ("POST", "/devices/{device}/unenroll", false),
    ("POST", "/devices/{device}/renew-identity", false),
    ("GET", "/devices/{device}/apps/{app}/explanation", true),
    ("GET", "/enrollments/held", true),
    ("POST", "/enrollments/{id}/release", false),
    ("POST", "/enrollments/{id}/reject", false),
    ("GET", "/invitations", true),
    ("POST", "/invitations", false),
    ("DELETE", "/invitations/{id}", false),
    ("GET", "/profiles", true),
    ("POST", "/profiles", false),
    ("GET", "/profiles/{id}", true),
    ("DELETE", "/profiles/{id}", false),
    ("GET", "/push-certificate", true),
    ("PUT", "/push-certificate", false),
    ("GET", "/report", true),
    ("GET", "/status", true),
    ("GET", "/tokens", false),
    ("POST", "/tokens", false),
    ("DELETE", "/tokens/{id}", false),
    ("POST", "/tokens/{id}/rotate", false),
    ("GET", "/users", true),
    ("POST", "/users", false),
    ("GET", "/users/{user}", true),
    ("DELETE", "/users/{user}", false),
];

/// The same for the raw door, which has Basic credentials.
const RAW_DOOR: &[(&str, &str, bool)] = &[
    ("PUT", "/v1/enqueue/{ids}", false),
    ("POST", "/v1/enqueue/{ids}", false),
    ("GET", "/v1/push/{ids}", false),
    ("PUT", "/v1/push/{ids}", false),
    ("GET", "/v1/pushcert", true),
    ("PUT", "/v1/pushcert", false),
    ("POST", "/v1/escrowkeyunlock", false),
    ("POST", "/v1/enrollments/query", true),
    ("GET", "/v1/queue/{ids}", true),
    ("DELETE", "/v1/queue/{ids}", false),
];

#[tokio::test]
async fn the_raw_door_is_closed_to_strangers_pages_and_roles_that_may_not() {
    let desk = Desk::open().await;
    for (method, path, viewer_may) in RAW_DOOR {
        let path = path.replace("{ids}", "nobody");
        let ask = |user: &str, token: &str, page: bool| {
            let credentials = format!("Basic {}", STANDARD.encode(format!("{user}:{token}")));
            let mut request = Request::builder().method(*method).uri(&path).header(header::AUTHORIZATION, credentials);
            if page {
                request = request.header(header::ORIGIN, "https://elsewhere.example");
            }
            desk.send(request.body(Body::empty()).unwrap())
        };
        for (user, token) in [("nanomdm", "rst_stranger"), ("nanomdm", ""), ("admin", desk.admin.as_str())] {
            let stranger = ask(user, token, false).await;
            assert_eq!(stranger.status, StatusCode::UNAUTHORIZED, "{method} {path}");
            assert!(stranger.headers[header::WWW_AUTHENTICATE].to_str().unwrap().starts_with("Basic"));
        }
        assert_eq!(ask("nanomdm", &desk.admin, true).await.status, StatusCode::FORBIDDEN, "{method} {path}: a page");
        let viewer = ask("nanomdm", &desk.viewer, false).await;
        assert_eq!(viewer.status != StatusCode::FORBIDDEN, *viewer_may, "{method} {path}: {}", viewer.status);
        let admin = ask("nanomdm", &desk.admin, false).await;
        let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::METHOD_NOT_ALLOWED];
        assert!(!refused.contains(&admin.status), "{method} {path}: {}", admin.status);
    }
    let bearer = desk.get("/v1/queue/nobody").await;
    assert_eq!(bearer.status, StatusCode::UNAUTHORIZED, "each door has its own credentials");
}

#[tokio::test]
async fn every_route_is_closed_to_strangers_and_open_to_the_roles_that_may() {
    let desk = Desk::open().await;
    for (method, path, viewer_may) in ROUTES {
        let method: Method = method.parse().unwrap();
        let path = format!("/api/v1{path}")
            .replace("{id}", "019acb8e-0000-7000-8000-000000000000")
            .replace("{device}", "nobody")
            .replace("{uuid}", "019acb8e-0000-7000-8000-000000000000")
            .replace("{app}", "nothing")
            .replace("{user}", "nobody");
        let stranger = desk.ask_as("rst_stranger", method.clone(), &path, None).await;
        assert_eq!(stranger.status, StatusCode::UNAUTHORIZED, "{method} {path}");
        let viewer = desk.ask_as(&desk.viewer, method.clone(), &path, None).await;
        assert_eq!(viewer.status != StatusCode::FORBIDDEN, *viewer_may, "{method} {path}: {}", viewer.status);
        let admin = desk.ask_as(&desk.admin, method.clone(), &path, None).await;
        let refused = [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN, StatusCode::METHOD_NOT_ALLOWED];
        assert!(
            !refused.contains(&admin.status) && !admin.status.is_server_error(),
            "{method} {path}: {}",
            admin.status
        );
    }
}

#[test]
fn every_route_of_the_sources_stands_in_the_table_and_in_the_documentation() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let documentation = std::fs::read_to_string(root.join("docs/api.md")).unwrap();
    for (method, path, _) in ROUTES.iter().chain(RAW_DOOR) {
        assert!(documentation.contains(&format!("`{method} {path}`")), "docs/api.md does not tell of {method} {path}");
    }
    for entry in std::fs::read_dir(root.join("src/api/nanomdm")).unwrap() {
        let file = entry.unwrap().path();
        let text = std::fs::read_to_string(&file).unwrap();
        for piece in text.split(".route(\"").skip(1) {
            let path = piece.split('"').next().unwrap();
            let known =
                path == "/version" || RAW_DOOR.iter().any(|(_, known, _)| known.strip_prefix("/v1") == Some(path));
            assert!(known, "{}: {path}", file.display());
        }
    }
    for entry in std::fs::read_dir(root.join("src/api")).unwrap() {
        let file = entry.unwrap().path();
        // Those outside of /api/v1 need no token.
        if file.is_dir() || file.ends_with("status.rs") {
            continue;
        }
        let text = std::fs::read_to_string(&file).unwrap();
        for piece in text.split(".route(\"").skip(1) {
            let path = piece.split('"').next().unwrap();
            assert!(ROUTES.iter().any(|(_, known, _)| *known == path), "{}: {path}", file.display());
        }
    }
}
