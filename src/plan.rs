//! Everything about an export that is settled before a pixel is read.
//!
//! [`ExportPlan::new`] resolves what was asked ([`ExportOptions`]) against what the slide is ([`SlideInfo`]) into plain values:
//! an area, a pyramid, a format, a background, names. The engine decides nothing after it, and the plan can be
//! printed without writing anything.

use serde::Serialize;

use crate::codec::TileFormat;
use crate::color::IccProfile;
use crate::geometry::MicronsPerPixel;
use crate::geometry::{Flip, Orientation, Point, Rect, Rotation, Size};
use crate::layout::descriptor::{Descriptor, display_rects};
use crate::layout::tile_layout::{ResourceId, TileLayout, TileNames};
use crate::layout::{Container, Layout};
use crate::pixels::{Pixels, PremultipliedPixels, ReductionMethod, Rgb};
use crate::pyramid::TileSet;
use crate::pyramid::{Depth, Level, PyramidPlan, TileAddress, TileGeometry};
use crate::source::{AssociatedImage, NativeColorSpace, Reader, SlideInfo, SourceIdentity};

mod color;
mod error;
mod estimate;
mod format;
mod options;
mod placement;
mod resolution;
mod tile_layout;

pub use color::Color;
use color::{AskedColor, ColorFiles};
pub use error::{NotLossless, PlanError};
pub use estimate::{EncodedPixels, Sampled, SampledTiles};
pub use options::{
    Associated, BaseTiles, BlankTiles, Bounds, ColorOption, ExportOptions, FormatOption, Page, PublishedProperties,
    ReadErrorPolicy, SubsamplingOption, default_geometry,
};
pub use placement::{Placement, SlideTransform};
pub use resolution::{Magnification, Resolution};

/// An export, settled.
#[derive(Clone, Debug, PartialEq)]
pub struct ExportPlan {
    name: String,
    container: Container,
    tile_layout: TileLayout,
    resource_id: Option<ResourceId>,
    bounds: Bounds,
    resolution: Resolution,
    rotation: Rotation,
    flip: Option<Flip>,
    placement: Placement,
    pyramid: PyramidPlan,
    base_tiles: BaseTiles,
    blank_tiles: BlankTiles,
    /// Of the exported area, as if all of the slide's pixels took the same.
    stored_bytes: u64,
    format: TileFormat,
    reduction: ReductionMethod,
    color: Color,
    asked_color: AskedColor,
    background: Rgb,
    microns_per_pixel: Option<MicronsPerPixel>,
    objective_power: Option<f64>,
    associated: Vec<String>,
    absent: Vec<String>,
    properties: PublishedProperties,
    page: Page,
    source_identity: SourceIdentity,
    on_read_error: ReadErrorPolicy,
}

impl ExportPlan {
    /// The most columns or rows of tiles: a plan of the reading takes about 40 bytes for each. With the default tile size that is
    /// a slide of 266 million pixels a side.
    pub const MOST_TILES_A_SIDE: u32 = 1 << 20;

