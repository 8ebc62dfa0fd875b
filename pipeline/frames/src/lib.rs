//! The tables of runs as data frames of [polars].
//!
//! ```no_run
//! use chorus_frames::Frames;
//! use chorus_frames::polars::prelude::*;
//!
//! let detections = Frames::open("runs/demo")?.table("detections")?;
//! let march = col("date").gt_eq(lit("2020-03-01").cast(DataType::Date));
//! let by_site = detections
//!     .filter(march)
//!     .group_by([col("site"), col("class")])
//!     .agg([len().alias("detections"), col("peak_score").max()])
//!     .sort(["site", "class"], SortMultipleOptions::default())
//!     .collect()?;
//! assert_eq!(by_site.width(), 4);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! - [`Frames`]: the tables of one or several runs. [`FramesError`]: why one cannot be opened.
//! - [`polars`]: the version that these frames are of. It is built with few features; a program that depends on polars itself can add
//!   others.
//!
//! Sums and means of floats may differ in their last digit from one `collect` to the next: for up to two keys, polars adds up parts of a
//! group side by side. Where a file has to have the same bytes each time, gather a group's values and add them in their order.
//!
//! No other crate of this workspace depends on polars. For questions in SQL, see `chorus query`.

mod error;
mod frames;
mod scan;

pub use error::FramesError;
pub use frames::Frames;
pub use polars;
