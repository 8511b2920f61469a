//! The order in which an export's tiles are read, made and written: a pure function of the plan.

pub(crate) mod read_order;
