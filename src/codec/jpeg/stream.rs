//! Makes a complete JPEG file of a native tile's stream, without decoding it.
//!
//! TIFF stores the tables that tiles share in one tag and the color model in another; a tile's
//! stream often has neither. [`JpegTables::splice`] adds them and removes contradicting markers, so
//! that every decoder shows the same colors. Frame, tables and scans are copied unchanged.
//! Comments, application data and bytes after the end of the image, which can contain patient
//! names, are dropped.

use crate::codec::Subsampling;
use crate::geometry::Size;

use super::error::JpegStreamError;
use super::scans::Scans;
use super::segments::{END_OF_IMAGE, Header, Kind, RESTART_INTERVAL, START_OF_IMAGE, kind};

/// The color model of native tiles, as the container declares it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum TileColor {
    /// Gray.
    Gray,
    /// Red, green and blue without a transform, as Aperio writes them.
    Rgb,
    /// Luma and chroma.
    YCbCr,
}

impl TileColor {
    const fn components(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::Rgb | Self::YCbCr => 3,
        }
    }

    /// Adobe's APP14 segment, which declares three components as RGB (transform 0) or YCbCr (1):
    /// Adobe Technical Note 5116, as libjpeg writes it. One component needs none.
    const fn adobe_segment(self) -> &'static [u8] {
        match self {
            Self::Gray => &[],
            Self::Rgb => b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00",
            Self::YCbCr => b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x01",
        }
    }
}

/// The frame header of a tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub size: Size,
    /// `None` if the subsampling is not one of [`Subsampling`]'s.
    pub subsampling: Option<Subsampling>,
    /// The size of an MCU in pixels. A crop inside an MCU cuts through blocks.
    pub mcu: Size,
}

/// Encoders write a dozen scans for a progressive image.
const MAX_SCANS: usize = 100;

/// The tables that all tiles of a level share, as segments that precede a tile's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct JpegTables {
    segments: Vec<u8>,
}

impl JpegTables {
    /// No tables that tiles share are longer: four of each kind take 3 KB.
    pub const MAX_BYTES: u64 = 64 << 10;

    /// Parses TIFF tag 347, a JPEG stream that contains only tables. Other segments are skipped,
    /// and so is a restart interval: libtiff and OpenSlide read the tables as a separate stream and
    /// reset the interval at the start of each tile.
    ///
    /// # Errors
    /// [`JpegStreamError`] if it is not such a stream.
    pub fn parse(stream: &[u8]) -> Result<Self, JpegStreamError> {
        let mut segments = Vec::new();
        let mut header = Header::begin(stream)?;
        while !header.rest().starts_with(&END_OF_IMAGE) && !header.rest().is_empty() {
            let (marker, segment) = header.next_segment()?;
            match kind(marker) {
                Kind::Table if marker != RESTART_INTERVAL => {
                    segments.extend_from_slice(&stream[segment]);
                }
                Kind::Table | Kind::Application => {}
                Kind::Frame | Kind::Scan | Kind::Other => {
                    return Err(JpegStreamError::Marker { marker });
                }
            }
        }
        Ok(Self { segments })
    }

    /// Replaces `output` by a complete JPEG file of a tile's stream.
    ///
    /// # Errors
    /// [`JpegStreamError`] if the stream is invalid or does not match `color` and `tile`.
    pub fn splice(
        &self,
        color: TileColor,
        tile: Size,
        stream: &[u8],
        output: &mut Vec<u8>,
    ) -> Result<Frame, JpegStreamError> {
        output.clear();
        output.extend_from_slice(&START_OF_IMAGE);
        output.extend_from_slice(color.adobe_segment());
        output.extend_from_slice(&self.segments);
        let mut header = Header::begin(stream)?;
        let mut frames = Vec::new();
        let mut scans = 0;
        let mut sent = Scans::default();
        loop {
            if header.rest().starts_with(&END_OF_IMAGE) && scans > 0 {
                // Anything after the end is not part of the image.
                output.extend_from_slice(&END_OF_IMAGE);
                break;
            }
            let (marker, segment) = header.next_segment()?;
            match kind(marker) {
                Kind::Application => {}
                Kind::Table => output.extend_from_slice(&stream[segment]),
                Kind::Frame => {
                    output.extend_from_slice(&stream[segment.clone()]);
                    sent = Scans::of_frame(&stream[segment.clone()]);
                    frames.push(segment);
                }
                Kind::Scan => {
                    scans += 1;
                    if scans > MAX_SCANS {
                        return Err(JpegStreamError::Scans { most: MAX_SCANS });
                    }
                    sent.add(&stream[segment.clone()]);
                    let end = header.skip_entropy_coded_data();
                    output.extend_from_slice(&stream[segment.start..end]);
                }
                Kind::Other => return Err(JpegStreamError::Marker { marker }),
            }
        }
        let [frame] = &frames[..] else {
            return Err(JpegStreamError::Frames { frames: frames.len() });
        };
        let frame = read_frame(&stream[frame.clone()], color)?;
        if frame.size != tile {
            return Err(JpegStreamError::Dimensions { expected: tile, found: frame.size });
        }
        if !sent.are_complete() {
            return Err(JpegStreamError::MissingScans);
        }
        Ok(frame)
    }
}

