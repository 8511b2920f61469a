//! Conversions by tables, grays and CMYK, compared with Little CMS without its optimizations.

use lcms2::{CIELab, CIELabExt, Flags, PixelFormat, Transform};
use slidezoom_fixtures::icc::{self, IccProfile, Precision};

use super::{
    CmykConversion, ColorConversion, IccProfile as Bytes, Intent, PixelColors, ProfileEffect,
};
use crate::geometry::Size;
use crate::pixels::PremultipliedPixels;

const INTENTS: [(Intent, lcms2::Intent); 4] = [
    (Intent::Perceptual, lcms2::Intent::Perceptual),
    (Intent::Relative, lcms2::Intent::RelativeColorimetric),
    (Intent::Saturation, lcms2::Intent::Saturation),
    (Intent::Absolute, lcms2::Intent::AbsoluteColorimetric),
];

/// Converts by Little CMS without optimizations.
fn little_cms<P: Copy + lcms2::Pod>(
    profile: &[u8],
    format: PixelFormat,
    intent: lcms2::Intent,
    colors: &[P],
) -> Vec<[u8; 3]> {
    let (from, to) = (lcms2::Profile::new_icc(profile).unwrap(), lcms2::Profile::new_srgb());
    let transform =
        Transform::new_flags(&from, format, &to, PixelFormat::RGB_8, intent, Flags::NO_OPTIMIZE)
            .unwrap();
    let mut converted = vec![[0; 3]; colors.len()];
    transform.transform_pixels(colors, &mut converted);
    converted
}

/// The mean and the maximum ΔE 2000 between sRGB colors.
fn difference(ours: &[[u8; 3]], theirs: &[[u8; 3]]) -> (f64, f64) {
    let lab = lcms2::Profile::new_lab4_context(lcms2::GlobalContext::new(), lcms2::CIExyY::d50())
        .unwrap();
    let transform = Transform::new_flags(
        &lcms2::Profile::new_srgb(),
        PixelFormat::RGB_8,
        &lab,
        PixelFormat::Lab_DBL,
        lcms2::Intent::RelativeColorimetric,
        Flags::NO_OPTIMIZE,
    )
    .unwrap();
    let labs = |colors: &[[u8; 3]]| {
        let mut labs = vec![[0.0_f64; 3]; colors.len()];
        transform.transform_pixels(colors, &mut labs);
        labs.into_iter().map(|[lightness, a, b]| CIELab { L: lightness, a, b }).collect::<Vec<_>>()
    };
    let differences: Vec<f64> = labs(ours)
        .iter()
        .zip(labs(theirs))
        .map(|(one, other)| one.cie2000_delta_e(&other, 1.0, 1.0, 1.0))
        .collect();
    let mean = differences.iter().sum::<f64>() / differences.len() as f64;
    (mean, differences.into_iter().fold(0.0, f64::max))
}

/// Little CMS evaluates gray profiles without a sampled table.
#[track_caller]
fn assert_close(ours: &[[u8; 3]], theirs: &[[u8; 3]], what: &str) {
    let (mean, max) = difference(ours, theirs);
    assert!(mean <= 0.05 && max <= 1.0, "{what}: mean {mean}, maximum {max}");
}

/// Little CMS samples CMYK profiles. Measured: a mean of up to 0.23 and a maximum of 4.2, near
/// black with the steep input curves of these profiles.
#[track_caller]
fn assert_close_cmyk(ours: &[[u8; 3]], theirs: &[[u8; 3]], what: &str) {
    let (mean, max) = difference(ours, theirs);
    assert!(mean <= 0.3 && max <= 5.0, "{what}: mean {mean}, maximum {max}");
}

fn convert_cmyk(conversion: &CmykConversion, cmyk: &[[u8; 4]]) -> Vec<[u8; 3]> {
    let mut converted = vec![[0; 4]; cmyk.len()];
    conversion.convert(cmyk, &mut converted);
    converted.into_iter().map(|[blue, green, red, _]| [red, green, blue]).collect()
}

