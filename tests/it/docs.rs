//! The documentation says what the code does.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

#[test]
fn the_configuration_reference_lists_every_setting_as_it_is() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/configuration.md");
    let written = fs::read_to_string(&file).unwrap_or_default();
    assert!(
        written == russet::config::reference::text(),
        "docs/configuration.md is not what the list of settings says; run: russet config reference > docs/configuration.md"
    );
}

/// Names of all sources below a folder.
fn sources(folder: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            sources(&entry.path(), found);
        } else if name.ends_with(".rs") {
            found.insert(name);
        }
    }
}

#[test]
fn the_architecture_page_names_only_files_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut there = BTreeSet::new();
    for folder in ["src", "crates", "tests"] {
        sources(&root.join(folder), &mut there);
    }
    let page = fs::read_to_string(root.join("ARCHITECTURE.md")).unwrap();
    let named = page.split('`').skip(1).step_by(2).filter(|word| word.ends_with(".rs") && !word.contains(' '));
    let missing: Vec<&str> =
        named.filter(|word| !there.contains(word.rsplit('/').next().unwrap_or_default())).collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md names files that are gone: {missing:?}");
}
