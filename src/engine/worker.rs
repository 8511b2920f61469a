//! What a worker does: reads chunks, assembles, reduces and encodes tiles, and hands them to the
//! sink.
//!
//! Each worker has its own encoder and buffers, so that nothing between the slide and the sink
//! waits for a lock. Buffers that a tile no longer needs are reused for the next.

use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::level_assembler::{Block, Content};
use super::progress::{Progress, TileWritten};
use super::reading::{is_unscanned, on_slide, read_chunk};
use super::scheduler::{Job, Outcome, PlacedBlock, TileResult};
use crate::codec::TileEncoder;
use crate::color::embed_in_jpeg;
use crate::error::Error;
use crate::geometry::{Rect, Size};
use crate::key::{Digest, EntryName};
use crate::layout::tile_layout::TileNames;
use crate::pixels::{Canvas, PIXEL_BYTES, Pixels, PremultipliedPixels, relative_to};
use crate::plan::{BlankTiles, ExportPlan, ReadErrorPolicy};
use crate::pyramid::TileAddress;
use crate::schedule::Reduction;
use crate::sink::{Role, Sink};
use crate::source::{NativeTileReader, Source};

/// The buffers of one worker.
pub(crate) struct Scratch {
    canvas: Canvas,
    encoder: TileEncoder,
    /// A native tile as a JPEG file.
    jpeg: Vec<u8>,
    /// The file of a blank tile of each size, and its digest.
    blank: HashMap<Size, (Vec<u8>, Digest)>,
    /// Memory of blocks that are no longer needed.
    spare: Vec<Vec<u8>>,
}

impl Scratch {
    /// A tile frees few blocks at a time. Replacing the oldest when there are enough would save
    /// 5 % of an export's instructions but no time, and would take 4 to 8 % more memory.
    const MAX_SPARE: usize = 8;

    fn new(plan: &ExportPlan) -> Result<Self, Error> {
        Ok(Self {
            canvas: Canvas::default(),
            encoder: TileEncoder::new(plan.format(), plan.color().embedded())?,
            jpeg: Vec::new(),
            blank: HashMap::new(),
            spare: Vec::new(),
        })
    }

    /// Returns memory for the pixels of `rect`: that of a block of about the same size, or new.
    fn take_spare(&mut self, rect: Rect) -> Vec<u8> {
        let bytes = rect.size().area() as usize * PIXEL_BYTES;
        let fits = |spare: &Vec<u8>| (bytes..=2 * bytes).contains(&spare.capacity());
        self.spare
            .iter()
            .rposition(fits)
            .map_or_else(Vec::new, |index| self.spare.swap_remove(index))
    }

    /// Keeps the memory of the blocks that no other tile uses.
    fn keep_spare(&mut self, blocks: Vec<Arc<Block>>) {
        for block in blocks.into_iter().filter_map(Arc::into_inner) {
            if let Content::Pixels(pixels) = block.content {
                self.keep(pixels.into_bytes());
            }
        }
    }

    fn keep(&mut self, bytes: Vec<u8>) {
        if self.spare.len() < Self::MAX_SPARE {
            self.spare.push(bytes);
        }
    }
}

/// The pixels of the full size.
pub(crate) enum BasePixels<'a> {
    /// Read and encoded.
    Decoded,
    /// Native tiles that are written as they are.
    Native(&'a dyn NativeTileReader),
}

/// What the workers share.
pub(crate) struct WorkerContext<'a> {
    pub source: &'a dyn Source,
    pub base: BasePixels<'a>,
    pub plan: &'a ExportPlan,
    pub names: &'a TileNames,
    pub sink: &'a dyn Sink,
    pub progress: &'a dyn Progress,
    /// One per worker, so no lock is ever waited for.
    pub scratch: Vec<Mutex<Scratch>>,
    pub tile_bytes: &'a AtomicU64,
    /// Whether any pixel read was not fully transparent.
    pub any_opaque: &'a AtomicBool,
    /// The few tiles that have a second name.
    pub aliased: &'a HashSet<TileAddress>,
    /// Their files.
    pub aliases: Mutex<BTreeMap<TileAddress, Vec<u8>>>,
}

