//! What the user is told when something fails: one line that says what and where, one that says what to do, and an exit code.

use std::fmt;
use std::io;
use std::path::Path;
use std::process::ExitCode;

use crate::Error;
use crate::archive::ArchiveError;
use crate::export::gallery::GalleryError;
use crate::export::repack::RepackError;
use crate::export::verify::VerifyError;
use crate::layout::Container;
use crate::plan::{NotLossless, PlanError};
use crate::sink::SinkError;
use crate::source::{DirectReadUnsupported, SlideError};

use super::plain;

/// A failure with its exit code.
#[derive(Debug)]
pub(super) struct Failure {
    message: String,
    hint: Option<String>,
    code: u8,
    told: bool,
}

impl Failure {
    /// Any other failure: exit code 1.
    pub fn other(message: String) -> Self {
        Self { message, hint: None, code: 1, told: false }
    }

    /// A check that found damage: exit code 5.
    pub fn damaged(export: &str, damages: usize) -> Self {
        let message = match damages {
            1 => format!("{export}: 1 file is missing, damaged or does not belong to it"),
            _ => format!("{export}: {damages} files are missing, damaged or do not belong to it"),
        };
        Self {
            message,
            hint: Some("export the slide again, or restore the export from a copy".to_owned()),
            code: 5,
            told: false,
        }
    }

    /// The same, of a folder with so many exports.
    pub fn damaged_exports(folder: &str, damaged: &[String], exports: usize) -> Self {
        let are = if damaged.len() == 1 { "is" } else { "are" };
        let message = format!("{folder}: {} of {exports} exports {are} damaged: {}", damaged.len(), damaged.join(", "));
        Self { message, ..Self::damaged(folder, damaged.len()) }
    }

    /// Wrong usage: exit code 2.
    pub fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { message: message.into(), hint: Some(hint.into()), code: 2, told: false }
    }

    /// Several inputs of which some failed: their common code, or 1.
    pub fn summary(message: String, codes: impl Iterator<Item = u8>) -> Self {
        let mut codes = codes.collect::<Vec<_>>();
        codes.dedup();
        let code = if let [code] = codes[..] { code } else { 1 };
        Self { message, hint: None, code, told: false }
    }

    /// As an event of the JSON lines.
    pub fn event(&self, name: &str) -> serde_json::Value {
        serde_json::json!({ "event": "failed", "name": name, "message": self.message, "hint": self.hint, "exitCode": self.code })
    }

    /// The same, of a slide that the message does not name.
    pub fn of_slide(mut self, slide: &Path) -> Self {
        self.message = format!("{}: {}", slide.display(), self.message);
        self
    }

    /// The same with another line that says what to do.
    pub fn hinted(mut self, hint: &str) -> Self {
        self.hint = Some(hint.to_owned());
        self
    }

    /// The same, once the user has been told.
    pub fn told(mut self) -> Self {
        self.told = true;
        self
    }

    /// Whether the user has been told.
    pub fn is_told(&self) -> bool {
        self.told
    }

    /// The exit code as a number.
    pub fn code(&self) -> u8 {
        self.code
    }

    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.code)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "slidezoom: {}", plain(&self.message))?;
        if let Some(hint) = &self.hint {
            write!(formatter, "\n  {hint}")?;
        }
        Ok(())
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let (code, hint) = classify(&error);
        Self { message: error.to_string(), hint, code, told: false }
    }
}

impl From<SlideError> for Failure {
    fn from(error: SlideError) -> Self {
        Error::from(error).into()
    }
}

impl From<PlanError> for Failure {
    fn from(error: PlanError) -> Self {
        Error::from(error).into()
    }
}

impl From<SinkError> for Failure {
    fn from(error: SinkError) -> Self {
        Error::from(error).into()
    }
}

impl From<GalleryError> for Failure {
    fn from(error: GalleryError) -> Self {
        match error {
            GalleryError::NotAGallery { .. } => Self::usage(
                format!("{error}, and the gallery of several exports needs its name"),
                "name another folder with -o, or leave all pages out with --no-viewer",
            ),
            GalleryError::Destination(error) => Self::from(error).hinted(
                "the exports that were finished stand; only their gallery is not as it should be, and the next run over several slides makes it anew",
            ),
        }
    }
}

