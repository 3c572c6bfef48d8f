//! Tokens of services that a device asks for (`GetToken`). Source: Apple schema, `gettoken.yaml`; Apple docs, Get Token.

use crate::config::Maid;
use crate::context::Context;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::rsa::KeyPair;
use ring::signature::RSA_PKCS1_SHA256;
use russet_protocol::plist::{Dictionary, Value};
use russet_protocol::xml;

/// Signing in to a Managed Apple Account.
const MAID: &str = "com.apple.maid";

/// The answer to a request for this service's token; none where we give none. Watches are paired without us.
pub(super) fn answer(ctx: &Context, service: &str) -> Option<Vec<u8>> {
    let maid = ctx.config.check_in.maid.as_ref().filter(|_| service == MAID)?;
    let token = sign(ctx, maid).or_else(|| {
        tracing::error!("the key of check_in.maid_key could not sign");
        None
    })?;
    let mut keys = Dictionary::new();
    keys.insert("TokenData".to_owned(), Value::Data(token.into_bytes()));
    Some(xml::encode_dictionary(keys))
}

/// A token that is good for one sign-in: a JWT, RS256.
fn sign(ctx: &Context, maid: &Maid) -> Option<String> {
    let header = serde_json::json!({ "alg": "RS256", "typ": "JWT" });
    let claims = serde_json::json!({
        "iss": maid.server_uuid,
        "iat": ctx.now().millis().div_euclid(1000),
        "jti": ctx.uuid().hyphenated().to_string(),
        "service_type": MAID,
    });
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let key = KeyPair::from_pkcs8(&maid.key).or_else(|_| KeyPair::from_der(&maid.key)).ok()?;
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), signed.as_bytes(), &mut signature).ok()?;
    Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
}