    /// Settles the export of a slide under `name`, which the descriptor and the tiles' folder begin with.
    ///
    /// # Errors
    /// [`PlanError::Name`] where `name` is empty, a path, `.` or `..`; [`PlanError::Area`] where the area is not inside the slide or the
    /// slide has a side beyond `i32::MAX`; [`PlanError::Crop`] where the part asked for is not; [`PlanError::Grid`] where there would be too many
    /// tiles; and the others as they say.
    pub fn new(info: &SlideInfo, name: &str, options: &ExportOptions) -> Result<Self, PlanError> {
        if matches!(name, "" | "." | "..") || name.contains(['/', '\0']) {
            return Err(PlanError::Name { name: name.to_owned() });
        }
        if options.container == Container::Bag && name.contains(['%', '\\', '\n', '\r']) {
            return Err(PlanError::BagName { name: name.to_owned() });
        }
        let placement = Placement::settle(info, options)?;
        if options.reduction != ReductionMethod::Mean && (placement.reduction_levels() > 0 || placement.is_resampled())
        {
            return Err(PlanError::Blended(options.reduction));
        }
        let geometry = match options.base_tiles {
            BaseTiles::Encoded => {
                options.geometry.unwrap_or_else(|| default_geometry(options.container, options.tile_layout))
            }
            BaseTiles::Lossless => lossless_geometry(info, placement, options).map_err(PlanError::NotLossless)?,
        };
        if options.container == Container::Szi && geometry.overlap() > 0 {
            return Err(PlanError::SziOverlap { overlap: geometry.overlap() });
        }
        if options.container == Container::Szi && matches!(options.blank_tiles, BlankTiles::Skip(_)) {
            return Err(PlanError::SparseSzi);
        }
        if options.container == Container::Szi && options.depth.is_some_and(|depth| depth != Depth::Pixel) {
            return Err(PlanError::ShallowSzi);
        }
        let depth = options.depth.unwrap_or(options.tile_layout.default_depth());
        let pyramid = PyramidPlan::new(placement.size(), geometry).to_depth(depth);
        let grid = pyramid.grid(pyramid.max_level());
        if grid.width().max(grid.height()) > Self::MOST_TILES_A_SIDE {
            return Err(PlanError::Grid { grid, most: Self::MOST_TILES_A_SIDE });
        }
        tile_layout::check(options, name, &pyramid)?;
        let asked_color = AskedColor { option: options.color, intent: options.intent };
        let background = options.background.or(info.background).unwrap_or(Rgb::WHITE);
        let files = ColorFiles { base_tiles: options.base_tiles, gray: format::keeps_gray(info, options, background) };
        let color = Color::settle(info.icc_profile.as_ref(), info.native_color_space, asked_color, files);
        let format = format::settle(info, options, &pyramid, &color, background)?;
        let publishable =
            |image: &&AssociatedImage| image.has_plain_name() && image.size.area() <= AssociatedImage::LARGEST;
        let has = &info.associated_images;
        let names =
            |images: Vec<&AssociatedImage>| images.into_iter().map(|image| image.name.clone()).collect::<Vec<_>>();
        let (associated, absent) = match &options.associated {
            Associated::All => {
                let (published, left_out) = has.iter().partition(publishable);
                (names(published), names(left_out))
            }
            Associated::Named(wanted) => {
                let published =
                    names(has.iter().filter(publishable).filter(|image| wanted.contains(&image.name)).collect());
                // Not every slide has a thumbnail; only what was asked for by name is missed.
                let missed = if options.associated == Associated::default() { &[][..] } else { wanted };
                let absent = missed.iter().filter(|name| !published.contains(name)).cloned().collect();
                (published, absent)
            }
        };
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
            stored_bytes: match info.reader {
                Reader::Direct(tiles) => {
                    let share = u128::from(tiles.bytes) * u128::from(placement.area().size().area());
                    u64::try_from(share / u128::from(info.size().area())).unwrap_or(u64::MAX)
                }
                Reader::OpenSlide(_) | Reader::Image(_) => 0,
            },
            format,
            reduction: options.reduction,
            color,
            asked_color,
            background,
            microns_per_pixel,
            objective_power,
            associated,
            absent,
            properties: options.properties,
            page: if options.container == Container::Szi { Page::Omit } else { options.page },
            source_identity: if info.reader.is_pipe() { SourceIdentity::Omit } else { options.source_identity },
            on_read_error: options.on_read_error,
        })
    }

    /// The export's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Which part of the slide was asked for.
    #[must_use]
    pub const fn bounds(&self) -> Bounds {
        self.bounds
    }

    /// From which size it starts.
    #[must_use]
    pub const fn resolution(&self) -> Resolution {
        self.resolution
    }

    /// How the area is turned.
    #[must_use]
    pub const fn rotation(&self) -> Rotation {
        self.rotation
    }

    /// How it is mirrored once it is turned.
    #[must_use]
    pub const fn flip(&self) -> Option<Flip> {
        self.flip
    }

    /// Where the export's pixels lie in the slide.
    #[must_use]
    pub const fn placement(&self) -> &Placement {
        &self.placement
    }

    /// The part of the slide that is exported, in slide-level-0 pixels.
    #[must_use]
    pub const fn area(&self) -> Rect {
        self.placement.area()
    }

    /// Levels and tiles.
    #[must_use]
    pub const fn pyramid(&self) -> &PyramidPlan {
        &self.pyramid
    }

    /// The tile at a column and row of the level with this number.
    ///
    /// # Errors
    /// [`PlanError::NoSuchTile`] where there is none.
    pub fn tile(&self, level: u32, column: u32, row: u32) -> Result<TileAddress, PlanError> {
        let pyramid = &self.pyramid;
        let found = pyramid.level(level);
        found.and_then(|level| pyramid.tile(level, column, row)).ok_or_else(|| {
            let grid = found.map_or_else(
                || format!("levels go from {} to {}", pyramid.smallest_level(), pyramid.max_level()),
                |level| format!("that level has {} columns × rows", pyramid.grid(level)),
            );
            PlanError::NoSuchTile { level, column, row, grid }
        })
    }

    /// What the tiles of the full size are.
    #[must_use]
    pub const fn base_tiles(&self) -> BaseTiles {
        self.base_tiles
    }

    /// What becomes of blank tiles.
    #[must_use]
    pub const fn blank_tiles(&self) -> BlankTiles {
        self.blank_tiles
    }

    /// Whether blank tiles of a level have no file. A level of one tile always has it, so that every viewer has something to show.
    #[must_use]
    pub fn leaves_out_blank(&self, level: Level) -> bool {
        matches!(self.blank_tiles, BlankTiles::Skip(_)) && self.pyramid.level_tile_count(level) > 1
    }

    /// By how much a channel of a tile of this level may differ from the background for the tile to be blank; `None` where it is written as it is.
    #[must_use]
    pub fn blank_tolerance(&self, level: Level) -> Option<u8> {
        match self.blank_tiles {
            BlankTiles::Share(tolerance) => Some(tolerance),
            BlankTiles::Skip(tolerance) => self.leaves_out_blank(level).then_some(tolerance),
            BlankTiles::Keep => None,
        }
    }

    /// What a tile file is. Lossless tiles are JPEG too, of the slide's own quality and subsampling.
    #[must_use]
    pub const fn format(&self) -> TileFormat {
        self.format
    }

    /// What an associated image's file is. A `.szi` has them as JPEG in any case.
    #[must_use]
    pub fn associated_format(&self) -> TileFormat {
        format::of_associated(self.format, self.container)
    }

    /// How a level is made of the next larger one.
    #[must_use]
    pub const fn reduction(&self) -> ReductionMethod {
        self.reduction
    }

    /// What becomes of the slide's colors.
    #[must_use]
    pub const fn color(&self) -> &Color {
        &self.color
    }

    /// What becomes of the colors of an associated image with this profile, which is its own. Its file is never gray.
    #[must_use]
    pub fn associated_color(&self, pixels: &PremultipliedPixels, profile: Option<&IccProfile>) -> Color {
        let is_gray = profile.is_some_and(IccProfile::is_gray) && pixels.is_gray();
        let native = if is_gray { NativeColorSpace::Gray } else { NativeColorSpace::Rgb };
        Color::settle(profile, native, self.asked_color, ColorFiles { base_tiles: BaseTiles::Encoded, gray: false })
    }

    /// Whether colors with a profile were to keep it, and are converted instead, since files of red, green and blue cannot have it.
    #[must_use]
    pub fn is_converted_instead(&self, color: &Color) -> bool {
        self.asked_color.option == ColorOption::Embed && color.is_converted()
    }

    /// The slide's pixels as the export shows them: in its colors, and on its background.
    #[must_use]
    pub fn rendered(&self, pixels: PremultipliedPixels) -> Pixels {
        self.color.apply(pixels).over(self.background)
    }

    /// What transparent pixels are composited on.
    #[must_use]
    pub const fn background(&self) -> Rgb {
        self.background
    }

    /// Micrometers per pixel of the exported full size, along its own rows and columns.
    #[must_use]
    pub const fn microns_per_pixel(&self) -> Option<MicronsPerPixel> {
        self.microns_per_pixel
    }

    /// What the exported full size is magnified by: the objective's magnification, less where the export starts from a smaller size.
    #[must_use]
    pub const fn objective_power(&self) -> Option<f64> {
        self.objective_power
    }

    /// The associated images that will be published, by name.
    #[must_use]
    pub fn associated(&self) -> &[String] {
        &self.associated
    }

    /// The associated images that were asked for and that the slide does not have, or not so that they can be published.
    #[must_use]
    pub fn absent(&self) -> &[String] {
        &self.absent
    }

    /// Which of the slide's properties are published.
    #[must_use]
    pub const fn properties(&self) -> PublishedProperties {
        self.properties
    }

    /// Whether the page is part of it.
    #[must_use]
    pub const fn page(&self) -> Page {
        self.page
    }

    /// What is written down of the slide's file.
    #[must_use]
    pub const fn source_identity(&self) -> SourceIdentity {
        self.source_identity
    }

    /// What happens where a part of the slide cannot be read.
    #[must_use]
    pub const fn on_read_error(&self) -> ReadErrorPolicy {
        self.on_read_error
    }

    /// Where each file stands.
    #[must_use]
    pub fn layout(&self) -> Layout {
        Layout::new(&self.name, self.container)
    }

    /// By whose convention the pyramid's files are named.
    #[must_use]
    pub const fn tile_layout(&self) -> TileLayout {
        self.tile_layout
    }

    /// Where an export in one of IIIF's layouts says that it is served; `None` where nobody has said so, and a placeholder is written.
    #[must_use]
    pub const fn resource_id(&self) -> Option<&ResourceId> {
        self.resource_id.as_ref()
    }

    /// The names of the pyramid's files.
    #[must_use]
    pub fn names(&self) -> TileNames {
        self.layout().tiles(self.tile_layout, self.tile_layout.extension(self.format.extension()))
    }

    /// The size of the picture in a tile's file.
    #[must_use]
    pub fn picture_size(&self, tile: TileAddress) -> Size {
        self.tile_layout.picture_size(tile, &self.pyramid)
    }

    /// The name and the text of the file by which other viewers know the pyramid of an export without these tiles; `None` where the layout
    /// has none.
    #[must_use]
    pub fn descriptor_file(&self, absent: &TileSet) -> Option<(String, String)> {
        let names = self.names();
        let text = match self.tile_layout {
            TileLayout::DeepZoom => Some(self.descriptor(absent).to_xml()),
            _ => names.descriptor_text(&self.pyramid, &self.resource_id.clone().unwrap_or_default()),
        };
        names.descriptor().zip(text)
    }

    /// What the `.dzi` of an export without these tiles says.
    #[must_use]
    pub fn descriptor(&self, absent: &TileSet) -> Descriptor {
        let sparse = !absent.is_empty();
        Descriptor {
            size: self.pyramid.size(),
            geometry: self.pyramid.geometry(),
            format: self.format.extension().to_owned(),
            display_rects: if sparse { display_rects(&self.pyramid, absent) } else { Vec::new() },
        }
    }

    /// Roughly how many bytes the tiles will take: what stained tissue takes, from a table of bytes per pixel measured on
    /// CMU-1-Small-Region. Empty glass takes a fifth.
    #[must_use]
    pub fn estimated_bytes(&self) -> u64 {
        self.estimated_bytes_of(&Sampled::default())
    }

    /// Roughly how many bytes the tiles will take, from what is known of the slide's contents.
    #[must_use]
    pub fn estimated_bytes_of(&self, sampled: &Sampled) -> u64 {
        let tissue = estimate::millibytes_per_pixel(self.format);
        let (full_size, reduced) = estimate::bytes_a_pixel(sampled, tissue);
        let base = self.pyramid.size().area();
        let base_bytes = match self.base_tiles {
            BaseTiles::Encoded => estimate::bytes(base, full_size),
            BaseTiles::Lossless => self.stored_bytes,
        };
        base_bytes.saturating_add(estimate::bytes(self.pyramid.pixel_count() - base, reduced))
    }
}