impl From<RepackError> for Failure {
    fn from(error: RepackError) -> Self {
        let (code, hint) = match error {
            RepackError::Unreadable(error) => return error.into(),
            RepackError::Copy(error) => return error.into(),
            RepackError::Damaged { ref path, .. } => {
                (5, Some(format!("nothing was published; `slidezoom verify {}` names all damage", path.display())))
            }
            RepackError::Overlap { .. } => {
                (2, Some("export the slide again with -o x.szi, or repack into a folder or a .zip".to_owned()))
            }
            RepackError::NoMicronsPerPixel => (2, Some(MPP_SAYS_SO.to_owned())),
            RepackError::Format { .. } | RepackError::Layout { .. } => {
                (2, Some("repack into a folder or a .zip".to_owned()))
            }
            RepackError::Collision { .. } => (1, None),
        };
        Self { message: error.to_string(), hint, code, told: false }
    }
}

impl From<VerifyError> for Failure {
    fn from(error: VerifyError) -> Self {
        let (code, hint) = match &error {
            // It may have been one, and have lost what told so.
            VerifyError::NotAnExport { .. } => (
                5,
                Some("an export is a folder or an archive with a .dzi, such as `slidezoom export` makes".to_owned()),
            ),
            VerifyError::Archive(ArchiveError::NoEndRecord { path }) if !Container::of_path(path).is_archive() => {
                (2, Some("an export in one file is a .zip or a .szi".to_owned()))
            }
            VerifyError::Archive(_) => {
                (5, Some("export the slide again, or restore the archive from a copy".to_owned()))
            }
            VerifyError::Interrupted => (130, None),
            VerifyError::Open { .. } | VerifyError::Workers { .. } => (1, None),
        };
        Self { message: error.to_string(), hint, code, told: false }
    }
}

const MPP_SAYS_SO: &str = "--mpp 0.25 says so, where a pixel is so many micrometers wide";

fn classify(error: &Error) -> (u8, Option<String>) {
    match error {
        Error::Plan(error) => (2, plan_hint(error)),
        Error::Slide(error) => (3, slide_hint(error)),
        Error::Destination(error) => (4, destination_hint(error)),
        Error::Differs { .. } => (
            2,
            Some(
                "what was left is untouched; ask for what it was made with, or leave --resume out to begin anew"
                    .to_owned(),
            ),
        ),
        Error::OtherExport { .. } => {
            (2, Some("--overwrite instead of --resume replaces it; -o writes elsewhere".to_owned()))
        }
        Error::Unresumable => (4, Some("leave --resume out to begin anew".to_owned())),
        Error::Interrupted => (130, Some("nothing of this slide was published, and nothing is left of it".to_owned())),
        Error::StalePolicy { cause, .. } => (classify(cause).0, Some("remove it by hand".to_owned())),
        Error::Defect { .. } => {
            (1, Some("nothing was published; please report this with the slide's format".to_owned()))
        }
        _ => (1, None),
    }
}

fn plan_hint(error: &PlanError) -> Option<String> {
    let reason = match error {
        PlanError::NotLossless(reason) => reason,
        PlanError::NoMicronsPerPixel | PlanError::UnknownScale => {
            return Some(MPP_SAYS_SO.to_owned());
        }
        PlanError::Crop { .. } => {
            return Some(
                "--crop takes the left and top edge, the width and the height, in pixels of the slide's full size"
                    .to_owned(),
            );
        }
        PlanError::UnknownObjective => {
            return Some(
                "--target-mpp asks for a size in micrometers, where the slide or --mpp says that of its own".to_owned(),
            );
        }
        PlanError::FinerThanSlide { .. } | PlanError::MoreThanObjective { .. } => {
            return Some("nothing is enlarged: leave it out to export the full size".to_owned());
        }
        PlanError::NoSuchLevel { .. } => return Some("`slidezoom info` lists the slide's own levels".to_owned()),
        PlanError::Oblong { .. } => return Some("--mpp says how large they are, where the slide is wrong".to_owned()),
        PlanError::Blended { .. } => {
            return Some("--level starts from one of the slide's own; or leave --reduce out".to_owned());
        }
        PlanError::BagName { .. } | PlanError::LayoutName { .. } => return Some("-o gives it another name".to_owned()),
        PlanError::SparseSzi => return Some("leave --blank out, or write a folder or a .zip".to_owned()),
        PlanError::ShallowSzi => return Some("leave --depth out, or write a folder or a .zip".to_owned()),
        PlanError::SziFormat => return Some("leave --format out, or write a folder or a .zip".to_owned()),
        PlanError::Subsampling => {
            return Some("leave --subsampling out, or keep all color with --format jpeg or webp-lossless".to_owned());
        }
        PlanError::TileSize { .. } => return Some("choose a smaller --tile-size or --overlap".to_owned()),
        PlanError::SziLayout { .. } => return Some("leave --layout out, or write a folder or a .zip".to_owned()),
        PlanError::LayoutOverlap { .. } => return Some("leave --overlap out".to_owned()),
        PlanError::NameCollision { .. } => return Some("another --tile-size parts them, such as 500".to_owned()),
        PlanError::SziOverlap { .. } => return Some("leave --overlap out, or write a folder or a .zip".to_owned()),
        _ => return None,
    };
    let hint = match reason {
        NotLossless::Reader(DirectReadUnsupported::AskedFor) => "leave --reader openslide out",
        NotLossless::Reader(_)
        | NotLossless::Image(_)
        | NotLossless::NotSquare { .. }
        | NotLossless::TileSize { .. } => {
            "without --lossless it is decoded and encoded again; --format png loses nothing of the 8-bit RGB that is shown"
        }
        NotLossless::Geometry { .. } => "leave --tile-size and --overlap out",
        NotLossless::Bounds { .. } => {
            "--bounds full exports the whole slide, which begins with a tile; so does a --crop whose edges are multiples of a tile"
        }
        NotLossless::Format => "leave --format out",
        NotLossless::Resolution => "leave --level, --target-mpp and --magnification out",
        NotLossless::Orientation => "leave --rotate and --flip out: the page turns and mirrors what it shows",
        NotLossless::Reduction(_) => "leave --reduce out, or take one of the others",
        NotLossless::Padded { .. } => "--layout zoomify or dz have edge tiles of their own size",
    };
    Some(hint.to_owned())
}

