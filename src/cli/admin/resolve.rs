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

/// An app that an account owns, by name or bundle id; its store number.
pub(super) async fn asset(desk: &Desk, account: &str, called: &str) -> anyhow::Result<u64> {
    let list = desk.client.get(&format!("/api/v1/accounts/{account}/assets")).await?;
    owned(items(&list), called)
}

/// The one store number behind a name; a product can be there in several licenses.
fn owned(list: &[Value], called: &str) -> anyhow::Result<u64> {
    let answers = |entry: &&Value| {
        ["name", "bundle_id"].iter().any(|key| text(entry, key).to_lowercase() == called.to_lowercase())
    };
    let mut numbers: Vec<u64> = list.iter().filter(answers).filter_map(|entry| entry["adam_id"].as_u64()).collect();
    numbers.sort_unstable();
    numbers.dedup();
    match numbers.as_slice() {
        [one] => Ok(*one),
        [] => bail!("the account owns no app {called:?}; `russet admin accounts assets` lists what it owns"),
        several => bail!("more than one app is called {called:?}; give the store number, one of {several:?}"),
    }
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
    fn an_owned_app_is_found_by_its_name_whatever_its_licenses() {
        let list = [
            json!({ "adam_id": 1, "pricing_param": "STDQ", "name": "Fieldbook", "bundle_id": "com.example.fieldbook" }),
            json!({ "adam_id": 1, "pricing_param": "PLUS", "name": "Fieldbook", "bundle_id": "com.example.fieldbook" }),
            json!({ "adam_id": 2, "pricing_param": "STDQ", "name": null, "bundle_id": null }),
            json!({ "adam_id": 3, "pricing_param": "STDQ", "name": "Notes", "bundle_id": "com.example.notes" }),
            json!({ "adam_id": 4, "pricing_param": "STDQ", "name": "Notes", "bundle_id": "com.example.notes.mac" }),
        ];
        assert_eq!(owned(&list, "fieldbook").unwrap(), 1);
        assert_eq!(owned(&list, "com.example.notes.mac").unwrap(), 4);
        assert!(owned(&list, "Notes").unwrap_err().to_string().contains("[3, 4]"));
        assert!(owned(&list, "Keynest").unwrap_err().to_string().contains("accounts assets"));
    }

    #[test]
    fn a_path_holds_any_name() {
        assert_eq!(segment("Mia's iPad/ä"), "Mia%27s%20iPad%2F%C3%A4");
    }
}
