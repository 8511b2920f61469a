//! Compares the tile index of an archive with the archive. In an unpacked archive, the lengths of
//! the files can still be compared.

use std::fmt;
use std::io;
use std::ops::Range;

use super::{Expectations, Problem};
use crate::export::existing::ExportFiles;
use crate::layout::tile_index::TileIndex;

/// The maximum length of an index: that of a slide of 2³¹ × 2³¹ pixels is shorter.
const MAX_INDEX_BYTES: u64 = 1 << 32;

/// Checks the index, if there is one.
///
/// # Errors
/// If the archive cannot be read.
pub(crate) fn check(
    export: &dyn ExportFiles,
    expectations: &Expectations,
    problems: &mut Vec<Problem>,
) -> io::Result<()> {
    let layout = &expectations.layout;
    let (name, description) = (layout.tile_index(), layout.description());
    let is_there = export.files().contains_key(&name);
    let Some(pyramid) = expectations.pyramid.as_ref().filter(|_| is_there) else { return Ok(()) };
    let mut report =
        |message: String| problems.push(Problem::Contradiction { name: name.clone(), message });
    let read =
        export.read(&name, MAX_INDEX_BYTES).map_err(|error| format!("cannot be read: {error}"));
    let index = match read
        .and_then(|bytes| TileIndex::from_bytes(&bytes).map_err(|error| error.to_string()))
    {
        Ok(index) => index,
        Err(message) => {
            report(message);
            return Ok(());
        }
    };
    if *index.pyramid() != pyramid.plan || index.extension() != pyramid.names.extension() {
        report("describes another pyramid than the descriptor".to_owned());
        return Ok(());
    }
    for tile in pyramid.plan.tiles() {
        let file = pyramid.names.tile(tile, &pyramid.plan);
        let subject = format_args!("tile {tile}");
        if let Some(message) = difference(export, &file, subject, index.tile(tile))? {
            report(message);
        }
    }
    let subject = format_args!("the description");
    if let Some(message) = difference(export, &description, subject, index.description())? {
        report(message);
    }
    Ok(())
}

/// Describes how the position of a file in the index is wrong; `None` if it is right, or if the
/// file is missing, which is reported elsewhere.
fn difference(
    export: &dyn ExportFiles,
    name: &str,
    subject: fmt::Arguments<'_>,
    indexed: Option<Range<u64>>,
) -> io::Result<Option<String>> {
    let Some(file) = export.files().get(name) else { return Ok(None) };
    let Some(indexed) = indexed else { return Ok(Some(format!("does not list {subject}"))) };
    let start = export.contents_offset(name)?.unwrap_or(indexed.start);
    let found = start..start.saturating_add(file.bytes);
    Ok((indexed != found).then(|| {
        format!(
            "lists {subject} at bytes {}–{} instead of {}–{}",
            indexed.start, indexed.end, found.start, found.end
        )
    }))
}
