//! Exit codes and hints for library errors. Only this module and the other files of the command
//! line name options.

use std::io;

use crate::Error;
use crate::archive::ArchiveError;
use crate::engine::Warning;
use crate::export::existing::OpenExportError;
use crate::export::repack::RepackError;
use crate::export::verify::VerifyError;
use crate::layout::Container;
use crate::plan::{NotLossless, PlanError};
use crate::sink::SinkError;
use crate::source::{DirectReadUnsupported, NoNativeTiles, PageChoice, SlideError};

pub(super) const DAMAGED: &str = "export the slide again, or restore the export from a copy";
pub(super) const NOT_A_GALLERY: &str = "exports of several slides get a gallery page; choose another folder with -o, or add --no-viewer";
pub(super) const GALLERY_FAILED: &str =
    "the exports are complete; the next run with several slides writes their gallery again";
pub(super) const INTERRUPTED_RESUMABLE: &str = "nothing was published; run again with --resume to continue from the last checkpoint, if there is one";

const SET_MPP: &str = "set the micrometers per pixel, such as --mpp 0.25";

/// Returns the exit code and the hint for an error of an export.
pub(super) fn classify(error: &Error) -> (u8, Option<String>) {
    let hint = |hint: &str| Some(hint.to_owned());
    match error {
        Error::Plan(error) => (2, plan_hint(error).map(str::to_owned)),
        Error::Slide(error) => (3, slide_hint(error)),
        Error::Destination(error) => (4, destination_hint(error).map(str::to_owned)),
        Error::Differs { .. } => (
            2,
            hint(
                "the unfinished export is unchanged; use its options, or omit --resume to start over",
            ),
        ),
        Error::OtherExport { .. } => {
            (2, hint("replace it with --overwrite, or write elsewhere with -o"))
        }
        Error::Unresumable => (4, hint("omit --resume to start over")),
        Error::Interrupted => (130, hint("nothing of this slide was published")),
        Error::Cleanup { cause, .. } => (classify(cause).0, hint("remove it by hand")),
        Error::Defect { .. } => {
            (1, hint("nothing was published; please report this with the slide's format"))
        }
        _ => (1, None),
    }
}

/// Returns the hint for a warning.
pub(super) fn of_warning(warning: &Warning) -> Option<String> {
    match warning {
        Warning::OtherPages(pages) if pages.choice() != PageChoice::Only => {
            Some("--page chooses another".to_owned())
        }
        // As many bits as the largest sample has.
        Warning::DarkSamples { largest } => {
            Some(format!("--range 0,{} shows it bright", u16::MAX >> largest.leading_zeros()))
        }
        Warning::PlaceholderId { .. } => {
            Some("--id sets it to the URL where the folder will be served".to_owned())
        }
        _ => None,
    }
}

fn plan_hint(error: &PlanError) -> Option<&'static str> {
    let hint = match error {
        PlanError::NotLossless(reason) => lossless_hint(reason),
        PlanError::NoMicronsPerPixel | PlanError::UnknownScale => SET_MPP,
        PlanError::Crop { .. } => "--crop is X,Y,WIDTH,HEIGHT in pixels of the full-size slide",
        PlanError::UnknownObjective => "use --target-mpp instead",
        PlanError::FinerThanSlide { .. } | PlanError::MoreThanObjective { .. } => {
            "slides are never enlarged; omit the option to export the full size"
        }
        PlanError::NoSuchLevel { .. } => "`slidezoom info` lists the slide levels",
        PlanError::Oblong { .. } => "correct the pixel size with --mpp if the slide's is wrong",
        PlanError::Blended { .. } => {
            "start from a level of the slide with --slide-level, or omit --reduce"
        }
        PlanError::BagName { .. } | PlanError::LayoutName { .. } => "choose another name with -o",
        PlanError::SparseSzi => "omit --blank, or write a folder or a .zip",
        PlanError::ShallowSzi => "omit --depth, or write a folder or a .zip",
        PlanError::SziFormat => "omit --format, or write a folder or a .zip",
        PlanError::SziLayout { .. } => "omit --layout, or write a folder or a .zip",
        PlanError::SziOverlap { .. } => "omit --overlap, or write a folder or a .zip",
        PlanError::Subsampling => "omit --subsampling, or use --format jpeg or webp-lossless",
        PlanError::TileSize { .. } => "choose a smaller --tile-size or --overlap",
        PlanError::LayoutOverlap { .. } => "omit --overlap",
        PlanError::NameCollision { .. } => "choose another --tile-size, such as 500",
        _ => return None,
    };
    Some(hint)
}

fn lossless_hint(reason: &NotLossless) -> &'static str {
    match reason {
        NotLossless::NoNativeTiles(NoNativeTiles::OpenSlide(DirectReadUnsupported::AskedFor)) => {
            "omit --reader openslide"
        }
        NotLossless::NoNativeTiles(_)
        | NotLossless::NotSquare { .. }
        | NotLossless::TileSize { .. } => {
            "omit --lossless to re-encode; --format png keeps every displayed 8-bit RGB pixel"
        }
        NotLossless::Geometry { .. } => "omit --tile-size and --overlap",
        NotLossless::Bounds { .. } => {
            "use --bounds full, or a --crop whose edges are multiples of the native tile size"
        }
        NotLossless::Format => "omit --format",
        NotLossless::Resolution => "omit --slide-level, --target-mpp, and --magnification",
        NotLossless::Orientation => {
            "omit --rotate and --flip; the viewer page can rotate and mirror the slide"
        }
        NotLossless::Reduction(_) => "omit --reduce, or choose another method",
        NotLossless::Padded { .. } => "use --layout zoomify or dz, whose edge tiles can be smaller",
    }
}

