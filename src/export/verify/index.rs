//! The tile index of an archive, held against the archive's directory. Where the archive was
//! unpacked, the lengths still can be.

use std::io;
use std::ops::Range;

use super::{Expectations, Problem};
use crate::export::exported::ExportedFiles;
use crate::layout::tile_index::TileIndex;

/// No archive of a slide of 2³¹ pixels a side has a longer one.
const INDEX_AT_MOST: u64 = 1 << 32;

/// Checks the index, where there is one.
///
/// # Errors
/// Where the archive cannot be read.
pub(crate) fn check(
    export: &dyn ExportedFiles,
    expectations: &Expectations,
    problems: &mut Vec<Problem>,
) -> io::Result<()> {
    let (name, description) = expectations.indexed();
    let Some(pyramid) = expectations.pyramid().filter(|_| export.files().contains_key(&name))
    else {
        return Ok(());
    };
    let mut wrong =
        |message: String| problems.push(Problem::Contradiction { name: name.clone(), message });
    let read =
        export.read(&name, INDEX_AT_MOST).map_err(|error| format!("cannot be read: {error}"));
    let index = match read
        .and_then(|bytes| TileIndex::from_bytes(&bytes).map_err(|error| error.to_string()))
    {
        Ok(index) => index,
        Err(message) => {
            wrong(message);
            return Ok(());
        }
    };
    if *index.pyramid() != pyramid.plan || index.extension() != pyramid.names.extension() {
        wrong("is of another pyramid than the descriptor".to_owned());
        return Ok(());
    }
    for tile in pyramid.plan.tiles() {
        if let Some(message) =
            differs(export, &pyramid.names.tile(tile, &pyramid.plan), index.tile(tile))?
        {
            wrong(format!("{message} tile {tile}"));
        }
    }
    if let Some(message) = differs(export, &description, index.description())? {
        wrong(format!("{message} the description"));
    }
    Ok(())
}

/// How the place of a file that the index tells differs from where it is. What is not there at all
/// is missed elsewhere.
fn differs(
    export: &dyn ExportedFiles,
    name: &str,
    told: Option<Range<u64>>,
) -> io::Result<Option<String>> {
    let Some(file) = export.files().get(name) else { return Ok(None) };
    let Some(told) = told else { return Ok(Some("does not tell of".to_owned())) };
    let start = export.contents_offset(name)?.unwrap_or(told.start);
    let found = start..start.saturating_add(file.bytes);
    Ok((told != found).then(|| {
        format!(
            "says bytes {}–{}, and {}–{} are right, of",
            told.start, told.end, found.start, found.end
        )
    }))
}
