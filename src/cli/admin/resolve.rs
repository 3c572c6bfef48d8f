//! What people call things: ids, names, bundle ids, store numbers; found in the API's lists. Exactly one thing must answer.

use super::connection::Desk;
use super::table::{items, text};
use anyhow::bail;
use serde_json::Value;

/// The entry of a list that a person means: by id, else by one of these keys, letter case aside.
///
/// # Errors
/// When nothing or more than one thing answers; the text lists what there is.
pub(super) async fn find(desk: &Desk, path: &str, what: &str, keys: &[&str], called: &str) -> anyhow::Result<Value> {
    let list = desk.client.get(path).await?;
    choose(items(&list), what, keys, called).cloned()
}

fn choose<'a>(list: &'a [Value], what: &str, keys: &[&str], called: &str) -> anyhow::Result<&'a Value> {
    let answers = |entry: &&Value, key: &str| text(entry, key).to_lowercase() == called.to_lowercase();
    if let Some(found) = list.iter().find(|entry| answers(entry, "id")) {
        return Ok(found);
    }
    let found: Vec<&Value> = list.iter().filter(|entry| keys.iter().any(|key| answers(entry, key))).collect();
    let name = |entry: &Value| format!("{} ({})", text(entry, "name"), text(entry, "id"));
    let names = |entries: &[&Value]| entries.iter().map(|entry| name(entry)).collect::<Vec<_>>().join("\n  ");
    match found.as_slice() {
        [one] => Ok(one),
        [] if list.is_empty() => bail!("there is no {what} yet"),
        [] => bail!("there is no {what} {called:?}. There are:\n  {}", names(&list.iter().collect::<Vec<_>>())),
        several => bail!("more than one {what} is called {called:?}; give the id:\n  {}", names(several)),
    }
}

/// An account, by id or name; its id.
pub(super) async fn account(desk: &Desk, called: &str) -> anyhow::Result<String> {
    Ok(text(&find(desk, "/api/v1/accounts", "account", &["name", "location_name"], called).await?, "id"))
}

/// An app under management, by id, name, bundle id or store number; its id.
pub(crate) async fn app(desk: &Desk, called: &str) -> anyhow::Result<String> {
    Ok(text(&find(desk, "/api/v1/apps", "app", &["name", "bundle_id", "adam_id"], called).await?, "id"))
}

/// A profile, by id or name; its id.
pub(super) async fn profile(desk: &Desk, called: &str) -> anyhow::Result<String> {
    Ok(text(&find(desk, "/api/v1/profiles", "profile", &["name", "identifier"], called).await?, "id"))
}

/// A piece of a path: everything but letters, digits and `-._~` is percent-encoded.
pub(crate) fn segment(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn one_thing_must_answer() {
        let list = [
            json!({ "id": "1", "name": "Fieldbook", "adam_id": 1_500_000_101_u64 }),
            json!({ "id": "2", "name": "Fieldbook", "adam_id": 7 }),
        ];
        let found = |called: &str| choose(&list, "app", &["name", "adam_id"], called);
        assert_eq!(found("2").unwrap()["id"], "2");
        assert_eq!(found("1500000101").unwrap()["id"], "1");
        assert!(found("fieldbook").unwrap_err().to_string().contains("more than one app"));
        assert!(found("Keynest").unwrap_err().to_string().contains("Fieldbook (1)"));
        assert_eq!(choose(&[], "app", &["name"], "x").unwrap_err().to_string(), "there is no app yet");
    }

    #[test]
    fn a_path_holds_any_name() {
        assert_eq!(segment("Mia's iPad/ä"), "Mia%27s%20iPad%2F%C3%A4");
    }
}
