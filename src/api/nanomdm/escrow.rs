//! `/v1/escrowkeyunlock`: takes the Activation Lock off a device with its bypass code. All fields come as one form; Apple's
//! answer goes back as it came.

use super::super::Api;
use super::super::audit::Ended;
use super::super::problem::Problem;
use crate::push::escrow::{self, Unlock};
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::response::Response;
use axum::routing::post;
use axum::{Router, body::Body};
use http::header;
use serde::Deserialize;
use zeroize::Zeroizing;

pub(super) fn routes() -> Router<Api> {
    Router::new().route("/escrowkeyunlock", post(unlock))
}

/// Never printed: the key is a bypass code.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Fields {
    topic: String,
    serial: String,
    product_type: String,
    #[serde(default)]
    imei: String,
    #[serde(default)]
    imei2: String,
    #[serde(default)]
    meid: String,
    org_name: Zeroizing<String>,
    guid: Zeroizing<String>,
    escrow_key: Zeroizing<String>,
}

async fn unlock(State(api): State<Api>, form: Result<Form<Fields>, FormRejection>) -> Result<Response, Problem> {
    let Form(fields) = form?;
    for (name, text) in [
        ("topic", &fields.topic),
        ("serial", &fields.serial),
        ("productType", &fields.product_type),
        ("orgName", &fields.org_name),
        ("guid", &fields.guid),
        ("escrowKey", &fields.escrow_key),
    ] {
        if text.is_empty() {
            return Err(Problem::malformed(format!("`{name}` is empty.")));
        }
    }
    let Fields { topic, serial, product_type, imei, imei2, meid, org_name, guid, escrow_key } = fields;
    let mut query = vec![("serial", serial.clone()), ("productType", product_type)];
    query.extend([("imei", imei), ("imei2", imei2), ("meid", meid)].into_iter().filter(|(_, text)| !text.is_empty()));
    let form = vec![("orgName", org_name), ("guid", guid), ("escrowKey", escrow_key)];
    let said = escrow::unlock(&api.ctx, &topic, &Unlock { query, form }).await?;
    let how = if said.status.is_success() { "done" } else { "refused" };
    let mut response = Response::new(Body::from(said.body));
    *response.status_mut() = said.status;
    if let Some(media_type) = said.content_type {
        response.headers_mut().insert(header::CONTENT_TYPE, media_type);
    }
    let serial: String = serial.chars().filter(|c| !c.is_control()).take(64).collect();
    response.extensions_mut().insert(Ended(format!("{how}: serial number {serial}, Apple answered {}", said.status)));
    Ok(response)
}
