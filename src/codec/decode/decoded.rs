//! Test helpers: a file's bytes as an input, and an image decoded to its end.

use std::io::{Cursor, Seek, SeekFrom, Write};

use super::{ImageError, ImageHeader, Input, RowDecoder};

/// Returns the bytes as a pipe.
pub(crate) fn piped(file: &[u8]) -> Input {
    Input::Pipe(Box::new(Cursor::new(file.to_vec())))
}

/// Returns the bytes as a file.
pub(crate) fn on_disk(file: &[u8]) -> Input {
    let mut disk = tempfile::tempfile().unwrap();
    disk.write_all(file).unwrap();
    disk.seek(SeekFrom::Start(0)).unwrap();
    Input::File(disk)
}

/// Decodes all rows, `at_a_time` at once.
pub(crate) fn all_rows(
    (header, mut decoder): (ImageHeader, Box<dyn RowDecoder>),
    at_a_time: usize,
) -> Result<(ImageHeader, Vec<u8>), ImageError> {
    let row_bytes = header.samples.row_bytes(header.size.width());
    let mut rows = vec![0; row_bytes * header.size.height() as usize];
    rows.chunks_mut(row_bytes * at_a_time).try_for_each(|some| decoder.decode_rows(some))?;
    decoder.finish()?;
    Ok((header, rows))
}
