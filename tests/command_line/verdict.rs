//! What `slidezoom verify` says of an export.

use crate::workspace::{Run, Workspace};

/// Kind and name of something that is wrong.
pub type Found = (String, String);

#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    Whole,
    Damaged(Vec<Found>),
}

impl Verdict {
    /// Of the export at a path in the workspace.
    #[track_caller]
    pub fn of(workspace: &Workspace, export: &str, options: &[&str]) -> Self {
        Self::told_by(&workspace.slidezoom([&["verify", export, "--json"], options].concat()))
    }

    /// As a run with `--json` told it: exit code, stdout and stderr agree.
    #[track_caller]
    pub fn told_by(run: &Run) -> Self {
        let report = run.json();
        let text = |damage: &serde_json::Value, key: &str| damage[key].as_str().unwrap().to_owned();
        let damages = report["problems"].as_array().unwrap();
        let found: Vec<Found> =
            damages.iter().map(|damage| (text(damage, "kind"), text(damage, "name"))).collect();
        assert_eq!(report["valid"], found.is_empty());
        assert_eq!(run.code(), Some(if found.is_empty() { 0 } else { 5 }), "{run:?}");
        if found.is_empty() { Self::Whole } else { Self::Damaged(found) }
    }

    /// All that is wrong with an export whose files could be listed.
    #[track_caller]
    pub fn damages(self) -> Vec<Found> {
        match self {
            Self::Whole => Vec::new(),
            Self::Damaged(found) => found,
        }
    }

    /// Whether a damage of this kind is at this file.
    pub fn has(&self, kind: &str, name: &str) -> bool {
        matches!(self, Self::Damaged(found) if found.iter().any(|damage| *damage == (kind.to_owned(), name.to_owned())))
    }

    /// Whether anything is said of this file.
    pub fn names(&self, name: &str) -> bool {
        matches!(self, Self::Damaged(found) if found.iter().any(|damage| damage.1 == name))
    }
}

/// One damage and no other.
pub fn one(kind: &str, name: &str) -> Vec<Found> {
    vec![(kind.to_owned(), name.to_owned())]
}
