//! A slide's associated images as files of their own, without an export.
//!
//! What always holds: a name that comes from the slide's file reaches the file system only where it is plain; any other image gets a number. No
//! file is replaced, and where one cannot be written, none is left.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::codec::{TileEncoder, TileFormat};
use crate::error::Error;
use crate::geometry::Size;
use crate::pixels::Rgb;
use crate::sink::NewFiles;
use crate::source::{AssociatedImage, SlideError, Source};

/// An associated image that was saved.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SavedImage {
    /// The slide's name for it.
    pub name: String,
    /// Its file.
    #[serde(serialize_with = "crate::source::as_text")]
    pub path: PathBuf,
    /// Whether the file has a number, since the name is none for a file.
    pub numbered: bool,
    /// Its size in pixels.
    #[serde(flatten)]
    pub size: Size,
}

/// What became of a slide's associated images.
#[derive(Clone, Debug)]
pub struct SavedImages {
    /// Those that were saved, in the slide's order.
    pub saved: Vec<SavedImage>,
    /// Why the others could not be read.
    pub unreadable: Vec<SlideError>,
}

/// Saves all associated images of a slide, label and macro too, into a folder, which is made where it is missing: as PNG of 8-bit RGB, pixel
/// for pixel as the reader yields them, transparent ones on `background`. Without ICC profiles. A slide that has none makes no folder.
///
/// # Errors
/// [`Error::Destination`] where a file of such a name exists or the file system refuses, and [`Error::Encoder`] where an image cannot be
/// encoded. No file is left then.
pub fn save_associated_images(source: &dyn Source, background: Rgb, folder: &Path) -> Result<SavedImages, Error> {
    let images = &source.info().associated_images;
    let mut outcome = SavedImages { saved: Vec::new(), unreadable: Vec::new() };
    if images.is_empty() {
        return Ok(outcome);
    }
    let names = file_names(images);
    let mut files = NewFiles::create(folder, names.iter().map(|(name, _)| name.as_str()))?;
    let mut encoder = TileEncoder::new(TileFormat::Png, None)?;
    for (image, (file, numbered)) in images.iter().zip(names) {
        let pixels = match read(source, image) {
            Ok(pixels) => pixels.over(background),
            Err(error) => {
                outcome.unreadable.push(error);
                continue;
            }
        };
        let path = files.write(&file, encoder.encode(pixels.view())?)?;
        outcome.saved.push(SavedImage { name: image.name.clone(), path, numbered, size: pixels.size() });
    }
    if !outcome.saved.is_empty() {
        files.finish()?;
    }
    Ok(outcome)
}

fn read(source: &dyn Source, image: &AssociatedImage) -> Result<crate::pixels::PremultipliedPixels, SlideError> {
    if image.size.area() > AssociatedImage::LARGEST {
        return Err(SlideError::Associated {
            path: source.info().path.clone(),
            name: image.name.clone(),
            message: format!("{} are more than {} pixels", image.size, AssociatedImage::LARGEST),
        });
    }
    source.read_associated(&image.name)
}

/// A file's name for each image, no two alike even where case does not count, and whether it is made up.
fn file_names(images: &[AssociatedImage]) -> Vec<(String, bool)> {
    let mut taken = HashSet::new();
    let own: Vec<bool> =
        images.iter().map(|image| image.has_plain_name() && taken.insert(image.name.to_lowercase())).collect();
    let named = own.into_iter().zip(images).map(|(own, image)| {
        let mut name = image.name.clone();
        let mut number = 0;
        while !own && (number == 0 || !taken.insert(name.clone())) {
            number += 1;
            name = format!("image-{number}");
        }
        (format!("{name}.png"), !own)
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_become_files_and_no_two_are_alike() {
        let names = |names: &[&str]| {
            let size = Size::new(1, 1).unwrap();
            let images: Vec<_> = names.iter().map(|&name| AssociatedImage { name: name.to_owned(), size }).collect();
            file_names(&images).into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        assert_eq!(names(&["label", "macro é-1_2"]), ["label.png", "macro é-1_2.png"]);
        assert_eq!(names(&["label", "Label", "image-1"]), ["label.png", "image-2.png", "image-1.png"]);
        let hostile =
            ["", ".", "..", "../x", "/etc/x", "a\0b", "a\nb", "a.png", "a\u{202e}b", "a\\b", "a:b", &"n".repeat(201)];
        let numbered: Vec<String> = (1..=hostile.len()).map(|number| format!("image-{number}.png")).collect();
        assert_eq!(names(&hostile), numbered);
    }
}
