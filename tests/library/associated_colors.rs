//! An associated image has a profile of its own, if any. No fixture has one: of OpenSlide 4.0's
//! readers, DICOM's alone tells of them.

use std::num::NonZeroUsize;
use std::sync::LazyLock;

use lcms2::{Intent, PixelFormat, Profile, Transform};
use slidezoom::internals::color::IccProfile;
use slidezoom::internals::engine::progress::NoProgress;
use slidezoom::internals::geometry::Size;
use slidezoom::internals::pixels::PremultipliedPixels;
use slidezoom::internals::plan::{Associated, ColorOption, ExportOptions, FormatOption};
use slidezoom::internals::sink::{MemorySink, Published};
use slidezoom::internals::source::SourceIdentity;
use slidezoom::{ExportPlan, ExportReport, Source, export};
use slidezoom_fixtures::icc::{self, IccProfile as IccProfileFile};

use crate::drawn_source::DrawnSource;

const SIZE: Size = Size::new(64, 64).unwrap();

/// Of a wider space than sRGB. Made once: Little CMS puts the time into it.
fn wide() -> Vec<u8> {
    static WIDE: LazyLock<Vec<u8>> = LazyLock::new(make_wide);
    WIDE.clone()
}

fn make_wide() -> Vec<u8> {
    let curve = lcms2::ToneCurve::new(1.8);
    let white = lcms2::CIExyY { x: 0.3127, y: 0.3290, Y: 1.0 };
    let primaries = lcms2::CIExyYTRIPLE {
        Red: lcms2::CIExyY { x: 0.64, y: 0.33, Y: 1.0 },
        Green: lcms2::CIExyY { x: 0.21, y: 0.71, Y: 1.0 },
        Blue: lcms2::CIExyY { x: 0.15, y: 0.06, Y: 1.0 },
    };
    Profile::new_rgb(&white, &primaries, &[&curve, &curve, &curve]).unwrap().icc().unwrap()
}

/// Muted colors, as of a camera's picture.
fn label() -> Vec<[u8; 3]> {
    (0..64_u8)
        .flat_map(|y| (0..64_u8).map(move |x| [60 + 2 * x, 70 + 2 * y, 120 + x / 2]))
        .collect()
}

fn exported(profile: Option<Vec<u8>>, color: ColorOption) -> (ExportReport, Published) {
    exported_as(label(), profile, color)
}

fn exported_as(
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

/// The label's pixels and profile, and what the description says of it.
fn label_of(published: &Published) -> (Vec<[u8; 3]>, Option<Vec<u8>>, serde_json::Value) {
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
fn associated_images_are_converted_by_their_own_profiles() {
    let (from, to) = (Profile::new_icc(&wide()).unwrap(), Profile::new_srgb());
    let transform =
        Transform::new(&from, PixelFormat::RGB_8, &to, PixelFormat::RGB_8, Intent::Perceptual)
            .unwrap();
    let mut expected = vec![[0; 3]; label().len()];
    transform.transform_pixels(&label(), &mut expected);

    let (pixels, profile, handling) = label_of(&exported(Some(wide()), ColorOption::Srgb).1);
    let differences = pixels
        .iter()
        .flatten()
        .zip(expected.iter().flatten())
        .map(|(one, other)| one.abs_diff(*other));
    assert!(differences.max().unwrap() <= 2);
    assert_ne!(pixels, label());
    assert_eq!((profile, handling), (None, "converted to sRGB".into()));

    let embedded = label_of(&exported(Some(wide()), ColorOption::Embed).1);
    assert_eq!(embedded, (label(), Some(wide()), "embedded".into()));
    let ignored = label_of(&exported(Some(wide()), ColorOption::Ignore).1);
    assert_eq!(ignored, (label(), None, "ignored".into()));
    let without = label_of(&exported(None, ColorOption::Srgb).1);
    assert_eq!(without, (label(), None, serde_json::Value::Null));

    let (report, published) = exported(Some(b"rubbish".to_vec()), ColorOption::Srgb);
    assert_eq!(label_of(&published), (label(), None, "unusable".into()));
    assert!(report.warnings.iter().any(|warning| {
        warning.to_string().contains("the associated image \"label\" cannot be used")
    }));
}

/// Their files are RGB, and cannot have a profile for gray.
#[test]
fn gray_associated_images_are_converted_by_profiles_for_gray() {
    let gray = IccProfileFile::new(b"GRAY", b"XYZ ").tag(b"kTRC", icc::gamma(1.8)).bytes();
    let grays: Vec<u8> = (0..64_u8).flat_map(|y| (0..64_u8).map(move |x| 3 * x + y)).collect();
    let label_of_gray: Vec<[u8; 3]> = grays.iter().map(|&tone| [tone; 3]).collect();
    let (from, to) = (Profile::new_icc(&gray).unwrap(), Profile::new_srgb());
    let transform =
        Transform::new(&from, PixelFormat::GRAY_8, &to, PixelFormat::RGB_8, Intent::Perceptual)
            .unwrap();
    let mut expected = vec![[0; 3]; grays.len()];
    transform.transform_pixels(&grays, &mut expected);
    for color in [ColorOption::Srgb, ColorOption::Embed] {
        let (report, published) = exported_as(label_of_gray.clone(), Some(gray.clone()), color);
        let (pixels, profile, handling) = label_of(&published);
        let near = |(one, other): (&[u8; 3], &[u8; 3])| {
            one.iter().zip(other).all(|(one, other)| one.abs_diff(*other) <= 1)
        };
        assert!(pixels.iter().zip(&expected).all(near) && pixels != label_of_gray);
        assert_eq!((profile, handling), (None, "converted to sRGB".into()));
        let warned = report.warnings.iter().any(|warning| {
            warning.to_string().contains("is for gray and cannot be embedded in an RGB file")
        });
        assert_eq!(warned, color == ColorOption::Embed, "{:?}", report.warnings);
    }
    let (report, published) = exported(Some(gray), ColorOption::Srgb);
    assert_eq!(label_of(&published), (label(), None, "unusable".into()));
    let [warning] = &report.warnings[..] else { panic!("{:?}", report.warnings) };
    assert!(warning.to_string().contains("it is for gray pixels, and these are RGB"), "{warning}");
}
