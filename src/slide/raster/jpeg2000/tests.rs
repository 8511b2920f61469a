#![expect(clippy::cast_sign_loss, clippy::cast_possible_wrap, reason = "numbers are small and above 0")]

use std::ffi::{c_int, c_void};

use openjpeg_sys::{
    CODEC_FORMAT, COLOR_SPACE, OPJ_SIZE_T, opj_cparameters_t, opj_create_compress, opj_destroy_codec, opj_encode,
    opj_encoder_set_extra_options, opj_end_compress, opj_image_cmptparm_t, opj_image_create, opj_image_destroy,
    opj_set_default_encoder_parameters, opj_setup_encoder, opj_start_compress, opj_stream_create, opj_stream_destroy,
    opj_stream_set_seek_function, opj_stream_set_skip_function, opj_stream_set_user_data,
    opj_stream_set_write_function,
};
use slidezoom_fixtures::Random;

use super::super::samples::{Alpha, ByteOrder, Channels, SampleType};
use super::*;

/// What is to be encoded.
#[derive(Clone)]
struct Encoding {
    size: (u32, u32),
    /// Where the picture begins on the reference grid.
    origin: (u32, u32),
    tile: Option<(u32, u32)>,
    components: usize,
    bits: u32,
    signed: bool,
    step: u32,
    lossy: bool,
    resolutions: c_int,
}

impl Encoding {
    fn new(width: u32, height: u32, components: usize, bits: u32) -> Self {
        let (origin, step) = ((0, 0), 1);
        Self {
            size: (width, height),
            origin,
            tile: None,
            components,
            bits,
            signed: false,
            step,
            lossy: false,
            resolutions: 3,
        }
    }

    fn tiled(self, width: u32, height: u32) -> Self {
        Self { tile: Some((width, height)), ..self }
    }

    /// Numbers that are neither flat nor noise, a component after the other.
    fn samples(&self) -> Vec<Vec<i32>> {
        let (width, height) = (self.size.0.div_ceil(self.step), self.size.1.div_ceil(self.step));
        let mut random = Random::new(u64::from(self.bits));
        let largest = (1 << self.bits) - 1;
        let mut plane = |component: u32| -> Vec<i32> {
            let pixels = (0..height).flat_map(|y| (0..width).map(move |x| x * (3 + component) + y * 5));
            pixels.map(|number| ((number << self.bits >> 9) as i32 + random.below(3) as i32) & largest).collect()
        };
        (0..self.components as u32).map(&mut plane).collect()
    }

