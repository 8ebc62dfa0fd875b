//! Heat maps and charts, as markup of the page.
//!
//! They are written as HTML and SVG rather than drawn by a plotting library: their colours come from the page's style, so that
//! they follow it from light to dark and to paper; their text is text; and a bar costs a line.

pub(crate) mod axis;
pub(crate) mod calendar;
pub(crate) mod clock;
pub(crate) mod curves;
pub(crate) mod heat;
pub(crate) mod map;
pub(crate) mod season;
pub(crate) mod square;
pub(crate) mod sun;
