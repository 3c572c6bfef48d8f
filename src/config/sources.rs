//! Collects the raw settings from file, environment and flags, and refuses keys that do not exist.

use super::faults::{Fault, Origin};
use super::keys::{self, KEYS};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// One setting as it was written.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    pub(super) text: String,
    pub(super) origin: Origin,
    /// What a relative path in it is relative to.
    pub(super) folder: PathBuf,
}

/// The settings that somebody wrote, by key.
pub(super) type Settings = BTreeMap<&'static str, Setting>;

/// Variables with our prefix that are no settings.
const OTHER_VARIABLES: &[&str] = &[
    "RUSSET_CONFIG",
    "RUSSET_MASTER_KEY",
    "RUSSET_TOKEN",
    "RUSSET_TOKEN_FILE",
    "RUSSET_SERVER",
    "RUSSET_SERVER_ROOTS",
];

/// Reads a TOML text. What is wrong with it is added to the faults, what is right to the settings.
pub(super) fn from_file(path: &Path, text: &str, settings: &mut Settings, faults: &mut Vec<Fault>) {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    let origin = Origin::File(name.clone());
    let table: toml::Table = match toml::from_str(text) {
        Ok(table) => table,
        Err(error) => {
            // The message alone: the rendered error would quote the line, which may hold a password.
            let line = error.span().map_or(0, |span| text[..span.start.min(text.len())].matches('\n').count() + 1);
            let problem = format!("line {line} is not valid TOML: {}", error.message());
            faults.push(Fault { key: name, origin, problem });
            return;
        }
    };
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    let mut leaves = Vec::new();
    flatten("", table, &mut leaves);
    for (written, value) in leaves {
        let Some(key) = keys::find(&written) else {
            faults.push(unknown(written, origin.clone()));
            continue;
        };
        let toml::Value::String(text) = value else {
            let problem = format!("must be text in quotes, not {}", a_kind(&value));
            faults.push(Fault { key: written, origin: origin.clone(), problem });
            continue;
        };
        settings.insert(key.name, Setting { text, origin: origin.clone(), folder: folder.clone() });
    }
}

/// Reads the environment. A variable with our prefix that is no setting is a fault: it was meant to be one.
pub(super) fn from_environment(
    variables: impl Iterator<Item = (String, String)>,
    folder: &Path,
    settings: &mut Settings,
    faults: &mut Vec<Fault>,
) {
    for (name, text) in variables {
        if !name.starts_with("RUSSET_") || name.starts_with("RUSSET_TEST_") || OTHER_VARIABLES.contains(&name.as_str())
        {
            continue;
        }
        let origin = Origin::Environment(name.clone());
        match KEYS.iter().find(|key| key.environment() == name) {
            Some(key) => {
                settings.insert(key.name, Setting { text, origin, folder: folder.to_owned() });
            }
            None => faults.push(unknown(name["RUSSET_".len()..].to_ascii_lowercase(), origin)),
        }
    }
}

/// Reads the flags, each a key, its text and the flag's own name.
pub(super) fn from_flags(
    flags: &[(String, String, String)],
    folder: &Path,
    settings: &mut Settings,
    faults: &mut Vec<Fault>,
) {
    for (written, text, flag) in flags {
        let origin = Origin::Flag(flag.clone());
        match keys::find(written) {
            Some(key) => {
                settings.insert(key.name, Setting { text: text.clone(), origin, folder: folder.to_owned() });
            }
            None => faults.push(unknown(written.clone(), origin)),
        }
    }
}

fn unknown(key: String, origin: Origin) -> Fault {
    let problem = match keys::nearest(&key.replace('_', ".")).or_else(|| keys::nearest(&key)) {
        Some(near) => format!("there is no such setting; {near} is near it"),
        None => "there is no such setting".to_owned(),
    };
    Fault { key, origin, problem }
}

fn flatten(prefix: &str, table: toml::Table, leaves: &mut Vec<(String, toml::Value)>) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
        match value {
            toml::Value::Table(inner) => flatten(&key, inner, leaves),
            leaf => leaves.push((key, leaf)),
        }
    }
}

fn a_kind(value: &toml::Value) -> &'static str {
    match value {
        toml::Value::Integer(_) | toml::Value::Float(_) => "a number",
        toml::Value::Boolean(_) => "a truth value",
        toml::Value::Datetime(_) => "a date",
        toml::Value::Array(_) => "a list",
        toml::Value::Table(_) => "a section",
        toml::Value::String(_) => "text",
    }
}
