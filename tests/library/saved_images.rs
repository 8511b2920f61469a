//! Saving the associated images of hostile or damaged slides.

use std::fs;
use std::path::Path;

use slidezoom::Error;
use slidezoom::internals::engine::{SavedImages, save_associated_images};
use slidezoom::internals::geometry::Size;
use slidezoom::internals::pixels::Rgb;
use slidezoom::internals::sink::SinkError;

use crate::drawn_source::{DrawnSource, color};

fn source(names: &[&str]) -> DrawnSource {
    let size = Size::new(40, 30).unwrap();
    let drawn = DrawnSource::new(size, None, None);
    let sizes = (1..).map(|length| Size::new(length, 30 - length).unwrap());
    names.iter().zip(sizes).fold(drawn, |drawn, (name, size)| drawn.with_associated(name, size))
}

fn save(source: &DrawnSource, folder: &Path) -> Result<SavedImages, Error> {
    save_associated_images(source, Rgb::WHITE, folder)
}

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn numbers_images_with_hostile_names() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("a/b");
    let names = [
        "label",
        "../../escaped",
        "/tmp/absolute",
        "..",
        "new\nline",
        "nul\0",
        "image-2",
        "right\u{202e}left",
        "x.png",
    ];
    let images = save(&source(&names), &folder).unwrap();
    let files: Vec<&str> = images
        .saved
        .iter()
        .map(|image| image.path.strip_prefix(&folder).unwrap().to_str().unwrap())
        .collect();
    let expected = [
        "label", "image-1", "image-3", "image-4", "image-5", "image-6", "image-2", "image-7",
        "image-8",
    ];
    assert_eq!(files, expected.map(|name| format!("{name}.png")));
    assert_eq!(images.saved.iter().map(|image| image.name.as_str()).collect::<Vec<_>>(), names);
    let numbered: Vec<bool> = images.saved.iter().map(|image| image.numbered).collect();
    assert_eq!(numbered, names.map(|name| !["label", "image-2"].contains(&name)));
    assert_eq!(names_in(&folder).len(), names.len());
    assert_eq!(names_in(root.path()), ["a"]);
    // Each file contains its own image.
    for image in &images.saved {
        let decoder =
            png::Decoder::new(std::io::BufReader::new(fs::File::open(&image.path).unwrap()));
        let mut reader = decoder.read_info().unwrap();
        let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut rgb).unwrap();
        assert_eq!(Size::new(frame.width, frame.height), Some(image.size));
        let (width, height) = (image.size.width(), image.size.height());
        let drawn: Vec<u8> =
            (0..height).flat_map(|y| (0..width).flat_map(move |x| color(x, y))).collect();
        assert!(rgb == drawn, "{image:?}");
    }
}

#[test]
fn reports_unreadable_images_and_saves_the_rest() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("images");
    let large = source(&["label", "damaged"])
        .with_associated("large", Size::new(1 << 16, 1 << 16).unwrap());
    let images = save(&large, &folder).unwrap();
    let words: Vec<String> = images.unreadable.iter().map(ToString::to_string).collect();
    assert_eq!(words.len(), 2, "{words:?}");
    assert!(
        words[0].contains("\"damaged\"") && words[1].contains("65536×65536, exceeds"),
        "{words:?}"
    );
    assert_eq!(names_in(&folder), ["label.png"]);
    // Without readable images no folder is created.
    for source in [source(&[]), source(&["damaged"])] {
        let folder = root.path().join("none/at/all");
        assert_eq!(save(&source, &folder).unwrap().saved, []);
        assert_eq!(names_in(root.path()), ["images"]);
    }
}

#[test]
fn saves_nothing_if_a_file_exists() {
    let root = tempfile::tempdir().unwrap();
    for taken in ["macro.png", "image-1.png"] {
        let folder = root.path().join(taken);
        fs::create_dir(&folder).unwrap();
        // A dangling link counts too.
        std::os::unix::fs::symlink("nowhere", folder.join(taken)).unwrap();
        let error = save(&source(&["label", "macro", "a/b"]), &folder).unwrap_err();
        assert!(matches!(error, Error::Destination(SinkError::Exists { .. })), "{error}");
        assert_eq!(names_in(&folder), [taken]);
    }
}