    /// OpenJPEG's own encoding of the numbers.
    #[expect(unsafe_code, reason = "OpenJPEG is a C library")]
    fn encode(&self, samples: &[Vec<i32>]) -> Vec<u8> {
        let mut file = Written { bytes: Vec::new(), position: 0 };
        // SAFETY: all structures are plain numbers, all zeros valid, and filled in as OpenJPEG asks; each component has as many numbers as are copied to it; the
        // user data lives until the stream is gone, and is what the functions take it for.
        unsafe {
            let mut parameters: opj_cparameters_t = std::mem::zeroed();
            opj_set_default_encoder_parameters(&raw mut parameters);
            parameters.numresolution = self.resolutions;
            parameters.tcp_numlayers = 1;
            parameters.cp_disto_alloc = 1;
            parameters.tcp_rates[0] = if self.lossy { 8.0 } else { 0.0 };
            parameters.irreversible = c_int::from(self.lossy);
            parameters.tcp_mct = (self.components >= 3 && self.step == 1).into();
            if let Some((width, height)) = self.tile {
                parameters.tile_size_on = 1;
                (parameters.cp_tdx, parameters.cp_tdy) = (width as c_int, height as c_int);
            }
            let mut component: opj_image_cmptparm_t = std::mem::zeroed();
            (component.dx, component.dy) = (self.step, self.step);
            (component.w, component.h) = (self.size.0.div_ceil(self.step), self.size.1.div_ceil(self.step));
            (component.x0, component.y0) = self.origin;
            (component.prec, component.bpp, component.sgnd) = (self.bits, self.bits, self.signed.into());
            let mut components = vec![component; self.components];
            let image =
                opj_image_create(self.components as u32, components.as_mut_ptr(), COLOR_SPACE::OPJ_CLRSPC_UNSPECIFIED);
            ((*image).x0, (*image).y0) = self.origin;
            ((*image).x1, (*image).y1) = (self.origin.0 + self.size.0, self.origin.1 + self.size.1);
            for (at, samples) in samples.iter().enumerate() {
                let data = (*(*image).comps.add(at)).data;
                samples.as_ptr().copy_to_nonoverlapping(data, samples.len());
            }
            let codec = opj_create_compress(CODEC_FORMAT::OPJ_CODEC_J2K);
            assert_ne!(opj_setup_encoder(codec, &raw mut parameters, image), 0);
            let tile_lengths = c"TLM=YES".as_ptr();
            assert_ne!(opj_encoder_set_extra_options(codec, [tile_lengths, std::ptr::null()].as_ptr()), 0);
            let stream = opj_stream_create(1 << 16, 0);
            opj_stream_set_user_data(stream, (&raw mut file).cast(), None);
            opj_stream_set_write_function(stream, Some(write));
            opj_stream_set_skip_function(stream, Some(skip));
            opj_stream_set_seek_function(stream, Some(seek));
            assert_ne!(opj_start_compress(codec, image, stream), 0);
            assert_ne!(opj_encode(codec, stream), 0);
            assert_ne!(opj_end_compress(codec, stream), 0);
            opj_stream_destroy(stream);
            opj_destroy_codec(codec);
            opj_image_destroy(image);
        }
        file.bytes
    }

    /// Numbers, and their code stream.
    fn made(&self) -> (Vec<Vec<i32>>, Vec<u8>) {
        let samples = self.samples();
        let file = self.encode(&samples);
        (samples, file)
    }

    /// What the rows of these numbers are to be.
    fn rows(&self, samples: &[Vec<i32>]) -> Vec<u8> {
        let most = if self.bits <= 8 { 255.0 } else { 65_535.0 };
        let largest = f64::from((1 << self.bits) - 1);
        let scaled = |number: i32| (f64::from(number) * most / largest).round() as u16;
        let pixels = (0..samples[0].len()).flat_map(|at| samples.iter().map(move |plane| scaled(plane[at])));
        if self.bits <= 8 {
            pixels.map(|sample| sample as u8).collect()
        } else {
            pixels.flat_map(u16::to_le_bytes).collect()
        }
    }
}

/// A file that is being written.
struct Written {
    bytes: Vec<u8>,
    position: usize,
}

#[expect(unsafe_code, reason = "OpenJPEG calls it")]
unsafe extern "C" fn write(part: *mut c_void, length: OPJ_SIZE_T, file: *mut c_void) -> OPJ_SIZE_T {
    // SAFETY: OpenJPEG hands over `length` bytes, and the file of `encode`.
    let (file, part) = unsafe { (&mut *file.cast::<Written>(), std::slice::from_raw_parts(part.cast::<u8>(), length)) };
    let end = file.position + length;
    file.bytes.resize(file.bytes.len().max(end), 0);
    file.bytes[file.position..end].copy_from_slice(part);
    file.position = end;
    length
}

#[expect(unsafe_code, reason = "OpenJPEG calls it")]
unsafe extern "C" fn skip(length: i64, file: *mut c_void) -> i64 {
    // SAFETY: it is the file of `encode`.
    unsafe { (*file.cast::<Written>()).position += length as usize };
    length
}

#[expect(unsafe_code, reason = "OpenJPEG calls it")]
unsafe extern "C" fn seek(position: i64, file: *mut c_void) -> c_int {
    // SAFETY: it is the file of `encode`.
    unsafe { (*file.cast::<Written>()).position = position as usize };
    1
}

fn opened(file: &[u8]) -> Result<(ImageHeader, Decoder), ImageError> {
    open_stored(Stored::Memory(file.to_vec()))
}

fn buffer(header: &ImageHeader, size: Size) -> Vec<u8> {
    vec![0; header.samples.row_bytes(size.width()) * size.height() as usize]
}

