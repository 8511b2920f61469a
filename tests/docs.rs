//! Keeps README.md, docs/ and the other Markdown pages true: links resolve, command lines parse,
//! options, files and make targets exist, and lines stay short.
//!
//! Rust blocks are compiled as doctests; `src/lib.rs` includes the pages that have some.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a failed assertion ends a test"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

const README_BYTES: usize = 10 * 1024;
const LINE_CHARACTERS: usize = 120;
const SUBCOMMANDS: [&str; 7] = ["export", "info", "tile", "verify", "repack", "completions", "man"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// A Markdown page of the project.
struct Page {
    path: PathBuf,
    text: String,
    links: Vec<String>,
    anchors: BTreeSet<String>,
    /// Inline code.
    code: Vec<String>,
    blocks: Vec<Block>,
}

/// A fenced code block.
struct Block {
    language: String,
    text: String,
    /// In bytes of the page, with its fences.
    range: Range<usize>,
}

impl Page {
    fn read(path: PathBuf) -> Self {
        let text =
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let (mut links, mut code, mut blocks) = (Vec::new(), Vec::new(), Vec::new());
        let mut headings: Vec<String> = Vec::new();
        let (mut in_heading, mut in_block) = (false, false);
        for (event, range) in Parser::new_ext(&text, Options::ENABLE_TABLES).into_offset_iter() {
            match event {
                Event::Start(Tag::Heading { .. }) => {
                    in_heading = true;
                    headings.push(String::new());
                }
                Event::End(TagEnd::Heading(_)) => in_heading = false,
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    links.push(dest_url.into_string());
                }
                Event::Start(Tag::CodeBlock(kind)) => {
                    let CodeBlockKind::Fenced(language) = kind else {
                        panic!("{}: indented code block at byte {}", path.display(), range.start)
                    };
                    in_block = true;
                    blocks.push(Block {
                        language: language.into_string(),
                        text: String::new(),
                        range,
                    });
                }
                Event::End(TagEnd::CodeBlock) => in_block = false,
                Event::Text(part) if in_block => blocks.last_mut().unwrap().text.push_str(&part),
                Event::Text(part) if in_heading => headings.last_mut().unwrap().push_str(&part),
                Event::Code(part) => {
                    if in_heading {
                        headings.last_mut().unwrap().push_str(&part);
                    }
                    code.push(part.into_string());
                }
                _ => {}
            }
        }
        let anchors = anchors(&headings);
        Self { path, text, links, anchors, code, blocks }
    }

    fn name(&self) -> String {
        self.path.strip_prefix(root()).unwrap().display().to_string()
    }

    /// The commands of the page's shell blocks, with continued lines joined, split into words.
    fn commands(&self) -> impl Iterator<Item = (String, Vec<String>)> {
        let shell = self.blocks.iter().filter(|block| block.language == "sh");
        let lines: Vec<String> = shell
            .flat_map(|block| {
                block.text.replace("\\\n", " ").lines().map(str::to_owned).collect::<Vec<_>>()
            })
            .collect();
        lines.into_iter().flat_map(|line| {
            let parts: Vec<String> = line.split(" | ").map(str::to_owned).collect();
            parts.into_iter().filter_map(move |part| {
                // `shlex` drops comments. It fails on a quoted string that continues on the next
                // line.
                let words = shlex::split(&part)?;
                (!words.is_empty()).then(|| (line.clone(), words))
            })
        })
    }
}

/// The anchors that GitHub gives to headings.
fn anchors(headings: &[String]) -> BTreeSet<String> {
    let mut seen = BTreeMap::new();
    let anchor = |heading: &String| {
        let kept =
            heading.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
        let slug = kept.collect::<String>().to_lowercase().replace(' ', "-");
        let count = seen.entry(slug.clone()).and_modify(|count| *count += 1).or_insert(0);
        if *count == 0 { slug } else { format!("{slug}-{count}") }
    };
    headings.iter().map(anchor).collect()
}

/// README.md and the other pages at the top, and all pages in docs/.
fn pages() -> Vec<Page> {
    let markdown = |folder: &Path| {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        entries
            .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
            .collect::<Vec<_>>()
    };
    let mut paths = [markdown(root()), markdown(&root().join("docs"))].concat();
    paths.sort();
    paths.into_iter().map(Page::read).collect()
}

