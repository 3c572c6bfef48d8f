//! The house keeps its shape: arrows between rooms go down only, files stay readable, every room says what it is for.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Which rooms a room may name. `context`, `ids` and `config` hold no behavior of a room and are open to all.
const ARROWS: &[(&str, &[&str])] = &[
    ("access", &[]),
    ("events", &[]),
    ("directory", &["events"]),
    ("push", &["events", "directory"]),
    ("commands", &["events", "directory", "push"]),
    ("profiles", &["events", "directory", "commands"]),
    ("licenses", &["events", "directory"]),
    ("enrollment", &["events", "directory", "push", "commands"]),
    ("apps", &["events", "directory", "push", "commands", "profiles", "licenses", "enrollment"]),
    ("gateway", &["server", "directory", "commands", "licenses", "enrollment"]),
    (
        "api",
        &["server", "access", "events", "directory", "push", "commands", "profiles", "licenses", "enrollment", "apps"],
    ),
    ("server", &[]),
    ("start", &["server", "gateway", "api", "access", "events", "push", "commands", "licenses", "apps", "enrollment"]),
    ("cli", &["start", "api"]),
];

const OPEN_TO_ALL: &[&str] = &["context", "ids", "config", "testing"];

/// Longer than this and a reader no longer knows the room.
const MOST_LINES: usize = 600;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for entry in entries {
        if entry.is_dir() {
            sources(&entry, found);
        } else if entry.extension().is_some_and(|extension| extension == "rs") {
            found.push(entry);
        }
    }
}

/// The rooms that a source names through `crate::`, without its comments.
fn named_rooms(text: &str) -> Vec<String> {
    let code: String = text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
    let mut rooms = Vec::new();
    for piece in code.split("crate::").skip(1) {
        if let Some(group) = piece.strip_prefix('{') {
            let mut depth = 0;
            let mut word = String::new();
            for letter in group.chars() {
                match letter {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    _ => {}
                }
                if depth == 0 {
                    word.push(letter);
                }
            }
            for part in word.split(',') {
                rooms.push(part.trim().split("::").next().unwrap_or_default().to_owned());
            }
        } else {
            rooms.push(piece.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect());
        }
    }
    rooms
}

#[test]
fn arrows_between_rooms_go_down_only() {
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    let src = root().join("src");
    let mut files = Vec::new();
    sources(&src, &mut files);
    let mut wrong = Vec::new();
    for file in files {
        let inside = file.strip_prefix(&src).unwrap();
        let first = inside.components().next().unwrap().as_os_str().to_string_lossy().into_owned();
        let room = first.trim_end_matches(".rs").to_owned();
        if ["main", "lib"].contains(&room.as_str()) || OPEN_TO_ALL.contains(&room.as_str()) {
            continue;
        }
        // A test may reach for whatever tells its story; nothing is built on it.
        if inside.components().any(|part| ["tests", "tests.rs"].iter().any(|name| part.as_os_str() == *name)) {
            continue;
        }
        let Some(may_name) = allowed.get(room.as_str()) else {
            wrong.push(format!("{}: the room `{room}` is not on the list of arrows", inside.display()));
            continue;
        };
        for named in named_rooms(&fs::read_to_string(&file).unwrap()) {
            if named != room && allowed.contains_key(named.as_str()) && !may_name.contains(&named.as_str()) {
                wrong.push(format!("{}: names `{named}`, which lies above or beside it", inside.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_list_of_arrows_has_no_circle() {
    fn reaches(from: &str, to: &str, allowed: &BTreeMap<&str, &[&str]>) -> bool {
        allowed.get(from).is_some_and(|next| next.iter().any(|room| *room == to || reaches(room, to, allowed)))
    }
    let allowed: BTreeMap<&str, &[&str]> = ARROWS.iter().copied().collect();
    for room in allowed.keys() {
        assert!(!reaches(room, room, &allowed), "`{room}` reaches itself");
    }
}

#[test]
fn every_source_says_what_it_is_for_and_stays_readable() {
    let mut files = Vec::new();
    for folder in ["src", "crates"] {
        sources(&root().join(folder), &mut files);
    }
    let mut wrong = Vec::new();
    for file in files {
        if file.components().any(|part| part.as_os_str() == "target") {
            continue;
        }
        let text = fs::read_to_string(&file).unwrap();
        if !text.trim_start().starts_with("//!") {
            wrong.push(format!("{}: begins without a module doc", file.display()));
        }
        let lines = text.lines().count();
        if lines > MOST_LINES {
            wrong.push(format!("{}: {lines} lines", file.display()));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_simulators_share_only_wire_types_with_the_server() {
    let manifest = fs::read_to_string(root().join("crates/simulator/Cargo.toml")).unwrap();
    let ours: Vec<&str> = manifest
        .lines()
        .filter(|line| line.starts_with("russet-"))
        .map(|line| line.split(['.', ' ', '=']).next().unwrap_or_default())
        .collect();
    assert_eq!(ours, ["russet-protocol"], "one mistake must not be able to cancel itself out");
}

#[test]
fn migrations_have_the_same_numbers_and_names_for_both_databases() {
    let names = |database: &str| {
        let mut names: Vec<String> = fs::read_dir(root().join("migrations").join(database))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names("sqlite"), names("postgres"));
}
