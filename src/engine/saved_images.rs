//! Saves the associated images of a slide as files, without an export.
//!
//! The name of an image becomes a file name only if it is plain; other images get a number. No file
//! is replaced, and if one cannot be written, none is kept.

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
#[non_exhaustive]
pub struct SavedImage {
    /// The slide's name for it.
    pub name: String,
    /// The path of its file.
    #[serde(serialize_with = "crate::source::as_text")]
    pub path: PathBuf,
    /// Whether the file has a number because the name is not a plain file name.
    pub numbered: bool,
    /// Its size in pixels.
    #[serde(flatten)]
    pub size: Size,
}

/// The result of saving the associated images of a slide.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SavedImages {
    /// The images that were saved, in the order of the slide.
    pub saved: Vec<SavedImage>,
    /// The errors of the images that cannot be read.
    pub unreadable: Vec<SlideError>,
}

/// Saves all associated images of a slide, including label and macro, as PNG in 8-bit RGB. Pixels
/// are as the reader yields them, composited on `background` and without an ICC profile. `folder`
/// is created if it is missing and the slide has any image.
///
/// # Errors
/// [`Error::Destination`] if a file exists or the file system refuses, [`Error::Encoder`] if an
/// image cannot be encoded. No file is kept then.
pub fn save_associated_images(
    source: &dyn Source,
    background: Rgb,
    folder: &Path,
) -> Result<SavedImages, Error> {
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
        outcome.saved.push(SavedImage {
            name: image.name.clone(),
            path,
            numbered,
            size: pixels.size(),
        });
    }
    if !outcome.saved.is_empty() {
        files.finish()?;
    }
    Ok(outcome)
}

fn read(
    source: &dyn Source,
    image: &AssociatedImage,
) -> Result<crate::pixels::PremultipliedPixels, SlideError> {
    if image.size.area() > AssociatedImage::LARGEST {
        return Err(SlideError::Associated {
            path: source.info().path.clone(),
            name: image.name.clone(),
            message: format!(
                "its size, {}, exceeds {} pixels",
                image.size,
                AssociatedImage::LARGEST
            ),
        });
    }
    source.read_associated(&image.name)
}

/// Returns a file name for each image and whether it is made up. No two are equal even if case is
/// ignored.
fn file_names(images: &[AssociatedImage]) -> Vec<(String, bool)> {
    let mut taken = HashSet::new();
    let own: Vec<bool> = images
        .iter()
        .map(|image| image.has_plain_name() && taken.insert(image.name.to_lowercase()))
        .collect();
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
    fn numbers_images_without_a_plain_unique_name() {
        let names = |names: &[&str]| {
            let size = Size::new(1, 1).unwrap();
            let images: Vec<_> =
                names.iter().map(|&name| AssociatedImage { name: name.to_owned(), size }).collect();
            file_names(&images).into_iter().map(|(name, _)| name).collect::<Vec<_>>()
        };
        assert_eq!(names(&["label", "macro é-1_2"]), ["label.png", "macro é-1_2.png"]);
        assert_eq!(
            names(&["label", "Label", "image-1"]),
            ["label.png", "image-2.png", "image-1.png"]
        );
        let hostile = [
            "",
            ".",
            "..",
            "../x",
            "/etc/x",
            "a\0b",
            "a\nb",
            "a.png",
            "a\u{202e}b",
            "a\\b",
            "a:b",
            &"n".repeat(201),
        ];
        let numbered: Vec<String> =
            (1..=hostile.len()).map(|number| format!("image-{number}.png")).collect();
        assert_eq!(names(&hostile), numbered);
    }
}
