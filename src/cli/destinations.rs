//! Where the exports of `slidezoom export` go, settled before the first of them begins.

use std::path::{Path, PathBuf};

use crate::export::gallery;
use crate::layout::Container;
use clap::ValueEnum;

use super::export::Arguments;
use super::failure::Failure;
use super::inputs;
use super::reading::STANDARD_INPUT;

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum ContainerName {
    Folder,
    Zip,
    Szi,
}

/// One slide and where its export goes.
pub(super) struct Task {
    pub slide: PathBuf,
    pub name: String,
    pub destination: PathBuf,
}

/// Whether there is one slide, whose export `-o` names.
pub(super) fn is_one(arguments: &Arguments) -> bool {
    arguments.inputs.len() == 1 && !arguments.inputs[0].is_dir()
}

/// What each export is kept in.
pub(super) fn container(arguments: &Arguments) -> Result<Container, Failure> {
    let asked = match arguments.container {
        _ if arguments.bag => Some(Container::Bag),
        Some(ContainerName::Folder) => Some(Container::Folder),
        Some(ContainerName::Zip) => Some(Container::Zip),
        Some(ContainerName::Szi) => Some(Container::Szi),
        None => None,
    };
    let Some(output) = &arguments.output else { return Ok(asked.unwrap_or_default()) };
    let ends_as = container_of(output)?;
    if !is_one(arguments) {
        if ends_as.is_archive() {
            let message = format!("{}: several slides do not go into one archive", output.display());
            return Err(Failure::usage(
                message,
                "name a folder with -o; --container zip or szi makes one archive a slide in it",
            ));
        }
        return Ok(asked.unwrap_or_default());
    }
    match asked {
        Some(asked) if asked.extension() != ends_as.extension() => {
            let ending = asked.extension().map_or_else(|| "a folder".to_owned(), |ending| format!("a .{ending}"));
            let message =
                format!("{}: {ending} was asked for, and this is the name of something else", output.display());
            Err(Failure::usage(message, "leave --container and --bag out, or let the name of -o end as they say"))
        }
        _ => Ok(asked.unwrap_or(ends_as)),
    }
}

/// What the name of an output says that is to be made. An archive is a file, and its name does not end as a folder's does.
///
/// # Errors
/// [`Failure`] where it ends as both do.
pub(super) fn container_of(output: &Path) -> Result<Container, Failure> {
    let container = Container::of_path(output);
    if container.is_archive() && output.as_os_str().as_encoded_bytes().ends_with(b"/") {
        let message = format!("{}: an archive is a file, and this is the name of a folder", output.display());
        return Err(Failure::usage(message, "leave the / at its end out"));
    }
    Ok(container)
}

/// Which slides go where.
pub(super) fn plan_tasks(
    arguments: &Arguments,
    container: Container,
    slides: Vec<PathBuf>,
) -> Result<Vec<Task>, Failure> {
    if let (true, Some(output)) = (is_one(arguments), &arguments.output) {
        let name = if container.is_archive() { output.file_stem() } else { output.file_name() };
        let name = name.and_then(|name| name.to_str()).ok_or_else(|| {
            let message = format!("{}: does not name a folder or an archive to make (in UTF-8)", output.display());
            Failure::usage(message, "-o takes the new folder's path, such as out/CMU-1, or out/CMU-1.zip")
        })?;
        return Ok(vec![Task { slide: slides[0].clone(), name: name.to_owned(), destination: output.clone() }]);
    }
    let folder = arguments.output.clone().unwrap_or_default();
    let reserved: &[&str] = if is_one(arguments) { &[] } else { &gallery::RESERVED };
    let names = inputs::name_exports(&slides, reserved);
    let task = |(slide, name): (PathBuf, String)| {
        let file = container.extension().map_or_else(|| name.clone(), |ending| format!("{name}.{ending}"));
        Task { slide, destination: folder.join(file), name }
    };
    Ok(slides.into_iter().zip(names).map(task).collect())
}

/// What cannot be done with an image that comes once.
pub(super) fn check_standard_input(arguments: &Arguments) -> Result<(), Failure> {
    let is_pipe = |input: &PathBuf| input == Path::new(STANDARD_INPUT);
    let refused = |message: &str, hint: &str| Err(Failure::usage(message.to_owned(), hint));
    match arguments.inputs.iter().filter(|input| is_pipe(input)).count() {
        0 => Ok(()),
        _ if arguments.inputs.len() > 1 => {
            refused("standard input must be the only input", "export the others by themselves")
        }
        _ if arguments.output.is_none() => {
            refused("an image from standard input has no name", "-o gives it one: -o out/picture")
        }
        _ if arguments.resume => {
            refused("standard input cannot be read again, and so not resumed", "save the image in a file first")
        }
        _ => Ok(()),
    }
}
