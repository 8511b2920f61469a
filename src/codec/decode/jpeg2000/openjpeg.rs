//! Decodes a codestream in memory with OpenJPEG.
//!
//! `openjpeg-sys` is a raw binding to OpenJPEG 2.5.3, built from source and linked statically. The
//! safe wrapper `jpeg2k` hides warnings, and reads from the start of a file only. OpenJPEG runs in
//! strict mode, and every warning is an error.

use std::ffi::{CStr, c_char, c_void};
use std::slice;

use openjpeg_sys::{
    CODEC_FORMAT, OPJ_BOOL, OPJ_OFF_T, OPJ_SIZE_T, opj_codec_t, opj_create_decompress, opj_decode,
    opj_decoder_set_strict_mode, opj_destroy_codec, opj_dparameters_t, opj_end_decompress,
    opj_image_destroy, opj_image_t, opj_read_header, opj_set_decode_area,
    opj_set_default_decoder_parameters, opj_set_error_handler, opj_set_info_handler,
    opj_set_warning_handler, opj_setup_decoder, opj_stream_create, opj_stream_destroy,
    opj_stream_set_read_function, opj_stream_set_seek_function, opj_stream_set_skip_function,
    opj_stream_set_user_data, opj_stream_set_user_data_length, opj_stream_t,
};

use crate::codec::decode::ImageError;
use crate::geometry::Size;

/// A decoded image, as planes of samples.
pub(crate) struct Planes {
    image: *mut opj_image_t,
    size: Size,
}

// SAFETY: an OpenJPEG image is not tied to a thread.
#[expect(unsafe_code, reason = "OpenJPEG's images are pointers")]
unsafe impl Send for Planes {}

impl Planes {
    /// Returns the number of planes.
    #[expect(unsafe_code, reason = "OpenJPEG is a C library")]
    pub fn count(&self) -> usize {
        // SAFETY: the image is valid until it is dropped.
        unsafe { (*self.image).numcomps as usize }
    }

    /// Returns the samples of a plane, row by row; `None` if it is not as large as the image.
    #[expect(unsafe_code, reason = "OpenJPEG is a C library")]
    pub fn plane(&self, number: usize) -> Option<&[i32]> {
        if number >= self.count() {
            return None;
        }
        // SAFETY: OpenJPEG has an array of `numcomps` components, each with `w` times `h` samples
        // if its data is not null.
        unsafe {
            let component = &*(*self.image).comps.add(number);
            let whole = (component.w, component.h) == (self.size.width(), self.size.height());
            let length = component.w as usize * component.h as usize;
            (whole && !component.data.is_null())
                .then(|| slice::from_raw_parts(component.data, length))
        }
    }
}

impl Drop for Planes {
    #[expect(unsafe_code, reason = "OpenJPEG is a C library")]
    fn drop(&mut self) {
        // SAFETY: OpenJPEG created it, and no reference to it outlives the planes.
        unsafe { opj_image_destroy(self.image) };
    }
}

/// A decoder, freed when dropped.
struct Codec(*mut opj_codec_t);

impl Drop for Codec {
    #[expect(unsafe_code, reason = "OpenJPEG is a C library")]
    fn drop(&mut self) {
        // SAFETY: OpenJPEG created it, and nothing uses it any more.
        unsafe { opj_destroy_codec(self.0) };
    }
}

/// A stream, freed when dropped.
struct Stream(*mut opj_stream_t);

impl Drop for Stream {
    #[expect(unsafe_code, reason = "OpenJPEG is a C library")]
    fn drop(&mut self) {
        // SAFETY: OpenJPEG created it, and nothing uses it any more.
        unsafe { opj_stream_destroy(self.0) };
    }
}

/// A codestream, and OpenJPEG's position in it.
struct Reading<'a> {
    bytes: &'a [u8],
    position: usize,
}

/// Decodes a codestream, which has `size` pixels after this number of reductions.
pub(crate) fn decode(
    codestream: &[u8],
    reduction_levels: u32,
    size: Size,
) -> Result<Planes, ImageError> {
    let mut diagnostics = Diagnostics(Vec::new());
    let decoded = decode_with(codestream, reduction_levels, size, &mut diagnostics);
    match (decoded, diagnostics.0.into_iter().next()) {
        (Some(planes), None) => Ok(planes),
        (_, Some(message)) => Err(ImageError::malformed(format!("OpenJPEG: {message}"))),
        (None, None) => Err(ImageError::malformed("OpenJPEG cannot decode it")),
    }
}