/// Converts opaque pixels.
fn convert_pixels(
    profile: &[u8],
    pixels: PixelColors,
    intent: Intent,
    colors: &[[u8; 3]],
) -> Vec<[u8; 3]> {
    let conversion = match ColorConversion::to_srgb(
        &Bytes::new(profile.to_vec()),
        pixels,
        Some(intent),
    )
    .unwrap()
    {
        ProfileEffect::Conversion(conversion) => conversion,
        ProfileEffect::None => panic!("the profile has no effect"),
    };
    let bgra = colors.iter().flat_map(|&[red, green, blue]| [blue, green, red, u8::MAX]).collect();
    let size = Size::new(colors.len() as u32, 1).unwrap();
    let converted = conversion.convert(PremultipliedPixels::from_bgra(size, bgra));
    converted
        .bytes()
        .as_chunks::<4>()
        .0
        .iter()
        .map(|&[blue, green, red, _]| [red, green, blue])
        .collect()
}

/// A camera whose channels overlap, in XYZ.
fn camera(rgb: &[f64]) -> [f64; 3] {
    let &[red, green, blue] = rgb else { panic!("three channels") };
    icc::light_to_xyz(camera_light([red, green, blue]))
}

/// The light of sRGB's primaries that the camera sees.
fn camera_light([red, green, blue]: [f64; 3]) -> [f64; 3] {
    [
        0.01 + 0.85 * red + 0.1 * green + 0.02 * blue,
        0.01 + 0.05 * red + 0.9 * green + 0.02 * blue,
        0.02 + 0.02 * red + 0.11 * green + 0.85 * blue,
    ]
}

/// Darkens colors by intent, so that each intent has a table of its own.
fn for_intent(xyz: [f64; 3], intent: usize) -> [f64; 3] {
    xyz.map(|value| value * [1.0, 0.93, 0.86][intent])
}

const TABLES: [&[u8; 4]; 3] = [b"A2B0", b"A2B1", b"A2B2"];

/// Profiles with every kind of table, each with a different table per intent.
#[expect(clippy::too_many_lines, reason = "a list of profiles")]
fn tables(device: [u8; 4], xyz: fn(&[f64]) -> [f64; 3]) -> Vec<(&'static str, Vec<u8>)> {
    let channels = if device == *b"CMYK" { 4 } else { 3 };
    let light = |value: f64| value.powf(1.7);
    let bent = |value: f64| 0.2 * value + 0.8 * value * value;
    let class = if device == *b"CMYK" { b"prtr" } else { b"scnr" };
    let white = [0.92, 0.95, 0.73];
    let with = |connection: &[u8; 4], version: u8, table: &dyn Fn(usize) -> Vec<u8>| {
        let profile =
            IccProfile::new(&device, connection).class(class).version(version).white(white);
        TABLES
            .iter()
            .enumerate()
            .fold(profile, |profile, (number, tag)| profile.tag(tag, table(number)))
            .bytes()
    };
    let lab = |place: &[f64], number| icc::lab(for_intent(xyz(place), number));
    let unbent = |value: f64| (-0.2 + (0.04 + 3.2 * value).sqrt()) / 1.6;
    let power = |gamma: f64| icc::function(0, &[gamma]);
    let steps = if device == *b"CMYK" { vec![7, 9, 8, 6] } else { vec![11, 17, 9] };
    let same = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0];
    vec![
        (
            "lut8, Lab",
            with(b"Lab ", 2, &|number| {
                icc::lut(
                    Precision::Eight,
                    (channels, 9),
                    light,
                    |place| icc::encoded_lab(lab(place, number)),
                    |value| value,
                )
            }),
        ),
        (
            "lut16, Lab",
            with(b"Lab ", 2, &|number| {
                let node = |place: &[f64]| icc::legacy_lab(lab(place, number)).map(unbent);
                icc::lut(Precision::Sixteen, (channels, 9), light, node, bent)
            }),
        ),
        (
            "lut16, Lab, version 4",
            with(b"Lab ", 4, &|number| {
                icc::lut(
                    Precision::Sixteen,
                    (channels, 8),
                    light,
                    |place| icc::legacy_lab(lab(place, number)),
                    |value| value,
                )
            }),
        ),
        (
            "lut16, XYZ",
            with(b"XYZ ", 2, &|number| {
                let node = |place: &[f64]| icc::encoded_xyz(for_intent(xyz(place), number));
                icc::lut(Precision::Sixteen, (channels, 13), light, node, |value| value)
            }),
        ),
        (
            "lutAToB, Lab",
            with(b"Lab ", 4, &|number| {
                let first: Vec<Vec<u8>> =
                    [icc::identity(), icc::gamma(1.5), icc::curve(333, light), power(1.2)]
                        [..channels]
                        .to_vec();
                let node = |place: &[f64]| {
                    icc::encoded_lab(lab(place, number)).map(|value| value.powf(1.0 / 1.8))
                };
                let middle =
                    [icc::gamma(1.8), power(1.8), icc::curve(2_000, |value| value.powf(1.8))];
                icc::lut_a_to_b(
                    &first,
                    &steps,
                    Precision::Sixteen,
                    node,
                    &middle,
                    same,
                    &[icc::identity(), icc::identity(), icc::gamma(1.0)],
                )
            }),
        ),
        (
            "lutAToB, XYZ",
            with(b"XYZ ", 4, &|number| {
                let first =
                    vec![
                        icc::function(3, &[2.4, 1.0 / 1.055, 0.055 / 1.055, 1.0 / 12.92, 0.040_45]);
                        channels
                    ];
                let node = |place: &[f64]| {
                    // The inverse of the matrix.
                    let [x, y, z] = icc::encoded_xyz(for_intent(xyz(place), number));
                    [x, (y - 0.2 * x - 0.05) / 0.7, z]
                };
                let matrix = [1.0, 0.0, 0.0, 0.2, 0.7, 0.0, 0.0, 0.0, 1.0, 0.0, 0.05, 0.0];
                let straight = [icc::identity(), icc::identity(), icc::identity()];
                icc::lut_a_to_b(
                    &first,
                    &steps,
                    Precision::Eight,
                    node,
                    &straight,
                    matrix,
                    &straight,
                )
            }),
        ),
    ]
}

