//! The figures: one readable table, and the same as JSON.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

/// One figure.
struct Line {
    part: &'static str,
    what: String,
    value: f64,
    unit: &'static str,
    p50: Option<Duration>,
    p99: Option<Duration>,
    note: String,
}

/// All figures of a run.
pub(crate) struct Table {
    lines: Vec<Line>,
}

/// How long each of many requests took.
pub(crate) struct Latencies(Vec<Duration>);

impl Latencies {
    pub(crate) fn new(mut all: Vec<Duration>) -> Self {
        all.sort_unstable();
        Self(all)
    }

    fn at(&self, share: usize) -> Option<Duration> {
        self.0.get((self.0.len() * share / 100).min(self.0.len().saturating_sub(1))).copied()
    }
}

impl Table {
    pub(crate) fn new() -> Self {
        Self { lines: Vec::new() }
    }

    /// A figure; shown on standard error at once, so that one sees it go on.
    pub(crate) fn add(
        &mut self,
        part: &'static str,
        what: impl Into<String>,
        value: f64,
        unit: &'static str,
    ) -> &mut Self {
        let line = Line { part, what: what.into(), value, unit, p50: None, p99: None, note: String::new() };
        eprintln!("{part}: {}: {} {unit}", line.what, number(value));
        self.lines.push(line);
        self
    }

    /// Latencies of the last figure.
    pub(crate) fn latencies(&mut self, latencies: &Latencies) -> &mut Self {
        if let Some(line) = self.lines.last_mut() {
            (line.p50, line.p99) = (latencies.at(50), latencies.at(99));
        }
        self
    }

    /// A remark on the last figure, such as what limit it stands beside.
    pub(crate) fn note(&mut self, note: impl Into<String>) -> &mut Self {
        if let Some(line) = self.lines.last_mut() {
            line.note = note.into();
        }
        self
    }

    pub(crate) fn print(&self) {
        let mut text = String::new();
        let mut part = "";
        let width = self.lines.iter().map(|line| line.what.chars().count()).max().unwrap_or(0);
        for line in &self.lines {
            if line.part != part {
                part = line.part;
                let _ = writeln!(text, "\n{part:<width$}  {:>12}  {:<12} {:>9} {:>9}", "", "", "p50", "p99");
            }
            let _ = writeln!(
                text,
                "  {:<width$}{:>12}  {:<12} {:>9} {:>9}  {}",
                line.what,
                number(line.value),
                line.unit,
                time(line.p50),
                time(line.p99),
                line.note
            );
        }
        println!("{}", text.trim_start_matches('\n'));
    }

    /// Writes `bench.json` into the folder of build results.
    pub(crate) fn write_json(&self) {
        let micros = |time: Option<Duration>| time.map(|time| time.as_secs_f64() * 1e6);
        let figures: Vec<serde_json::Value> = self
            .lines
            .iter()
            .map(|line| {
                serde_json::json!({
                    "part": line.part, "what": line.what, "value": line.value, "unit": line.unit,
                    "p50_us": micros(line.p50), "p99_us": micros(line.p99), "note": line.note,
                })
            })
            .collect();
        let cores = std::thread::available_parallelism().map_or(0, usize::from);
        let whole = serde_json::json!({ "cores": cores, "figures": figures });
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench.json");
        std::fs::write(&file, format!("{whole:#}\n")).unwrap();
        println!("\nThe same as JSON: {}", file.display());
    }
}

/// Few digits, with the thousands apart.
fn number(value: f64) -> String {
    if value < 100.0 {
        return format!("{value:.1}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

fn time(time: Option<Duration>) -> String {
    time.map_or_else(String::new, |time| format!("{:.2} ms", time.as_secs_f64() * 1e3))
}