impl WorkerContext<'_> {
    /// Creates the buffers of `jobs` workers.
    pub fn scratch(plan: &ExportPlan, jobs: NonZeroUsize) -> Result<Vec<Mutex<Scratch>>, Error> {
        (0..jobs.get()).map(|_| Ok(Mutex::new(Scratch::new(plan)?))).collect()
    }

    /// Returns the files of the tiles that have a second name.
    pub fn into_aliases(self) -> BTreeMap<TileAddress, Vec<u8>> {
        self.aliases.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does a job with the buffers of `worker`.
    pub fn perform(&self, job: Job, worker: usize) -> Result<Outcome, Error> {
        if self.progress.stop_requested() {
            return Err(Error::Interrupted);
        }
        let mut scratch = self.scratch[worker].lock().unwrap_or_else(PoisonError::into_inner);
        match job {
            Job::Read { place, rect } => {
                let (content, unreadable) = self.read(&mut scratch, rect)?;
                let level = self.plan.pyramid().max_level();
                let block = PlacedBlock { level, place, block: Block { rect, content } };
                Ok(Outcome { unreadable, block: Some(block), ..Outcome::default() })
            }
            Job::Native { entry, tile, reduction } => {
                let (result, reduced, unreadable) = self.write_native(&mut scratch, entry, tile)?;
                let block = PlacedBlock::reduced(tile, reduction, Some(reduced))?;
                Ok(Outcome { unreadable, tile: Some((tile, result)), block })
            }
            Job::Tile { entry, tile, reduction, blocks } => {
                let (result, reduced) =
                    self.write_tile(&mut scratch, entry, tile, reduction, &blocks)?;
                scratch.keep_spare(blocks);
                let block = PlacedBlock::reduced(tile, reduction, reduced)?;
                Ok(Outcome {
                    tile: result.map(|result| (tile, result)),
                    block,
                    ..Outcome::default()
                })
            }
        }
    }

    /// Records that a pixel was not fully transparent. Reads first, as writes from many threads are
    /// slow.
    fn saw_opaque(&self) {
        if !self.any_opaque.load(Ordering::Relaxed) {
            self.any_opaque.store(true, Ordering::Relaxed);
        }
    }

    /// Reads a chunk. Also returns the regions that could not be read and are background, in
    /// slide-level-0 pixels.
    fn read(&self, scratch: &mut Scratch, rect: Rect) -> Result<(Content, Vec<Rect>), Error> {
        if is_unscanned(self.source, self.plan, rect)? {
            return Ok((Content::Blank, Vec::new()));
        }
        let (pixels, unreadable) =
            read_chunk(self.source, self.plan, rect, scratch.take_spare(rect))?;
        Ok((self.rendered(scratch, pixels), unreadable))
    }

    /// Converts pixels as read to pixels of the export. They are blank if they were not scanned or
    /// all have the background color.
    fn rendered(&self, scratch: &mut Scratch, pixels: PremultipliedPixels) -> Content {
        if pixels.is_clear() {
            scratch.keep(pixels.into_bytes());
            return Content::Blank;
        }
        self.saw_opaque();
        let pixels = self.plan.rendered(pixels);
        if pixels.view().is_within(0, self.plan.background()) {
            scratch.keep(pixels.into_bytes());
            return Content::Blank;
        }
        Content::Pixels(pixels)
    }

    /// Whether the export continues despite this error.
    fn is_tolerated(&self, error: &Error) -> bool {
        self.plan.on_read_error() == ReadErrorPolicy::Blank
            && matches!(error, Error::Slide(error) if error.is_of_a_part())
    }

    /// Assembles a tile from its blocks, writes it if it has an entry number, and reduces it.
    fn write_tile(
        &self,
        scratch: &mut Scratch,
        entry: Option<u64>,
        tile: TileAddress,
        reduction: Option<Reduction>,
        blocks: &[Arc<Block>],
    ) -> Result<(Option<TileResult>, Option<Content>), Error> {
        if blocks.iter().all(|block| block.content.is_blank()) {
            let result = entry.map(|entry| self.write_blank(scratch, entry, tile)).transpose()?;
            return Ok((result, Some(Content::Blank)));
        }
        let full = self.plan.pyramid().region(tile).full;
        let spare =
            reduction.map_or_else(Vec::new, |reduction| scratch.take_spare(reduction.target));
        let area = match (entry, reduction) {
            (Some(_), Some(reduction)) => full.union(reduction.source),
            (None, Some(reduction)) => reduction.source,
            _ => full,
        };
        let background = self.plan.background();
        let patches = blocks.iter().map(|block| (block.rect, block.content.patch(background)));
        let canvas = scratch.canvas.assemble(area, patches);
        let reduced = reduction.map(|Reduction { core, source, .. }| {
            let view = canvas.part(relative_to(source, area.origin()));
            Content::Pixels(view.reduced(
                relative_to(core, source.origin()),
                self.plan.reduction(),
                spare,
            ))
        });
        let Some(entry) = entry else { return Ok((None, reduced)) };
        let image = canvas.part(relative_to(full, area.origin()));
        let tolerance = self.plan.blank_tolerance(tile.level());
        if tolerance.is_some_and(|tolerance| image.is_within(tolerance, background)) {
            return Ok((Some(self.write_blank(scratch, entry, tile)?), reduced));
        }
        let size = self.plan.image_size(tile);
        let contents = if image.size() == size {
            scratch.encoder.encode(image)
        } else {
            scratch.encoder.encode(image.padded(size, background).view())
        };
        let contents = contents.map_err(|source| Error::Encode { tile, source })?;
        let digest = Digest::of(contents);
        self.write(entry, tile, Role::Tile, contents)?;
        Ok((Some(TileResult::Written(digest)), reduced))
    }

    /// Writes a blank tile, or skips it.
    fn write_blank(
        &self,
        scratch: &mut Scratch,
        entry: u64,
        tile: TileAddress,
    ) -> Result<TileResult, Error> {
        if self.plan.skips_blank(tile.level()) {
            self.sink.skip(entry)?;
            self.progress.tiles_skipped(1, self.plan.pyramid().region(tile).core.size().area());
            return Ok(TileResult::Skipped);
        }
        let size = self.plan.image_size(tile);
        let (contents, digest) = match scratch.blank.entry(size) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => {
                let pixels = Pixels::filled(size, self.plan.background());
                let contents = scratch
                    .encoder
                    .encode(pixels.view())
                    .map_err(|source| Error::Encode { tile, source })?;
                new.insert((contents.to_vec(), Digest::of(contents)))
            }
        };
        let role = match self.plan.blank_tiles() {
            BlankTiles::Share(_) => Role::RepeatedTile(*digest),
            BlankTiles::Keep | BlankTiles::Skip(_) => Role::Tile,
        };
        self.write(entry, tile, role, contents)?;
        Ok(TileResult::Written(*digest))
    }

    /// Writes a native tile of the full size as it is, and reduces it. Also returns the regions
    /// that could not be read and are background, in slide-level-0 pixels.
    fn write_native(
        &self,
        scratch: &mut Scratch,
        entry: u64,
        tile: TileAddress,
    ) -> Result<(TileResult, Content, Vec<Rect>), Error> {
        let BasePixels::Native(native) = self.base else {
            return Err(Error::Defect { message: format!("tile {tile} is not a native tile") });
        };
        let rect = self.plan.pyramid().region(tile).core;
        let region = on_slide(self.plan, rect)?;
        let spare = scratch.take_spare(Rect::of(rect.size().halved()));
        let mut unreadable = Vec::new();
        match native
            .read_native(region, self.plan.reduction(), &mut scratch.jpeg, spare)
            .map_err(Error::from)
        {
            Ok(Some(reduced)) => {
                self.saw_opaque();
                if let Some(profile) = self.plan.color().embedded() {
                    embed_in_jpeg(&mut scratch.jpeg, profile);
                }
                let digest = Digest::of(&scratch.jpeg);
                self.write(entry, tile, Role::Tile, &scratch.jpeg)?;
                return Ok((TileResult::Written(digest), Content::Pixels(reduced), unreadable));
            }
            Ok(None) => {}
            Err(error) if self.is_tolerated(&error) => unreadable.push(region),
            Err(error) => return Err(error),
        }
        // Not scanned, or damaged.
        Ok((self.write_blank(scratch, entry, tile)?, Content::Blank, unreadable))
    }

    /// Hands a tile to the sink and counts it.
    fn write(
        &self,
        entry: u64,
        tile: TileAddress,
        role: Role,
        contents: &[u8],
    ) -> Result<(), Error> {
        let pyramid = self.plan.pyramid();
        if self.aliased.contains(&tile) {
            let mut aliases = self.aliases.lock().unwrap_or_else(PoisonError::into_inner);
            aliases.insert(tile, contents.to_vec());
        }
        self.sink.write(&EntryName::new(self.names.tile(tile, pyramid))?, role, entry, contents)?;
        let bytes = contents.len() as u64;
        self.tile_bytes.fetch_add(bytes, Ordering::Relaxed);
        let pixels = pyramid.region(tile).core.size().area();
        self.progress.tile_written(TileWritten { pixels, bytes });
        Ok(())
    }
}