/// Reads a frame header, marker and length included: ITU-T T.81, B.2.2.
fn read_frame(segment: &[u8], color: TileColor) -> Result<Frame, JpegStreamError> {
    let &[_, _, _, _, precision, h1, h0, w1, w0, count, ref components @ ..] = segment else {
        return Err(JpegStreamError::Frame);
    };
    let found = usize::from(count);
    if precision != 8 || components.len() != 3 * found {
        return Err(JpegStreamError::Frame);
    }
    let expected = color.components();
    if found != expected {
        return Err(JpegStreamError::Components { expected, found });
    }
    let size =
        Size::new(u32::from(u16::from_be_bytes([w1, w0])), u32::from(u16::from_be_bytes([h1, h0])));
    let size = size.ok_or(JpegStreamError::Frame)?;
    let sampling: Vec<(u8, u8)> =
        components.chunks_exact(3).map(|one| (one[1] >> 4, one[1] & 15)).collect();
    if sampling.iter().any(|&(across, down)| !(1..=4).contains(&across) || !(1..=4).contains(&down))
    {
        return Err(JpegStreamError::Frame);
    }
    let subsampling = match sampling[..] {
        [_] => Some(Subsampling::Gray),
        [first, second, third] if second == third && second == (1, 1) => match first {
            (1, 1) => Some(Subsampling::Full),
            (2, 1) => Some(Subsampling::HalfWidth),
            (2, 2) => Some(Subsampling::Quarter),
            _ => None,
        },
        _ => None,
    };
    // A single component is not interleaved. Its MCU is one block, regardless of its sampling.
    let most = |of: fn(&(u8, u8)) -> u8| 8 * u32::from(sampling.iter().map(of).max().unwrap_or(1));
    let mcu = if expected == 1 {
        Size::new(8, 8)
    } else {
        Size::new(most(|one| one.0), most(|one| one.1))
    };
    Ok(Frame { size, subsampling, mcu: mcu.ok_or(JpegStreamError::Frame)? })
}

#[cfg(test)]
mod tests {
    use turbojpeg::{Image, PixelFormat, Subsamp};

    use super::super::segments::START_OF_SCAN;
    use super::*;

    fn tile() -> Size {
        Size::new(32, 16).unwrap()
    }

    fn encoded(subsamp: Subsamp) -> Vec<u8> {
        let pixels: Vec<u8> = (0_u32..32 * 16 * 3).map(|byte| (byte * 7 % 251) as u8).collect();
        let image = Image {
            pixels: &pixels[..],
            width: 32,
            pitch: 96,
            height: 16,
            format: PixelFormat::RGB,
        };
        turbojpeg::compress(image, 90, subsamp).unwrap().to_vec()
    }

    /// Returns a stream's segments before the first scan, and the rest.
    fn taken_apart(stream: &[u8]) -> (Vec<(u8, Vec<u8>)>, Vec<u8>) {
        let mut header = Header::begin(stream).unwrap();
        let mut segments = Vec::new();
        loop {
            let begin = header.position;
            let (marker, segment) = header.next_segment().unwrap();
            if marker == START_OF_SCAN {
                return (segments, stream[begin..].to_vec());
            }
            segments.push((marker, stream[segment].to_vec()));
        }
    }

    /// Returns a stream as TIFF stores it: shared tables, and the rest without application markers.
    fn abbreviated(stream: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let (segments, scans) = taken_apart(stream);
        let (mut tables, mut own) = (START_OF_IMAGE.to_vec(), START_OF_IMAGE.to_vec());
        for (marker, segment) in segments {
            match kind(marker) {
                Kind::Table => tables.extend(segment),
                Kind::Frame => own.extend(segment),
                _ => {}
            }
        }
        tables.extend(END_OF_IMAGE);
        own.extend(scans);
        (tables, own)
    }