/// A level's pixels, in regions of so many pixels.
fn read_level(header: &ImageHeader, image: &dyn TiledImage, level: usize, step: Size) -> Result<Vec<u8>, ImageError> {
    let size = if level == 0 { header.size } else { image.smaller_levels()[level - 1] };
    let mut all = buffer(header, size);
    let pixel_bytes = header.samples.row_bytes(1);
    for y in (0..size.height()).step_by(step.height() as usize) {
        for x in (0..size.width()).step_by(step.width() as usize) {
            let columns = x..(x + step.width()).min(size.width());
            let region = Rect::spanning(columns, y..(y + step.height()).min(size.height())).unwrap();
            let mut part = buffer(header, region.size());
            image.read(level, region, &mut part)?;
            let row_bytes = header.samples.row_bytes(region.size().width());
            for (row, at) in part.chunks(row_bytes).zip(y as usize..) {
                let at = (at * size.width() as usize + x as usize) * pixel_bytes;
                all[at..at + row_bytes].copy_from_slice(row);
            }
        }
    }
    Ok(all)
}

/// A picture's header and rows, however it is decoded.
fn decoded(file: &[u8]) -> Result<(ImageHeader, Vec<u8>), ImageError> {
    let (header, decoder) = opened(file)?;
    let rows = match decoder {
        Decoder::Tiles(image) => read_level(&header, &*image, 0, image.tile_size())?,
        Decoder::Rows(mut decoder) => {
            let mut rows = buffer(&header, header.size);
            for rows in rows.chunks_mut(7 * header.samples.row_bytes(header.size.width())) {
                decoder.decode_rows(rows)?;
            }
            decoder.finish()?;
            rows
        }
    };
    Ok((header, rows))
}

fn boxed(kind: [u8; 4], contents: &[u8]) -> Vec<u8> {
    [&(8 + contents.len() as u32).to_be_bytes()[..], &kind, contents].concat()
}

/// A code stream in a file with these boxes.
fn in_boxes(boxes: &[Vec<u8>], code_stream: &[u8]) -> Vec<u8> {
    let signature = boxed(*b"jP  ", &[0x0d, 0x0a, 0x87, 0x0a]);
    let kind = boxed(*b"ftyp", b"jp2 \0\0\0\0jp2 ");
    [signature, kind, boxed(*b"jp2h", &boxes.concat()), boxed(*b"jp2c", code_stream)].concat()
}

fn enumerated(space: u8) -> Vec<u8> {
    boxed(*b"colr", &[1, 0, 0, 0, 0, 0, space])
}

#[test]
fn numbers_of_any_bits_are_scaled_to_the_nearest() {
    for bits in 1..=16 {
        for components in 1..=4 {
            for encoding in
                [Encoding::new(67, 41, components, bits), Encoding::new(67, 41, components, bits).tiled(20, 17)]
            {
                let (samples, file) = encoding.made();
                let (header, rows) = decoded(&file).unwrap();
                assert_eq!(rows, encoding.rows(&samples), "{components} components of {bits} bits");
                let sample = if bits <= 8 { SampleType::U8 } else { SampleType::U16(ByteOrder::LittleEndian) };
                assert_eq!((header.samples.channels.count(), header.samples.sample), (components, sample));
                assert_eq!(header.coding.contains("-bit"), !matches!(bits, 8 | 16));
            }
        }
    }
}

