//! An image that is decoded row by row, as a source.
//!
//! An export reads it in a [`RowPass`]: one thread decodes, a few bands of rows ahead of the
//! workers, which convert samples to pixels. The decoder waits for free memory only. Reads in any
//! other order, as for a rotated image, a single tile or a sample, keep all decoded samples in
//! memory, within the limit.

use std::collections::VecDeque;
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::conversion::Conversion;
use crate::codec::decode::{ImageError, RowDecoder};
use crate::color::CmykConversion;
use crate::geometry::{Orientation, Rect, Size};
use crate::pixels::{PIXEL_BYTES, PremultipliedPixels};
use crate::source::{Band, ImagePart, SlideError, SlideInfo, Source, SourcePass, SourceRows};

/// Bytes of decoded rows that may wait to be read, unless a single band takes more: about what is
/// decoded while the workers encode a row of tiles.
const WINDOW_BYTES: usize = 32 << 20;

/// Bytes of skipped rows that are decoded at a time.
const SKIPPED_BYTES: usize = 1 << 20;

/// Opens the image again, at its first row; `None` for a pipe, which can be read once.
pub(crate) type Reopen =
    Option<Arc<dyn Fn() -> Result<Box<dyn RowDecoder>, SlideError> + Send + Sync>>;

/// An image that is decoded row by row. Clones share the decoder and the decoded rows.
#[derive(Clone)]
pub(crate) struct RowSource {
    info: Arc<SlideInfo>,
    /// Size as stored.
    stored: Size,
    orientation: Orientation,
    conversion: Conversion,
    /// Bytes of memory that the decoder and all decoded rows may take.
    memory: u64,
    /// Bytes of these that the decoder takes.
    held_bytes: u64,
    /// The decoder from opening, for the first pass.
    first: Arc<Mutex<Option<Box<dyn RowDecoder>>>>,
    reopen: Reopen,
    /// All decoded rows, once they were read in another order.
    whole: Arc<Mutex<Option<Arc<Vec<u8>>>>>,
}

impl RowSource {
    /// Creates a source from an opened image.
    pub fn new(
        info: SlideInfo,
        (stored, orientation): (Size, Orientation),
        conversion: Conversion,
        (memory, held_bytes): (u64, u64),
        (first, reopen): (Box<dyn RowDecoder>, Reopen),
    ) -> Self {
        let first = Arc::new(Mutex::new(Some(first)));
        Self {
            info: Arc::new(info),
            stored,
            orientation,
            conversion,
            memory,
            held_bytes,
            first,
            reopen,
            whole: Arc::default(),
        }
    }

    fn row_bytes(&self) -> usize {
        self.conversion.layout().row_bytes(self.stored.width())
    }

    fn decoder(&self) -> Result<Box<dyn RowDecoder>, SlideError> {
        if let Some(first) = lock(&self.first).take() {
            return Ok(first);
        }
        let Some(reopen) = &self.reopen else {
            return Err(SlideError::ReadOnce { path: self.info.path.clone() });
        };
        reopen()
    }

    /// Returns all rows, decoding them on first use.
    fn whole(&self) -> Result<Arc<Vec<u8>>, SlideError> {
        let mut whole = lock(&self.whole);
        if let Some(rows) = whole.as_ref() {
            return Ok(Arc::clone(rows));
        }
        let all = self.row_bytes() as u64 * u64::from(self.stored.height());
        let needed = all.saturating_add(self.held_bytes);
        if needed > self.memory {
            return Err(SlideError::Memory {
                path: self.info.path.clone(),
                needed,
                allowed: self.memory,
                reason: IN_ANY_ORDER,
            });
        }
        let mut decoder = self.decoder()?;
        let mut rows = vec![0; all as usize];
        decoder
            .decode_rows(&mut rows)
            .and_then(|()| decoder.finish())
            .map_err(|error| error.of(&self.info.path))?;
        Ok(Arc::clone(whole.insert(Arc::new(rows))))
    }

