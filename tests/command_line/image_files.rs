//! Small files of every format of ordinary images, for the tests that go through all of them.
//!
//! What always holds: they show the fixtures' picture, [`pixel`], exactly where the format loses nothing. JPEG 2000 is a file beside this one, made of the same
//! picture by OpenJPEG's `opj_compress -t 32,32 -n 3`, as writing it takes that library's C interface.

use std::path::Path;

use slidezoom_fixtures::image::{
    ImageBuilder, ImageColour, ImageFormat, JpegCoding, RowOrder, Samples, StripCompression, pixel,
};
use slidezoom_fixtures::{ByteOrder, Container, Field, Subsampling, TiffWriter, Values};

/// The size of the one JPEG 2000 file.
pub const JPEG_2000_SIZE: (u32, u32) = (70, 50);

/// A file's name, how `slidezoom info` describes it, and its bytes.
pub struct ImageFile {
    pub name: &'static str,
    pub reader: &'static str,
    pub bytes: Vec<u8>,
}

/// One of each; all but `tissue.jp2` are of this size.
pub fn every_format(size: (u32, u32)) -> Vec<ImageFile> {
    let jpeg = |coding| ImageFormat::Jpeg { coding, subsampling: Subsampling::Quarter, quality: 80 };
    let strips =
        |compression, byte_order| ImageFormat::Tiff { compression, strip_rows: Some(17), container: None, byte_order };
    let built = [
        ("rows.png", "PNG (8-bit RGB)", ImageFormat::Png(RowOrder::Sequential)),
        ("passes.png", "PNG (8-bit RGB, interlaced)", ImageFormat::Png(RowOrder::Adam7)),
        ("baseline.jpg", "JPEG (8-bit RGB, baseline, 4:2:0)", jpeg(JpegCoding::Baseline)),
        ("progressive.jpg", "JPEG (8-bit RGB, progressive, 4:2:0)", jpeg(JpegCoding::Progressive)),
        ("plain.tif", "TIFF (8-bit RGB, ", strips(StripCompression::None, ByteOrder::Little)),
        ("lzw.tif", "TIFF (8-bit RGB, LZW strips", strips(StripCompression::Lzw, ByteOrder::Big)),
        ("deflate.tif", "TIFF (8-bit RGB, Deflate strips", strips(StripCompression::Deflate, ByteOrder::Little)),
        ("rows.ppm", "PNM (8-bit RGB, PPM)", ImageFormat::Pnm),
    ];
    let mut files: Vec<ImageFile> = built
        .into_iter()
        .map(|(name, reader, format)| ImageFile { name, reader, bytes: built_bytes(size, format, Samples::default()) })
        .collect();
    files.extend([
        ImageFile { name: "deep.tif", reader: "TIFF (16-bit RGB, ", bytes: deep_tiles(size) },
        ImageFile { name: "rows.bmp", reader: "BMP (8-bit RGB", bytes: bitmap(size) },
        ImageFile { name: "lossless.webp", reader: "WebP (8-bit RGB", bytes: webp(size) },
        ImageFile {
            name: "tissue.jp2",
            reader: "JPEG 2000 (8-bit RGB, tiles of 32×32)",
            bytes: include_bytes!("image_files/tissue.jp2").to_vec(),
        },
    ]);
    files
}

/// The bytes of a file that the fixtures write.
pub fn built_bytes((width, height): (u32, u32), format: ImageFormat, samples: Samples) -> Vec<u8> {
    written(|path| {
        ImageBuilder::new(width, height, format).samples(samples).write(path).unwrap();
    })
}

/// The bytes of a file that is written to a path.
fn written(write: impl FnOnce(&Path)) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image");
    write(&path);
    std::fs::read(path).unwrap()
}

fn rgb((width, height): (u32, u32)) -> Vec<u8> {
    (0..height).flat_map(|y| (0..width).flat_map(move |x| pixel(x, y))).collect()
}

fn webp((width, height): (u32, u32)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let encoder = image_webp::WebPEncoder::new(&mut bytes);
    encoder.encode(&rgb((width, height)), width, height, image_webp::ColorType::Rgb8).unwrap();
    bytes
}

/// By Microsoft's documentation of `BITMAPFILEHEADER` and `BITMAPINFOHEADER`: blue, green and red, the last row first, rows of whole words.
fn bitmap((width, height): (u32, u32)) -> Vec<u8> {
    let stride = (3 * width).next_multiple_of(4);
    let mut bytes = b"BM".to_vec();
    for number in [54 + stride * height, 0, 54, 40, width, height, 24 << 16 | 1, 0, 0, 0, 0, 0, 0] {
        bytes.extend(number.to_le_bytes());
    }
    for y in (0..height).rev() {
        let end = bytes.len() + stride as usize;
        bytes.extend((0..width).flat_map(|x| pixel(x, y).into_iter().rev()));
        bytes.resize(end, 0);
    }
    bytes
}

/// A TIFF entry.
pub fn field(tag: u16, values: Values) -> Field {
    Field { tag, values }
}

/// TIFF in uncompressed tiles of 64×64 with the fixtures' samples of 16 bits.
fn deep_tiles((width, height): (u32, u32)) -> Vec<u8> {
    const SIDE: u32 = 64;
    let samples = Samples::new(ImageColour::Rgb, 16).unwrap();
    written(|path| {
        let mut writer = TiffWriter::create(path, Container::Classic, ByteOrder::Little).unwrap();
        let (mut offsets, mut lengths) = (Vec::new(), Vec::new());
        for (top, left) in (0..height).step_by(64).flat_map(|y| (0..width).step_by(64).map(move |x| (y, x))) {
            let places = (top..top + SIDE).flat_map(|y| (left..left + SIDE).map(move |x| (x, y)));
            let of_pixel = |(x, y)| samples.at(x, y).into_iter().take(3).flat_map(u16::to_le_bytes);
            let tile: Vec<u8> = places.flat_map(of_pixel).collect();
            offsets.push(writer.append(&tile).unwrap());
            lengths.push(tile.len() as u32);
        }
        let fields = vec![
            field(256, Values::Long(vec![width])),
            field(257, Values::Long(vec![height])),
            field(258, Values::Short(vec![16; 3])),
            field(259, Values::Short(vec![1])),
            field(262, Values::Short(vec![2])),
            field(277, Values::Short(vec![3])),
            field(322, Values::Long(vec![SIDE])),
            field(323, Values::Long(vec![SIDE])),
            field(324, Values::Offsets(offsets)),
            field(325, Values::Long(lengths)),
        ];
        writer.directory(fields).unwrap();
        writer.finish().unwrap();
    })
}