#[test]
fn every_way_to_cut_a_picture_comes_to_the_same() {
    let whole = Encoding::new(150, 90, 3, 8);
    let (samples, _) = whole.made();
    let expected = whole.rows(&samples);
    for tile in [(64, 32), (33, 47), (150, 10), (7, 90), (5_000, 40), (148, 4_100)] {
        let file = whole.clone().tiled(tile.0, tile.1).encode(&samples);
        assert!(decoded(&file).unwrap().1 == expected, "{tile:?}");
    }
    for origin in [(1, 0), (13, 7), (63, 47)] {
        let encoding = Encoding { origin, ..whole.clone().tiled(64, 48) };
        let (header, rows) = decoded(&encoding.encode(&samples)).unwrap();
        assert!(header.size == Size::new(150, 90).unwrap() && rows == expected, "{origin:?}");
    }
    let Decoder::Tiles(image) = opened(&whole.clone().tiled(64, 32).encode(&samples)).unwrap().1 else { panic!() };
    assert_eq!(image.tile_size(), Size::new(64, 32).unwrap());
    let header = decoded(&whole.encode(&samples)).unwrap().0;
    for step in [(1, 90), (150, 1), (65, 31), (150, 90)] {
        assert!(read_level(&header, &*image, 0, Size::new(step.0, step.1).unwrap()).unwrap() == expected, "{step:?}");
    }
}

/// The low band of the 5/3 wavelet keeps a constant, and a ramp in its middle; tiles are apart from each other.
#[test]
fn smaller_levels_are_those_of_the_wavelet() {
    let encoding = Encoding { resolutions: 4, ..Encoding::new(150, 91, 1, 8).tiled(48, 36) };
    let mut samples = encoding.samples();
    for (at, number) in samples[0].iter_mut().enumerate() {
        // A grey for each tile.
        *number = (at % 150 / 48 * 60 + at / 150 / 36 * 20) as i32;
    }
    let (header, decoder) = opened(&encoding.encode(&samples)).unwrap();
    let Decoder::Tiles(image) = decoder else { panic!() };
    let sizes: Vec<Size> =
        [(75, 46), (38, 23), (19, 12)].map(|(width, height)| Size::new(width, height).unwrap()).into();
    assert_eq!(image.smaller_levels(), sizes);
    for (level, size) in sizes.iter().enumerate() {
        let halved = |start: usize| start.div_ceil(1 << (level + 1));
        let tile = |at: usize, length: usize| (0..4).rev().find(|&tile| at >= halved(tile * length)).unwrap();
        let (width, height) = (size.width() as usize, size.height() as usize);
        let expected: Vec<u8> =
            (0..width * height).map(|at| (tile(at % width, 48) * 60 + tile(at / width, 36) * 20) as u8).collect();
        assert!(read_level(&header, &*image, level + 1, image.tile_size()).unwrap() == expected, "{size}");
    }
}

#[test]
fn lossy_pictures_are_near_and_tiles_in_rows_the_same_as_tiles() {
    let encoding = Encoding { lossy: true, ..Encoding::new(128, 128, 3, 8).tiled(64, 64) };
    let mut samples = encoding.samples();
    for (number, at) in samples.iter_mut().flatten().zip(0..) {
        *number = i32::midpoint(at % 128, at / 128 % 128);
    }
    let (_, rows) = decoded(&encoding.encode(&samples)).unwrap();
    let furthest = rows.iter().zip(encoding.rows(&samples)).map(|(one, other)| one.abs_diff(other)).max();
    assert!(furthest.is_some_and(|furthest| furthest <= 6), "{furthest:?}");
}

#[test]
fn boxes_tell_colours_alpha_and_order() {
    let encoding = Encoding::new(30, 20, 4, 8);
    let (samples, code_stream) = encoding.made();
    // Alpha first, then blue, green and red.
    let definition: Vec<u8> =
        [4_u16, 0, 2, 0, 1, 0, 3, 2, 0, 2, 3, 0, 1].iter().flat_map(|number| number.to_be_bytes()).collect();
    let file = in_boxes(&[enumerated(16), boxed(*b"cdef", &definition)], &code_stream);
    let (header, rows) = decoded(&file).unwrap();
    assert_eq!(header.samples.channels, Channels::Rgba(Alpha::Premultiplied));
    let ordered = [&samples[3], &samples[2], &samples[1], &samples[0]].map(Clone::clone);
    assert_eq!(rows, encoding.rows(&ordered));
    // A channel that means nothing.
    let definition: Vec<u8> =
        [4_u16, 0, 0, 1, 1, 0, 2, 2, 0, 3, 3, 65_535, 65_535].iter().flat_map(|number| number.to_be_bytes()).collect();
    let (header, rows) = decoded(&in_boxes(&[enumerated(16), boxed(*b"cdef", &definition)], &code_stream)).unwrap();
    assert_eq!((header.samples.channels, rows), (Channels::Rgb, encoding.rows(&samples[..3])));
    let profile = boxed(*b"colr", &[&[2, 0, 0][..], b"a profile"].concat());
    let (header, rows) = decoded(&in_boxes(&[profile], &code_stream)).unwrap();
    assert_eq!(header.icc_profile.unwrap().bytes(), b"a profile");
    assert_eq!((header.samples.channels, rows), (Channels::Rgba(Alpha::Straight), encoding.rows(&samples)));
    assert!(matches!(opened(&in_boxes(&[enumerated(12)], &code_stream)), Err(ImageError::Unsupported(_))));
}

