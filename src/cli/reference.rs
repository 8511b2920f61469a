//! Keeps `docs/cli.md` equal to the clap definition.

use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

use clap::{Arg, Command};

const INTRODUCTION: &str = "# Command line reference

<!-- Generated from the clap definition: UPDATE_DOCS=1 cargo test --lib cli::reference -->

";

/// Returns the reference of a command and its subcommands as Markdown.
fn markdown(command: &Command) -> String {
    let mut text = String::from(INTRODUCTION);
    write_about(&mut text, command);
    for subcommand in command.get_subcommands().filter(|subcommand| subcommand.get_name() != "help")
    {
        write_subcommand(&mut text, subcommand).unwrap();
    }
    text.truncate(text.trim_end().len());
    text + "\n"
}

fn write_about(text: &mut String, command: &Command) {
    let about = command.get_long_about().or(command.get_about()).unwrap();
    let after = command.get_after_long_help().or(command.get_after_help());
    text.push_str(&paragraphs(&about.to_string()));
    text.push_str("\n\n");
    if let Some(after) = after {
        text.extend(["```text\n", &after.to_string(), "\n```\n\n"]);
    }
}

fn write_subcommand(text: &mut String, command: &Command) -> std::fmt::Result {
    writeln!(text, "## slidezoom {}\n", command.get_name())?;
    write_about(text, command);
    let usage = command
        .clone()
        .bin_name(format!("slidezoom {}", command.get_name()))
        .render_usage()
        .to_string();
    writeln!(text, "```text\n{}\n```\n", usage.trim_start_matches("Usage: "))?;
    let mut headings: Vec<&str> = Vec::new();
    let shown = |arg: &&Arg| !matches!(arg.get_id().as_str(), "help" | "version");
    for arg in command.get_arguments().filter(shown) {
        if !headings.contains(&heading(arg)) {
            headings.push(heading(arg));
        }
    }
    for title in headings {
        writeln!(text, "### {title}\n")?;
        for arg in command.get_arguments().filter(shown).filter(|arg| heading(arg) == title) {
            write_argument(text, arg)?;
        }
    }
    Ok(())
}

fn heading(arg: &Arg) -> &str {
    if arg.is_positional() { "Arguments" } else { arg.get_help_heading().unwrap_or("Options") }
}

fn write_argument(text: &mut String, arg: &Arg) -> std::fmt::Result {
    let value =
        arg.get_value_names().map(|names| format!("<{}>", names.join("> <"))).unwrap_or_default();
    let takes_value = arg.get_action().takes_values();
    let name = match (arg.get_short(), arg.get_long()) {
        (short, Some(long)) => {
            let short = short.map_or_else(String::new, |short| format!("-{short}, "));
            if takes_value {
                format!("{short}--{long} {value}")
            } else {
                format!("{short}--{long}")
            }
        }
        _ => value,
    };
    writeln!(text, "#### `{name}`\n")?;
    let help = arg.get_long_help().or(arg.get_help()).unwrap().to_string();
    writeln!(text, "{}\n", paragraphs(&help))?;
    let possible = if takes_value { arg.get_possible_values() } else { Vec::new() };
    for value in &possible {
        let help = value.get_help().map_or_else(String::new, |help| format!(": {help}"));
        writeln!(text, "- `{}`{help}", value.get_name())?;
    }
    if !possible.is_empty() {
        writeln!(text)?;
    }
    let defaults: Vec<_> =
        arg.get_default_values().iter().map(|value| value.to_string_lossy()).collect();
    if takes_value && !defaults.is_empty() {
        writeln!(text, "Default: `{}`\n", defaults.join(" "))?;
    }
    Ok(())
}

/// Ends each paragraph with a period, as clap strips it.
fn paragraphs(help: &str) -> String {
    let sentence = |text: &str| {
        if text.ends_with(['.', ']', ')']) { text.to_owned() } else { format!("{text}.") }
    };
    help.split("\n\n").map(|paragraph| sentence(paragraph.trim())).collect::<Vec<_>>().join("\n\n")
}

#[test]
fn docs_match_the_clap_definition() {
    let mut command = super::command();
    command.build();
    let found = markdown(&command);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cli.md");
    if env::var_os("UPDATE_DOCS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, found).unwrap();
        panic!(
            "{} was written: review the changes, and run again without UPDATE_DOCS",
            path.display()
        );
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert!(found == expected, "docs/cli.md is out of date: run with UPDATE_DOCS=1");
}
