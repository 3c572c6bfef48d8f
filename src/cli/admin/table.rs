//! Tables for people: aligned columns, and text that cannot do anything to a terminal. Names of devices and apps were
//! chosen by strangers: control characters are taken out before anything is printed.

use serde_json::Value;
use std::fmt::Write as _;

/// What stands where there is nothing.
pub(crate) const NOTHING: &str = "–";

/// A table with a head.
pub(crate) struct Table {
    lines: Vec<Vec<String>>,
    when_empty: &'static str,
}

impl Table {
    /// A table with these columns; `when_empty` is said instead of a head without lines.
    pub(crate) fn new(head: &[&str], when_empty: &'static str) -> Self {
        Self { lines: vec![head.iter().map(|&name| name.to_owned()).collect()], when_empty }
    }

    /// Adds a line.
    pub(crate) fn line<const N: usize>(&mut self, cells: [String; N]) {
        self.lines.push(cells.map(|cell| plain(&cell)).into());
    }

    /// The table as text.
    pub(crate) fn text(&self) -> String {
        if self.lines.len() == 1 {
            return self.when_empty.to_owned();
        }
        let columns = self.lines.iter().map(Vec::len).max().unwrap_or(0);
        let wide = |column: usize| {
            self.lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(wide).collect();
        let mut out = String::new();
        for line in &self.lines {
            let cells: Vec<String> = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
            // Writing to a string cannot fail.
            let _ = writeln!(out, "{}", cells.join("  ").trim_end());
        }
        out
    }
}

/// Facts about one thing: names on the left, values on the right.
pub(crate) fn facts(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let mut out = String::new();
    for (name, value) in rows {
        let _ = writeln!(out, "{name:width$}  {}", plain(value));
    }
    out
}

/// Text without control characters, on one line.
pub(crate) fn plain(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() || is_invisible(letter) { ' ' } else { letter }).collect()
}

/// The beginning of a text that would make its column too wide.
pub(crate) fn clipped(text: &str, letters: usize) -> String {
    match text.char_indices().nth(letters) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Characters that turn or hide what stands around them.
fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The entries of a list of the API.
pub(crate) fn items(list: &Value) -> &[Value] {
    list.get("items").and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

/// A value of an answer in words: `at` is a path such as `device.name`.
pub(crate) fn text(answer: &Value, at: &str) -> String {
    let found = at.split('.').try_fold(answer, |value, key| value.get(key));
    found.map_or_else(|| NOTHING.to_owned(), word)
}

/// A value in words.
pub(crate) fn word(value: &Value) -> String {
    match value {
        Value::Null => NOTHING.to_owned(),
        Value::Bool(true) => "on".to_owned(),
        Value::Bool(false) => "off".to_owned(),
        Value::Number(number) => number.to_string(),
        Value::String(text) if text.is_empty() => NOTHING.to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(list) if list.is_empty() => NOTHING.to_owned(),
        Value::Array(list) => list.iter().map(word).collect::<Vec<_>>().join(", "),
        Value::Object(map) => map
            .iter()
            .map(|(key, value)| format!("{}: {}", key.replace('_', " "), word(value)))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn columns_are_aligned_by_letters_not_bytes() {
        let mut table = Table::new(&["NAME", "STATE"], "none");
        table.line(["Jürgens Gerät".to_owned(), "installed".to_owned()]);
        table.line(["iPad".to_owned(), "waiting".to_owned()]);
        assert_eq!(table.text(), "NAME           STATE\nJürgens Gerät  installed\niPad           waiting\n");
        assert_eq!(Table::new(&["NAME"], "There is nothing.").text(), "There is nothing.");
    }

    #[test]
    fn a_name_cannot_write_on_the_terminal() {
        let mut table = Table::new(&["NAME"], "none");
        table.line(["Mia\u{1b}[2Js\u{202e} iPad\n".to_owned()]);
        assert_eq!(table.text(), "NAME\nMia [2Js  iPad\n");
    }

    #[test]
    fn a_long_text_is_clipped_between_letters() {
        assert_eq!(clipped("Gerät", 4), "Gerä…");
        assert_eq!(clipped("Gerät", 5), "Gerät");
    }

    #[test]
    fn values_are_found_by_path_and_told_in_words() {
        let answer = json!({ "device": { "name": "iPad" }, "on": true, "list": ["a", "b"], "no": null });
        assert_eq!(text(&answer, "device.name"), "iPad");
        assert_eq!(text(&answer, "device.udid"), NOTHING);
        assert_eq!(
            (text(&answer, "on"), text(&answer, "list"), text(&answer, "no")),
            ("on".into(), "a, b".into(), NOTHING.into())
        );
    }
}
