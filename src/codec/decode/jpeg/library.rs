//! Bindings to libjpeg-turbo's classic API, through `rows.c`, which explains why it exists.
//!
//! A decoder that has failed is not called again, and no panic unwinds through C.

use std::ffi::{CStr, c_char, c_int, c_uchar, c_void};
use std::io::{self, BufRead, ErrorKind};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::NonNull;

use crate::codec::decode::ImageError;
use crate::color::IccProfile;

/// libjpeg's `J_COLOR_SPACE`, as `jpeglib.h` of libjpeg-turbo 3 numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct ColorSpace(u32);

impl ColorSpace {
    pub const GRAY: Self = Self(1);
    pub const RGB: Self = Self(2);
    pub const YCBCR: Self = Self(3);
    pub const CMYK: Self = Self(4);
    pub const YCCK: Self = Self(5);
    /// For decoding only.
    pub const BGRA: Self = Self(13);
}

/// The content of the header: `struct rows_facts`.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Facts {
    pub width: u32,
    pub height: u32,
    pub components: u32,
    pub bits: u32,
    pub color_space: ColorSpace,
    pub is_progressive: u32,
    pub is_arithmetic: u32,
    pub horizontal: [u32; 4],
    pub vertical: [u32; 4],
    /// Bytes of coefficients that are kept until the last scan; 0 if there is only one.
    pub held_bytes: u64,
}

/// `struct rows`.
#[repr(C)]
struct Opaque {
    _private: [u8; 0],
}

type ReadBytes = extern "C" fn(*mut c_void, *mut c_uchar, usize) -> isize;

#[expect(unsafe_code, reason = "libjpeg-turbo is a C library")]
unsafe extern "C" {
    fn slidezoom_jpeg_new(read: ReadBytes, reader: *mut c_void) -> *mut Opaque;
    fn slidezoom_jpeg_header(rows: *mut Opaque, facts: *mut Facts) -> c_int;
    fn slidezoom_jpeg_exif(rows: *mut Opaque, length: *mut usize) -> *const c_uchar;
    fn slidezoom_jpeg_profile(
        rows: *mut Opaque,
        profile: *mut *mut c_uchar,
        length: *mut usize,
        is_bogus: *mut u32,
    ) -> c_int;
    fn slidezoom_jpeg_free_profile(profile: *mut c_uchar);
    fn slidezoom_jpeg_start(rows: *mut Opaque, color_space: u32) -> c_int;
    fn slidezoom_jpeg_read(
        rows: *mut Opaque,
        target: *mut c_uchar,
        row_bytes: usize,
        count: usize,
    ) -> c_int;
    fn slidezoom_jpeg_finish(rows: *mut Opaque) -> c_int;
    fn slidezoom_jpeg_problem(rows: *const Opaque) -> c_int;
    fn slidezoom_jpeg_message(rows: *const Opaque) -> *const c_char;
    fn slidezoom_jpeg_free(rows: *mut Opaque);
}

/// The input, and its error if reading failed.
struct Reader {
    input: Box<dyn BufRead + Send>,
    failure: Option<io::Error>,
}

impl Reader {
    fn read(&mut self, bytes: &mut [u8]) -> isize {
        loop {
            match self.input.read(bytes) {
                Ok(count) => return count.cast_signed(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => {
                    self.failure = Some(error);
                    return -1;
                }
            }
        }
    }
}

/// Called by libjpeg-turbo for more bytes.
#[expect(unsafe_code, reason = "libjpeg-turbo is a C library")]
extern "C" fn read_bytes(reader: *mut c_void, bytes: *mut c_uchar, length: usize) -> isize {
    // SAFETY: `Rows::new` passed this pointer to a `Reader`, which lives as long as the decoder and
    // which nothing else uses while the decoder runs. `bytes` is the decoder's buffer of `length`
    // initialized bytes.
    let (reader, bytes) =
        unsafe { (&mut *reader.cast::<Reader>(), std::slice::from_raw_parts_mut(bytes, length)) };
    catch_unwind(AssertUnwindSafe(|| reader.read(bytes))).unwrap_or(-1)
}

/// A JPEG file that is being decoded.
pub(crate) struct Rows {
    decoder: NonNull<Opaque>,
    /// A `Reader`, from `Box::into_raw`; the decoder holds this pointer too.
    reader: NonNull<Reader>,
    /// Whether a call has failed, so that no other may follow.
    poisoned: bool,
}

// SAFETY: the decoder is not tied to the thread that created it, and the reader is `Send`.
#[expect(unsafe_code, reason = "libjpeg-turbo is a C library")]
unsafe impl Send for Rows {}

#[expect(unsafe_code, reason = "libjpeg-turbo is a C library")]
impl Rows {
    /// Creates a decoder of this input.
    pub fn new(input: Box<dyn BufRead + Send>) -> Result<Self, ImageError> {
        let reader = NonNull::from(Box::leak(Box::new(Reader { input, failure: None })));
        // SAFETY: the reader lives until this value is dropped, which frees the decoder first.
        let decoder =
            NonNull::new(unsafe { slidezoom_jpeg_new(read_bytes, reader.as_ptr().cast()) });
        let Some(decoder) = decoder else {
            // SAFETY: the pointer comes from a box, and there is no decoder that uses it.
            drop(unsafe { Box::from_raw(reader.as_ptr()) });
            return Err(ImageError::malformed("libjpeg-turbo cannot be set up"));
        };
        Ok(Self { decoder, reader, poisoned: false })
    }

