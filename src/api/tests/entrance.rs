//! Tokens, roles, the audit log, and answers to what cannot be.

use super::*;
use serde_json::json;

#[tokio::test]
async fn only_health_is_open_and_every_refusal_is_a_problem() {
    let desk = Desk::open().await;
    for path in ["/health", "/ready"] {
        let answer = desk.send(Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!((answer.status, &answer.body["status"]), (StatusCode::OK, &json!("ok")), "{path}");
        assert_eq!(answer.headers[header::CACHE_CONTROL], "no-store");
    }
    for path in ["/api/v1/status", "/api/v1/tokens", "/api/v1/no-such-thing", "/api/v1"] {
        let answer = desk.send(Request::get(path).body(Body::empty()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(answer.headers[header::CONTENT_TYPE], "application/problem+json");
        assert!(answer.headers[header::WWW_AUTHENTICATE].to_str().unwrap().starts_with("Bearer"));
        assert_eq!(answer.body["type"], "urn:russet:no-token");
    }
    let wrong = desk.ask_as("rst_wrong", Method::GET, "/api/v1/status", None).await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED);
    assert_eq!(desk.get("/api/v1/status").await.status, StatusCode::OK);
    assert_eq!(desk.get("/api/v1/no-such-thing").await.status, StatusCode::NOT_FOUND);
    assert_eq!(desk.get("/no-such-thing").await.status, StatusCode::NOT_FOUND);
    let put = desk.ask_as(&desk.admin, Method::PUT, "/api/v1/status", Some(json!({}))).await;
    assert_eq!((put.status, &put.body["type"]), (StatusCode::METHOD_NOT_ALLOWED, &json!("urn:russet:wrong-method")));
}

#[tokio::test]
async fn path_tricks_reach_nothing() {
    let desk = Desk::open().await;
    for path in
        ["//api/v1/status", "/api/v1//status", "/api/v1/../v1/status", "/api/v1/%2e%2e/v1/tokens", "/api/v1/tokens;x"]
    {
        let answer = desk.ask_as(&desk.viewer, Method::GET, path, None).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
    }
    // Another spelling of a closed address is no other way in.
    for path in ["/api/v1/Tokens", "/API/v1/tokens", "/api/v1/tokens/"] {
        assert_ne!(desk.ask_as(&desk.viewer, Method::GET, path, None).await.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn a_viewer_reads_and_nothing_else() {
    let desk = Desk::open().await;
    let as_viewer = |method, path| desk.ask_as(&desk.viewer, method, path, None);
    assert_eq!(as_viewer(Method::GET, "/api/v1/status").await.status, StatusCode::OK);
    for (method, path) in [
        (Method::GET, "/api/v1/tokens"),
        (Method::GET, "/api/v1/audit"),
        (Method::POST, "/api/v1/tokens"),
        (Method::DELETE, "/api/v1/tokens/0"),
        (Method::OPTIONS, "/api/v1/status"),
    ] {
        let answer = as_viewer(method.clone(), path).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{method} {path}");
        assert_eq!(answer.body["type"], "urn:russet:not-allowed");
    }
}

#[tokio::test]
async fn a_token_is_made_used_rotated_and_revoked_and_the_audit_log_tells_it() {
    let desk = Desk::open().await;
    let made = desk.post("/api/v1/tokens", json!({ "name": "script", "role": "viewer" })).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let (id, text) = (made.body["id"].as_str().unwrap(), made.body["token"].as_str().unwrap());
    assert_eq!(made.body["role"], "viewer");
    assert!(made.body["created_at"].as_str().unwrap().ends_with('Z'));
    assert_eq!(desk.ask_as(text, Method::GET, "/api/v1/status", None).await.status, StatusCode::OK);

    let rotated = desk.post(&format!("/api/v1/tokens/{id}/rotate"), json!({})).await;
    assert_eq!(rotated.status, StatusCode::OK);
    assert_eq!(desk.ask_as(text, Method::GET, "/api/v1/status", None).await.status, StatusCode::UNAUTHORIZED);
    let text = rotated.body["token"].as_str().unwrap();
    assert_eq!(desk.ask_as(text, Method::GET, "/api/v1/status", None).await.status, StatusCode::OK);

    let listed = desk.get("/api/v1/tokens").await;
    assert_eq!(listed.body["items"].as_array().unwrap().len(), 3);
    assert!(!listed.body.to_string().contains("rst_"), "a list shows no token");

    let path = format!("/api/v1/tokens/{id}");
    assert_eq!(desk.ask_as(&desk.admin, Method::DELETE, &path, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(desk.ask_as(text, Method::GET, "/api/v1/status", None).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(desk.ask_as(&desk.admin, Method::DELETE, &path, None).await.status, StatusCode::NOT_FOUND);

    let log = desk.get("/api/v1/audit").await;
    let entries = log.body["items"].as_array().unwrap();
    let told: Vec<_> = entries.iter().map(|entry| (entry["action"].as_str(), entry["outcome"].as_str())).collect();
    let revoke = Some("DELETE /api/v1/tokens/{id}");
    assert_eq!(
        told,
        [
            (revoke, Some("refused: urn:russet:not-found")),
            (revoke, Some("done")),
            (Some("POST /api/v1/tokens/{id}/rotate"), Some("done")),
            (Some("POST /api/v1/tokens"), Some("done")),
        ]
    );
    assert!(entries[0]["actor"].as_str().unwrap().starts_with("token Ada ("));
    assert!(entries[0]["subject"].as_str().unwrap().ends_with(id));
    assert!(!log.body.to_string().contains("rst_"));
}

#[tokio::test]
async fn a_wrong_body_names_what_is_wrong_with_it() {
    let desk = Desk::open().await;
    for (body, named) in [
        (json!({}), "name"),
        (json!({ "name": "x", "rolle": "viewer" }), "rolle"),
        (json!({ "name": "x", "role": "king" }), "king"),
    ] {
        let answer = desk.post("/api/v1/tokens", body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(answer.body["detail"].as_str().unwrap().contains(named), "{}", answer.body);
    }
    assert_eq!(desk.post("/api/v1/tokens", json!({ "name": "" })).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let large = desk.post("/api/v1/tokens", json!({ "name": "x".repeat(2 * 1024 * 1024) })).await;
    assert_eq!((large.status, &large.body["type"]), (StatusCode::PAYLOAD_TOO_LARGE, &json!("urn:russet:too-large")));
    assert!(desk.get("/api/v1/tokens").await.body["items"].as_array().unwrap().len() == 2);
}
