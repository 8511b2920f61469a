//! The pages of a file with several images. Smaller versions of an image, and masks, are not pages.

use serde::{Serialize, Serializer};

/// The pages of a file that has at least two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pages {
    count: u32,
    choice: PageChoice,
}

/// Why a page is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PageChoice {
    /// The caller chose it.
    Asked,
    /// It is the first, and the caller chose none.
    First,
    /// It is the first, and other pages of this format are not supported.
    Only,
}

impl Pages {
    /// Returns the pages of a file, or `None` if there are fewer than two.
    #[must_use]
    pub fn new(count: u32, choice: PageChoice) -> Option<Self> {
        (count > 1).then_some(Self { count, choice })
    }

    /// Returns the number of pages.
    #[must_use]
    pub const fn count(self) -> u32 {
        self.count
    }

    /// Returns why the page is read.
    #[must_use]
    pub const fn choice(self) -> PageChoice {
        self.choice
    }
}

impl Serialize for Pages {
    /// Serializes the number of pages.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.count)
    }
}