    /// Reads the header.
    pub fn header(&mut self) -> Result<Facts, ImageError> {
        let mut facts = Facts {
            width: 0,
            height: 0,
            components: 0,
            bits: 0,
            color_space: ColorSpace(0),
            is_progressive: 0,
            is_arithmetic: 0,
            horizontal: [0; 4],
            vertical: [0; 4],
            held_bytes: 0,
        };
        // SAFETY: `facts` has the layout of `struct rows_facts`.
        self.call(|decoder| unsafe { slidezoom_jpeg_header(decoder, &raw mut facts) })?;
        Ok(facts)
    }

    /// Returns the EXIF data. Call after [`header`](Self::header).
    pub fn exif(&self) -> Option<&[u8]> {
        let mut length = 0;
        // SAFETY: the decoder is alive, and keeps the bytes until it is freed.
        let bytes = NonNull::new(
            unsafe { slidezoom_jpeg_exif(self.decoder.as_ptr(), &raw mut length) }.cast_mut(),
        )?;
        // SAFETY: the decoder holds `length` bytes there, and does not change them while `self` is
        // borrowed.
        Some(unsafe { std::slice::from_raw_parts(bytes.as_ptr(), length) })
    }

    /// Returns the color profile, which is empty if its segments do not fit together. Call after
    /// [`header`](Self::header).
    pub fn icc_profile(&mut self) -> Result<Option<IccProfile>, ImageError> {
        let (mut profile, mut length, mut is_bogus) = (std::ptr::null_mut(), 0, 0);
        // SAFETY: all three are written before it returns 0.
        self.call(|decoder| unsafe {
            slidezoom_jpeg_profile(decoder, &raw mut profile, &raw mut length, &raw mut is_bogus)
        })?;
        let Some(bytes) = NonNull::new(profile) else {
            return Ok((is_bogus != 0).then(|| IccProfile::new(Vec::new())));
        };
        // SAFETY: libjpeg-turbo allocated `length` bytes for the caller.
        let copy = unsafe { std::slice::from_raw_parts(bytes.as_ptr(), length) }.to_vec();
        // SAFETY: libjpeg-turbo allocated the bytes, and they are not used after this.
        unsafe { slidezoom_jpeg_free_profile(bytes.as_ptr()) };
        Ok(Some(IccProfile::new(copy)))
    }

    /// Starts decoding to this color space.
    pub fn start(&mut self, color_space: ColorSpace) -> Result<(), ImageError> {
        // SAFETY: the header was read, or the decoder reports that it was not.
        self.call(|decoder| unsafe { slidezoom_jpeg_start(decoder, color_space.0) })
    }

    /// Decodes the next rows, each `row_bytes` long.
    pub fn read(&mut self, rows: &mut [u8], row_bytes: usize) -> Result<(), ImageError> {
        let count = rows.len() / row_bytes;
        // SAFETY: `rows` has room for this many rows of the image's width.
        self.call(|decoder| unsafe {
            slidezoom_jpeg_read(decoder, rows.as_mut_ptr(), row_bytes, count)
        })
    }

    /// Reads to the end of the image.
    pub fn finish(&mut self) -> Result<(), ImageError> {
        // SAFETY: decoding was started, or the decoder reports that it was not.
        self.call(|decoder| unsafe { slidezoom_jpeg_finish(decoder) })
    }

    fn call(&mut self, action: impl FnOnce(*mut Opaque) -> c_int) -> Result<(), ImageError> {
        if self.poisoned {
            return Err(ImageError::malformed("decoding has already failed"));
        }
        if action(self.decoder.as_ptr()) == 0 {
            return Ok(());
        }
        self.poisoned = true;
        // SAFETY: the decoder is alive.
        let problem = unsafe { slidezoom_jpeg_problem(self.decoder.as_ptr()) };
        Err(match problem {
            PROBLEM_END => ImageError::Truncated,
            PROBLEM_SYSTEM => {
                // SAFETY: the decoder is not running, so nothing else uses the reader.
                let failure = unsafe { self.reader.as_mut() }.failure.take();
                ImageError::System(failure.unwrap_or_else(|| io::Error::other("reading panicked")))
            }
            problem => {
                // SAFETY: the message is a string in the decoder that ends with 0.
                let message =
                    unsafe { CStr::from_ptr(slidezoom_jpeg_message(self.decoder.as_ptr())) }
                        .to_string_lossy();
                if problem == PROBLEM_KIND {
                    ImageError::unsupported(format!("this kind of JPEG (libjpeg-turbo: {message})"))
                } else {
                    ImageError::malformed(format!("libjpeg-turbo: {message}"))
                }
            }
        })
    }
}

/// `enum problem`.
const PROBLEM_END: c_int = 2;
const PROBLEM_SYSTEM: c_int = 3;
const PROBLEM_KIND: c_int = 4;

impl Drop for Rows {
    #[expect(unsafe_code, reason = "libjpeg-turbo is a C library")]
    fn drop(&mut self) {
        // SAFETY: `new` created both. They are freed once, the decoder first, since it uses the
        // reader.
        unsafe {
            slidezoom_jpeg_free(self.decoder.as_ptr());
            drop(Box::from_raw(self.reader.as_ptr()));
        }
    }
}