#[test]
fn palettes_are_handed_on() {
    let encoding = Encoding::new(30, 20, 1, 8);
    let (samples, code_stream) = encoding.made();
    let colours: Vec<[u8; 3]> = (0..=255).map(|number| [number, 255 - number, number / 2]).collect();
    let palette = [&[1, 0, 3, 7, 7, 7][..], colours.as_flattened()].concat();
    let mapping = [[0, 0, 1, 0], [0, 0, 1, 1], [0, 0, 1, 2]].concat();
    let file = in_boxes(&[enumerated(16), boxed(*b"pclr", &palette), boxed(*b"cmap", &mapping)], &code_stream);
    let (header, rows) = decoded(&file).unwrap();
    let expected: Vec<[u8; 4]> = colours.iter().map(|&[red, green, blue]| [red, green, blue, 255]).collect();
    assert_eq!((header.samples.channels, rows), (Channels::Palette(expected.into()), encoding.rows(&samples)));
    let file = in_boxes(&[enumerated(16), boxed(*b"pclr", &palette)], &code_stream);
    assert!(matches!(opened(&file), Err(ImageError::Malformed(_))));
}

#[test]
fn luma_and_its_differences_become_colours() {
    for bits in [8, 12] {
        let encoding = Encoding { lossy: false, ..Encoding::new(64, 64, 3, bits) };
        let (samples, code_stream) = encoding.made();
        let (header, rows) = decoded(&in_boxes(&[enumerated(18)], &code_stream)).unwrap();
        let (centre, largest) = (f64::from(1 << (bits - 1)), f64::from((1 << bits) - 1));
        let mut colours = vec![Vec::new(); 3];
        for ((&luma, &blue), &red) in samples[0].iter().zip(&samples[1]).zip(&samples[2]) {
            let [luma, blue, red] = [luma, blue, red].map(f64::from);
            let (luma, blue, red) = (luma * 1e6, blue - centre, red - centre);
            let rgb = [luma + 1_402e3 * red, luma - 344_136.0 * blue - 714_136.0 * red, luma + 1_772e3 * blue];
            for (colour, number) in colours.iter_mut().zip(rgb) {
                colour.push(((number + 5e5) / 1e6).floor().clamp(0.0, largest) as i32);
            }
        }
        assert!(header.samples.channels == Channels::Rgb && rows == encoding.rows(&colours), "{bits} bits");
    }
}

#[test]
fn what_is_not_read_is_said_before_anything_is_decoded() {
    for encoding in [
        Encoding { signed: true, ..Encoding::new(16, 16, 1, 8) },
        Encoding { step: 2, ..Encoding::new(16, 16, 3, 8) },
        Encoding::new(16, 16, 5, 8),
        Encoding::new(16, 16, 1, 17),
    ] {
        let file = encoding.encode(&encoding.samples());
        assert!(matches!(opened(&file), Err(ImageError::Unsupported(_))));
    }
}

