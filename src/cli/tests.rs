//! Every line that the guides and the helps offer for copying is one that the command line takes.

use super::Cli;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};
use std::path::Path;

/// The words of a shell line up to a pipe, a redirection or a comment; quotes hold words together.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote, mut begun) = (Vec::new(), String::new(), None, false);
    for letter in line.chars() {
        match (quote, letter) {
            (Some(open), _) if letter == open => quote = None,
            (None, '"' | '\'') => (quote, begun) = (Some(letter), true),
            (None, '|' | '>' | ';' | ')') => break,
            (None, '#') if !begun => break,
            (None, ' ') if begun => {
                words.push(std::mem::take(&mut word));
                begun = false;
            }
            (None, ' ') => {}
            _ => {
                word.push(letter);
                begun = true;
            }
        }
    }
    if begun {
        words.push(word);
    }
    words
}

/// A line, and whether it may be cut short: in running text a command is often named without what it needs.
type Offered = (String, bool);

/// What is wrong with a line that begins with `russet`; nothing where it is taken, or only shows a help.
fn fault(line: &str, short: bool) -> Option<String> {
    let error = Cli::try_parse_from(words(line)).err()?;
    let harmless = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => true,
        ErrorKind::MissingRequiredArgument
        | ErrorKind::MissingSubcommand
        | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => short,
        _ => false,
    };
    (!harmless).then(|| format!("{line}\n{error}"))
}

/// Lines of a guide's code blocks, continued ones joined, and short code in its text.
fn of_guide(text: &str) -> Vec<Offered> {
    let mut lines = Vec::new();
    for (place, block) in text.split("```").enumerate() {
        if place % 2 == 1 {
            lines.extend(block.replace("\\\n", " ").lines().map(|line| (line.trim().to_owned(), false)));
        } else {
            let code = block.split('`').skip(1).step_by(2);
            lines.extend(code.map(|code| (code.split_whitespace().collect::<Vec<_>>().join(" "), true)));
        }
    }
    lines
}

/// The examples under a help: two blanks end a line, what follows says what it is for.
fn of_helps(command: &clap::Command, lines: &mut Vec<Offered>) {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default().replace("\\\n", " ");
    for line in help.lines().filter_map(|line| line.strip_prefix("  ")) {
        let words: Vec<&str> = line.split("   ").collect();
        lines.push((words[0].trim().to_owned(), false));
    }
    for command in command.get_subcommands() {
        of_helps(command, lines);
    }
}

#[test]
fn every_line_of_the_guides_and_helps_is_taken() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut lines = Vec::new();
    for guide in ["README.md", "docs/operations.md", "docs/configuration.md", "docs/api.md"] {
        lines.extend(of_guide(&std::fs::read_to_string(root.join(guide)).unwrap()));
    }
    of_helps(&Cli::command(), &mut lines);
    let lines: Vec<(&str, bool)> = lines
        .iter()
        .map(|(line, short)| (line.strip_prefix("sudo -u russet ").unwrap_or(line), *short))
        // Not lines but names of commands.
        .filter(|(line, _)| line.starts_with("russet ") && !line.contains('…'))
        .collect();
    assert!(lines.len() > 60, "the lines are found: {lines:#?}");
    let faults: Vec<String> = lines.iter().filter_map(|(line, short)| fault(line, *short)).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
