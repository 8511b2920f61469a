//! Colors of associated images, which have their own ICC profiles. A fake source is needed: only
//! OpenSlide's DICOM reader reports such profiles, and no fixture is DICOM.

use std::num::NonZeroUsize;

use lcms2::{Intent, PixelFormat, Profile, Transform};
use slidezoom::internals::color::IccProfile;
use slidezoom::internals::engine::progress::NoProgress;
use slidezoom::internals::geometry::Size;
use slidezoom::internals::pixels::PremultipliedPixels;
use slidezoom::internals::plan::{Associated, ColorOption, ExportOptions, FormatOption};
use slidezoom::internals::sink::{MemorySink, Published};
use slidezoom::internals::source::SourceIdentity;
use slidezoom::{ExportPlan, ExportReport, Source, export};
use slidezoom_fixtures::icc::{self, IccProfile as ProfileBuilder};

use crate::drawn_source::DrawnSource;

const SIZE: Size = Size::new(64, 64).unwrap();

fn adobe_rgb() -> Vec<u8> {
    ProfileBuilder::adobe_rgb(1.8).bytes()
}

/// A label in moderately saturated colors, so that no conversion clips them.
fn label() -> Vec<[u8; 3]> {
    (0..64_u8)
        .flat_map(|y| (0..64_u8).map(move |x| [60 + 2 * x, 70 + 2 * y, 120 + x / 2]))
        .collect()
}

/// Exports a slide whose label has these pixels and this profile.
fn exported(
    label: Vec<[u8; 3]>,
    profile: Option<Vec<u8>>,
    color: ColorOption,
) -> (ExportReport, Published) {
    let argb = label
        .into_iter()
        .flat_map(|[red, green, blue]| u32::from_be_bytes([255, red, green, blue]).to_ne_bytes());
    let pixels = PremultipliedPixels::from_native_argb(SIZE, argb.collect());
    let source =
        DrawnSource::new(SIZE, None, None).with_label(pixels, profile.map(IccProfile::new));
    let options = ExportOptions::default()
        .format(FormatOption::Png)
        .associated(Associated::All)
        .source_identity(SourceIdentity::Omit)
        .color(color);
    let plan = ExportPlan::new(source.info(), "scan", &options).unwrap();
    let sink = MemorySink::new();
    let published = sink.published();
    let report = export(&source, &plan, Box::new(sink), NonZeroUsize::MIN, &NoProgress).unwrap();
    let published = published.lock().unwrap().take().unwrap();
    (report, published)
}

fn file(published: &Published, wanted: &str) -> Vec<u8> {
    published.iter().find(|(name, _)| name.as_str() == wanted).unwrap().1.1.clone()
}

/// Returns the pixels and the profile of the exported label, and its color handling in the
/// description.
fn exported_label(published: &Published) -> (Vec<[u8; 3]>, Option<Vec<u8>>, serde_json::Value) {
    let png = file(published, "associated/label.png");
    let mut reader = png::Decoder::new(std::io::Cursor::new(&png)).read_info().unwrap();
    let profile = reader.info().icc_profile.as_ref().map(|profile| profile.to_vec());
    let mut rgb = vec![0; reader.output_buffer_size().unwrap()];
    reader.next_frame(&mut rgb).unwrap();
    let description: serde_json::Value =
        serde_json::from_slice(&file(published, "scan.json")).unwrap();
    (
        rgb.as_chunks().0.to_vec(),
        profile,
        description["associatedImages"][0]["color"]["handling"].clone(),
    )
}

#[test]
fn converts_associated_images_with_their_own_profiles() {
    let (from, to) = (Profile::new_icc(&adobe_rgb()).unwrap(), Profile::new_srgb());
    let transform =
        Transform::new(&from, PixelFormat::RGB_8, &to, PixelFormat::RGB_8, Intent::Perceptual)
            .unwrap();
    let mut expected = vec![[0; 3]; label().len()];
    transform.transform_pixels(&label(), &mut expected);

    let exported = |profile, color| exported(label(), profile, color);
    let (pixels, profile, handling) =
        exported_label(&exported(Some(adobe_rgb()), ColorOption::Srgb).1);
    let channels = pixels.as_flattened().iter().zip(expected.as_flattened());
    let differences = channels.map(|(found, expected)| found.abs_diff(*expected));
    assert!(differences.max().unwrap() <= 2);
    assert_ne!(pixels, label());
    assert_eq!((profile, handling), (None, "converted to sRGB".into()));

    let embedded = exported_label(&exported(Some(adobe_rgb()), ColorOption::Embed).1);
    assert_eq!(embedded, (label(), Some(adobe_rgb()), "embedded".into()));
    let ignored = exported_label(&exported(Some(adobe_rgb()), ColorOption::Ignore).1);
    assert_eq!(ignored, (label(), None, "ignored".into()));
    let without = exported_label(&exported(None, ColorOption::Srgb).1);
    assert_eq!(without, (label(), None, serde_json::Value::Null));

    let (report, published) = exported(Some(b"no profile".to_vec()), ColorOption::Srgb);
    assert_eq!(exported_label(&published), (label(), None, "unusable".into()));
    assert!(report.warnings.iter().any(|warning| {
        warning.to_string().contains("the associated image \"label\" cannot be used")
    }));
}

/// Files of associated images are RGB, so that a gray profile cannot be embedded.
#[test]
fn converts_gray_associated_images_with_gray_profiles() {
    let gray = ProfileBuilder::new(b"GRAY", b"XYZ ").tag(b"kTRC", icc::gamma(1.8)).bytes();
    let grays: Vec<u8> = (0..64_u8).flat_map(|y| (0..64_u8).map(move |x| 3 * x + y)).collect();
    let gray_label: Vec<[u8; 3]> = grays.iter().map(|&gray| [gray; 3]).collect();
    let (from, to) = (Profile::new_icc(&gray).unwrap(), Profile::new_srgb());
    let transform =
        Transform::new(&from, PixelFormat::GRAY_8, &to, PixelFormat::RGB_8, Intent::Perceptual)
            .unwrap();
    let mut expected = vec![[0; 3]; grays.len()];
    transform.transform_pixels(&grays, &mut expected);
    for color in [ColorOption::Srgb, ColorOption::Embed] {
        let (report, published) = exported(gray_label.clone(), Some(gray.clone()), color);
        let (pixels, profile, handling) = exported_label(&published);
        let mut channels = pixels.as_flattened().iter().zip(expected.as_flattened());
        assert!(channels.all(|(found, expected)| found.abs_diff(*expected) <= 1));
        assert_ne!(pixels, gray_label);
        assert_eq!((profile, handling), (None, "converted to sRGB".into()));
        let warned = report.warnings.iter().any(|warning| {
            warning.to_string().contains("is for gray and cannot be embedded in an RGB file")
        });
        assert_eq!(warned, color == ColorOption::Embed, "{:?}", report.warnings);
    }
    let (report, published) = exported(label(), Some(gray), ColorOption::Srgb);
    assert_eq!(exported_label(&published), (label(), None, "unusable".into()));
    let [warning] = &report.warnings[..] else { panic!("{:?}", report.warnings) };
    assert!(warning.to_string().contains("it is for gray pixels, and these are RGB"), "{warning}");
}