fn slidezoom(arguments: &[impl AsRef<std::ffi::OsStr>], folder: &Path) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_slidezoom"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).output().unwrap()
}

/// Fails with every problem that `check` finds on any page.
fn check_pages(check: impl Fn(&Page, &mut Vec<String>)) {
    let mut problems = Vec::new();
    for page in pages() {
        let mut found = Vec::new();
        check(&page, &mut found);
        problems.extend(found.into_iter().map(|problem| format!("{}: {problem}", page.name())));
    }
    assert!(problems.is_empty(), "\n{}", problems.join("\n"));
}

#[test]
fn links_resolve() {
    let anchors: BTreeMap<PathBuf, BTreeSet<String>> =
        pages().into_iter().map(|page| (page.path.canonicalize().unwrap(), page.anchors)).collect();
    check_pages(|page, problems| {
        for link in page.links.iter().filter(|link| !link.contains("://")) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target =
                if file.is_empty() { page.path.clone() } else { page.path.with_file_name(file) };
            let Ok(target) = target.canonicalize() else {
                problems.push(format!("{link}: no such file"));
                continue;
            };
            if !anchor.is_empty()
                && !anchors.get(&target).is_some_and(|anchors| anchors.contains(anchor))
            {
                problems.push(format!("{link}: no such heading"));
            }
        }
    });
}

#[test]
fn every_page_of_docs_is_listed() {
    let pages = pages();
    let docs = pages.iter().filter(|page| page.path.parent().unwrap().ends_with("docs"));
    let names: Vec<String> =
        docs.map(|page| page.path.file_name().unwrap().to_str().unwrap().to_owned()).collect();
    for (index, prefix) in [("README.md", "docs/"), ("docs/README.md", "")] {
        let index = pages.iter().find(|page| page.name() == index).unwrap();
        for name in names.iter().filter(|name| *name != "README.md") {
            assert!(
                index.links.contains(&format!("{prefix}{name}")),
                "{} does not link to {name}",
                index.name()
            );
        }
    }
}

#[test]
fn readme_is_short() {
    let bytes = fs::read(root().join("README.md")).unwrap().len();
    assert!(bytes <= README_BYTES, "README.md has {bytes} bytes, and {README_BYTES} are the limit");
}

#[test]
fn lines_are_short() {
    check_pages(|page, problems| {
        // Generated: one line per paragraph of the help.
        if page.name() == "docs/cli.md" {
            return;
        }
        let mut start = 0;
        for (number, line) in (1..).zip(page.text.split_inclusive('\n')) {
            let exempt = line.starts_with('|')
                || page.blocks.iter().any(|block| block.range.contains(&start));
            start += line.len();
            let characters = line.trim_end().chars().count();
            if !exempt && characters > LINE_CHARACTERS {
                problems.push(format!("line {number} has {characters} characters"));
            }
        }
    });
}

/// Plans every export and parses every other command. Inputs that the pages name are copies of
/// small fixtures; a plan does not write anything.
#[test]
fn command_lines_are_valid() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let slide = slidezoom_fixtures::real_slide().unwrap();
    fs::create_dir(folder.join("slides")).unwrap();
    for name in ["CMU-1.svs", "a.svs", "b.ndpi", "damaged.svs", "slides/c.svs"] {
        std::os::unix::fs::symlink(&slide, folder.join(name)).unwrap();
    }
    // The screenshot of the page is used for ordinary images.
    for name in ["poster.png", "microscope.tif", "slides/*.png"] {
        std::os::unix::fs::symlink(root().join("viewer/page.png"), folder.join(name)).unwrap();
    }
    let checked = std::cell::Cell::new(0);
    check_pages(|page, problems| {
        for (line, words) in page.commands() {
            let Some(("slidezoom", arguments)) =
                words.split_first().map(|(name, rest)| (name.as_str(), rest))
            else {
                continue;
            };
            checked.set(checked.get() + 1);
            let plans =
                arguments[0] == "export" && !arguments.iter().any(|argument| argument == "-");
            let mut arguments = arguments.to_vec();
            if plans && !arguments.iter().any(|argument| argument == "--dry-run") {
                arguments.push("--dry-run".to_owned());
            }
            let output = slidezoom(&arguments, folder);
            // Other commands name exports that do not exist here; exit code 2 is wrong usage.
            if output.status.code() == Some(2) || (plans && !output.status.success()) {
                problems.push(format!("{line}\n{}", String::from_utf8_lossy(&output.stderr)));
            }
        }
    });
    assert!(checked.get() > 40, "only {} commands were found", checked.get());
}