fn slide_hint(error: &SlideError) -> Option<String> {
    let hint = match error {
        SlideError::Open { source, .. } if source.kind() == io::ErrorKind::IsADirectory => {
            "`slidezoom export` accepts folders and exports every slide below them"
        }
        SlideError::Unsupported { .. } => {
            "supported are Aperio, DICOM, Hamamatsu, Leica, MIRAX, Philips, Sakura, Trestle, Ventana, and Zeiss slides, and PNG, JPEG, TIFF, JPEG 2000, WebP, BMP, PNM, GIF, TGA, QOI, OpenEXR, HDR, farbfeld, ICO, and DDS images"
        }
        SlideError::SlideExtension { .. } => {
            "rename an ordinary image to its own extension; a slide may need its other files next to it, as an .mrxs needs its folder"
        }
        SlideError::Pipe { .. } => {
            "use - to read an image from standard input: `slidezoom export - -o NAME < PIPE`"
        }
        SlideError::EmptyInput { .. } => "check whether the program before the pipe failed",
        SlideError::NoSlides { path } => {
            return Some(format!(
                "name ordinary images one by one, such as {}/*.png",
                path.display()
            ));
        }
        SlideError::UnsupportedImage { .. } => "convert it to TIFF or PNG with another program",
        SlideError::Memory { needed, .. } => {
            // Rounded up, so that the value is sufficient.
            return Some(format!(
                "raise the limit with --max-memory {}M",
                needed.div_ceil(1 << 20)
            ));
        }
        SlideError::UnknownRange { .. } => {
            "set the sample range, such as --range 0,1 or --range 0,4095"
        }
        SlideError::NoSuchPage { .. } => "pages are counted from 1",
        SlideError::NotImage { .. } => "omit --page and --range",
        SlideError::ReadOnce { .. } | SlideError::NeedsFile { .. } => "save it to a file first",
        SlideError::Region { .. } => {
            "the file is damaged or incomplete (some formats keep pixels in a folder next to it); copy it again"
        }
        SlideError::Malformed { .. } | SlideError::Empty { .. } | SlideError::Image { .. } => {
            "the file is damaged or incomplete; copy it again"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}

fn destination_hint(error: &SinkError) -> Option<&'static str> {
    let hint = match error {
        SinkError::Exists { .. } => "replace it with --overwrite, or write elsewhere with -o",
        SinkError::Changed { .. } => "omit --resume to start over",
        SinkError::Disturbed { .. } => {
            "nothing was published; find out what else writes there, and try again"
        }
        SinkError::NotAnExport { .. }
        | SinkError::NotAFolder { .. }
        | SinkError::NotAFile { .. } => "remove it yourself, or write elsewhere with -o",
        SinkError::AfterPublishing { .. } => {
            "the export is usable; the next run with the same output cleans up after this one"
        }
        SinkError::Busy { .. } => "wait until the other run has ended, or write elsewhere with -o",
        SinkError::Operation { source, .. } => match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                "the disk is full; nothing was published. --dry-run estimates the size of an export"
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                "choose a writable folder with -o"
            }
            _ => return None,
        },
        _ => return None,
    };
    Some(hint)
}

/// Returns the exit code and the hint for an error of `repack` itself.
pub(super) fn classify_repack(error: &RepackError) -> (u8, Option<String>) {
    let hint = |hint: &str| Some(hint.to_owned());
    match error {
        RepackError::Damaged { path, .. } => {
            let path = path.display();
            (
                5,
                Some(format!(
                    "nothing was published; `slidezoom verify {path}` lists all problems"
                )),
            )
        }
        RepackError::Overlap { .. } => {
            (2, hint("export the slide again as .szi, or repack into a folder or a .zip"))
        }
        RepackError::NoMicronsPerPixel => (2, hint(SET_MPP)),
        RepackError::Format { .. } | RepackError::Layout { .. } => {
            (2, hint("repack into a folder or a .zip"))
        }
        _ => (1, None),
    }
}

/// Returns the exit code and the hint for an export that cannot be checked.
pub(super) fn classify_verify(error: &VerifyError) -> (u8, Option<String>) {
    let hint = |hint: &str| Some(hint.to_owned());
    match error {
        // It may be an export that has lost its descriptor and manifest.
        VerifyError::NotAnExport { .. } => {
            (5, hint("an export is a folder or an archive that contains a .dzi"))
        }
        VerifyError::Open(OpenExportError::Archive(ArchiveError::NoEndRecord { path }))
            if !Container::of_path(path).is_archive() =>
        {
            (2, hint("an export in a single file is a .zip or a .szi"))
        }
        VerifyError::Open(OpenExportError::Archive(_)) => {
            (5, hint("export the slide again, or restore the archive from a copy"))
        }
        VerifyError::Interrupted => (130, None),
        VerifyError::Open(_) | VerifyError::Workers(_) => (1, None),
    }
}
