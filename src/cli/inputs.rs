//! Finding the slides of an export, and naming their exports.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::source::{self, SlideError};
use walkdir::{DirEntry, WalkDir};

/// The result of searching the inputs.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The slides in the order of the inputs; those of a folder by name.
    pub slides: Vec<PathBuf>,
    /// Folders that could not be searched or hold no slide. The rest is exported anyway.
    pub failures: Vec<SlideError>,
}

/// Returns the slides that the inputs name. A folder stands for every slide below it.
pub(super) fn find_slides(inputs: &[PathBuf]) -> Found {
    let mut found = Found::default();
    for input in inputs {
        if input.is_dir() {
            let before = (found.slides.len(), found.failures.len());
            search(input, &mut found);
            if (found.slides.len(), found.failures.len()) == before {
                found.failures.push(SlideError::NoSlides { path: input.clone() });
            }
        } else {
            found.slides.push(input.clone());
        }
    }
    // A file can be named twice, or by itself and by its folder.
    let mut seen = HashSet::new();
    found.slides.retain(|slide| slide.canonicalize().map_or(true, |path| seen.insert(path)));
    found
}

fn search(folder: &Path, found: &mut Found) {
    let mut series_seen = HashSet::new();
    let entries = WalkDir::new(folder).follow_links(true).sort_by_file_name();
    for entry in
        entries.into_iter().filter_entry(|entry| entry.depth() == 0 || !is_hidden_or_tiles(entry))
    {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                let path = error.path().unwrap_or(folder).to_owned();
                found.failures.push(SlideError::Search { path, message: error.to_string() });
                continue;
            }
        };
        if !entry.file_type().is_file() {
            continue;
        }
        let vendor = source::detect_vendor(entry.path());
        if vendor.is_none() && !source::has_slide_extension(entry.path()) {
            continue;
        }
        // Each file of a DICOM series opens the whole slide. A file that does not open is kept, so
        // that its error is reported.
        let series = vendor.filter(|vendor| vendor == "dicom").and_then(|_| {
            source::open(entry.path())
                .ok()
                .and_then(|source| source.info().series().map(str::to_owned))
        });
        if series.is_none_or(|series| series_seen.insert(series)) {
            found.slides.push(entry.into_path());
        }
    }
}

/// Whether an entry is hidden or the tile folder of an export, which can hold 100,000 files.
fn is_hidden_or_tiles(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    let tiles_of = name.strip_suffix("_files").filter(|_| entry.file_type().is_dir());
    name.starts_with('.')
        || tiles_of.is_some_and(|name| entry.path().with_file_name(format!("{name}.dzi")).exists())
}

/// Returns a unique name for the export of each slide: the stem of the file name, or the whole file
/// name if stems collide, or that with a number if file names collide. `reserved` names are not
/// used.
pub(super) fn name_exports(slides: &[PathBuf], reserved: &[&str]) -> Vec<String> {
    let text = |part: Option<&OsStr>| {
        part.map_or_else(|| "slide".to_owned(), |part| part.to_string_lossy().into_owned())
    };
    let stems: Vec<String> = slides.iter().map(|path| text(path.file_stem())).collect();
    let mut stem_counts = HashMap::new();
    for stem in &stems {
        *stem_counts.entry(stem.as_str()).or_insert(0) += 1;
    }
    // Unique stems are assigned first, so that a made-up name cannot take one of them.
    let alone = |stem: &str| stem_counts[stem] == 1 && !reserved.contains(&stem);
    let mut taken: HashSet<String> = stems.iter().filter(|stem| alone(stem)).cloned().collect();
    taken.extend(reserved.iter().map(|&name| name.to_owned()));
    let mut names = Vec::with_capacity(slides.len());
    for (path, stem) in slides.iter().zip(&stems) {
        if alone(stem) {
            names.push(stem.clone());
            continue;
        }
        let whole = text(path.file_name());
        let mut name = whole.clone();
        let mut number = 2;
        while !taken.insert(name.clone()) {
            name = format!("{whole}-{number}");
            number += 1;
        }
        names.push(name);
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(paths: &[&str]) -> Vec<String> {
        name_exports(&paths.iter().map(PathBuf::from).collect::<Vec<_>>(), &["gallery"])
    }

    #[test]
    fn names_are_stems_unless_they_collide() {
        assert_eq!(names(&["a/x.svs", "b/y.ndpi"]), ["x", "y"]);
        assert_eq!(names(&["x.svs", "x.ndpi"]), ["x.svs", "x.ndpi"]);
        assert_eq!(names(&["a/x.svs", "b/x.svs", "c/x.svs"]), ["x.svs", "x.svs-2", "x.svs-3"]);
        assert_eq!(names(&["a/x.svs", "b/x.svs", "x.svs-2.tif"]), ["x.svs", "x.svs-3", "x.svs-2"]);
        assert_eq!(names(&["gallery.svs", "a/gallery"]), ["gallery.svs", "gallery-2"]);
        assert_eq!(names(&["gallery", "x/gallery.tif/gallery"]), ["gallery-2", "gallery-3"]);
    }
}
