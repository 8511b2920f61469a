//! Where the exports of `slidezoom export` go, decided before the first of them begins.

use std::path::{Path, PathBuf};

use super::export_args::Arguments;
use super::failure::Failure;
use super::inputs;
use super::reading::STANDARD_INPUT;
use crate::export::gallery;
use crate::layout::Container;

/// One slide and the destination of its export.
pub(super) struct Task {
    pub slide: PathBuf,
    pub name: String,
    pub destination: PathBuf,
}

/// Returns the container of each export.
pub(super) fn container(arguments: &Arguments) -> Result<Container, Failure> {
    let requested = arguments.container;
    let Some(output) = &arguments.output else { return Ok(requested.unwrap_or_default()) };
    if arguments.is_single() {
        return container_for(output, requested);
    }
    if container_of(output)?.is_archive() {
        let message = format!("{}: several slides do not fit into one archive", output.display());
        return Err(Failure::usage(
            message,
            "name a folder with -o; with --container zip or szi it gets one archive for each slide",
        ));
    }
    Ok(requested.unwrap_or_default())
}

/// Returns the container of a single output: the requested one, if the extension agrees, or the one
/// that the extension stands for.
pub(super) fn container_for(
    output: &Path,
    requested: Option<Container>,
) -> Result<Container, Failure> {
    let by_extension = container_of(output)?;
    match requested {
        Some(requested) if requested.extension() != by_extension.extension() => {
            let kind = requested
                .extension()
                .map_or_else(|| "a folder".to_owned(), |ending| format!("a .{ending} file"));
            let message = format!(
                "{}: the extension does not fit --container, which asks for {kind}",
                output.display()
            );
            Err(Failure::usage(message, "omit --container, or change the extension of -o"))
        }
        _ => Ok(requested.unwrap_or(by_extension)),
    }
}

/// Returns the container that the extension of an output stands for.
///
/// # Errors
/// [`Failure`] for an archive's name with a trailing slash.
fn container_of(output: &Path) -> Result<Container, Failure> {
    let container = Container::of_path(output);
    if container.is_archive() && output.as_os_str().as_encoded_bytes().ends_with(b"/") {
        let message = format!("{}: the name of an archive cannot end in a slash", output.display());
        return Err(Failure::usage(message, "omit the trailing slash"));
    }
    Ok(container)
}

/// Returns the destination of each slide.
pub(super) fn plan_tasks(
    arguments: &Arguments,
    container: Container,
    slides: Vec<PathBuf>,
) -> Result<Vec<Task>, Failure> {
    let is_single = arguments.is_single();
    if let (true, Some(output)) = (is_single, &arguments.output) {
        let name = if container.is_archive() { output.file_stem() } else { output.file_name() };
        let name = name.and_then(|name| name.to_str()).ok_or_else(|| {
            let message = format!(
                "{}: is not the name of a new folder or archive in UTF-8",
                output.display()
            );
            Failure::usage(
                message,
                "-o is the path of the export, such as out/CMU-1 or out/CMU-1.zip",
            )
        })?;
        return Ok(vec![Task {
            slide: slides[0].clone(),
            name: name.to_owned(),
            destination: output.clone(),
        }]);
    }
    let folder = arguments.output.clone().unwrap_or_default();
    let reserved: &[&str] = if is_single { &[] } else { &gallery::RESERVED };
    let names = inputs::name_exports(&slides, reserved);
    let task = |(slide, name): (PathBuf, String)| {
        let file = container
            .extension()
            .map_or_else(|| name.clone(), |extension| format!("{name}.{extension}"));
        Task { slide, destination: folder.join(file), name }
    };
    Ok(slides.into_iter().zip(names).map(task).collect())
}

/// Refuses what is impossible with standard input, which can be read only once and has no name.
pub(super) fn check_standard_input(arguments: &Arguments) -> Result<(), Failure> {
    let refused = |message: &str, hint: &str| Err(Failure::usage(message.to_owned(), hint));
    if !arguments.inputs.iter().any(|input| input == Path::new(STANDARD_INPUT)) {
        Ok(())
    } else if arguments.inputs.len() > 1 {
        refused("standard input must be the only input", "export the other inputs separately")
    } else if arguments.output.is_none() {
        refused(
            "an image from standard input has no name",
            "name the export with -o, such as -o out/image",
        )
    } else if arguments.resume {
        refused("an export from standard input cannot be resumed", "save the image to a file first")
    } else {
        Ok(())
    }
}
