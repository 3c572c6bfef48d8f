//! `docs/protocol.md` says what the code and Apple's facts say: every command and check-in message stands there with its
//! channels and platforms, and every source and test it names exists.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap_or_else(|_| panic!("{path} is there"))
}

/// The quoted words behind `=>` in one function of a source.
fn names_in(source: &str, function: &str) -> BTreeSet<String> {
    let start = source.find(&format!("fn {function}(")).unwrap();
    let body = source[start..].lines().take_while(|line| *line != "    }");
    body.filter_map(|line| line.split("=> \"").nth(1)?.split('"').next()).map(str::to_owned).collect()
}

/// Rows of all tables of the page, by their first cell.
fn rows(page: &str) -> BTreeMap<String, Vec<String>> {
    let cells = |line: &str| {
        let inner = line.trim().trim_start_matches('|').trim_end_matches('|');
        inner.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>()
    };
    let lines = page.lines().filter(|line| line.starts_with("| "));
    lines.map(cells).filter_map(|row| Some((row.first()?.trim_matches('`').to_owned(), row))).collect()
}

/// The limits of the whole command, for each platform that has it.
fn facts() -> BTreeMap<String, Vec<(String, Vec<String>)>> {
    let text = read("crates/protocol/src/support/facts.txt");
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let platform = |word: &str| {
        let (platform, limits) = word.split_once(':').unwrap_or((word, ""));
        (platform.to_owned(), limits.split(',').map(str::to_owned).collect::<Vec<_>>())
    };
    let there = |(_, limits): &(String, Vec<String>)| !limits.iter().any(|limit| limit == "absent");
    lines
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            let name = words.next().filter(|name| !name.contains(['.', '/']))?;
            Some((name.to_owned(), words.map(platform).filter(there).collect()))
        })
        .collect()
}

fn channels(platforms: &[(String, Vec<String>)]) -> String {
    let lacks = |limits: &[String], any: &[&str]| limits.iter().any(|limit| any.contains(&limit.as_str()));
    let mut said = Vec::new();
    if platforms.iter().any(|(_, limits)| !lacks(limits, &["-device"])) {
        said.push("device".to_owned());
    }
    // Only Macs and Shared iPads have channels of users.
    let users = [("macOS", "Mac", &["-user"][..]), ("iOS", "Shared iPad", &["-user", "-shared-user", "-shared"][..])];
    let of = users.iter().filter(|(platform, _, without)| {
        platforms.iter().any(|(name, limits)| name == platform && !lacks(limits, without))
    });
    let users: Vec<&str> = of.map(|(_, people, _)| *people).collect();
    if !users.is_empty() {
        said.push(format!("user ({})", users.join(", ")));
    }
    said.join("; ")
}

fn platforms(platforms: &[(String, Vec<String>)]) -> String {
    let words = |limit: &String| {
        Some(match limit.as_str() {
            "supervised" => "supervised".to_owned(),
            "ade" => "automated enrollment".to_owned(),
            "-ue" => "not in a User Enrollment".to_owned(),
            "ue" => "User Enrollment only".to_owned(),
            "-shared" => "not on a Shared iPad".to_owned(),
            "shared" => "Shared iPad only".to_owned(),
            other => format!("before {}", other.strip_prefix('<')?),
        })
    };
    let one = |(platform, limits): &(String, Vec<String>)| {
        let from = limits.iter().find(|limit| limit.starts_with(|first: char| first.is_ascii_digit()));
        let limits: Vec<String> = limits.iter().filter_map(words).collect();
        let limits = if limits.is_empty() { String::new() } else { format!(" ({})", limits.join(", ")) };
        format!("{platform} {}{limits}", from.map_or("", String::as_str))
    };
    platforms.iter().map(one).collect::<Vec<_>>().join("; ")
}

#[test]
fn every_command_stands_on_the_page_with_what_apple_says_of_it_and_with_its_test() {
    let commands = names_in(&read("crates/protocol/src/command.rs"), "request_type");
    assert!(commands.len() > 30, "the commands are found in the source: {commands:?}");
    let (rows, facts) = (rows(&read("docs/protocol.md")), facts());
    for command in commands {
        let facts = &facts[&command];
        let wanted = [channels(facts), platforms(facts)];
        let row = rows.get(&command).unwrap_or_else(|| panic!("docs/protocol.md has a row for {command}: {wanted:?}"));
        assert_eq!(row[1..3], wanted, "what Apple says of {command}");
        assert!(row.last().unwrap().contains("::"), "the row of {command} names a test");
    }
}

#[test]
fn every_check_in_message_stands_on_the_page_with_its_test() {
    let messages = names_in(&read("crates/protocol/src/checkin.rs"), "message_type");
    assert_eq!(messages.len(), 9, "{messages:?}");
    let rows = rows(&read("docs/protocol.md"));
    for message in messages {
        let row = rows.get(&message).unwrap_or_else(|| panic!("docs/protocol.md has a row for {message}"));
        assert!(row.last().unwrap().contains("::"), "the row of {message} names a test");
    }
}

#[test]
fn every_source_and_test_on_the_page_exists() {
    let page = read("docs/protocol.md");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut missing = Vec::new();
    for word in page.split('`').skip(1).step_by(2).filter(|word| word.contains(".rs")) {
        let (file, test) = word.split_once("::").map_or((word, None), |(file, test)| (file, Some(test)));
        let source = fs::read_to_string(root.join(file)).unwrap_or_default();
        let there = test.map_or(!source.is_empty(), |test| source.contains(&format!("fn {test}(")));
        if !there {
            missing.push(word);
        }
    }
    assert!(missing.is_empty(), "docs/protocol.md names what is not there: {missing:#?}");
}