#[test]
fn files_that_are_cut_or_claim_too_much_are_refused_when_they_are_opened() {
    let (_, whole) = Encoding::new(60, 40, 3, 8).tiled(32, 32).made();
    let file = in_boxes(&[enumerated(16)], &whole);
    assert!(decoded(&file).is_ok());
    for file in [&whole, &file] {
        for length in 0..file.len() {
            assert!(opened(&file[..length]).is_err(), "{length} of {}", file.len());
        }
    }
    // Where the fields of SIZ are, from the code stream's start on.
    for (at, value) in
        [(8, u32::MAX), (8, 0), (12, 0x7fff_ffff), (16, 60), (20, 41), (24, 0), (24, 1), (28, 1), (32, 33), (36, 2)]
    {
        let mut changed = whole.clone();
        changed[at..at + 4].copy_from_slice(&value.to_be_bytes());
        assert!(opened(&changed).is_err(), "{at}: {value}");
    }
    let (_, mut bomb) = Encoding::new(60, 40, 3, 8).made();
    for at in [8, 12, 24, 28] {
        bomb[at..at + 4].copy_from_slice(&i32::MAX.to_be_bytes());
    }
    assert!(opened(&bomb).unwrap().0.held_bytes > 1 << 60);
    // A tile of 4096 by 4096 in precincts of 2 by 2 samples, one for each block.
    let (_, mut blocks) = Encoding { resolutions: 1, ..Encoding::new(60, 40, 1, 8) }.made();
    for at in [8, 12, 24, 28] {
        blocks[at..at + 4].copy_from_slice(&4096_u32.to_be_bytes());
    }
    let coding = blocks.windows(2).position(|marker| marker == [0xff, 0x52]).unwrap();
    let before = opened(&blocks).unwrap().0.held_bytes;
    (blocks[coding + 3], blocks[coding + 4]) = (13, 1);
    blocks.insert(coding + 14, 0x11);
    assert!(before < 100 << 20 && opened(&blocks).unwrap().0.held_bytes > 1 << 30);
    bomb[40..42].copy_from_slice(&16_384_u16.to_be_bytes());
    assert!(opened(&bomb).is_err());
    assert!(matches!(opened(b""), Err(ImageError::CutShort)));
    let missing = Path::new("no such file");
    assert!(matches!(open(missing, Request { page: 1, memory: 0 }), Err(ImageError::NoSuchPage { pages: 1 })));
    assert!(matches!(open(missing, Request { page: 0, memory: 0 }), Err(ImageError::System(_))));
}

#[test]
fn tiles_that_end_too_early_are_errors() {
    let encoding = Encoding::new(60, 40, 1, 8);
    let (_, file) = encoding.made();
    let start = file.windows(2).position(|marker| marker == [0xff, 0x90]).unwrap();
    let length = (file.len() - 2 - start) as u32;
    let mut refused = 0;
    for cut in 1..length - 20 {
        let mut file = file.clone();
        file.truncate(file.len() - 2 - cut as usize);
        file.extend_from_slice(&[0xff, 0xd9]);
        file[start + 6..start + 10].copy_from_slice(&(length - cut).to_be_bytes());
        refused += usize::from(matches!(decoded(&file), Err(ImageError::Malformed(_))));
    }
    // Where a cut falls between two packets, the second one might as well be an empty one.
    let boundaries = 2 * encoding.resolutions as usize;
    assert!(refused + boundaries >= length as usize - 21, "{refused} of {length}");
}

#[test]
fn two_thousand_damaged_files_end_in_rows_or_an_error() {
    let tiled = Encoding::new(60, 40, 3, 8).tiled(32, 32).made().1;
    let files = [
        in_boxes(&[enumerated(16)], &tiled),
        tiled,
        Encoding { lossy: true, ..Encoding::new(33, 20, 1, 12) }.made().1,
        Encoding { origin: (3, 5), ..Encoding::new(40, 30, 4, 4).tiled(16, 32) }.made().1,
    ];
    let mut random = Random::new(4);
    let mut refused = 0;
    for round in 0..2_000 {
        let file = random.damaged(&files[round % files.len()]);
        let sound = opened(&file).and_then(|(header, _)| {
            // What is larger is the caller's to refuse.
            let small = header.held_bytes < 8 << 20 && header.size.area() < 1 << 20;
            if small { decoded(&file).map(|_| ()) } else { Err(ImageError::CutShort) }
        });
        refused += usize::from(sound.is_err());
    }
    assert!(refused > 500, "{refused}");
}
