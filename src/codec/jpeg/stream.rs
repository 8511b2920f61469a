//! A native tile's JPEG stream, made to stand on its own.
//!
//! TIFF keeps the tables that all tiles share in one tag, and says in another what the colors mean; a tile's stream is
//! often without both. [`JpegTables::splice`] puts them in, and takes out the markers that could say otherwise. What always holds: the
//! frame, the tables and the scans are the file's own bytes, untouched; what comes out decodes to the same colors in every decoder; and
//! nothing else comes out, no comment, no application's data and nothing that stands behind the end of the image, where a name could.

use crate::codec::Subsampling;
use crate::geometry::Size;

use super::scans::Scans;
use super::segments::{END_OF_IMAGE, Header, Kind, RESTART_INTERVAL, START_OF_IMAGE, kind};

/// What the numbers of a tile's pixels mean, as the TIFF says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TileColor {
    /// Brightness alone.
    Gray,
    /// Red, green and blue without a transform, as Aperio writes.
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

    /// Adobe's APP14 segment, which tells every decoder whether three components are RGB (transform 0) or YCbCr (1).
    /// From Adobe's Technical Note 5116, as libjpeg writes it. One component needs none.
    const fn adobe_segment(self) -> &'static [u8] {
        match self {
            Self::Gray => &[],
            Self::Rgb => b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00",
            Self::YCbCr => b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x01",
        }
    }
}

/// What a native tile's frame header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub size: Size,
    /// `None` where chroma is stored in a way that [`Subsampling`] has no word for.
    pub subsampling: Option<Subsampling>,
    /// Pixels from one MCU to the next: a crop inside it cuts through blocks.
    pub mcu: Size,
}

/// Why a tile's stream is no JPEG that can be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JpegStreamError {
    /// It does not begin with a JPEG's first two bytes.
    #[error("its data does not begin as a JPEG")]
    Start,
    /// It ends before the end of the image.
    #[error("its JPEG data is cut short")]
    CutShort,
    /// A marker stands where it cannot.
    #[error("its JPEG header has an unexpected marker, {marker:#04x}")]
    Marker {
        /// The marker's second byte.
        marker: u8,
    },
    /// No frame header comes before the first scan, or more than one.
    #[error("its JPEG header has {frames} frames")]
    Frames {
        /// How many there are.
        frames: usize,
    },
    /// The frame is not of 8-bit samples, or has impossible measures.
    #[error("its JPEG frame header makes no sense")]
    Frame,
    /// The frame has another number of components than the TIFF says.
    #[error("its JPEG frame has {found} components where the file says {expected}")]
    Components {
        /// How many the color needs.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// There are more scans than any encoder makes: each costs a pass over the whole tile, and a small file could hold a million.
    #[error("its JPEG data has more than {most} scans")]
    Scans {
        /// How many are read.
        most: usize,
    },
    /// Scans do not come that would bring the rest of the picture, which decoders show blurred or without color then.
    #[error("some of its JPEG scans are missing")]
    MissingScans,
    /// The frame is not as large as the TIFF says its tiles are.
    #[error("its JPEG frame is of {found} pixels where the file says {expected}")]
    Dimensions {
        /// What the TIFF says.
        expected: Size,
        /// What the frame says.
        found: Size,
    },
}

/// Encoders make a dozen scans of a progressive picture.
const SCANS_AT_MOST: usize = 100;

/// The tables that all tiles of a level share, ready to be put before a tile's own segments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct JpegTables {
    segments: Vec<u8>,
}

impl JpegTables {
    /// Takes the TIFF's tag 347: a JPEG stream of tables only. What is no table in it is left out, and so is a restart interval: decoders that read
    /// the tables as a stream of their own, as libtiff and OpenSlide do, forget it at the tile's beginning.
    pub fn parse(stream: &[u8]) -> Result<Self, JpegStreamError> {
        let mut segments = Vec::new();
        let mut header = Header::begin(stream)?;
        while !header.rest().starts_with(&END_OF_IMAGE) && !header.rest().is_empty() {
            let (marker, segment) = header.next_segment()?;
            match kind(marker) {
                Kind::Table if marker != RESTART_INTERVAL => segments.extend_from_slice(&stream[segment]),
                Kind::Table | Kind::Application => {}
                Kind::Frame | Kind::Scan | Kind::Other => return Err(JpegStreamError::Marker { marker }),
            }
        }
        Ok(Self { segments })
    }

