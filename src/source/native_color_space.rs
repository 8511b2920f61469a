//! The color space of stored pixels.

/// The color space in which an image stores its pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NativeColorSpace {
    /// Red, green and blue, or unknown.
    Rgb,
    /// Gray throughout.
    Gray,
    /// Cyan, magenta, yellow and black. The source returns RGB pixels all the same: by its own
    /// naive conversion, or by a profile once [`Source::with_cmyk`](super::Source::with_cmyk) was
    /// called.
    Cmyk,
}
