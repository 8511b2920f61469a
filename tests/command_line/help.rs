//! Help, version, manual page, and shell completions.

use crate::workspace::Workspace;

/// Whether a line of a help text starts the description of an option.
fn starts_option(line: &str) -> bool {
    line.starts_with("      --") || line.starts_with("  -") && line.contains(", --")
}

/// Returns the lines of an option in a help text, up to the next option.
fn option_help<'a>(help: &'a str, option: &str) -> &'a str {
    let names =
        |line: &str| starts_option(line) && line.split([' ', ',', '\n']).any(|word| word == option);
    let mut offset = 0;
    let mut begin = None;
    for line in help.split_inclusive('\n') {
        match begin {
            None if names(line) => begin = Some(offset),
            Some(begin) if starts_option(line) => return &help[begin..offset],
            _ => {}
        }
        offset += line.len();
    }
    &help[begin.unwrap_or_else(|| panic!("{option} is not in {help}"))..]
}

/// Asserts that the help lists these options and no others, each with its default or none.
#[track_caller]
fn assert_help(subcommand: &str, options: &[(&str, Option<&str>)]) {
    let workspace = Workspace::new();
    let run = workspace.slidezoom([subcommand, "--help"]).succeeds();
    assert!(run.stderr.is_empty(), "{run:?}");
    let help = run.text();
    for (option, default) in options {
        let text = option_help(help, option).split_whitespace().collect::<Vec<_>>().join(" ");
        match default {
            Some(default) => {
                assert!(text.contains(&format!("[default: {default}]")), "{option}: {text}");
            }
            None => assert!(!text.contains("[default"), "{option}: {text}"),
        }
        assert!(text.len() > option.len() + 10, "{option} has no help: {text}");
    }
    let listed = help.lines().filter(|line| starts_option(line)).count();
    assert_eq!(
        listed,
        options.len() + 1,
        "the help has an option that this test does not expect: {help}"
    );
    // `-h` lists the common options only and fits a screen.
    let short = workspace.slidezoom([subcommand, "-h"]).succeeds();
    assert!(short.text().lines().count() <= 60, "{short:?}");
    assert_eq!(workspace.slidezoom(["help", subcommand]).succeeds().text(), help);
}

const PYRAMID: [(&str, Option<&str>); 19] = [
    ("--tile-size", Some("254")),
    ("--overlap", Some("1")),
    ("--format", Some("jpeg")),
    ("--quality", Some("80")),
    ("--subsampling", Some("auto")),
    ("--optimize", None),
    ("--progressive", None),
    ("--reduce", Some("mean")),
    ("--bounds", Some("scan")),
    ("--crop", None),
    ("--slide-level", None),
    ("--target-mpp", None),
    ("--magnification", None),
    ("--rotate", None),
    ("--flip", None),
    ("--color", Some("srgb")),
    ("--intent", Some("the profile's")),
    ("--background", Some("the slide's, else ffffff")),
    ("--mpp", Some("the slide's")),
];

const READING: [(&str, Option<&str>); 4] = [
    ("--reader", Some("auto")),
    ("--page", Some("1")),
    ("--range", None),
    ("--max-memory", Some("2G")),
];

const JOBS: (&str, Option<&str>) = ("--jobs", Some("available processors"));

#[test]
fn export_help_lists_every_option_with_its_default() {
    let own = [
        ("--output", Some("the input's name without extension")),
        ("--associated", Some("thumbnail")),
        ("--all-properties", None),
        ("--no-viewer", None),
        ("--no-source-hash", None),
        ("--on-read-error", Some("stop")),
        ("--layout", Some("dz")),
        ("--id", None),
        ("--depth", Some("pixel; tile in other layouts than dz")),
        ("--blank", Some("keep")),
        ("--lossless", None),
        ("--verbose", None),
        ("--container", Some("by the extension of OUT, else folder")),
        ("--overwrite", None),
        ("--resume", None),
        ("--progress", Some("auto")),
        ("--dry-run", None),
    ];
    assert_help("export", &[&PYRAMID[..], &READING, &[JOBS], &own].concat());
}

#[test]
fn tile_help_lists_every_option_with_its_default() {
    assert_help(
        "tile",
        &[
            &PYRAMID[..],
            &READING,
            &[JOBS, ("--output", Some("stdout")), ("--exact", None), ("--overwrite", None)],
        ]
        .concat(),
    );
}

#[test]
fn verify_and_repack_help_list_every_option_with_its_default() {
    assert_help("verify", &[("--quick", None), ("--json", None), JOBS]);
    let own = [
        ("--output", None),
        ("--container", Some("by the extension of OUT, else folder")),
        ("--no-viewer", None),
        ("--mpp", Some("the export's")),
        ("--overwrite", None),
        ("--progress", Some("auto")),
    ];
    assert_help("repack", &[&own[..], &[JOBS]].concat());
}

#[test]
fn info_help_lists_every_option() {
    assert_help(
        "info",
        &[&[("--json", None), ("--quick", None), ("--save-associated", None)], &READING[..]]
            .concat(),
    );
}

#[test]
fn help_lists_commands_and_exit_codes() {
    let workspace = Workspace::new();
    let run = workspace.slidezoom(["--help"]).succeeds();
    for word in [
        "export",
        "info",
        "tile",
        "verify",
        "repack",
        "completions",
        "man",
        "0  done",
        "2  wrong usage",
        "130  interrupted",
    ] {
        assert!(run.text().contains(word), "{word}: {run:?}");
    }
    // Without arguments, the help is on stderr, and the exit code is 2.
    let run = workspace.slidezoom([""; 0]);
    assert_eq!((run.code(), run.text()), (Some(2), ""), "{run:?}");
    run.reports(&["Usage: slidezoom"]);
}

#[test]
fn version_includes_openslide() {
    let run = Workspace::new().slidezoom(["--version"]).succeeds();
    let expected = format!("slidezoom {} (OpenSlide 4.", env!("CARGO_PKG_VERSION"));
    assert!(run.text().starts_with(&expected), "{run:?}");
    assert_eq!(run.text().lines().count(), 1, "{run:?}");
}

#[test]
fn completions_cover_options_in_every_shell() {
    let workspace = Workspace::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let run = workspace.slidezoom(["completions", shell]).succeeds();
        for word in ["slidezoom", "export", "tile-size", "dry-run"] {
            assert!(run.text().contains(word), "{shell}: {word}");
        }
        assert!(run.stderr.is_empty(), "{run:?}");
    }
}

#[test]
fn manual_covers_every_command() {
    let run = Workspace::new().slidezoom(["man"]).succeeds();
    let page = run.text().replace('\\', "");
    assert!(page.contains(".TH slidezoom 1"), "{page}");
    for word in
        ["slidezoom-export", "slidezoom-info", "slidezoom-tile", "--tile-size", "--exact", "--json"]
    {
        assert!(page.contains(word), "{word}: {page}");
    }
}

#[test]
fn closed_stdout_is_not_an_error() {
    use std::process::Stdio;

    let workspace = Workspace::new();
    let mut child =
        workspace.command(["man"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn full_stdout_is_an_error() {
    let workspace = Workspace::new();
    let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") else {
        skipped!("there is no /dev/full here");
        return;
    };
    let output = workspace.command(["man"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    crate::workspace::assert_one_message(&String::from_utf8(output.stderr).unwrap());
}
