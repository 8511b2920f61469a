//! Matrix profiles compared with Little CMS, and alpha.

use moxcms::ColorProfile;

use super::*;
use crate::color::embedding::LONGEST_PROFILE;

fn conversion(profile: &ColorProfile) -> ColorConversion {
    let profile = IccProfile::new(profile.encode().unwrap());
    match ColorConversion::to_srgb(&profile, PixelColors::Rgb, None).unwrap() {
        ProfileEffect::Conversion(conversion) => conversion,
        ProfileEffect::None => panic!("the profile has no effect"),
    }
}

fn pixels(bytes: Vec<u8>) -> PremultipliedPixels {
    PremultipliedPixels::from_bgra(Size::new((bytes.len() / PIXEL_BYTES) as u32, 1).unwrap(), bytes)
}

#[test]
fn matrix_profiles_match_little_cms() {
    let steps = || (0..=u8::MAX).step_by(5);
    let grid: Vec<[u8; 3]> = steps()
        .flat_map(|red| steps().flat_map(move |green| steps().map(move |blue| [red, green, blue])))
        .collect();
    for profile in [
        ColorProfile::new_adobe_rgb(),
        ColorProfile::new_display_p3(),
        ColorProfile::new_pro_photo_rgb(),
        ColorProfile::new_bt2020(),
    ] {
        let icc = profile.encode().unwrap();
        let theirs = lcms2::Transform::new(
            &lcms2::Profile::new_icc(&icc).unwrap(),
            lcms2::PixelFormat::RGB_8,
            &lcms2::Profile::new_srgb(),
            lcms2::PixelFormat::RGB_8,
            lcms2::Intent::Perceptual,
        )
        .unwrap();
        let mut expected = vec![[0; 3]; grid.len()];
        theirs.transform_pixels(&grid, &mut expected);
        let bgra =
            grid.iter().flat_map(|&[red, green, blue]| [blue, green, red, u8::MAX]).collect();
        let found = conversion(&profile).convert(pixels(bgra));
        let differences: Vec<u32> = found
            .bytes()
            .chunks_exact(PIXEL_BYTES)
            .zip(&expected)
            .flat_map(|(bgra, rgb)| [(bgra[2], rgb[0]), (bgra[1], rgb[1]), (bgra[0], rgb[2])])
            .map(|(found, expected)| u32::from(found.abs_diff(expected)))
            .collect();
        let mean = f64::from(differences.iter().sum::<u32>()) / differences.len() as f64;
        assert!(*differences.iter().max().unwrap() <= 2 && mean < 0.2, "mean difference {mean}");
    }
}

#[test]
fn keeps_alpha_and_converts_unmultiplied_colors() {
    let conversion = conversion(&ColorProfile::new_adobe_rgb());
    let opaque = conversion.convert(pixels(vec![40, 200, 100, 255]));
    // The same color at half alpha, two clear pixels, and one that is brighter than its alpha
    // allows.
    let found = conversion
        .convert(pixels(vec![20, 100, 50, 128, 0, 0, 0, 0, 90, 90, 90, 0, 250, 250, 250, 100]));
    for (channel, behind) in found.bytes()[..3].iter().zip(opaque.bytes()) {
        assert!(
            channel.abs_diff((u32::from(*behind) * 128 / 255) as u8) <= 1,
            "{found:?} of {opaque:?}"
        );
    }
    assert_eq!(found.bytes()[3], 128);
    assert_eq!(found.bytes()[4..12], [0; 8]);
    assert_eq!(found.bytes()[12..], [100; 4]);
}

#[test]
fn converts_every_pixel_of_a_partial_chunk() {
    let conversion = conversion(&ColorProfile::new_display_p3());
    let one = conversion.convert(pixels(vec![10, 130, 220, 255]));
    for count in [1, CHUNK_PIXELS - 1, CHUNK_PIXELS, CHUNK_PIXELS + 1, 5 * CHUNK_PIXELS + 7] {
        let many = conversion.convert(pixels([10, 130, 220, 255].repeat(count)));
        assert!(
            many.bytes().chunks_exact(PIXEL_BYTES).all(|pixel| pixel == one.bytes()),
            "{count}"
        );
    }
}

#[test]
fn ignores_srgb_and_refuses_unusable_profiles() {
    let srgb = IccProfile::new(ColorProfile::new_srgb().encode().unwrap());
    assert_eq!(ColorConversion::to_srgb(&srgb, PixelColors::Rgb, None), Ok(ProfileEffect::None));
    let gray = IccProfile::new(ColorProfile::new_gray_with_gamma(2.2).encode().unwrap());
    assert!(matches!(
        ColorConversion::to_srgb(&gray, PixelColors::Rgb, None),
        Err(ProfileError::ColorSpace { .. })
    ));
    let long = IccProfile::new(vec![0; LONGEST_PROFILE + 1]);
    assert_eq!(
        ColorConversion::to_srgb(&long, PixelColors::Rgb, None),
        Err(ProfileError::TooLong { bytes: LONGEST_PROFILE + 1, limit: LONGEST_PROFILE })
    );
    assert!(matches!(
        ColorConversion::to_srgb(&IccProfile::new(Vec::new()), PixelColors::Rgb, None),
        Err(ProfileError::Malformed { .. })
    ));
}