#[expect(unsafe_code, reason = "OpenJPEG is a C library")]
fn decode_with(
    codestream: &[u8],
    reduction_levels: u32,
    size: Size,
    diagnostics: &mut Diagnostics,
) -> Option<Planes> {
    /// Small, since larger reads bypass this buffer.
    const BUFFER_BYTES: usize = 64 << 10;
    let mut reading = Reading { bytes: codestream, position: 0 };
    let diagnostics = (&raw mut *diagnostics).cast::<c_void>();
    // SAFETY: everything passed to OpenJPEG lives until this returns, and codec and stream are
    // dropped before `reading` and `diagnostics`. The callbacks below cast the user data to its
    // type. Results are checked before use. The parameters are plain numbers, valid as zeros, and
    // set before they are read.
    unsafe {
        let codec = Codec(opj_create_decompress(CODEC_FORMAT::OPJ_CODEC_J2K));
        let stream = Stream(opj_stream_create(BUFFER_BYTES, 1));
        if codec.0.is_null() || stream.0.is_null() {
            return None;
        }
        opj_set_info_handler(codec.0, None, diagnostics);
        opj_set_warning_handler(codec.0, Some(record_warning), diagnostics);
        opj_set_error_handler(codec.0, Some(record), diagnostics);
        let user_data = (&raw mut reading).cast::<c_void>();
        opj_stream_set_user_data(stream.0, user_data, None);
        opj_stream_set_user_data_length(stream.0, codestream.len() as u64);
        opj_stream_set_read_function(stream.0, Some(read));
        opj_stream_set_skip_function(stream.0, Some(skip));
        opj_stream_set_seek_function(stream.0, Some(seek));
        let mut parameters: opj_dparameters_t = std::mem::zeroed();
        opj_set_default_decoder_parameters(&raw mut parameters);
        parameters.cp_reduce = reduction_levels;
        if opj_setup_decoder(codec.0, &raw mut parameters) == 0
            || opj_decoder_set_strict_mode(codec.0, 1) == 0
        {
            return None;
        }
        let mut image = std::ptr::null_mut();
        let header = opj_read_header(stream.0, codec.0, &raw mut image);
        if image.is_null() {
            return None;
        }
        let planes = Planes { image, size };
        // The whole image. Only here does OpenJPEG compute reduced sizes correctly, as they depend
        // on the image's offset on the reference grid.
        let decoded = header != 0
            && opj_set_decode_area(codec.0, planes.image, 0, 0, 0, 0) != 0
            && opj_decode(codec.0, stream.0, planes.image) != 0
            && opj_end_decompress(codec.0, stream.0) != 0;
        decoded.then_some(planes)
    }
}

/// OpenJPEG's errors and warnings.
struct Diagnostics(Vec<String>);

impl Diagnostics {
    /// The maximum number of messages that are kept.
    const MAX: usize = 4;

    fn push(&mut self, message: &CStr) {
        if self.0.len() < Self::MAX {
            self.0.push(message.to_string_lossy().trim().replace('\n', " "));
        }
    }
}

/// Records an error.
#[expect(unsafe_code, reason = "OpenJPEG calls it")]
unsafe extern "C" fn record(message: *const c_char, diagnostics: *mut c_void) {
    // SAFETY: OpenJPEG passes a string that ends with a zero, and the diagnostics of `decode_with`,
    // which nothing else uses meanwhile.
    unsafe { (*diagnostics.cast::<Diagnostics>()).push(CStr::from_ptr(message)) };
}

/// Records a warning, except for unknown markers, which the standard says to skip.
#[expect(unsafe_code, reason = "OpenJPEG calls it")]
unsafe extern "C" fn record_warning(message: *const c_char, diagnostics: *mut c_void) {
    // SAFETY: as for `record`.
    unsafe {
        if !CStr::from_ptr(message).to_bytes().starts_with(b"Unknown marker") {
            record(message, diagnostics);
        }
    }
}

#[expect(unsafe_code, reason = "OpenJPEG calls it")]
unsafe extern "C" fn read(
    target: *mut c_void,
    length: OPJ_SIZE_T,
    reading: *mut c_void,
) -> OPJ_SIZE_T {
    // SAFETY: OpenJPEG passes a buffer of `length` bytes, and the reading of `decode_with`, which
    // nothing else uses meanwhile.
    unsafe {
        let reading = &mut *reading.cast::<Reading<'_>>();
        let rest = reading.bytes.get(reading.position..).unwrap_or(&[]);
        let length = rest.len().min(length);
        if length == 0 {
            // OpenJPEG's value for the end.
            return OPJ_SIZE_T::MAX;
        }
        rest.as_ptr().copy_to_nonoverlapping(target.cast(), length);
        reading.position += length;
        length
    }
}

#[expect(unsafe_code, reason = "OpenJPEG calls it")]
unsafe extern "C" fn skip(length: OPJ_OFF_T, reading: *mut c_void) -> OPJ_OFF_T {
    // SAFETY: as for `read`.
    let reading = unsafe { &mut *reading.cast::<Reading<'_>>() };
    let left = reading.bytes.len().saturating_sub(reading.position);
    let skipped = usize::try_from(length).unwrap_or(0).min(left);
    reading.position += skipped;
    // OpenJPEG's value for the end.
    OPJ_OFF_T::try_from(skipped).ok().filter(|&skipped| skipped > 0).unwrap_or(-1)
}

#[expect(unsafe_code, reason = "OpenJPEG calls it")]
unsafe extern "C" fn seek(position: OPJ_OFF_T, reading: *mut c_void) -> OPJ_BOOL {
    // SAFETY: as for `read`.
    let reading = unsafe { &mut *reading.cast::<Reading<'_>>() };
    match usize::try_from(position) {
        Ok(position) if position <= reading.bytes.len() => {
            reading.position = position;
            1
        }
        _ => 0,
    }
}
