//! Code streams to read: pictures that OpenJPEG encodes.

use std::ffi::{c_char, c_int, c_void};

use openjpeg_sys::{
    CODEC_FORMAT, COLOR_SPACE, OPJ_SIZE_T, PROG_ORDER, opj_cparameters_t, opj_create_compress,
    opj_destroy_codec, opj_encode, opj_encoder_set_extra_options, opj_end_compress,
    opj_image_cmptparm_t, opj_image_create, opj_image_destroy, opj_set_default_encoder_parameters,
    opj_setup_encoder, opj_start_compress, opj_stream_create, opj_stream_destroy,
    opj_stream_set_seek_function, opj_stream_set_skip_function, opj_stream_set_user_data,
    opj_stream_set_write_function,
};
use slidezoom_fixtures::Random;

/// What is to be encoded.
#[derive(Clone)]
pub(crate) struct Encoding {
    pub size: (u32, u32),
    /// The origin of the image on the reference grid.
    pub origin: (u32, u32),
    pub tile: Option<(u32, u32)>,
    pub components: usize,
    pub bits: u32,
    pub signed: bool,
    pub step: u32,
    pub lossy: bool,
    pub resolutions: c_int,
    /// Whether each tile is in as many parts as it has resolutions.
    pub in_parts: bool,
}

impl Encoding {
    pub fn new(width: u32, height: u32, components: usize, bits: u32) -> Self {
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
            in_parts: false,
        }
    }

    pub fn tiled(self, width: u32, height: u32) -> Self {
        Self { tile: Some((width, height)), ..self }
    }

    /// Numbers that are neither flat nor noise, a component after the other.
    pub fn samples(&self) -> Vec<Vec<i32>> {
        let (width, height) = (self.size.0.div_ceil(self.step), self.size.1.div_ceil(self.step));
        let mut random = Random::new(u64::from(self.bits));
        let largest = (1 << self.bits) - 1;
        let mut plane = |component: u32| -> Vec<i32> {
            let pixels =
                (0..height).flat_map(|y| (0..width).map(move |x| x * (3 + component) + y * 5));
            pixels
                .map(|number| {
                    ((number << self.bits >> 9) as i32 + random.below(3) as i32) & largest
                })
                .collect()
        };
        (0..self.components as u32).map(&mut plane).collect()
    }

    /// OpenJPEG's own encoding of the numbers.
    #[expect(unsafe_code, reason = "OpenJPEG is a C library")]
    pub fn encode(&self, samples: &[Vec<i32>]) -> Vec<u8> {
        let mut file = Written { bytes: Vec::new(), position: 0 };
        // SAFETY: all structures are plain numbers, all zeros valid, and filled in as OpenJPEG
        // asks; each component has as many numbers as are copied to it; the user data lives until
        // the stream is gone, and is what the functions take it for.
        unsafe {
            let mut parameters: opj_cparameters_t = std::mem::zeroed();
            opj_set_default_encoder_parameters(&raw mut parameters);
            parameters.numresolution = self.resolutions;
            parameters.tcp_numlayers = 1;
            parameters.cp_disto_alloc = 1;
            parameters.tcp_rates[0] = if self.lossy { 8.0 } else { 0.0 };
            parameters.irreversible = c_int::from(self.lossy);
            if self.in_parts {
                (parameters.tp_on, parameters.tp_flag) = (1, b'R' as c_char);
                parameters.prog_order = PROG_ORDER::OPJ_RLCP;
            }
            parameters.tcp_mct = (self.components >= 3 && self.step == 1).into();
            if let Some((width, height)) = self.tile {
                parameters.tile_size_on = 1;
                (parameters.cp_tdx, parameters.cp_tdy) = (width as c_int, height as c_int);
            }
            let mut component: opj_image_cmptparm_t = std::mem::zeroed();
            (component.dx, component.dy) = (self.step, self.step);
            (component.w, component.h) =
                (self.size.0.div_ceil(self.step), self.size.1.div_ceil(self.step));
            (component.x0, component.y0) = self.origin;
            (component.prec, component.bpp, component.sgnd) =
                (self.bits, self.bits, self.signed.into());
            let mut components = vec![component; self.components];
            let image = opj_image_create(
                self.components as u32,
                components.as_mut_ptr(),
                COLOR_SPACE::OPJ_CLRSPC_UNSPECIFIED,
            );
            ((*image).x0, (*image).y0) = self.origin;
            ((*image).x1, (*image).y1) = (self.origin.0 + self.size.0, self.origin.1 + self.size.1);
            for (at, samples) in samples.iter().enumerate() {
                let data = (*(*image).comps.add(at)).data;
                samples.as_ptr().copy_to_nonoverlapping(data, samples.len());
            }
            let codec = opj_create_compress(CODEC_FORMAT::OPJ_CODEC_J2K);
            assert_ne!(opj_setup_encoder(codec, &raw mut parameters, image), 0);
            let tile_lengths = c"TLM=YES".as_ptr();
            assert_ne!(
                opj_encoder_set_extra_options(codec, [tile_lengths, std::ptr::null()].as_ptr()),
                0
            );
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

    /// Numbers, and their codestream.
    pub fn made(&self) -> (Vec<Vec<i32>>, Vec<u8>) {
        let samples = self.samples();
        let file = self.encode(&samples);
        (samples, file)
    }

    /// What the rows of these numbers are to be.
    pub fn rows(&self, samples: &[Vec<i32>]) -> Vec<u8> {
        let most = if self.bits <= 8 { 255.0 } else { 65_535.0 };
        let largest = f64::from((1 << self.bits) - 1);
        let scaled = |number: i32| (f64::from(number) * most / largest).round() as u16;
        let pixels =
            (0..samples[0].len()).flat_map(|at| samples.iter().map(move |plane| scaled(plane[at])));
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
    let (file, part) = unsafe {
        (&mut *file.cast::<Written>(), std::slice::from_raw_parts(part.cast::<u8>(), length))
    };
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
