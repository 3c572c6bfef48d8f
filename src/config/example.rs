//! The commented example file, made of the list of keys.

use super::keys::{KEYS, Preset};
use std::fmt::Write;

/// The text that `russet config example` prints: every setting with its meaning, commented out at its default.
#[must_use]
pub fn text() -> String {
    let mut out = String::from(
        "# The configuration of Russet. Every line is optional: a server without any of them starts and works.\n\
         # Lines that begin with '#' show the default, or for example what one could write.\n\
         # Each key can be set in the environment too (device.address is RUSSET_DEVICE_ADDRESS), and by a flag\n\
         # (--set device.address=...). A flag wins over the environment, the environment over this file.\n",
    );
    let mut section = "";
    for key in KEYS {
        let (of, name) = key.name.split_once('.').unwrap_or(("", key.name));
        out.push('\n');
        if of != section {
            section = of;
            // Writing to a string cannot fail.
            let _ = writeln!(out, "[{section}]");
        }
        for line in key.meaning {
            let _ = writeln!(out, "# {line}");
        }
        let (Preset::Value(shown) | Preset::Computed(shown) | Preset::Absent(shown)) = key.default;
        let _ = writeln!(out, "#{name} = \"{shown}\"");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_parses_with_and_without_its_comment_signs() {
        let commented: toml::Table = toml::from_str(&text()).unwrap();
        assert!(commented.values().all(|section| section.as_table().is_some_and(toml::Table::is_empty)));
        let full: String = text().lines().fold(String::new(), |mut out, line| {
            let plain = line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line);
            out.push_str(plain);
            out.push('\n');
            out
        });
        let full: toml::Table = toml::from_str(&full).unwrap();
        assert_eq!(full["device"]["address"].as_str(), Some("0.0.0.0:8443"));
    }
}
