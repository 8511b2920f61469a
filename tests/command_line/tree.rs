//! The contents of a folder, to compare and to list.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use walkdir::WalkDir;

/// Every file below a folder with its contents, and every folder, by relative path.
#[derive(Clone, PartialEq, Eq)]
pub struct Tree {
    entries: BTreeMap<String, Option<Vec<u8>>>,
}

impl Tree {
    /// Reads everything below a folder, without following links.
    #[track_caller]
    pub fn read(folder: &Path) -> Self {
        let entries = WalkDir::new(folder).min_depth(1).into_iter().map(|entry| {
            let entry = entry.unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
            let name = entry.path().strip_prefix(folder).unwrap().to_string_lossy().into_owned();
            let contents = entry.file_type().is_file().then(|| fs::read(entry.path()).unwrap());
            (name, contents)
        });
        Self { entries: entries.collect() }
    }

    /// Returns the paths of the files, sorted.
    pub fn files(&self) -> Vec<&str> {
        self.entries
            .iter()
            .filter(|(_, contents)| contents.is_some())
            .map(|(name, _)| name.as_str())
            .collect()
    }

    /// Returns the paths of the folders, sorted.
    pub fn folders(&self) -> Vec<&str> {
        self.entries
            .iter()
            .filter(|(_, contents)| contents.is_none())
            .map(|(name, _)| name.as_str())
            .collect()
    }

    /// Returns the contents of a file.
    #[track_caller]
    pub fn file(&self, name: &str) -> &[u8] {
        self.entries
            .get(name)
            .and_then(Option::as_deref)
            .unwrap_or_else(|| panic!("there is no file {name}, but {:?}", self.files()))
    }

    /// Returns the contents of a file as text.
    #[track_caller]
    pub fn text(&self, name: &str) -> &str {
        str::from_utf8(self.file(name)).unwrap()
    }

    /// Parses the contents of a file as JSON.
    #[track_caller]
    pub fn json(&self, name: &str) -> serde_json::Value {
        serde_json::from_slice(self.file(name)).unwrap()
    }

    /// Returns the entry with this name and everything below it.
    pub fn below(&self, name: &str) -> BTreeMap<&str, Option<&[u8]>> {
        let prefix = format!("{name}/");
        let is_below = |path: &str| path == name || path.starts_with(&prefix);
        let entries = self.entries.iter().filter(|(path, _)| is_below(path));
        entries.map(|(path, contents)| (path.as_str(), contents.as_deref())).collect()
    }

    /// Whether the folder is empty.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Asserts that both trees are equal, and names the files that differ.
    #[track_caller]
    pub fn assert_same(&self, other: &Self) {
        assert_eq!(self.files(), other.files());
        assert_eq!(self.folders(), other.folders());
        let different: Vec<_> = self
            .entries
            .iter()
            .filter(|(name, contents)| other.entries[*name] != **contents)
            .map(|(name, _)| name)
            .collect();
        assert!(different.is_empty(), "these files differ: {different:?}");
    }
}

impl fmt::Debug for Tree {
    /// Shows names without contents.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.entries.keys()).finish()
    }
}