#[test]
fn rgb_tables_match_little_cms_for_every_intent() {
    let steps = || (0..=u8::MAX).step_by(15);
    let colors: Vec<[u8; 3]> = steps()
        .flat_map(|red| steps().flat_map(move |green| steps().map(move |blue| [red, green, blue])))
        .collect();
    let mut seen = Vec::new();
    for (kind, profile) in tables(*b"RGB ", camera) {
        for (ours, theirs) in INTENTS {
            let expected = little_cms(&profile, PixelFormat::RGB_8, theirs, &colors);
            let found = convert_pixels(&profile, PixelColors::Rgb, ours, &colors);
            assert!(found == expected, "{kind}, {ours:?}");
            seen.push(expected);
        }
    }
    assert!(difference(&seen[0], &seen[1]).0 > 1.0 && difference(&seen[1], &seen[3]).0 > 1.0);
}

/// The table is linear behind its input curves, so that interpolation is exact and the light is
/// known.
#[test]
fn a_linear_table_yields_the_light_that_it_describes() {
    let node = |place: &[f64]| icc::encoded_xyz(camera(place));
    let table = icc::lut(Precision::Sixteen, (3, 5), |value| value.powf(1.7), node, |value| value);
    let profile = IccProfile::new(b"RGB ", b"XYZ ").class(b"scnr").tag(b"A2B1", table).bytes();
    let colors: Vec<[u8; 3]> = (0..=u8::MAX).map(|value| [value, 255 - value, value / 2]).collect();
    let found = convert_pixels(&profile, PixelColors::Rgb, Intent::Relative, &colors);
    for (color, found) in colors.into_iter().zip(found) {
        let light = camera_light(color.map(|value| (f64::from(value) / 255.0).powf(1.7)));
        let expected = light.map(|light| 255.0 * (1.055 * light.powf(1.0 / 2.4) - 0.055));
        let is_near = |(found, expected): (u8, f64)| (f64::from(found) - expected).abs() <= 1.0;
        assert!(
            found.into_iter().zip(expected).all(is_near),
            "{color:?}: {found:?} and not {expected:?}"
        );
    }
}

