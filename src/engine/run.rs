//! An export from its first folder to its commit: the tiles ([`tiles`](super::tiles)), then everything that goes with them.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::bag;
use super::checkpoint::SavedState;
use super::files::Files;
use super::identity;
use super::reading::with_plan_colors;
use super::tiles::{Start, WrittenTiles, write_tiles};
use crate::codec::{EncodeError, TileEncoder, TileFormat};
use crate::color::ProfileError;
use crate::engine::metadata::{self, ExportOutcome, published_properties};
use crate::engine::progress::{Progress, TileWritten, Workload};
use crate::error::Error;
use crate::geometry::{Rect, Size};
use crate::key::Digest;
use crate::key::EntryName;
use crate::layout::Container;
use crate::layout::page;
use crate::layout::scan_properties::{self, SCAN_PROPERTIES, ScanFacts};
use crate::layout::tile_layout::ResourceId;
use crate::pixels::Pixels;
use crate::plan::{Color, ExportPlan, Page};
use crate::pyramid::TileAddress;
use crate::pyramid::TileSet;
use crate::sink::Sink;
use crate::source::{PageChoice, Pages, SlideError, Source, identify};

/// Something to tell the user about an export that is nevertheless whole.
#[derive(Clone, Debug)]
pub enum Warning {
    /// An associated image could not be read and is left out.
    AssociatedImage(SlideError),
    /// An associated image could not be encoded and is left out.
    AssociatedImageFormat {
        /// Its name.
        name: String,
        /// Why.
        source: EncodeError,
    },
    /// The slide has no associated image of a name that was asked for.
    NoSuchAssociatedImage {
        /// The name.
        name: String,
    },
    /// Parts of the slide could not be read and are shown as background.
    Unreadable {
        /// How many native tiles, or parts of the slide where it has none.
        regions: usize,
        /// Their pixels at full size.
        pixels: u64,
        /// The first of them, in slide-level-0 pixels.
        first: Rect,
    },
    /// All rows of an image were read, and what follows them is damaged.
    DamagedEnd(SlideError),
    /// The slide's color profile is of no use.
    ColorProfile(ProfileError),
    /// The file has several pictures, and this is the first, as none was asked for.
    OtherPages(Pages),
    /// Samples of each pixel are not shown, as the file does not say that they are colors or alpha.
    UnshownSamples {
        /// How many.
        samples: u16,
    },
    /// Samples of 16 bits were shown by all of the values that they can have, and have only the least of these.
    DarkSamples {
        /// The largest.
        largest: u16,
    },
    /// The slide's color profile was to be put into every tile and could not be, so that colors are converted to sRGB instead.
    ColorProfileNotEmbedded {
        /// What the profile is for.
        space: &'static str,
    },
    /// A IIIF resource was given no identifier.
    PlaceholderId {
        /// What is written in its place.
        id: String,
    },
    /// An associated image's color profile is of no use.
    AssociatedColorProfile {
        /// The image's name.
        name: String,
        /// Why.
        reason: ProfileError,
    },
    /// An associated image's color profile was to be put into its file and could not be, so that its colors are converted to sRGB instead.
    AssociatedColorProfileNotEmbedded {
        /// The image's name.
        name: String,
        /// What the profile is for.
        space: &'static str,
    },
}

