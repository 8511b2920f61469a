//! What the user sees when something fails: one line that says what and where, an optional hint,
//! and an exit code.

use std::error::Error as StdError;
use std::fmt;
use std::path::Path;
use std::process::ExitCode;

use crate::Error;
use crate::error::with_causes;
use crate::export::gallery::GalleryError;
use crate::export::repack::RepackError;
use crate::export::verify::VerifyError;

use super::escape::plain;
use super::hints;

/// A failure with its exit code.
#[derive(Debug)]
pub(super) struct Failure {
    message: String,
    hint: Option<String>,
    code: u8,
    reported: bool,
}

impl Failure {
    /// A failure of any other kind: exit code 1.
    pub fn other(message: String) -> Self {
        Self::new(message, 1, None)
    }

    /// Wrong usage: exit code 2.
    pub fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::new(message.into(), 2, Some(hint.into()))
    }

    /// A check that found damage in one export: exit code 5.
    pub fn damaged(export: &str, problems: usize) -> Self {
        let problems =
            if problems == 1 { "1 problem".to_owned() } else { format!("{problems} problems") };
        Self::new(
            format!("{export}: the export is damaged: {problems}"),
            5,
            Some(hints::DAMAGED.to_owned()),
        )
    }

    /// A check that found damage in several exports of a folder: exit code 5.
    pub fn damaged_exports(folder: &str, damaged: &[String], exports: usize) -> Self {
        let are = if damaged.len() == 1 { "is" } else { "are" };
        let message = format!(
            "{folder}: {} of {exports} exports {are} damaged: {}",
            damaged.len(),
            damaged.join(", ")
        );
        Self::new(message, 5, Some(hints::DAMAGED.to_owned()))
    }

    /// The summary of a run with several inputs: the exit code that all failures share, or 1.
    pub fn summary(message: String, codes: impl Iterator<Item = u8>) -> Self {
        let mut codes = codes.collect::<Vec<_>>();
        codes.dedup();
        let code = if let [code] = codes[..] { code } else { 1 };
        Self::new(message, code, None)
    }

    fn new(message: String, code: u8, hint: Option<String>) -> Self {
        Self { message, hint, code, reported: false }
    }

    /// A library error, with its causes.
    fn of_error(error: &dyn StdError, (code, hint): (u8, Option<String>)) -> Self {
        Self::new(with_causes(error), code, hint)
    }

    /// Returns the event for `--progress json`.
    pub fn event(&self, name: &str) -> serde_json::Value {
        serde_json::json!({ "event": "failed", "name": name, "message": self.message, "hint": self.hint, "exitCode": self.code })
    }

    /// Puts the slide's path before a message that does not name it.
    pub fn of_slide(mut self, slide: &Path) -> Self {
        self.message = format!("{}: {}", slide.display(), self.message);
        self
    }

    /// Replaces the hint.
    pub fn with_hint(mut self, hint: &str) -> Self {
        self.hint = Some(hint.to_owned());
        self
    }

    /// Marks the failure as already reported to the user.
    pub fn reported(mut self) -> Self {
        self.reported = true;
        self
    }

    /// Whether the failure was already reported to the user.
    pub fn is_reported(&self) -> bool {
        self.reported
    }

    /// The exit code as a number.
    pub fn code(&self) -> u8 {
        self.code
    }

    /// The exit code of the process.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "slidezoom: {}", plain(&self.message))?;
        if let Some(hint) = &self.hint {
            write!(formatter, "\nhint: {}", plain(hint))?;
        }
        Ok(())
    }
}

impl<E: Into<Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        let error = error.into();
        Self::of_error(&error, hints::classify(&error))
    }
}

impl From<GalleryError> for Failure {
    fn from(error: GalleryError) -> Self {
        match error {
            GalleryError::NotAGallery { .. } => {
                Self::of_error(&error, (2, Some(hints::NOT_A_GALLERY.to_owned())))
            }
            GalleryError::Destination(error) => Self::from(error).with_hint(hints::GALLERY_FAILED),
        }
    }
}

impl From<RepackError> for Failure {
    fn from(error: RepackError) -> Self {
        match error {
            RepackError::Unreadable(error) => error.into(),
            RepackError::Copy(error) => error.into(),
            error => Self::of_error(&error, hints::classify_repack(&error)),
        }
    }
}

impl From<VerifyError> for Failure {
    fn from(error: VerifyError) -> Self {
        Self::of_error(&error, hints::classify_verify(&error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn summary_keeps_a_common_exit_code() {
        let code = |codes: &[u8]| Failure::summary(String::new(), codes.iter().copied()).code();
        assert_eq!(code(&[3, 3]), 3);
        assert_eq!(code(&[3, 4, 3]), 1);
    }
}
