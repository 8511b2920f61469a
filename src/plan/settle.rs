//! Settles options against a slide.

use super::{
    Associated, BaseTiles, Color, ColorFiles, ExportOptions, ExportPlan, Page, Placement,
    PlanError, RequestedColor, Resolution, default_geometry, format, layout_rules, lossless,
};
use crate::geometry::MicronsPerPixel;
use crate::layout::Container;
use crate::pixels::{ReductionMethod, Rgb};
use crate::pyramid::PyramidPlan;
use crate::source::{AssociatedImage, SlideInfo, SourceIdentity};

impl ExportPlan {
    /// Plans the export of a slide under `name`. Reads and writes nothing.
    ///
    /// # Errors
    /// [`PlanError`] if the name is not a file name, the area is not inside the slide, the slide
    /// has a side beyond `i32::MAX`, the pyramid would have too many tiles, or options contradict
    /// each other, the slide, or the chosen layout or container.
    pub fn new(info: &SlideInfo, name: &str, options: &ExportOptions) -> Result<Self, PlanError> {
        layout_rules::check_name(name, options.container)?;
        let placement = Placement::settle(info, options)?;
        let is_averaged = placement.reduction_levels() > 0 || placement.is_resampled();
        if is_averaged && options.reduction != ReductionMethod::Mean {
            return Err(PlanError::Blended { method: options.reduction });
        }
        let geometry = match options.base_tiles {
            BaseTiles::Encoded => options
                .geometry
                .unwrap_or_else(|| default_geometry(options.container, options.tile_layout)),
            BaseTiles::Lossless => {
                lossless::geometry(info, placement, options).map_err(PlanError::NotLossless)?
            }
        };
        let depth = options.depth.unwrap_or(options.tile_layout.default_depth());
        let pyramid = PyramidPlan::new(placement.size(), geometry).to_depth(depth);
        let grid = pyramid.grid(pyramid.max_level());
        if grid.width().max(grid.height()) > Self::MOST_TILES_A_SIDE {
            return Err(PlanError::Grid { grid, most: Self::MOST_TILES_A_SIDE });
        }
        layout_rules::check_szi(options, geometry)?;
        layout_rules::check_tile_layout(options, name, &pyramid)?;
        let requested_color = RequestedColor { option: options.color, intent: options.intent };
        let background = options.background.or(info.background).unwrap_or(Rgb::WHITE);
        let files = ColorFiles {
            base_tiles: options.base_tiles,
            gray: format::keeps_gray(info, options, background),
        };
        let color = Color::settle(
            info.icc_profile.as_ref(),
            info.native_color_space,
            requested_color,
            files,
        );
        let format = format::settle(info, options, &pyramid, &color, background)?;
        let (associated, missing_associated) =
            associated_images(&info.associated_images, &options.associated);
        let (microns_per_pixel, objective_power) = scale(info, &placement, options);
        if options.container == Container::Szi && microns_per_pixel.is_none() {
            return Err(PlanError::NoMicronsPerPixel);
        }
        Ok(Self {
            name: name.to_owned(),
            container: options.container,
            tile_layout: options.tile_layout,
            resource_id: options.resource_id.clone().filter(|_| options.tile_layout.is_iiif()),
            bounds: options.bounds,
            resolution: options.resolution,
            rotation: options.rotation,
            flip: options.flip,
            placement,
            pyramid,
            base_tiles: options.base_tiles,
            blank_tiles: options.blank_tiles,
            native_bytes: native_bytes(info, &placement),
            format,
            reduction: options.reduction,
            color,
            requested_color,
            background,
            microns_per_pixel,
            objective_power,
            associated,
            missing_associated,
            properties: options.properties,
            page: if options.container == Container::Szi { Page::Omit } else { options.page },
            source_identity: if info.reader.is_pipe() {
                SourceIdentity::Omit
            } else {
                options.source_identity
            },
            on_read_error: options.on_read_error,
        })
    }
}

/// The names of the associated images to publish, and of requested ones that are missing.
fn associated_images(
    available: &[AssociatedImage],
    asked: &Associated,
) -> (Vec<String>, Vec<String>) {
    let publishable = |image: &&AssociatedImage| {
        image.has_plain_name() && image.size.area() <= AssociatedImage::LARGEST
    };
    let names = |images: Vec<&AssociatedImage>| {
        images.into_iter().map(|image| image.name.clone()).collect::<Vec<_>>()
    };
    match asked {
        Associated::All => {
            let (published, refused) = available.iter().partition(publishable);
            (names(published), names(refused))
        }
        Associated::Named(wanted) => {
            let published =
                available.iter().filter(publishable).filter(|image| wanted.contains(&image.name));
            let published = names(published.collect());
            // Not every slide has a thumbnail, so the default reports none as missing.
            let required = if *asked == Associated::default() { &[][..] } else { wanted };
            let missing =
                required.iter().filter(|name| !published.contains(name)).cloned().collect();
            (published, missing)
        }
    }
}

/// The native tiles' bytes, in proportion to the exported area.
fn native_bytes(info: &SlideInfo, placement: &Placement) -> u64 {
    info.reader.native_tiles().map_or(0, |tiles| {
        let share = u128::from(tiles.bytes) * u128::from(placement.area().size().area());
        u64::try_from(share / u128::from(info.size().area())).unwrap_or(u64::MAX)
    })
}

/// Micrometers per pixel and magnification of the export's full size.
fn scale(
    info: &SlideInfo,
    placement: &Placement,
    options: &ExportOptions,
) -> (Option<MicronsPerPixel>, Option<f64>) {
    let microns_per_pixel = match options.resolution {
        // The requested value, free of rounding errors.
        Resolution::MicronsPerPixel(target) if placement.orientation().is_transposed() => {
            Some(target.transposed())
        }
        Resolution::MicronsPerPixel(target) => Some(target),
        _ => {
            let of_slide = options.microns_per_pixel.or(info.microns_per_pixel);
            of_slide.and_then(|of_slide| placement.microns_per_pixel(of_slide))
        }
    };
    let [across, down] = placement.downsamples();
    let objective_power = match options.resolution {
        Resolution::Magnification(target) => Some(target.get()),
        _ => info.objective_power.map(|power| power / f64::midpoint(across, down)),
    };
    (microns_per_pixel, objective_power)
}
