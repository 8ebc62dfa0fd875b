//! Classifiers on the embeddings of a backbone: heads that are fitted in seconds.
//!
//! - [`settings`], [`declare`]: the section `head`, and what the stages train and predict declare with `train.on: embeddings`.
//! - [`Examples`]: embeddings with labels. [`methods`]: how a head is fitted; an open set, one file each.
//! - [`Train`], [`Predict`]: the two stages. [`Material`]: what a training reads and writes, also one that libtorch does.
//!   [`given`]: heads that other runs trained.

mod context;
mod covariance;
pub mod declare;
mod enroll;
mod error;
mod examples;
mod folds;
pub mod given;
mod material;
mod matrix;
pub mod methods;
mod predict;
pub mod settings;
mod train;
mod weights;

pub use covariance::{covariance, ledoit_wolf};
pub use enroll::{Row, fit_class, with_class};
pub use error::HeadError;
pub use examples::Examples;
pub use material::{Made, Material};
pub use matrix::Rows;
pub use predict::Predict;
pub use settings::{HeadSettings, declarations};
pub use train::Train;
