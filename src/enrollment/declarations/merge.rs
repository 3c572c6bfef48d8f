//! How one status report changes what was reported before: only changes come, and what is gone is said to be. Source: Apple docs,
//! Integrating declarative management.

use serde_json::{Map, Value};
use std::collections::HashMap;

/// The report on top of the stored one. A full report takes its place.
pub(super) fn report(stored: Value, new: Value) -> Value {
    let mut new = object(new);
    let full = new.get("FullReport").and_then(Value::as_bool) == Some(true);
    let mut whole = if full { Map::new() } else { object(stored) };
    let items = merged(whole.remove("StatusItems"), new.remove("StatusItems").unwrap_or_default());
    whole.insert("StatusItems".to_owned(), if items.is_object() { items } else { Value::Object(Map::new()) });
    let errors = new.remove("Errors").filter(Value::is_array).unwrap_or_else(|| Value::Array(Vec::new()));
    whole.insert("Errors".to_owned(), errors);
    Value::Object(whole)
}

/// Dictionaries are merged key by key, lists of things with an `identifier` thing by thing; all else is replaced.
fn merged(stored: Option<Value>, new: Value) -> Value {
    match new {
        Value::Object(new) => {
            let mut whole = stored.map(object).unwrap_or_default();
            for (key, value) in new {
                let before = whole.remove(&key);
                whole.insert(key, merged(before, value));
            }
            Value::Object(whole)
        }
        Value::Array(new) if !new.is_empty() && new.iter().all(|item| identifier(item).is_some()) => {
            let known = match stored {
                Some(Value::Array(items)) => items,
                _ => Vec::new(),
            };
            Value::Array(items(known, new))
        }
        other => other,
    }
}

/// Items of a list, each known by its `identifier`; a later one takes the place of an earlier one.
fn items(known: Vec<Value>, new: Vec<Value>) -> Vec<Value> {
    let mut places = HashMap::new();
    let mut whole: Vec<Option<Value>> = Vec::with_capacity(known.len() + new.len());
    for item in known.into_iter().chain(new) {
        let Some(identifier) = identifier(&item).map(str::to_owned) else { continue };
        let place = *places.entry(identifier).or_insert_with(|| {
            whole.push(None);
            whole.len() - 1
        });
        let removed = item.get("_removed").and_then(Value::as_bool) == Some(true);
        if let Some(slot) = whole.get_mut(place) {
            *slot = (!removed).then_some(item);
        }
    }
    whole.into_iter().flatten().collect()
}

fn identifier(item: &Value) -> Option<&str> {
    item.get("identifier").and_then(Value::as_str)
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::report;
    use serde_json::{Value, json};

    #[test]
    fn changes_are_laid_on_what_was_known() {
        let first = json!({ "StatusItems": {
            "device": { "model": { "family": "iPhone" }, "operating-system": { "version": "18.0" } },
            "app": { "managed": { "list": [{ "identifier": "a", "state": "queued" }, { "identifier": "b" }] } },
        }, "Errors": [{ "StatusItem": "x" }] });
        let stored = report(Value::Null, first);
        let second = json!({ "StatusItems": {
            "device": { "operating-system": { "version": "18.1" } },
            "app": { "managed": { "list": [
                { "identifier": "a", "state": "managed" }, { "identifier": "b", "_removed": true }, { "identifier": "c" },
            ] } },
        }, "Errors": [], "FullReport": false });
        let stored = report(stored, second);
        assert_eq!(
            stored,
            json!({ "StatusItems": {
                "device": { "model": { "family": "iPhone" }, "operating-system": { "version": "18.1" } },
                "app": { "managed": { "list": [{ "identifier": "a", "state": "managed" }, { "identifier": "c" }] } },
            }, "Errors": [] })
        );
        let full = json!({ "StatusItems": { "device": { "model": { "family": "iPad" } } }, "FullReport": true });
        let expected = json!({ "StatusItems": { "device": { "model": { "family": "iPad" } } }, "Errors": [] });
        assert_eq!(report(stored, full), expected);
    }

    #[test]
    fn odd_reports_leave_something_whole() {
        for odd in [json!({}), json!({ "StatusItems": 3 }), json!({ "StatusItems": [], "Errors": "none" })] {
            assert_eq!(report(json!([1]), odd), json!({ "StatusItems": {}, "Errors": [] }));
        }
        let known = json!({ "StatusItems": { "list": [1, 2] } });
        let merged = report(report(Value::Null, known), json!({ "StatusItems": { "list": [3] } }));
        assert_eq!(merged["StatusItems"]["list"], json!([3]), "without identifiers the new list counts");
    }
}
