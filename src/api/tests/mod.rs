//! The API on its router: who may do what, and what each resource answers.

mod entrance;
mod inventory;
mod orders;
mod people;
mod raw_door;
mod resources;
mod roles;

use super::router;
use crate::access::{self, LastUsed, Role};
use crate::config::Config;
use crate::context::{Context, SystemClock, SystemRandom};
use axum::Router;
use axum::body::Body;
use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use russet_store::{MasterKey, Store, StoreSettings};
use serde_json::Value;
use std::sync::Arc;
use tower::ServiceExt;

/// An API of a new installation, with a token of each role.
struct Desk {
    ctx: Context,
    router: Router,
    admin: String,
    viewer: String,
    _folder: tempfile::TempDir,
}

/// An answer.
struct Answer {
    status: StatusCode,
    headers: http::HeaderMap,
    body: Value,
}

impl Desk {
    async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    async fn open_with(change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::defaults(folder.path());
        change(&mut config);
        let settings = StoreSettings::new(config.database_url.clone(), "test");
        let store = Store::open(settings, MasterKey::generate().unwrap()).await.unwrap();
        let ctx = Context {
            store,
            clock: Arc::new(SystemClock),
            random: Arc::new(SystemRandom),
            config: Arc::new(config),
            node: "test".into(),
        };
        let admin = access::create(&ctx, "Ada", Role::Admin, None).await.unwrap().text.to_string();
        let viewer = access::create(&ctx, "Vera", Role::Viewer, None).await.unwrap().text.to_string();
        let router = router(ctx.clone(), LastUsed::default());
        Self { ctx, router, admin, viewer, _folder: folder }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let body = if bytes.is_empty() { Value::Null } else { serde_json::from_slice(&bytes).unwrap() };
        Answer { status: parts.status, headers: parts.headers, body }
    }

    async fn ask_as(&self, token: &str, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request =
            Request::builder().method(method).uri(path).header(header::AUTHORIZATION, format!("Bearer {token}"));
        if body.is_some() {
            request = request.header(header::CONTENT_TYPE, "application/json");
        }
        let body = body.map_or_else(Body::empty, |body| Body::from(body.to_string()));
        self.send(request.body(body).unwrap()).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask_as(&self.admin, Method::GET, path, None).await
    }

    async fn post(&self, path: &str, body: Value) -> Answer {
        self.ask_as(&self.admin, Method::POST, path, Some(body)).await
    }
}
