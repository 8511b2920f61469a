//! Checks the files of tiles: size, end, and whether they can be decoded.
//!
//! A JPEG is decoded at an eighth of its size, which reads all of its data, and a PNG row by row. A
//! WebP has to be decoded in memory, so its size is limited. The files are not trusted, so the WebP
//! decoder is one in Rust.

use std::cmp::Ordering;
use std::io::Cursor;

use image_webp::WebPDecoder;
use turbojpeg::{Decompressor, Image, PixelFormat, ScalingFactor};

use crate::geometry::Size;

/// The formats of tiles that can be checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TileFileFormat {
    Jpeg,
    Png,
    WebP,
}

/// The maximum number of pixels of a WebP that is decoded, which takes 500 MB: 8192², the largest
/// tile size without overlap.
const MAX_WEBP_PIXELS: u64 = 1 << 26;

impl TileFileFormat {
    pub fn of_extension(extension: &str) -> Option<Self> {
        match extension {
            "jpeg" | "jpg" => Some(Self::Jpeg),
            "png" => Some(Self::Png),
            "webp" => Some(Self::WebP),
            _ => None,
        }
    }

    /// Returns the size of the image from its header.
    ///
    /// # Errors
    /// A message if the header is invalid.
    pub fn size(self, contents: &[u8]) -> Result<Size, String> {
        let size = match self {
            Self::Jpeg => {
                let header = turbojpeg::read_header(contents).map_err(|error| error.to_string())?;
                Size::new(header.width as u32, header.height as u32)
            }
            Self::Png => {
                let reader = png_reader(contents)?;
                Size::new(reader.info().width, reader.info().height)
            }
            Self::WebP => {
                let (width, height) = webp_decoder(contents)?.dimensions();
                Size::new(width, height)
            }
        };
        size.ok_or_else(|| "the image is empty".to_owned())
    }

    /// Checks that the file ends as its format requires. A truncated file does not.
    pub fn check_end(self, contents: &[u8]) -> Result<(), String> {
        let end: &[u8] = match self {
            Self::Jpeg => &[0xff, 0xd9],
            Self::Png => b"\0\0\0\0IEND\xae\x42\x60\x82",
            // A WebP file states its length in its header.
            Self::WebP => return check_webp_length(contents),
        };
        if contents.ends_with(end) { Ok(()) } else { Err("truncated".to_owned()) }
    }

    /// Decodes the whole file. Warnings of the decoder count as damage.
    pub fn decode(self, contents: &[u8]) -> Result<(), String> {
        match self {
            Self::Jpeg => decode_jpeg(contents).map_err(|error| error.to_string()),
            Self::Png => {
                let mut reader = png_reader(contents)?;
                while reader.next_row().map_err(|error| error.to_string())?.is_some() {}
                self.check_end(contents)
            }
            Self::WebP => decode_webp(contents),
        }
    }
}

fn webp_decoder(contents: &[u8]) -> Result<WebPDecoder<Cursor<&[u8]>>, String> {
    WebPDecoder::new(Cursor::new(contents)).map_err(|error| error.to_string())
}

/// Checks the length in the header (RFC 9649, 2.4): `RIFF`, then the number of bytes that follow.
fn check_webp_length(contents: &[u8]) -> Result<(), String> {
    let &[b'R', b'I', b'F', b'F', b0, b1, b2, b3, ref rest @ ..] = contents else {
        return Err("not a RIFF file".to_owned());
    };
    match (rest.len() as u64).cmp(&u64::from(u32::from_le_bytes([b0, b1, b2, b3]))) {
        Ordering::Less => Err("truncated".to_owned()),
        Ordering::Equal => Ok(()),
        Ordering::Greater => Err("longer than its header says".to_owned()),
    }
}

fn decode_webp(contents: &[u8]) -> Result<(), String> {
    let mut decoder = webp_decoder(contents)?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_WEBP_PIXELS {
        return Err(format!("{width}×{height} pixels are too many to check"));
    }
    let bytes = decoder.output_buffer_size().ok_or("the image has an impossible size")?;
    decoder.read_image(&mut vec![0; bytes]).map_err(|error| error.to_string())
}