impl std::fmt::Display for Warning {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::AssociatedImage(error) => write!(formatter, "{error}; it is left out"),
            Self::AssociatedImageFormat { name, source } => {
                write!(formatter, "the associated image {name:?} is left out: {source}")
            }
            Self::NoSuchAssociatedImage { name } => {
                write!(formatter, "the slide has no associated image {name:?} that can be published")
            }
            Self::Unreadable { regions, pixels, first } => {
                let (many, are) = if *regions == 1 { ("region", "is") } else { ("regions", "are") };
                write!(
                    formatter,
                    "{regions} {many} of the slide ({pixels} pixels) cannot be read and {are} shown as background, the first of {first}; the \
                     description lists all"
                )
            }
            Self::DamagedEnd(error) => write!(formatter, "{error}, after the last row of the picture, which is whole"),
            Self::OtherPages(pages) if pages.choice() == PageChoice::Only => {
                write!(formatter, "the first of {} pictures in the file; the others are not read", pages.count())
            }
            Self::OtherPages(pages) => write!(formatter, "page 1 of {}: --page chooses another", pages.count()),
            Self::UnshownSamples { samples } => {
                let (many, they) = if *samples == 1 { ("sample", "it is") } else { ("samples", "they are") };
                write!(
                    formatter,
                    "each pixel has {samples} more {many} than its colors need, and the file does not say what for; {they} not shown"
                )
            }
            Self::DarkSamples { largest } => {
                // As many bits as it takes.
                let white = u16::MAX >> largest.leading_zeros();
                write!(
                    formatter,
                    "no sample is above {largest} of {}, so that the picture is almost black: --range 0,{white} shows it bright",
                    u16::MAX
                )
            }
            Self::PlaceholderId { id } => {
                write!(
                    formatter,
                    "info.json says that the slide is at {id}: --id says where its folder will really be served"
                )
            }
            Self::ColorProfile(reason) => {
                write!(formatter, "the slide's ICC profile is of no use ({reason}): colors are as stored")
            }
            Self::ColorProfileNotEmbedded { space } => {
                write!(
                    formatter,
                    "the slide's ICC profile is for {space} pixels and tiles are RGB, which cannot have it: colors are converted to sRGB instead"
                )
            }
            Self::AssociatedColorProfileNotEmbedded { name, space } => {
                write!(
                    formatter,
                    "the ICC profile of the associated image {name:?} is for {space} pixels and its file is RGB, which cannot have it: its colors \
                     are converted to sRGB instead"
                )
            }
            Self::AssociatedColorProfile { name, reason } => {
                write!(
                    formatter,
                    "the ICC profile of the associated image {name:?} is of no use ({reason}): its colors are as stored"
                )
            }
        }
    }
}

/// What an export came to.
#[derive(Clone, Debug)]
pub struct ExportReport {
    /// Tiles written, in all levels.
    pub tiles: u64,
    /// Blank tiles that were left out.
    pub left_out: u64,
    /// The tiles' bytes.
    pub tile_bytes: u64,
    /// What could not be read and is shown as background, in slide-level-0 pixels, in the order of reading.
    pub unreadable: Vec<Rect>,
    /// What the user should know.
    pub warnings: Vec<Warning>,
}

/// Exports the slide that `source` reads, as `plan` says, into `sink`, on `jobs` worker threads.
///
/// # Errors
/// [`Error`] where the slide cannot be read, the destination fails, or `progress` asks to stop; and where the sink was made to resume what an
/// earlier run has left, and that is of another export, or was changed. Nothing is published then.
pub fn export(
    source: &dyn Source,
    plan: &ExportPlan,
    sink: Box<dyn Sink>,
    jobs: NonZeroUsize,
    progress: &dyn Progress,
) -> Result<ExportReport, Error> {
    let converted = with_plan_colors(source, plan);
    let source = converted.as_deref().unwrap_or(source);
    let written = write_all(source, plan, sink.as_ref(), jobs, progress);
    let in_time = |report| if progress.stop_requested() { Err(Error::Interrupted) } else { Ok(report) };
    match written.and_then(in_time) {
        Ok(report) => {
            progress.committing();
            sink.commit()?;
            Ok(report)
        }
        Err(cause) => match sink.suspend() {
            Ok(()) => Err(cause),
            Err(leftover) => Err(Error::StalePolicy { cause: Box::new(cause), leftover }),
        },
    }
}

/// Goes on from what an earlier run has left, where the sink has something like that, or else from the beginning.
fn resume_from(
    source: &dyn Source,
    plan: &ExportPlan,
    sink: &dyn Sink,
    progress: &dyn Progress,
) -> Result<Start, Error> {
    let identity = Arc::new(identity::of_run(source, plan));
    let Some(left) = sink.left_behind() else { return Ok(Start { identity, left: None }) };
    let state = SavedState::read(&left.state).ok_or(Error::Unresumable)?;
    if let Some((what, before, now)) = identity::difference(&state.identity, &identity) {
        return Err(Error::Differs { what, before, now });
    }
    let (pyramid, names) = (plan.pyramid(), plan.names());
    if state.digests.len() as u64 != pyramid.tile_count()
        || (state.entries, state.written) != (left.entries, left.files)
    {
        return Err(Error::Unresumable);
    }
    let trusted = |name: &str| state.digests.get(pyramid.ordinal(names.tile_named(name, pyramid)?));
    let stop = || progress.stop_requested();
    sink.adopt(&trusted, &stop).map_err(|error| if stop() { Error::Interrupted } else { error.into() })?;
    for tile in pyramid.tiles().filter(|&tile| state.digests.get(pyramid.ordinal(tile)).is_some()) {
        progress.tile_written(TileWritten { pixels: pyramid.region(tile).core.size().area(), bytes: 0 });
    }
    progress.tiles_skipped(state.left_out.tiles, state.left_out.pixels);
    progress.resumed(state.written);
    Ok(Start { identity, left: Some(state) })
}