/// Their steps are unlimited, so that a hostile profile could take hours.
#[test]
fn ignores_d2b_tables() {
    let node = |place: &[f64]| icc::encoded_xyz(camera(place));
    let profile = |other: &[u8; 4]| {
        let table =
            icc::lut(Precision::Sixteen, (3, 5), |value| value.powf(1.7), node, |value| value);
        let profile =
            IccProfile::new(b"RGB ", b"XYZ ").class(b"scnr").version(4).tag(b"A2B0", table);
        // One element for three channels: an identity matrix that adds 0.5.
        let numbers = [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.5, 0.5, 0.5_f32];
        let numbers = numbers.iter().flat_map(|number| number.to_be_bytes()).collect::<Vec<_>>();
        let element = [&b"matf\0\0\0\0\0\x03\0\x03"[..], &numbers].concat();
        let head = b"mpet\0\0\0\0\0\x03\0\x03\0\0\0\x01\0\0\0\x18\0\0\0\x3c";
        profile.tag(other, [&head[..], &element].concat()).bytes()
    };
    let colors = [[10, 80, 200], [255, 255, 255], [0, 0, 0]];
    let convert =
        |profile: Vec<u8>| convert_pixels(&profile, PixelColors::Rgb, Intent::Perceptual, &colors);
    assert_eq!(convert(profile(b"D2B0")), convert(profile(b"none")));
    // Little CMS itself would use it.
    let theirs = |profile: Vec<u8>| {
        little_cms(&profile, PixelFormat::RGB_8, lcms2::Intent::Perceptual, &colors)
    };
    assert_ne!(theirs(profile(b"D2B0")), theirs(profile(b"none")));
}

#[test]
fn cmyk_tables_match_little_cms_for_every_intent() {
    let steps = || (0..=u8::MAX).step_by(51).chain([5, 128]);
    let pairs: Vec<[u8; 2]> =
        steps().flat_map(|one| steps().map(move |other| [one, other])).collect();
    let cmyk: Vec<[u8; 4]> =
        pairs.iter().flat_map(|&[c, m]| pairs.iter().map(move |&[y, k]| [c, m, y, k])).collect();
    for (kind, profile) in tables(*b"CMYK", icc::printed_color) {
        for (ours, theirs) in INTENTS {
            let expected = little_cms(&profile, PixelFormat::CMYK_8, theirs, &cmyk);
            let conversion =
                CmykConversion::to_srgb(&Bytes::new(profile.clone()), Some(ours)).unwrap();
            let found = convert_cmyk(&conversion, &cmyk);
            assert_close_cmyk(&found, &expected, &format!("{kind}, {ours:?}"));
        }
    }
}

#[test]
fn falls_back_to_the_perceptual_table() {
    let table = |number: usize| {
        let node = move |place: &[f64]| {
            icc::legacy_lab(icc::lab(for_intent(icc::printed_color(place), number)))
        };
        icc::lut(Precision::Sixteen, (4, 5), |value| value, node, |value| value)
    };
    let cmyk: Vec<[u8; 4]> = (0..=255).map(|ink| [ink, 255 - ink, ink / 2, ink / 3]).collect();
    for version in [2, 4] {
        let profile = IccProfile::new(b"CMYK", b"Lab ")
            .version(version)
            .intent(2)
            .tag(b"A2B0", table(0))
            .bytes();
        for (ours, theirs) in INTENTS {
            let conversion =
                CmykConversion::to_srgb(&Bytes::new(profile.clone()), Some(ours)).unwrap();
            let found = convert_cmyk(&conversion, &cmyk);
            let expected = little_cms(&profile, PixelFormat::CMYK_8, theirs, &cmyk);
            assert_close_cmyk(&found, &expected, &format!("version {version}, {ours:?}"));
        }
        assert_eq!(
            CmykConversion::to_srgb(&Bytes::new(profile), None).unwrap().intent(),
            Intent::Saturation
        );
    }
}

