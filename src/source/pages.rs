//! That a file holds more pictures than the one that is read of it.
//!
//! Smaller versions of a picture, and masks, are none of these.

use serde::{Serialize, Serializer};

/// The pictures in a file that has several; at least two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pages {
    count: u32,
    choice: PageChoice,
}

/// Why it is this picture that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageChoice {
    /// It was asked for.
    Asked,
    /// It is the first, and none was asked for.
    First,
    /// It is the first, and no other of its format is read.
    Only,
}

impl Pages {
    /// So many pictures; `None` where there are not several.
    #[must_use]
    pub fn new(count: u32, choice: PageChoice) -> Option<Self> {
        (count > 1).then_some(Self { count, choice })
    }

    /// How many there are.
    #[must_use]
    pub const fn count(self) -> u32 {
        self.count
    }

    /// Why it is this one that is read.
    #[must_use]
    pub const fn choice(self) -> PageChoice {
        self.choice
    }
}

impl Serialize for Pages {
    /// How many there are.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.count)
    }
}