    /// Converts a region of the stored image. `rows` begins with row `first_row`.
    fn convert(
        &self,
        part: Rect,
        first_row: u32,
        rows: &[u8],
        mut spare: Vec<u8>,
    ) -> Result<PremultipliedPixels, SlideError> {
        let pixels_row = part.size().width() as usize * PIXEL_BYTES;
        spare.resize(pixels_row * part.size().height() as usize, 0);
        let rows = rows.chunks_exact(self.row_bytes()).skip((part.origin().y - first_row) as usize);
        for (row, pixels) in rows.zip(spare.chunks_exact_mut(pixels_row)) {
            self.conversion
                .convert(row, part.columns(), pixels)
                .map_err(|error| self.unreadable(part, error.to_string()))?;
        }
        Ok(if self.conversion.is_opaque() {
            PremultipliedPixels::opaque(part.size(), spare)
        } else {
            PremultipliedPixels::from_bgra(part.size(), spare)
        })
    }

    fn unreadable(&self, part: Rect, message: String) -> SlideError {
        SlideError::Image {
            path: self.info.path.clone(),
            part: ImagePart::RowsFrom(part.origin().y),
            message,
        }
    }
}

/// Why the whole image has to be in memory.
const IN_ANY_ORDER: &str =
    "its rows can only be decoded one after the other, and are wanted in another order";

impl Source for RowSource {
    fn info(&self) -> &SlideInfo {
        &self.info
    }

    fn read(&self, region: Rect, spare: Vec<u8>) -> Result<PremultipliedPixels, SlideError> {
        let rows = self.whole()?;
        let part = self.orientation.to_upright(region, self.stored);
        if self.orientation == Orientation::UPRIGHT {
            return self.convert(part, 0, &rows, spare);
        }
        Ok(self.convert(part, 0, &rows, Vec::new())?.oriented(self.orientation, spare))
    }

    fn with_cmyk(&self, conversion: &CmykConversion) -> Option<Box<dyn Source>> {
        let conversion = self.conversion.with_cmyk(conversion)?;
        Some(Box::new(Self { conversion, ..self.clone() }))
    }

    fn largest_dark_sample(&self) -> Option<u16> {
        self.conversion.largest_dark_sample()
    }

    fn rows(&self) -> Option<&dyn SourceRows> {
        (self.orientation == Orientation::UPRIGHT && lock(&self.whole).is_none()).then_some(self)
    }
}

impl SourceRows for RowSource {
    fn begin(&self, bands: Vec<Band>) -> Result<Box<dyn SourcePass + '_>, SlideError> {
        let state =
            State { ready: VecDeque::new(), spare: Vec::new(), ended: None, stopped: false };
        let decoder = Mutex::new(Some(self.decoder()?));
        Ok(Box::new(RowPass {
            source: self,
            bands,
            decoder,
            state: Mutex::new(state),
            changed: Condvar::new(),
        }))
    }
}

/// One pass through an image.
struct RowPass<'s> {
    source: &'s RowSource,
    bands: Vec<Band>,
    decoder: Mutex<Option<Box<dyn RowDecoder>>>,
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// Decoded bands that are not fully read yet, in order.
    ready: VecDeque<Ready>,
    /// Buffers of finished bands.
    spare: Vec<Vec<u8>>,
    /// The result of decoding, once it has ended.
    ended: Option<Result<(), Failure>>,
    /// Whether the pass was stopped.
    stopped: bool,
}

struct Ready {
    rows: Range<u32>,
    bytes: Arc<Vec<u8>>,
    /// Pixels that are still to be read.
    to_read: u64,
}

/// Where decoding failed.
#[derive(Clone)]
enum Failure {
    /// In the rows.
    Rows(String),
    /// After the last row.
    End(SlideError),
    /// While opening or reading the file, or because it is not supported.
    Other(SlideError),
}