#[test]
fn grays_match_little_cms_and_stay_gray() {
    let grays: Vec<u8> = (0..=u8::MAX).collect();
    let as_rgb: Vec<[u8; 3]> = grays.iter().map(|&gray| [gray; 3]).collect();
    let dot_gain = |value: f64| 1.0 - (1.0 - value) - 0.8 * value * (1.0 - value);
    for (name, connection, curve) in [
        ("gamma 1.8", b"XYZ ", icc::gamma(1.8)),
        ("linear", b"XYZ ", icc::identity()),
        ("dot gain of 20 %", b"XYZ ", icc::curve(256, dot_gain)),
        ("two values", b"XYZ ", icc::curve(2, |value| 0.1 + 0.9 * value)),
        ("a function", b"XYZ ", icc::function(4, &[2.1, 0.95, 0.05, 0.3, 0.02, 0.01, 0.0])),
        ("lightness", b"Lab ", icc::curve(300, dot_gain)),
    ] {
        for version in [2, 4] {
            let profile = IccProfile::new(b"GRAY", connection)
                .version(version)
                .tag(b"kTRC", curve.clone())
                .bytes();
            for (ours, theirs) in INTENTS {
                let expected = little_cms(&profile, PixelFormat::GRAY_8, theirs, &grays);
                let found = convert_pixels(&profile, PixelColors::Gray, ours, &as_rgb);
                assert_close(&found, &expected, &format!("{name}, version {version}, {ours:?}"));
                assert!(
                    found.iter().all(|[red, green, blue]| red == green && green == blue),
                    "{name}"
                );
            }
        }
    }
}

/// By the absolute intent with a tinted medium, or by a table.
#[test]
fn grays_can_be_tinted() {
    let grays: Vec<u8> = (0..=u8::MAX).collect();
    let as_rgb: Vec<[u8; 3]> = grays.iter().map(|&gray| [gray; 3]).collect();
    let yellowish = IccProfile::new(b"GRAY", b"XYZ ")
        .class(b"prtr")
        .white([0.95, 0.97, 0.6])
        .tag(b"kTRC", icc::gamma(2.0));
    let sepia = |place: &[f64]| {
        icc::legacy_lab([100.0 * place[0], 0.0, 80.0 * place[0] * (1.0 - place[0])])
    };
    let table = icc::lut(Precision::Sixteen, (1, 21), |value| value, sepia, |value| value);
    let toned = IccProfile::new(b"GRAY", b"Lab ").class(b"prtr").tag(b"A2B0", table);
    for (profile, (ours, theirs)) in
        [(yellowish, INTENTS[3]), (toned.clone(), INTENTS[1]), (toned, INTENTS[0])]
    {
        let profile = profile.bytes();
        let found = convert_pixels(&profile, PixelColors::Gray, ours, &as_rgb);
        assert_close(
            &found,
            &little_cms(&profile, PixelFormat::GRAY_8, theirs, &grays),
            &format!("{ours:?}"),
        );
        assert!(found.iter().any(|[red, _, blue]| red.abs_diff(*blue) > 20));
    }
}

#[test]
fn the_absolute_intent_keeps_a_scanners_white() {
    let primaries: [_; 3] = std::array::from_fn(|channel| {
        let mut light = [0.0; 3];
        light[channel] = 1.0;
        icc::xyz(icc::light_to_xyz(light))
    });
    let [red, green, blue] = primaries;
    let profile = IccProfile::new(b"RGB ", b"XYZ ").class(b"scnr").white([0.9, 0.92, 0.7]);
    let profile = profile.tag(b"rXYZ", red).tag(b"gXYZ", green).tag(b"bXYZ", blue);
    let profile = profile
        .tag(b"rTRC", icc::gamma(1.8))
        .tag(b"gTRC", icc::gamma(1.8))
        .tag(b"bTRC", icc::gamma(2.0))
        .bytes();
    let steps = || (0..=u8::MAX).step_by(51);
    let colors: Vec<[u8; 3]> = steps()
        .flat_map(|red| steps().flat_map(move |green| steps().map(move |blue| [red, green, blue])))
        .collect();
    for (ours, theirs) in INTENTS {
        let expected = little_cms(&profile, PixelFormat::RGB_8, theirs, &colors);
        assert_close(
            &convert_pixels(&profile, PixelColors::Rgb, ours, &colors),
            &expected,
            &format!("{ours:?}"),
        );
    }
}
