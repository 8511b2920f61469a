//! The rooms of `src/` and the direction of imports: a room uses only rooms before it, and the
//! files of a room form no cycle.
//!
//! Only paths that begin with `crate::` or `super::` are edges; `mod` and `pub use` of a child by
//! its parent are not. Code under `#[cfg(test)]` is ignored.

#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// The rooms in the order of imports, as in ARCHITECTURE.md: each uses only those before it.
const ROOMS: [&str; 20] = [
    "platform",
    "geometry",
    "key",
    "pyramid",
    "pixels",
    "color",
    "codec",
    "source",
    "layout",
    "archive",
    "plan",
    "sink",
    "error",
    "schedule",
    "engine",
    "export",
    "slide_pyramid",
    "lib",
    "cli",
    "main",
];

/// A module by its path, such as `["sink", "archive"]`; the crate root is empty.
type Module = Vec<String>;

/// The source of every module without tests.
fn modules() -> BTreeMap<Module, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = walkdir::WalkDir::new(&root).into_iter().map(Result::unwrap);
    let sources =
        files.filter(|entry| entry.path().extension().is_some_and(|extension| extension == "rs"));
    let modules = sources.map(|entry| {
        let path = entry.path().strip_prefix(&root).unwrap().with_extension("");
        let module: Module = path.iter().map(|part| part.to_str().unwrap().to_owned()).collect();
        (module, without_tests(&fs::read_to_string(entry.path()).unwrap()))
    });
    modules
        .filter(|(module, _)| !module.iter().any(|part| part == "tests"))
        .map(|(module, text)| (if module == ["lib"] { Vec::new() } else { module }, text))
        .collect()
}

/// Removes comments and everything from the test module on.
fn without_tests(text: &str) -> String {
    let code = text.split("mod tests {").next().unwrap();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Returns the paths that begin with `crate::` or `super::`, with groups in braces expanded.
fn paths(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for prefix in ["crate::", "super::"] {
        for (at, _) in text.match_indices(prefix) {
            let is_start = !text[..at]
                .ends_with(|letter: char| letter.is_alphanumeric() || matches!(letter, '_' | ':'));
            if is_start {
                expand(&text[at..], Vec::new(), &mut found);
            }
        }
    }
    found
}

/// Parses a path such as `crate::a::{b, c::d}` at the beginning of `text`; returns the rest.
fn expand<'t>(text: &'t str, mut before: Vec<String>, found: &mut Vec<Vec<String>>) -> &'t str {
    let mut rest = text;
    loop {
        let end = rest
            .find(|letter: char| !letter.is_alphanumeric() && letter != '_')
            .unwrap_or(rest.len());
        if end > 0 {
            before.push(rest[..end].to_owned());
        }
        rest = &rest[end..];
        let Some(after) = rest.strip_prefix("::") else {
            found.push(before);
            return rest;
        };
        rest = after;
        if let Some(group) = rest.strip_prefix('{') {
            rest = group.trim_start();
            while !rest.starts_with('}') {
                rest =
                    expand(rest, before.clone(), found).trim_start_matches([',', ' ', '\n', '*']);
                // `as` renames do not matter.
                if let Some(renamed) = rest.strip_prefix("as ") {
                    rest = renamed.trim_start_matches(|letter: char| {
                        letter.is_alphanumeric() || letter == '_'
                    });
                    rest = rest.trim_start_matches([',', ' ', '\n']);
                }
            }
            return &rest[1..];
        }
    }
}

/// The module that a path in `module` leads to: its longest prefix that is a module.
fn target(path: &[String], module: &[String], modules: &BTreeMap<Module, String>) -> Module {
    let mut absolute = match path[0].as_str() {
        "crate" => Vec::new(),
        _ => module[..module.len().saturating_sub(1)].to_vec(),
    };
    for part in &path[1..] {
        if part == "super" {
            absolute.pop();
        } else {
            absolute.push(part.clone());
        }
    }
    while !modules.contains_key(&absolute) {
        absolute.pop();
    }
    absolute
}

/// All imports between modules, except those of the crate root.
fn edges() -> BTreeSet<(Module, Module)> {
    let modules = modules();
    let mut edges = BTreeSet::new();
    for (module, text) in modules.iter().filter(|(module, _)| !module.is_empty()) {
        for path in paths(text) {
            let to = target(&path, module, &modules);
            if to != *module {
                edges.insert((module.clone(), to));
            }
        }
    }
    edges
}

#[test]
fn rooms_import_only_rooms_before_them() {
    let number = |module: &Module| {
        let room = module.first().map_or("lib", String::as_str);
        ROOMS
            .iter()
            .position(|known| *known == room)
            .unwrap_or_else(|| panic!("src/{room} is in no room"))
    };
    let upward: Vec<String> = edges()
        .iter()
        .filter(|(from, to)| number(to) > number(from))
        .map(|(from, to)| format!("{} imports {}", from.join("::"), to.join("::")))
        .collect();
    assert!(upward.is_empty(), "upward imports:\n{}", upward.join("\n"));
}

#[test]
fn architecture_lists_the_rooms_in_order() {
    let page =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md")).unwrap();
    let rows = page.lines().skip_while(|line| !line.starts_with("| module |")).skip(2);
    let listed: Vec<&str> =
        rows.map_while(|line| line.strip_prefix("| `")?.split('`').next()).collect();
    let rooms = ROOMS.into_iter().filter(|room| !matches!(*room, "lib" | "main"));
    assert_eq!(listed, rooms.collect::<Vec<_>>());
}

#[test]
fn files_form_no_cycle() {
    let edges = edges();
    let modules: BTreeSet<&Module> = edges.iter().flat_map(|(from, to)| [from, to]).collect();
    // A child may use its parent's items; the parent uses its children anyway.
    let mut uses: BTreeMap<&Module, BTreeSet<&Module>> = BTreeMap::new();
    for (from, to) in edges.iter().filter(|(from, to)| !from.starts_with(to)) {
        uses.entry(from).or_default().insert(to);
    }
    // Removes modules that use no other or are used by no other, until only cycles are left.
    let mut left = modules;
    loop {
        let is_used = |module: &Module| {
            left.iter().any(|user| uses.get(user).is_some_and(|used| used.contains(module)))
        };
        let uses_any = |module: &Module| {
            uses.get(module).is_some_and(|used| used.iter().any(|to| left.contains(to)))
        };
        let in_cycle: BTreeSet<&Module> =
            left.iter().copied().filter(|module| is_used(module) && uses_any(module)).collect();
        if in_cycle.len() == left.len() {
            break;
        }
        left = in_cycle;
    }
    let cyclic: Vec<String> = edges
        .iter()
        .filter(|(from, to)| left.contains(from) && left.contains(to) && !from.starts_with(to))
        .map(|(from, to)| (from.join("::"), to.join("::")))
        .map(|(from, to)| format!("{from} imports {to}"))
        .collect();
    assert!(cyclic.is_empty(), "imports in cycles:\n{}", cyclic.join("\n"));
}

#[test]
fn parses_groups_and_nested_paths() {
    let text = "use crate::a::{b, c::{D, E as F}, g};\nuse super::x;\nfn f() { crate::y::z(super::super::w) }";
    let found: BTreeSet<String> = paths(text).into_iter().map(|path| path.join("::")).collect();
    let expected = [
        "crate::a::b",
        "crate::a::c::D",
        "crate::a::c::E",
        "crate::a::g",
        "crate::y::z",
        "super::super::w",
        "super::x",
    ];
    assert_eq!(found, expected.into_iter().map(ToOwned::to_owned).collect());
}