fn write_all(
    source: &dyn Source,
    plan: &ExportPlan,
    sink: &dyn Sink,
    jobs: NonZeroUsize,
    progress: &dyn Progress,
) -> Result<ExportReport, Error> {
    let (names, layout) = (plan.names(), plan.layout());
    let pyramid = plan.pyramid();
    progress.started(Workload { tiles: pyramid.tile_count(), pixels: pyramid.pixel_count() });
    // Before anything is touched: what was left may be of another export.
    let start = resume_from(source, plan, sink, progress)?;
    let resumed = start.left.is_some();
    for folder in layout.folders().into_iter().chain(names.folders(pyramid)) {
        sink.create_folder(&EntryName::new(folder)?)?;
    }
    let given_up = AtomicBool::new(false);
    let stop = || given_up.load(Ordering::Relaxed) || progress.stop_requested();
    let (written, source_file) = std::thread::scope(|scope| {
        let identified = scope.spawn(|| identify(&source.info().path, plan.name(), plan.source_identity(), &stop));
        let written = write_tiles(source, plan, &names, sink, jobs, progress, start);
        given_up.store(written.is_err(), Ordering::Relaxed);
        let panicked = |_| Error::Defect { message: "reading the slide's file panicked".to_owned() };
        let identified = identified.join().map_err(panicked);
        Ok::<_, Error>((written?, identified??))
    })?;
    let WrittenTiles { bytes: tile_bytes, files: tiles, entries, digests, unreadable, damaged_end, aliases } = written;
    let left_out = TileSet::of(pyramid, |ordinal| digests.get(ordinal).is_none());

    let mut files = Files::new(sink, entries, tiles);
    let mut warnings: Vec<Warning> =
        plan.missing_associated().iter().map(|name| Warning::NoSuchAssociatedImage { name: name.clone() }).collect();
    if let Color::Unusable(_, reason) = plan.color() {
        warnings.push(Warning::ColorProfile(reason.clone()));
    }
    if plan.is_converted_instead(plan.color()) {
        warnings.push(Warning::ColorProfileNotEmbedded { space: space_of(plan.color()) });
    }
    if let Some(&first) = unreadable.first() {
        let pixels = unreadable.iter().map(|rect| rect.size().area()).sum();
        warnings.push(Warning::Unreadable { regions: unreadable.len(), pixels, first });
    }
    warnings.extend(damaged_end.map(Warning::DamagedEnd));
    let info = source.info();
    warnings.extend(info.pages.filter(|pages| pages.choice() != PageChoice::Asked).map(Warning::OtherPages));
    if info.unshown_samples > 0 {
        warnings.push(Warning::UnshownSamples { samples: info.unshown_samples });
    }
    // Of a run that goes on from another, only a part was seen.
    let dark = if resumed { None } else { source.largest_dark_sample() };
    warnings.extend(dark.map(|largest| Warning::DarkSamples { largest }));
    if plan.tile_layout().is_iiif() && plan.resource_id().is_none() {
        warnings.push(Warning::PlaceholderId { id: ResourceId::default().of(plan.name()) });
    }
    write_companions(plan, &aliases, &mut files)?;
    let associated = write_associated(source, plan, &mut files, &mut warnings)?;
    let description = metadata::describe(
        source.info(),
        plan,
        ExportOutcome {
            associated_images: &associated,
            unreadable: &unreadable,
            left_out: &left_out,
            source: source_file.as_ref(),
        },
    );
    if plan.page() == Page::Include {
        files.create_folder(format!("{}{}", layout.payload(), page::FOLDER))?;
        for (name, contents) in page::files(plan.name()) {
            files.write(format!("{}{name}", layout.payload()), contents.as_bytes())?;
        }
        files.write(layout.slide_script(), page::slide_script(&description).as_bytes())?;
    }
    if let (Container::Szi, Some(microns_per_pixel)) = (layout.container(), plan.microns_per_pixel()) {
        let info = source.info();
        let text = scan_properties::describe(&ScanFacts {
            size: pyramid.size(),
            microns_per_pixel,
            objective_power: plan.objective_power(),
            properties: published_properties(info, plan.properties()),
        });
        files.write(SCAN_PROPERTIES.to_owned(), text.as_bytes())?;
    }
    let last: Vec<(String, String)> =
        std::iter::once((layout.description(), description)).chain(plan.descriptor_file(&left_out)).collect();

    // The manifest names all files but itself, those too that come after it; in a bag, all of the payload.
    let there = pyramid.tiles().zip(digests.iter()).filter(|(_, digest)| *digest != Digest::default());
    let of_tiles = there.map(|(tile, digest)| (names.tile(tile, pyramid), digest));
    let of_last = last.iter().map(|(name, contents)| (name.clone(), Digest::of(contents.as_bytes())));
    let listed = of_tiles.chain(files.take_digests()).chain(of_last);
    let manifest = files.write_manifest(layout.manifest(), listed)?;
    for (name, contents) in last {
        files.write(name, contents.as_bytes())?;
    }
    if layout.container() == Container::Bag {
        bag::write_tags(&mut files, tile_bytes, (&layout.manifest(), manifest))?;
    }
    Ok(ExportReport { tiles, left_out: left_out.len(), tile_bytes, unreadable, warnings })
}

