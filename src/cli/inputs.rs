//! Which slides an export is of, and what each is called.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::source::{self, SlideError};
use walkdir::{DirEntry, WalkDir};

/// What the inputs name.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The slides, in the order of the inputs, those of a folder in the order of their names.
    pub slides: Vec<PathBuf>,
    /// What could not be searched, or holds no slide: told of, and no reason not to export the rest.
    pub failures: Vec<SlideError>,
}

/// The slides that the inputs name: a file stands for itself, a folder for every slide below it.
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
    // The same file can be named twice, or once itself and once by its folder.
    let mut seen = HashSet::new();
    found.slides.retain(|slide| slide.canonicalize().map_or(true, |path| seen.insert(path)));
    found
}

fn search(folder: &Path, found: &mut Found) {
    let mut series_seen = HashSet::new();
    let entries = WalkDir::new(folder).follow_links(true).sort_by_file_name();
    for entry in entries.into_iter().filter_entry(|entry| entry.depth() == 0 || !is_ours_or_hidden(entry)) {
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
        if vendor.is_none() && !source::has_slide_ending(entry.path()) {
            continue;
        }
        // Each file of a DICOM series opens the whole slide. A file that does not open is kept: its error is to be told.
        let series = vendor
            .filter(|vendor| vendor == "dicom")
            .and_then(|_| source::open(entry.path()).ok().and_then(|source| source.info().series().map(str::to_owned)));
        if series.is_none_or(|series| series_seen.insert(series)) {
            found.slides.push(entry.into_path());
        }
    }
}

/// Hidden files, and the tiles of an export: a hundred thousand files that are no slides.
fn is_ours_or_hidden(entry: &DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy();
    let tiles_of = name.strip_suffix("_files").filter(|_| entry.file_type().is_dir());
    name.starts_with('.') || tiles_of.is_some_and(|name| entry.path().with_file_name(format!("{name}.dzi")).exists())
}

/// A name for each slide's export, no two alike: the stem; where stems meet, the whole file name; where those meet
/// too, that and a number. None has a name that is `reserved`.
pub(super) fn name_exports(slides: &[PathBuf], reserved: &[&str]) -> Vec<String> {
    let text =
        |part: Option<&OsStr>| part.map_or_else(|| "slide".to_owned(), |part| part.to_string_lossy().into_owned());
    let stems: Vec<String> = slides.iter().map(|path| text(path.file_stem())).collect();
    let mut stem_counts = HashMap::new();
    for stem in &stems {
        *stem_counts.entry(stem.as_str()).or_insert(0) += 1;
    }
    // A name that one slide has alone is taken before any is made up.
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
    fn names_are_stems_until_they_meet() {
        assert_eq!(names(&["a/x.svs", "b/y.ndpi"]), ["x", "y"]);
        assert_eq!(names(&["x.svs", "x.ndpi"]), ["x.svs", "x.ndpi"]);
        assert_eq!(names(&["a/x.svs", "b/x.svs", "c/x.svs"]), ["x.svs", "x.svs-2", "x.svs-3"]);
        assert_eq!(names(&["a/x.svs", "b/x.svs", "x.svs-2.tif"]), ["x.svs", "x.svs-3", "x.svs-2"]);
        assert_eq!(names(&["gallery.svs", "a/gallery"]), ["gallery.svs", "gallery-2"]);
        assert_eq!(names(&["gallery", "x/gallery.tif/gallery"]), ["gallery-2", "gallery-3"]);
    }
}