/// Micrometers per pixel of the exported full size, and what it is magnified by.
fn scale(info: &SlideInfo, placement: &Placement, options: &ExportOptions) -> (Option<MicronsPerPixel>, Option<f64>) {
    let microns_per_pixel = match options.resolution {
        // What was asked for, and not what comes out of calculating with it.
        Resolution::MicronsPerPixel(target) if placement.orientation().is_transposed() => Some(target.transposed()),
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

/// Tile size and overlap of an export whose full-size tiles are the slide's own.
fn lossless_geometry(
    info: &SlideInfo,
    placement: Placement,
    options: &ExportOptions,
) -> Result<TileGeometry, NotLossless> {
    let tile = match &info.reader {
        Reader::Direct(tiles) => tiles.size,
        Reader::OpenSlide(reason) => return Err(NotLossless::Reader(reason.clone())),
        Reader::Image(image) => return Err(NotLossless::Image(image.format)),
    };
    if options.format != FormatOption::Jpeg {
        return Err(NotLossless::Format);
    }
    if !placement.is_full_size() {
        return Err(NotLossless::Resolution);
    }
    if placement.orientation() != Orientation::UPRIGHT {
        return Err(NotLossless::Orientation);
    }
    if options.reduction.margin() > 0 {
        return Err(NotLossless::Reduction(options.reduction));
    }
    let stored = tile.width();
    if tile.height() != stored {
        return Err(NotLossless::NotSquare { tile });
    }
    let geometry = TileGeometry::new(stored, 0).ok().filter(|_| stored.is_multiple_of(2));
    let geometry = geometry.ok_or(NotLossless::TileSize { tile })?;
    if let Some(asked) = options.geometry.filter(|asked| *asked != geometry) {
        return Err(NotLossless::Geometry { stored, tile_size: asked.tile_size(), overlap: asked.overlap() });
    }
    let Point { x, y } = placement.area().origin();
    if !x.is_multiple_of(stored) || !y.is_multiple_of(stored) {
        return Err(NotLossless::Bounds { x, y, stored });
    }
    let size = placement.size();
    if options.tile_layout.pads() && !(size.width().is_multiple_of(stored) && size.height().is_multiple_of(stored)) {
        return Err(NotLossless::Padded { tile_layout: options.tile_layout, area: size, stored });
    }
    Ok(geometry)
}

impl Serialize for ExportPlan {
    /// What a program wants to know of a plan: sizes, levels and tiles.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut object = serializer.serialize_struct("ExportPlan", 17)?;
        object.serialize_field("name", &self.name)?;
        object.serialize_field("container", &self.container)?;
        object.serialize_field("area", &self.area())?;
        object.serialize_field("resolution", &self.resolution)?;
        object.serialize_field("rotation", &self.rotation)?;
        object.serialize_field("flip", &self.flip)?;
        object.serialize_field("toSlide", &self.placement.to_slide())?;
        object.serialize_field("width", &self.pyramid.size().width())?;
        object.serialize_field("height", &self.pyramid.size().height())?;
        object.serialize_field("levels", &self.pyramid.levels().len())?;
        object.serialize_field("tileSize", &self.pyramid.geometry().tile_size())?;
        object.serialize_field("overlap", &self.pyramid.geometry().overlap())?;
        object.serialize_field("baseTiles", &self.base_tiles)?;
        object.serialize_field("encoding", &self.format)?;
        object.serialize_field("tiles", &self.pyramid.tile_count())?;
        object.serialize_field("color", &self.color)?;
        object.serialize_field("background", &self.background)?;
        object.end()
    }
}
