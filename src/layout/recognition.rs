//! Recognizes an export by the names of its files, so that only an export is ever replaced.
//!
//! A folder or an archive is an export if it contains the files of an export and nothing else.

use std::collections::BTreeSet;

use super::manifest::MANIFEST;
use super::scan_properties::SCAN_PROPERTIES;
use super::tile_layout::TileLayout;
use super::{BAG_DECLARATION, BAG_INFORMATION, TAG_MANIFEST, TILE_INDEX};

/// The folder of a `.szi` for files beyond its specification.
const VENDOR: &str = "vendor/slidezoom/";

/// The payload folder of a bag.
pub(crate) const PAYLOAD: &str = "data";

/// Whether a folder with these entries is a bag.
pub(crate) fn is_bag(names: &[String]) -> bool {
    names.iter().any(|name| name == BAG_DECLARATION)
}

/// Whether a folder with these entries is an export, or empty. It must not be a bag.
pub(crate) fn is_export_folder(names: &[String]) -> bool {
    names.is_empty() || is_one_export(&as_strs(names), &[])
}

/// Whether a bag with these entries, and these in its payload folder, is an export.
pub(crate) fn is_export_bag(names: &[String], payload: &[String]) -> bool {
    let of_bags = [PAYLOAD, BAG_DECLARATION, BAG_INFORMATION, TAG_MANIFEST, MANIFEST];
    let mut names = as_strs(names);
    let has_only_bag_files = names.iter().all(|name| of_bags.contains(name));
    names.retain(|name| *name == MANIFEST);
    has_only_bag_files
        && (payload.is_empty() || is_one_export(&[as_strs(payload), names].concat(), &[]))
}

/// Whether an archive with these entries is an export in one root folder. `None` stands for a name
/// that is not Unicode.
pub(crate) fn is_export_archive<'a>(entries: impl Iterator<Item = Option<&'a str>>) -> bool {
    let names = entries.map(|name| name.and_then(|name| name.split_once('/')));
    let Some(names) = names.collect::<Option<Vec<_>>>() else { return false };
    let Some(&(root, _)) = names.first() else { return false };
    // The length of the first component below the root folder. The root folder can be an entry
    // itself, with an empty name below it.
    let top_level = |name: &'_ str| {
        if name.starts_with(VENDOR) { VENDOR.len() } else { name.find('/').unwrap_or(name.len()) }
    };
    let inside: BTreeSet<&str> = names.iter().map(|(_, name)| &name[..top_level(name)]).collect();
    let inside: Vec<&str> = inside.into_iter().filter(|name| !name.is_empty()).collect();
    let of_szi = [SCAN_PROPERTIES, "associated_images", VENDOR];
    names.iter().all(|(folder, _)| *folder == root) && is_one_export(&inside, &of_szi)
}

fn as_strs(names: &[String]) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

/// Whether these are the entries of one export's folder: a descriptor or the files of another
/// layout, and otherwise only the files of every export and those in `also`.
fn is_one_export(names: &[&str], also: &[&str]) -> bool {
    let mut descriptors = names.iter().filter_map(|name| name.strip_suffix(".dzi"));
    let is_common = |name: &&str| {
        ["index.html", "slide.js", "viewer", "associated", MANIFEST, TILE_INDEX].contains(name)
            || also.contains(name)
    };
    match (descriptors.next(), descriptors.next()) {
        (Some(export), None) => names.iter().all(|name| {
            let own = name
                .strip_prefix(export)
                .is_some_and(|rest| matches!(rest, ".dzi" | "_files" | ".json"));
            own || is_common(name)
        }),
        (Some(_), Some(_)) => false,
        // The tiles of other layouts are in the folder itself. They are an export only together
        // with a manifest and a description.
        (None, _) => TileLayout::OTHERS.into_iter().any(|layout| {
            let (known, others): (Vec<&&str>, Vec<&&str>) =
                names.iter().partition(|name| layout.knows(name));
            let mut rest = others.into_iter().filter(|name| !is_common(name));
            let is_description =
                |name: &&str| name.strip_suffix(".json").is_some_and(|stem| !stem.is_empty());
            let described = rest.next().is_some_and(is_description) && rest.next().is_none();
            described && !known.is_empty() && names.contains(&MANIFEST)
        }),
    }
}