impl RowPass<'_> {
    fn decode(&self) -> Result<(), Failure> {
        let Some(mut decoder) = lock(&self.decoder).take() else { return Ok(()) };
        let (path, row_bytes) = (&self.source.info.path, self.source.row_bytes());
        let in_rows = |error: ImageError| match error {
            ImageError::System(_) | ImageError::Unsupported { .. } => {
                Failure::Other(error.of(path))
            }
            _ => Failure::Rows(error.to_string()),
        };
        let mut next = 0;
        for band in &self.bands {
            let mut skipped = Vec::new();
            while next < band.rows.start {
                let rows = (SKIPPED_BYTES / row_bytes).clamp(1, (band.rows.start - next) as usize);
                skipped.resize(rows * row_bytes, 0);
                decoder.decode_rows(&mut skipped).map_err(in_rows)?;
                next += rows as u32;
                if lock(&self.state).stopped {
                    return Ok(());
                }
            }
            let length = band.rows.len() * row_bytes;
            let Some(mut bytes) = self.room(length) else { return Ok(()) };
            bytes.resize(length, 0);
            decoder.decode_rows(&mut bytes).map_err(in_rows)?;
            next = band.rows.end;
            let ready =
                Ready { rows: band.rows.clone(), bytes: Arc::new(bytes), to_read: band.pixels };
            lock(&self.state).ready.push_back(ready);
            self.changed.notify_all();
        }
        if next == self.source.stored.height() {
            decoder.finish().map_err(|error| Failure::End(error.of(path)))?;
        }
        Ok(())
    }

    /// Waits until `length` more bytes fit, and returns a buffer; `None` if the pass was stopped.
    fn room(&self, length: usize) -> Option<Vec<u8>> {
        let mut state = lock(&self.state);
        loop {
            if state.stopped {
                return None;
            }
            let waiting: usize = state.ready.iter().map(|ready| ready.bytes.len()).sum();
            if state.ready.is_empty() || waiting + length <= WINDOW_BYTES {
                return Some(state.spare.pop().unwrap_or_default());
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Waits for the band with these rows.
    fn band_of(&self, part: Rect) -> Result<(u32, Arc<Vec<u8>>), SlideError> {
        let rows = part.rows();
        let mut state = lock(&self.state);
        loop {
            let holds =
                |ready: &&Ready| ready.rows.start <= rows.start && rows.end <= ready.rows.end;
            if let Some(ready) = state.ready.iter().find(holds) {
                let found = (ready.rows.start, Arc::clone(&ready.bytes));
                return Ok(found);
            }
            match &state.ended {
                Some(Err(Failure::Rows(message))) => {
                    return Err(self.source.unreadable(part, message.clone()));
                }
                Some(Err(Failure::End(error) | Failure::Other(error))) => return Err(error.clone()),
                Some(Ok(())) => {
                    return Err(self
                        .source
                        .unreadable(part, "the rows were read out of order".to_owned()));
                }
                None => state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// Records that `pixels` of a band were read, and frees the band after its last.
    fn done(&self, first_row: u32, bytes: Arc<Vec<u8>>, pixels: u64) {
        let mut state = lock(&self.state);
        drop(bytes);
        let Some(at) = state.ready.iter().position(|ready| ready.rows.start == first_row) else {
            return;
        };
        let ready = &mut state.ready[at];
        ready.to_read = ready.to_read.saturating_sub(pixels);
        if ready.to_read == 0 {
            let memory = state.ready.remove(at).and_then(|ready| Arc::into_inner(ready.bytes));
            // Two: the one being filled and the next.
            if state.spare.len() < 2 {
                state.spare.extend(memory);
            }
            drop(state);
            self.changed.notify_all();
        }
    }
}

impl Source for RowPass<'_> {
    fn info(&self) -> &SlideInfo {
        &self.source.info
    }

    fn read(&self, region: Rect, spare: Vec<u8>) -> Result<PremultipliedPixels, SlideError> {
        let (first_row, bytes) = self.band_of(region)?;
        let pixels = self.source.convert(region, first_row, &bytes, spare);
        self.done(first_row, bytes, region.size().area());
        pixels
    }
}

impl SourcePass for RowPass<'_> {
    fn run(&self) {
        // Workers that wait for a band must be woken even after a panic.
        let ended = catch_unwind(AssertUnwindSafe(|| self.decode())).unwrap_or_else(|_| {
            let message = "the decoder panicked".to_owned();
            Err(Failure::Other(SlideError::Malformed {
                path: self.source.info.path.clone(),
                message,
            }))
        });
        lock(&self.state).ended = Some(ended);
        self.changed.notify_all();
    }

    fn stop(&self) {
        lock(&self.state).stopped = true;
        self.changed.notify_all();
    }

    fn end(&self) -> Result<(), SlideError> {
        match &lock(&self.state).ended {
            Some(Err(Failure::End(error) | Failure::Other(error))) => Err(error.clone()),
            // The reads of those rows have failed.
            Some(Ok(()) | Err(Failure::Rows(_))) | None => Ok(()),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
