//! The samples of a component, as the SIZ segment describes them.

/// The samples of a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Component {
    pub bits: u8,
    pub sign: Sign,
    /// Horizontal and vertical distance of samples on the reference grid.
    pub step: (u8, u8),
}

/// Whether samples can be negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sign {
    Unsigned,
    Signed,
}
