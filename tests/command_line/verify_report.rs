//! The parsed output of `slidezoom verify --json`.

use crate::workspace::{Run, Workspace};

/// The kind of a problem and the name of the file that has it.
pub type Problem = (String, String);

#[derive(Debug, PartialEq, Eq)]
pub enum VerifyReport {
    Valid,
    Damaged(Vec<Problem>),
}

/// Names of files that do not belong to an export, some of them similar to its tiles.
pub const UNEXPECTED_NAMES: [&str; 8] = [
    "unexpected",
    "7_0.jpeg",
    "00_0.jpeg",
    "0_0.jpg",
    "-1_0.jpeg",
    ".hidden",
    "other.dzi",
    "a b\né",
];

impl VerifyReport {
    /// Verifies the export at a path in the workspace.
    #[track_caller]
    pub fn of(workspace: &Workspace, export: &str, options: &[&str]) -> Self {
        Self::from_run(&workspace.slidezoom([&["verify", export, "--json"], options].concat()))
    }

    /// Parses the output of a run with `--json`. Asserts that the exit code agrees.
    #[track_caller]
    pub fn from_run(run: &Run) -> Self {
        let report = run.json();
        let text =
            |problem: &serde_json::Value, key: &str| problem[key].as_str().unwrap().to_owned();
        let problems = report["problems"].as_array().unwrap();
        let problems: Vec<Problem> =
            problems.iter().map(|problem| (text(problem, "kind"), text(problem, "name"))).collect();
        assert_eq!(report["valid"], problems.is_empty());
        assert_eq!(run.code(), Some(if problems.is_empty() { 0 } else { 5 }), "{run:?}");
        if problems.is_empty() { Self::Valid } else { Self::Damaged(problems) }
    }

    /// Returns all problems, none if the export is valid.
    pub fn problems(self) -> Vec<Problem> {
        match self {
            Self::Valid => Vec::new(),
            Self::Damaged(problems) => problems,
        }
    }

    /// Whether the file has a problem of this kind.
    pub fn has(&self, kind: &str, name: &str) -> bool {
        let problem = (kind.to_owned(), name.to_owned());
        matches!(self, Self::Damaged(problems) if problems.contains(&problem))
    }

    /// Whether the file has any problem.
    pub fn names(&self, name: &str) -> bool {
        matches!(self, Self::Damaged(problems) if problems.iter().any(|problem| problem.1 == name))
    }
}

/// The problems of an export with exactly this one.
pub fn only(kind: &str, name: &str) -> Vec<Problem> {
    vec![(kind.to_owned(), name.to_owned())]
}