/// Writes what the layout has besides its tiles and its descriptor: a blank tile, and tiles by their second names.
fn write_companions(
    plan: &ExportPlan,
    aliases: &BTreeMap<TileAddress, Vec<u8>>,
    files: &mut Files<'_>,
) -> Result<(), Error> {
    let (names, pyramid) = (plan.names(), plan.pyramid());
    for (tile, name) in names.aliases(pyramid) {
        let contents = aliases.get(&tile).ok_or_else(|| Error::Defect {
            message: format!("tile {tile} has a second name, and was not kept for it"),
        })?;
        if let Some(folder) = names.folder_to_make(&name) {
            files.create_folders(folder.to_owned())?;
        }
        files.write(name, contents)?;
    }
    if let Some(name) = names.blank() {
        let side = pyramid.geometry().tile_size();
        let blank = Size::new(side, side).map(|size| Pixels::filled(size, plan.background()));
        let blank = blank.ok_or_else(|| Error::Defect { message: "tiles of no size are planned".to_owned() })?;
        let mut encoder = TileEncoder::new(TileFormat::Png, plan.color().embedded())?;
        files.write(name, encoder.encode(blank.view())?)?;
    }
    Ok(())
}

/// What a profile that tiles cannot have is for.
fn space_of(color: &Color) -> &'static str {
    if matches!(color, Color::ConvertedCmyk(_)) { "CMYK" } else { "gray" }
}

fn write_associated(
    source: &dyn Source,
    plan: &ExportPlan,
    files: &mut Files<'_>,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<metadata::PublishedImage>, Error> {
    let mut published = Vec::new();
    let layout = plan.layout();
    for name in plan.associated() {
        let read = source.read_associated(name).and_then(|pixels| Ok((pixels, source.associated_profile(name)?)));
        let (pixels, profile) = match read {
            Ok(read) => read,
            Err(error) => {
                warnings.push(Warning::AssociatedImage(error));
                continue;
            }
        };
        let color = plan.associated_color(&pixels, profile.as_ref());
        if let Color::Unusable(_, reason) = &color {
            warnings.push(Warning::AssociatedColorProfile { name: name.clone(), reason: reason.clone() });
        }
        if plan.is_converted_instead(&color) {
            let space = space_of(&color);
            warnings.push(Warning::AssociatedColorProfileNotEmbedded { name: name.clone(), space });
        }
        let pixels = color.apply(pixels).over(plan.background());
        let mut encoder = TileEncoder::new(plan.associated_format(), color.embedded())?;
        let contents = match encoder.encode(pixels.view()) {
            Ok(contents) => contents,
            Err(source) => {
                warnings.push(Warning::AssociatedImageFormat { name: name.clone(), source });
                continue;
            }
        };
        if published.is_empty() {
            files.create_folder(layout.associated_folder())?;
        }
        let path = layout.associated(name, plan.associated_format().extension());
        files.write(path.clone(), contents)?;
        let path = path.strip_prefix(layout.payload()).unwrap_or(&path).to_owned();
        published.push(metadata::PublishedImage { name: name.clone(), path, size: pixels.size(), color });
    }
    Ok(published)
}
