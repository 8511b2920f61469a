//! A folder as a value: what stands below it, to compare and to list.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::Path;

use walkdir::WalkDir;

/// Every file below a folder with its contents, and every folder, by path relative to it.
#[derive(Clone, PartialEq, Eq)]
pub struct Tree {
    entries: BTreeMap<String, Option<Vec<u8>>>,
}

impl Tree {
    /// Reads everything below a folder. Links are not followed.
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

    /// The files' paths, in order.
    pub fn files(&self) -> Vec<&str> {
        self.entries.iter().filter(|(_, contents)| contents.is_some()).map(|(name, _)| name.as_str()).collect()
    }

    /// The folders' paths, in order.
    pub fn folders(&self) -> Vec<&str> {
        self.entries.iter().filter(|(_, contents)| contents.is_none()).map(|(name, _)| name.as_str()).collect()
    }

    /// A file's contents.
    #[track_caller]
    pub fn file(&self, name: &str) -> &[u8] {
        self.entries
            .get(name)
            .and_then(Option::as_deref)
            .unwrap_or_else(|| panic!("there is no file {name}, but {:?}", self.files()))
    }

    /// A file's contents as text.
    #[track_caller]
    pub fn text(&self, name: &str) -> &str {
        str::from_utf8(self.file(name)).unwrap()
    }

    /// A file's contents as JSON.
    #[track_caller]
    pub fn json(&self, name: &str) -> serde_json::Value {
        serde_json::from_slice(self.file(name)).unwrap()
    }

    /// What stands under a name and below it.
    pub fn below(&self, name: &str) -> BTreeMap<&str, Option<&[u8]>> {
        let prefix = format!("{name}/");
        let is_below = |path: &str| path == name || path.starts_with(&prefix);
        let entries = self.entries.iter().filter(|(path, _)| is_below(path));
        entries.map(|(path, contents)| (path.as_str(), contents.as_deref())).collect()
    }

    /// Whether nothing stands below the folder.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Says which files are not the same, where any are not.
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
    /// Names only: contents would drown them.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.entries.keys()).finish()
    }
}