    #[test]
    fn splice_preserves_pixels_and_scans() {
        for (subsamp, expected, mcu) in [
            (Subsamp::None, Some(Subsampling::Full), (8, 8)),
            (Subsamp::Sub2x1, Some(Subsampling::HalfWidth), (16, 8)),
            (Subsamp::Sub2x2, Some(Subsampling::Quarter), (16, 16)),
            (Subsamp::Sub1x2, None, (8, 16)),
        ] {
            let whole = encoded(subsamp);
            let (tables, own) = abbreviated(&whole);
            let tables = JpegTables::parse(&tables).unwrap();
            let mut spliced = b"left over".to_vec();
            let frame = tables.splice(TileColor::YCbCr, tile(), &own, &mut spliced).unwrap();
            assert_eq!(
                frame,
                Frame {
                    size: tile(),
                    subsampling: expected,
                    mcu: Size::new(mcu.0, mcu.1).unwrap()
                }
            );
            let decode =
                |jpeg: &[u8]| turbojpeg::decompress(jpeg, PixelFormat::RGB).unwrap().pixels;
            assert_eq!(decode(&spliced), decode(&whole));
            assert_eq!(taken_apart(&spliced).1, taken_apart(&whole).1);

            // Padding after the end, and application markers that could contradict the TIFF, are
            // dropped.
            let mut padded = whole.clone();
            padded.extend([0, 0, 0]);
            let mut again = Vec::new();
            JpegTables::default().splice(TileColor::Rgb, tile(), &padded, &mut again).unwrap();
            assert!(again.ends_with(&END_OF_IMAGE));
            let (segments, _) = taken_apart(&again);
            let application: Vec<_> =
                segments.iter().filter(|one| matches!(kind(one.0), Kind::Application)).collect();
            assert_eq!(application, [&(0xee, TileColor::Rgb.adobe_segment().to_vec())]);
            let header = turbojpeg::read_header(&again).unwrap();
            assert_eq!(header.colorspace, turbojpeg::Colorspace::RGB);
        }
    }

    #[test]
    fn splice_drops_comments_and_trailing_data() {
        let secret = b"PATIENT NAME: J. DOE";
        let comment = [&[0xff, 0xfe, 0, 22][..], secret].concat();
        let whole = encoded(Subsamp::None);
        let (segments, scans) = taken_apart(&whole);
        let mut stream = START_OF_IMAGE.to_vec();
        stream.extend(&comment);
        stream.extend(segments.iter().flat_map(|(_, segment)| segment));
        stream.extend(&scans[..scans.len() - 2]);
        stream.extend(&comment);
        stream.extend(END_OF_IMAGE);
        stream.extend(secret);
        stream.extend(END_OF_IMAGE);
        let (mut clean, mut found) = (Vec::new(), Vec::new());
        JpegTables::default().splice(TileColor::YCbCr, tile(), &whole, &mut clean).unwrap();
        JpegTables::default().splice(TileColor::YCbCr, tile(), &stream, &mut found).unwrap();
        assert!(found == clean);
        assert!(!found.windows(secret.len()).any(|window| window == secret));
    }

    #[test]
    fn skips_restart_intervals_in_shared_tables() {
        let interval = [0xff, 0xdd, 0, 4, 0, 1];
        let stream = [&START_OF_IMAGE[..], &interval, &END_OF_IMAGE].concat();
        assert_eq!(JpegTables::parse(&stream).unwrap(), JpegTables::default());
    }

    #[test]
    fn rejects_streams_that_contradict_the_tiff() {
        let whole = encoded(Subsamp::None);
        let splice = |color, size, stream: &[u8]| {
            JpegTables::default().splice(color, size, stream, &mut Vec::new()).unwrap_err()
        };
        let other = Size::new(16, 32).unwrap();
        assert_eq!(
            splice(TileColor::YCbCr, other, &whole),
            JpegStreamError::Dimensions { expected: other, found: tile() }
        );
        assert_eq!(
            splice(TileColor::Gray, tile(), &whole),
            JpegStreamError::Components { expected: 1, found: 3 }
        );
        assert_eq!(splice(TileColor::Rgb, tile(), b"II*\0"), JpegStreamError::Start);
        assert_eq!(splice(TileColor::Rgb, tile(), &whole[..60]), JpegStreamError::CutShort);
        let (segments, scans) = taken_apart(&whole);
        // Every scan costs a pass over the tile.
        let scan = &scans[..scans.len() - 2];
        let mut many = START_OF_IMAGE.to_vec();
        many.extend(segments.iter().flat_map(|(_, segment)| segment));
        many.extend(scan.repeat(MAX_SCANS + 1));
        many.extend(END_OF_IMAGE);
        assert_eq!(
            splice(TileColor::YCbCr, tile(), &many),
            JpegStreamError::Scans { most: MAX_SCANS }
        );
        // Browsers do not support arithmetic coding.
        let frame = whole.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
        let mut arithmetic = whole.clone();
        arithmetic[frame + 1] = 0xc9;
        assert_eq!(
            splice(TileColor::YCbCr, tile(), &arithmetic),
            JpegStreamError::Marker { marker: 0xc9 }
        );
        assert_eq!(
            splice(TileColor::YCbCr, tile(), &whole[..whole.len() - 2]),
            JpegStreamError::CutShort
        );
        let headless = [&START_OF_IMAGE[..], &scans].concat();
        assert_eq!(
            splice(TileColor::Rgb, tile(), &headless),
            JpegStreamError::Frames { frames: 0 }
        );
        assert!(JpegTables::parse(&whole).is_err());
    }
}