/// Options in inline code, such as `--crop`, belong to a subcommand, and inline commands name one.
#[test]
fn options_exist() {
    let help =
        |subcommand| String::from_utf8(slidezoom(&["help", subcommand], root()).stdout).unwrap();
    let help = SUBCOMMANDS.map(help).concat() + "--help --version";
    let options: BTreeSet<&str> =
        help.split_whitespace().map(|word| word.trim_end_matches([',', '=', '.'])).collect();
    check_pages(|page, problems| {
        // Its tables give the former names of options, too.
        if page.name() == "CHANGELOG.md" {
            return;
        }
        for code in &page.code {
            let words: Vec<&str> = code.split_whitespace().collect();
            match words[..] {
                ["slidezoom", subcommand, ..]
                    if !["help", "--version"]
                        .iter()
                        .chain(&SUBCOMMANDS)
                        .any(|&known| known == subcommand) =>
                {
                    problems.push(format!("`{code}`: no such subcommand"));
                }
                [first, ..] if first == "slidezoom" || first.starts_with("--") => {
                    let named = words.iter().filter_map(|word| word.split(['=', '[']).next());
                    let unknown =
                        named.filter(|word| word.starts_with("--") && !options.contains(word));
                    problems
                        .extend(unknown.map(|word| format!("`{code}`: no such option as {word}")));
                }
                _ => {}
            }
        }
    });
}

/// Files named in inline code exist, and so do the targets of `make` commands.
#[test]
fn files_and_make_targets_exist() {
    const FOLDERS: [&str; 9] = [
        "src/",
        "tests/",
        "docs/",
        "viewer/src/",
        "viewer/test/",
        "fixtures/",
        "benches/",
        "examples/",
        ".ci/",
    ];
    let makefile = fs::read_to_string(root().join("Makefile")).unwrap();
    let targets: BTreeSet<&str> = makefile
        .lines()
        .filter_map(|line| Some(line.strip_prefix(".PHONY: ")?.split_whitespace()))
        .flatten()
        .collect();
    check_pages(|page, problems| {
        for code in &page.code {
            let is_file = FOLDERS.iter().any(|folder| code.starts_with(folder))
                && !code.contains(['<', '*', '…', ' ']);
            if is_file && !root().join(code).exists() {
                problems.push(format!("`{code}`: no such file"));
            }
        }
        let inline =
            page.code.iter().map(|code| code.split_whitespace().map(str::to_owned).collect());
        for words in inline.chain(page.commands().map(|(_, words)| words)) {
            let words: Vec<String> = words;
            if words.first().is_some_and(|word| word == "make") {
                let named = words[1..].iter().filter(|word| !word.contains('='));
                let unknown = named.filter(|word| !targets.contains(word.as_str()));
                problems.extend(unknown.map(|word| format!("make {word}: no such target")));
            }
        }
    });
}

/// Every field of an export's description is documented.
#[test]
fn json_fields_are_documented() {
    let folder = tempfile::tempdir().unwrap();
    let slide = slidezoom_fixtures::real_slide().unwrap();
    let arguments =
        ["export", "-o", "CMU-1", "--blank", "skip", "--progress", "none", "--quality", "10"];
    let output = Command::new(env!("CARGO_BIN_EXE_slidezoom"))
        .args(arguments)
        .arg(slide)
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let description = fs::read_to_string(folder.path().join("CMU-1/CMU-1.json")).unwrap();
    let description: BTreeMap<String, serde_json::Value> =
        serde_json::from_str(&description).unwrap();
    let page = Page::read(root().join("docs/output.md"));
    let missing: Vec<&String> =
        description.keys().filter(|key| !page.code.contains(*key)).collect();
    assert!(missing.is_empty(), "docs/output.md does not describe {missing:?}");
}

/// `src/lib.rs` includes every page with Rust code, so that the code is compiled as a doctest.
#[test]
fn rust_blocks_are_doctests() {
    let library = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    for page in pages() {
        let has_rust =
            page.blocks.iter().any(|block| block.language.split(',').next() == Some("rust"));
        let include = format!("include_str!(\"../{}\")", page.name());
        assert!(
            !has_rust || library.contains(&include),
            "{} has Rust code and is not in src/lib.rs",
            page.name()
        );
    }
}
