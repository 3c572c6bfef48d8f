//! The documentation says what the code does.

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
