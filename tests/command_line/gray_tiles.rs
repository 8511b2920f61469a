//! Gray slides: tiles are gray JPEG where no color is possible, and RGB otherwise.

use serde_json::json;
use slidezoom_fixtures::icc::IccProfile;
use slidezoom_fixtures::{Color, SlideBuilder, TileFault};
use turbojpeg::Subsamp;

use crate::formats::{
    decoded_tiles, encoding, export, signal_to_noise, tile_bytes, tiles, tissue, with_slide,
};
use crate::rgb_image::RgbImage;
use crate::slides::{self, WriteInto};
use crate::tree::Tree;
use crate::workspace::Workspace;

/// Returns the chroma subsampling of all tiles.
fn samplings(tree: &Tree) -> Vec<Subsamp> {
    let tiles = tiles(tree, "jpeg");
    tiles.iter().map(|(_, _, contents)| turbojpeg::read_header(contents).unwrap().subsamp).collect()
}

fn gray() -> SlideBuilder {
    tissue().color(Color::Gray)
}

#[test]
fn encodes_gray_slides_as_gray() {
    let workspace = with_slide(&gray());
    let exact = decoded_tiles(&export(&workspace, &["--format", "png"]), "png");
    assert!(
        exact
            .iter()
            .flat_map(|image| &image.pixels)
            .all(|[red, green, blue]| red == green && green == blue)
    );
    let options = &["--quality", "95"];
    let tree = export(&workspace, options);
    assert!(samplings(&tree).iter().all(|&sampling| sampling == Subsamp::Gray));
    assert_eq!(
        encoding(&tree),
        json!({ "format": "jpeg", "quality": 95, "subsampling": "400", "coding": "baseline" })
    );
    let ratio = signal_to_noise(&decoded_tiles(&tree, "jpeg"), &exact);
    assert!(ratio > 38.0, "{ratio} dB");
    // RGB tiles are larger and have the same pixels.
    let color = export(&workspace, &["--quality", "95", "--subsampling", "444"]);
    assert!(samplings(&color).iter().all(|&sampling| sampling == Subsamp::None));
    assert!(tile_bytes(&tree, "jpeg") < tile_bytes(&color, "jpeg"));
    assert!(decoded_tiles(&tree, "jpeg") == decoded_tiles(&color, "jpeg"));
    // Both readers give the same tiles.
    let other = export(&workspace, &["--quality", "95", "--reader", "openslide"]);
    assert!(tiles(&other, "jpeg") == tiles(&tree, "jpeg"));
    // Smaller levels of lossless exports are gray too.
    let lossless = export(&workspace, &["--lossless", "--progressive"]);
    assert!(samplings(&lossless).iter().all(|&sampling| sampling == Subsamp::Gray));
}

#[test]
fn encodes_gray_slides_as_color_if_a_tile_may_have_color() {
    let missing = || gray().tile_fault(0, 1, 1, TileFault::Missing);
    let srgb = lcms2::Profile::new_srgb().icc().unwrap();
    let adobe_rgb = IccProfile::adobe_rgb(2.2).bytes();
    for (slide, options, expected) in [
        (missing(), &[][..], Subsamp::Gray),
        (missing(), &["--background", "808080"], Subsamp::Gray),
        (missing(), &["--background", "808081"], Subsamp::None),
        (missing(), &["--background", "ff0000", "--lossless"], Subsamp::None),
        (gray().icc_profile(&srgb), &[], Subsamp::Gray),
        (gray().icc_profile(&srgb), &["--color", "embed"], Subsamp::None),
        (gray().icc_profile(&adobe_rgb), &[], Subsamp::None),
        (gray().icc_profile(&adobe_rgb), &["--color", "ignore"], Subsamp::Gray),
    ] {
        let workspace = with_slide(&slide);
        let tree = export(&workspace, &[&["--bounds", "full"], options].concat());
        let subsampling = if expected == Subsamp::Gray { "400" } else { "444" };
        assert_eq!(encoding(&tree)["subsampling"], subsampling, "{options:?}");
        let smaller = tiles(&tree, "jpeg").iter().take_while(|(level, ..)| *level < 10).count();
        assert!(
            samplings(&tree).iter().take(smaller).all(|&found| found == expected),
            "{options:?}"
        );
        // The background keeps its color.
        if options.contains(&"ff0000") {
            let tile = tree.file("out_files/10/1_1.jpeg");
            let [red, green, blue] = RgbImage::from_jpeg(tile).pixel(100, 100);
            assert!(red > 250 && green < 5 && blue < 5, "{red} {green} {blue}");
        }
    }
}

#[test]
fn keeps_the_colors_of_the_label_of_a_gray_slide() {
    let workspace = Workspace::new();
    slides::aperio().color(Color::Gray).write_into(&workspace, "scan.svs");
    workspace.export(["scan.svs", "-o", "out", "--associated", "all"]).succeeds();
    let tree = workspace.tree("out");
    assert!(samplings(&tree).iter().all(|&sampling| sampling == Subsamp::Gray));
    for image in ["label", "macro", "thumbnail"] {
        let header =
            turbojpeg::read_header(tree.file(&format!("associated/{image}.jpeg"))).unwrap();
        assert_eq!(header.subsamp, Subsamp::None, "{image}");
    }
}