fn slide_hint(error: &SlideError) -> Option<String> {
    let hint = match error {
        SlideError::Open { source, .. } if source.kind() == io::ErrorKind::IsADirectory => {
            "`slidezoom export` takes folders and exports every slide below them"
        }
        SlideError::Unsupported { .. } => {
            "readable are Aperio, DICOM, Hamamatsu, Leica, MIRAX, Philips, Sakura, Trestle, Ventana and Zeiss slides, and PNG, JPEG, TIFF, JPEG 2000, WebP, BMP and PNM images"
        }
        SlideError::CalledAsSlide { .. } => {
            "an ordinary image needs the ending of one; a slide may need its other files beside it, such as an .mrxs its folder"
        }
        SlideError::Pipe { .. } => {
            "- reads an image from standard input: `… | slidezoom export - -o NAME`, or `slidezoom export - -o NAME < PIPE`"
        }
        SlideError::NothingCame { .. } => "the program before the pipe wrote nothing: see what it says",
        SlideError::NoSlides { path } => {
            let path = path.display();
            return Some(format!("images that are no slides are given by their names, such as {path}/*.png"));
        }
        SlideError::UnsupportedImage { .. } => "another program may read it and save it as TIFF or PNG",
        SlideError::Memory { needed, .. } => {
            // In the unit of the message, and not less than it is.
            return Some(format!("--memory {}M allows it, where the machine has as much", needed.div_ceil(1 << 20)));
        }
        SlideError::UnknownRange { .. } => {
            "--range says so, such as --range 0,1 for fractions or --range 0,4095 for 12 bits"
        }
        SlideError::NoSuchPage { .. } => "pages are counted from 1",
        SlideError::NotImage { .. } => "leave --page and --range out",
        SlideError::ReadOnce { .. } | SlideError::NeedsFile { .. } => "save it in a file first",
        SlideError::Region { .. } => {
            "the file is damaged or incomplete (some formats keep their pixels in a folder beside it): copy it again from its origin"
        }
        SlideError::Malformed { .. } | SlideError::Empty { .. } | SlideError::Image { .. } => {
            "the file is damaged or incomplete: copy it again from its origin"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

fn destination_hint(error: &SinkError) -> Option<String> {
    let hint = match error {
        SinkError::Exists { .. } => "--overwrite replaces it when the new one is whole; -o writes elsewhere",
        SinkError::Changed { .. } => "leave --resume out to begin anew",
        SinkError::Disturbed { .. } => "nothing was published; see what else writes here, and try again",
        SinkError::NotAnExport { .. } | SinkError::NotAFolder { .. } | SinkError::NotAFile { .. } => {
            "remove it yourself, or write elsewhere with -o"
        }
        SinkError::AfterPublishing { .. } => {
            "it can be used; what was left beside it, the next run with the same output clears away"
        }
        SinkError::Busy { .. } => "wait until that run has ended, or write elsewhere with -o",
        SinkError::Operation { source, .. } => match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                "the disk is full; nothing was published. --dry-run estimates what an export takes"
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                "choose a folder that you may write to with -o"
            }
            _ => return None,
        },
        _ => return None,
    };
    Some(hint.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_failures_keep_a_common_code() {
        let code = |codes: &[u8]| Failure::summary(String::new(), codes.iter().copied()).code();
        assert_eq!(code(&[3, 3]), 3);
        assert_eq!(code(&[3, 4, 3]), 1);
    }
}
