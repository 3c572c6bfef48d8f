//! Every route against every role; no route without a line here and in the documentation.

use super::*;
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
];

#[tokio::test]
async fn every_route_is_closed_to_strangers_and_open_to_the_roles_that_may() {
    let desk = Desk::open().await;
    for (method, path, viewer_may) in ROUTES {
        let method: Method = method.parse().unwrap();
        let path = format!("/api/v1{path}")
            .replace("{id}", "019acb8e-0000-7000-8000-000000000000")
            .replace("{device}", "nobody")
            .replace("{app}", "nothing");
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
    for (method, path, _) in ROUTES {
        assert!(documentation.contains(&format!("`{method} {path}`")), "docs/api.md does not tell of {method} {path}");
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
