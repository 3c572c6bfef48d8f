//! The configuration reference in Markdown, made of the list of keys; `docs/configuration.md` is this text, and a test
//! holds it there.

use super::keys::{KEYS, Preset};
use std::fmt::Write;

/// The text of `docs/configuration.md`, as `russet config reference` prints it.
#[must_use]
pub fn text() -> String {
    let mut out = String::from(
        "# Configuration\n\n\
         Made by `russet config reference`; every setting is optional. `russet config example > russet.toml` writes a file\n\
         with all of them as comments, `russet config check --config russet.toml` names every fault at once, each with its key.\n\n\
         A setting is looked for in this order, the first one found wins:\n\n\
         1. a flag: `--set device.address=0.0.0.0:8443`\n\
         2. the environment: `RUSSET_DEVICE_ADDRESS=0.0.0.0:8443`\n\
         3. the file that `--config` names\n\
         4. the default\n\n\
         Durations are written as `500ms`, `15s`, `10m`, `24h` or `7d`. Secrets are never printed, neither in faults nor in\n\
         logs. Paths in the file are relative to the file; those in flags and in the environment, to the working folder.\n",
    );
    let mut section = None;
    for key in KEYS {
        let of = key.name.split_once('.').map_or("", |(of, _)| of);
        if section != Some(of) {
            section = Some(of);
            let title = if of.is_empty() { "Without a section".to_owned() } else { format!("`[{of}]`") };
            // Writing to a string cannot fail.
            let _ = writeln!(out, "\n## {title}\n");
        }
        let default = match key.default {
            Preset::Value(value) => format!("default `{value}`"),
            Preset::Computed(value) => format!("worked out at the start, for example `{value}`"),
            Preset::Absent(value) => format!("not set; for example `{value}`"),
        };
        let _ = writeln!(out, "- **`{}`** (`{}`), {default}.", key.name, key.environment());
        for line in key.meaning {
            let _ = writeln!(out, "  {line}");
        }
    }
    out
}