    /// Makes a JPEG file of a tile's stream in `output`, which is emptied before.
    ///
    /// # Errors
    /// [`JpegStreamError`] where the header is no JPEG's, or does not fit `color` and `tile`.
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
                // What follows, padding or anything else, is no part of the picture.
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
                    if scans > SCANS_AT_MOST {
                        return Err(JpegStreamError::Scans { most: SCANS_AT_MOST });
                    }
                    sent.add(&stream[segment.clone()]);
                    let end = header.skip_entropy_coded_data();
                    output.extend_from_slice(&stream[segment.start..end]);
                }
                Kind::Other => return Err(JpegStreamError::Marker { marker }),
            }
        }
        let [frame] = &frames[..] else { return Err(JpegStreamError::Frames { frames: frames.len() }) };
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
    let size = Size::new(u32::from(u16::from_be_bytes([w1, w0])), u32::from(u16::from_be_bytes([h1, h0])));
    let size = size.ok_or(JpegStreamError::Frame)?;
    let sampling: Vec<(u8, u8)> = components.chunks_exact(3).map(|one| (one[1] >> 4, one[1] & 15)).collect();
    if sampling.iter().any(|&(across, down)| !(1..=4).contains(&across) || !(1..=4).contains(&down)) {
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
    // A single component is not interleaved: its MCU is one block, whatever its sampling says.
    let most = |of: fn(&(u8, u8)) -> u8| 8 * u32::from(sampling.iter().map(of).max().unwrap_or(1));
    let mcu = if expected == 1 { Size::new(8, 8) } else { Size::new(most(|one| one.0), most(|one| one.1)) };
    Ok(Frame { size, subsampling, mcu: mcu.ok_or(JpegStreamError::Frame)? })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use turbojpeg::{Image, PixelFormat, Subsamp};

    use super::super::segments::START_OF_SCAN;
    use super::*;

    fn tile() -> Size {
        Size::new(32, 16).unwrap()
    }

    fn encoded(subsamp: Subsamp) -> Vec<u8> {
        let pixels: Vec<u8> = (0_u32..32 * 16 * 3).map(|byte| (byte * 7 % 251) as u8).collect();
        let image = Image { pixels: &pixels[..], width: 32, pitch: 96, height: 16, format: PixelFormat::RGB };
        turbojpeg::compress(image, 90, subsamp).unwrap().to_vec()
    }

    /// A stream's segments up to the first scan, and the rest.
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

    /// The stream as TIFF keeps it: tables apart, no application markers.
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
    fn a_spliced_tile_is_the_same_picture_with_the_same_scan() {
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
            assert_eq!(frame, Frame { size: tile(), subsampling: expected, mcu: Size::new(mcu.0, mcu.1).unwrap() });
            let decode = |jpeg: &[u8]| turbojpeg::decompress(jpeg, PixelFormat::RGB).unwrap().pixels;
            assert_eq!(decode(&spliced), decode(&whole));
            assert_eq!(taken_apart(&spliced).1, taken_apart(&whole).1);

            // Padding after the end goes; the application markers of a whole file go too, so that nothing contradicts the TIFF.
            let mut padded = whole.clone();
            padded.extend([0, 0, 0]);
            let mut again = Vec::new();
            JpegTables::default().splice(TileColor::Rgb, tile(), &padded, &mut again).unwrap();
            assert!(again.ends_with(&END_OF_IMAGE));
            let (segments, _) = taken_apart(&again);
            let application: Vec<_> = segments.iter().filter(|one| matches!(kind(one.0), Kind::Application)).collect();
            assert_eq!(application, [&(0xee, TileColor::Rgb.adobe_segment().to_vec())]);
            let header = turbojpeg::read_header(&again).unwrap();
            assert_eq!(header.colorspace, turbojpeg::Colorspace::RGB);
        }
    }

    #[test]
    fn nothing_comes_along_that_is_no_part_of_the_picture() {
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
    fn a_restart_interval_among_the_shared_tables_is_left_out() {
        let interval = [0xff, 0xdd, 0, 4, 0, 1];
        let stream = [&START_OF_IMAGE[..], &interval, &END_OF_IMAGE].concat();
        assert_eq!(JpegTables::parse(&stream).unwrap(), JpegTables::default());
    }

    #[test]
    fn what_does_not_fit_the_tiff_is_refused() {
        let whole = encoded(Subsamp::None);
        let splice = |color, size, stream: &[u8]| {
            JpegTables::default().splice(color, size, stream, &mut Vec::new()).unwrap_err()
        };
        let other = Size::new(16, 32).unwrap();
        assert_eq!(
            splice(TileColor::YCbCr, other, &whole),
            JpegStreamError::Dimensions { expected: other, found: tile() }
        );
        assert_eq!(splice(TileColor::Gray, tile(), &whole), JpegStreamError::Components { expected: 1, found: 3 });
        assert_eq!(splice(TileColor::Rgb, tile(), b"II*\0"), JpegStreamError::Start);
        assert_eq!(splice(TileColor::Rgb, tile(), &whole[..60]), JpegStreamError::CutShort);
        let (segments, scans) = taken_apart(&whole);
        // Every scan is a pass over the tile.
        let scan = &scans[..scans.len() - 2];
        let mut many = START_OF_IMAGE.to_vec();
        many.extend(segments.iter().flat_map(|(_, segment)| segment));
        many.extend(scan.repeat(SCANS_AT_MOST + 1));
        many.extend(END_OF_IMAGE);
        assert_eq!(splice(TileColor::YCbCr, tile(), &many), JpegStreamError::Scans { most: SCANS_AT_MOST });
        // Arithmetic coding, which no browser shows.
        let frame = whole.windows(2).position(|pair| pair == [0xff, 0xc0]).unwrap();
        let mut arithmetic = whole.clone();
        arithmetic[frame + 1] = 0xc9;
        assert_eq!(splice(TileColor::YCbCr, tile(), &arithmetic), JpegStreamError::Marker { marker: 0xc9 });
        assert_eq!(splice(TileColor::YCbCr, tile(), &whole[..whole.len() - 2]), JpegStreamError::CutShort);
        let headless = [&START_OF_IMAGE[..], &scans].concat();
        assert_eq!(splice(TileColor::Rgb, tile(), &headless), JpegStreamError::Frames { frames: 0 });
        assert!(JpegTables::parse(&whole).is_err());
    }

    proptest! {
        #[test]
        fn no_stream_makes_it_panic(
            change in prop::collection::vec((0_usize..700, any::<u8>()), 0..8),
            cut in 0_usize..2000,
        ) {
            let mut stream = encoded(Subsamp::Sub2x2);
            for (place, value) in change {
                let place = place % stream.len();
                stream[place] = value;
            }
            stream.truncate(cut.max(1));
            let _ = JpegTables::parse(&stream);
            let _ = JpegTables::default().splice(TileColor::YCbCr, tile(), &stream, &mut Vec::new());
        }
    }
}
