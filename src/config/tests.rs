//! What the loader promises: defaults, order of sources, every fault at once, no secret in any text.

use super::*;
use std::fmt::Write;

fn sources(file: &str) -> Sources {
    Sources { file: Some((PathBuf::from("folder/russet.toml"), file.to_owned())), ..Sources::default() }
}

fn faults(sources: &Sources) -> Vec<(String, String)> {
    match load(sources) {
        Ok(_) => Vec::new(),
        Err(Faults(found)) => found.into_iter().map(|fault| (fault.key, fault.problem)).collect(),
    }
}

#[test]
fn nothing_at_all_is_a_working_configuration() {
    let config = load(&Sources::default()).unwrap().config;
    assert_eq!(config.database_url, "sqlite:data/russet.db");
    assert!(config.admin.address.ip().is_loopback());
    assert_eq!(config.apple.push_url, "https://api.push.apple.com");
    assert_eq!(format!("{config:?}"), format!("{:?}", Config::defaults(Path::new("data"))));
}

#[test]
fn every_fault_is_named_at_once_with_its_key() {
    let mut source = sources(
        r#"
        organisation = "x"
        data_dir = 5
        [device]
        address = "0.0.0.0"
        public_url = "http://mdm.example.com"
        tls_key = "missing.pem"
        [admin]
        address = "0.0.0.0:8080"
        [apple]
        push_url = "http://push.example.com"
        push_roots = "missing.pem"
        [pace]
        poll = "5"
        "#,
    );
    source.environment = vec![
        ("RUSSET_DATABASE_URL".to_owned(), "mysql://root:hunter2@host/x".to_owned()),
        ("RUSSET_DATABASE_ULR".to_owned(), "x".to_owned()),
        ("RUSSET_MASTER_KEY".to_owned(), "hunter2".to_owned()),
        ("HOME".to_owned(), "/".to_owned()),
    ];
    source.flags = vec![("log.format".to_owned(), "xml".to_owned(), "--set".to_owned())];
    let found = faults(&source);
    let mut keys: Vec<_> = found.iter().map(|(key, _)| key.as_str()).collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        [
            "admin.address",
            "apple.push_roots",
            "apple.push_url",
            "data_dir",
            "database.url",
            "database_ulr",
            "device.address",
            "device.public_url",
            "device.tls_key",
            "log.format",
            "master_key_file",
            "organisation",
            "pace.poll",
        ]
    );
    let text = found.iter().fold(String::new(), |mut text, (_, problem)| {
        let _ = writeln!(text, "{problem}");
        text
    });
    assert!(text.contains("organization is near it"), "{text}");
    assert!(text.contains("database.url is near it"), "{text}");
    assert!(!text.contains("hunter2"), "{text}");
}

#[test]
fn a_file_that_is_no_toml_is_named_by_line_and_not_quoted() {
    let found = faults(&sources("[database]\nurl = \"postgres://u:hunter2@h/d\n"));
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].0, "russet.toml");
    assert!(found[0].1.contains("line 2") && !found[0].1.contains("hunter2"), "{found:?}");
}

#[test]
fn a_flag_wins_over_the_environment_and_the_environment_over_the_file() {
    let mut source = sources("organization = \"file\"\nnode_name = \"file\"\n[log]\nfilter = \"debug\"\n");
    source.environment = vec![
        ("RUSSET_ORGANIZATION".to_owned(), "environment".to_owned()),
        ("RUSSET_NODE_NAME".to_owned(), "environment".to_owned()),
    ];
    source.flags = vec![("organization".to_owned(), "flag".to_owned(), "--set".to_owned())];
    let config = load(&source).unwrap().config;
    assert_eq!((config.organization.as_str(), config.node_name.as_str()), ("flag", "environment"));
    assert_eq!(config.log.filter, "debug");
}

#[test]
fn paths_in_the_file_are_relative_to_the_file() {
    let config = load(&sources("data_dir = \"state\"\n")).unwrap().config;
    assert_eq!(config.data_dir, Path::new("folder/state"));
    assert_eq!(config.database_url, "sqlite:folder/state/russet.db");
    let config = load(&sources("[database]\nurl = \"sqlite:other.db\"\n")).unwrap().config;
    assert_eq!(config.database_url, "sqlite:folder/other.db");
}

#[test]
fn plain_http_is_for_loopback_only() {
    for (url, fits) in [
        ("http://127.0.0.1:9000/x", true),
        ("http://[::1]:9000", true),
        ("http://localhost", true),
        ("http://localhost.example.com", false),
        ("http://127.0.0.1@example.com", false),
        ("https://example.com", true),
        ("ftp://example.com", false),
        ("example.com", false),
    ] {
        assert_eq!(check::service_url(url).is_ok(), fits, "{url}");
    }
}

#[test]
fn secrets_do_not_appear_in_debug_output() {
    let key = "0123456789abcdef".repeat(4);
    let source = Sources {
        environment: vec![
            ("RUSSET_DATABASE_URL".to_owned(), "postgres://u:hunt@er2@h/d?password=hunter2".to_owned()),
            ("RUSSET_MASTER_KEY".to_owned(), key),
        ],
        ..Sources::default()
    };
    let config = load(&source).unwrap().config;
    let text = format!("{config:?}");
    assert!(matches!(config.master_key, MasterKeySource::Given(ref key) if key[1] == 0x23));
    assert!(!text.contains("er2") && !text.contains("35") && text.contains("postgres://u:…@h/d"), "{text}");
}

#[test]
fn the_example_file_with_every_line_switched_on_has_no_unknown_key() {
    let full: String = example::text().lines().fold(String::new(), |mut out, line| {
        let _ = writeln!(out, "{}", line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line));
        out
    });
    let found = faults(&sources(&full));
    // Its certificates do not exist here; every other line must be right.
    assert!(found.iter().all(|(_, problem)| problem.contains("cannot be read")), "{found:?}");
}