fn png_reader(contents: &[u8]) -> Result<png::Reader<Cursor<&[u8]>>, String> {
    png::Decoder::new(Cursor::new(contents)).read_info().map_err(|error| error.to_string())
}

fn decode_jpeg(contents: &[u8]) -> turbojpeg::Result<()> {
    let mut decompressor = Decompressor::new()?;
    decompressor.set_scaling_factor(ScalingFactor::ONE_EIGHTH)?;
    let header = decompressor.read_header(contents)?.scaled(ScalingFactor::ONE_EIGHTH);
    let (width, height) = (header.width, header.height);
    let mut pixels = vec![0; width * height];
    let image =
        Image { pixels: &mut pixels[..], width, pitch: width, height, format: PixelFormat::GRAY };
    decompressor.decompress(contents, image)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{Quality, TileEncoder, TileFormat, WebPCompression};
    use crate::color::IccProfile;
    use crate::pixels::{Pixels, Rgb};

    fn webps() -> Vec<Vec<u8>> {
        let size = Size::new(60, 41).unwrap();
        let bytes = (0..size.area())
            .flat_map(|at| [(at * at % 251) as u8, (at % 60) as u8, (at / 60) as u8, 255]);
        let pixels = Pixels::from_bytes(size, bytes.collect()).unwrap();
        let profile = IccProfile::new(vec![7; 301]);
        let lossy = WebPCompression::Lossy { quality: Quality::default() };
        let kinds = [lossy, WebPCompression::Lossless]
            .into_iter()
            .flat_map(|one| [(one, None), (one, Some(&profile))]);
        let file = |(compression, profile)| {
            let mut encoder = TileEncoder::new(TileFormat::WebP { compression }, profile).unwrap();
            encoder.encode(pixels.view()).unwrap().to_vec()
        };
        kinds.map(file).collect()
    }

    #[test]
    fn only_a_complete_webp_is_valid() {
        let format = TileFileFormat::of_extension("webp").unwrap();
        for file in webps() {
            assert_eq!(format.size(&file), Ok(Size::new(60, 41).unwrap()));
            assert_eq!((format.check_end(&file), format.decode(&file)), (Ok(()), Ok(())));
            for length in 0..file.len() {
                let cut = &file[..length];
                assert!(format.check_end(cut).is_err(), "{length}");
                // These may succeed or fail, but must not panic.
                let _ = (format.size(cut), format.decode(cut));
            }
            let long = [&file[..], b"more"].concat();
            assert!(format.check_end(&long).is_err());
        }
    }

    /// A corrected length does not hide missing data.
    #[test]
    fn a_truncated_webp_with_a_matching_length_cannot_be_decoded() {
        for file in webps() {
            let mut cut = file[..(file.len() * 3 / 4) & !1].to_vec();
            let length = (cut.len() - 8) as u32;
            cut[4..8].copy_from_slice(&length.to_le_bytes());
            assert_eq!(TileFileFormat::WebP.check_end(&cut), Ok(()));
            assert!(TileFileFormat::WebP.decode(&cut).is_err());
        }
    }

    #[test]
    fn damaged_webps_do_no_harm() {
        for file in webps() {
            for bit in (0..file.len() * 8).step_by(3) {
                let mut damaged = file.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                let _ =
                    (TileFileFormat::WebP.size(&damaged), TileFileFormat::WebP.decode(&damaged));
            }
        }
    }

    /// A few bytes can promise gigabytes of pixels.
    #[test]
    fn a_webp_of_too_many_pixels_is_not_decoded() {
        let compression = WebPCompression::Lossy { quality: Quality::default() };
        let mut encoder = TileEncoder::new(TileFormat::WebP { compression }, None).unwrap();
        let small = Pixels::filled(Size::new(16, 16).unwrap(), Rgb::WHITE);
        let mut file = encoder.encode(small.view()).unwrap().to_vec();
        // Width and height of the `VP8 ` frame: RFC 6386, 9.1, behind the headers of file and
        // chunk, frame tag and start code.
        file[26..30].copy_from_slice(&[0xff, 0x3f, 0xff, 0x3f]);
        assert_eq!(TileFileFormat::WebP.size(&file), Ok(Size::new(16_383, 16_383).unwrap()));
        assert!(TileFileFormat::WebP.decode(&file).unwrap_err().contains("too many"));
    }
}
