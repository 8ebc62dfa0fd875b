//! One file per strategy.

mod diverse;
mod stratified;
mod top;
mod uncertain;
mod unknown;

use super::strategy::Strategy;

/// All strategies, in the order in which they choose. What compares embeddings comes last, since it keeps away from what others chose.
pub static STRATEGIES: &[&dyn Strategy] =
    &[&top::Top, &uncertain::Uncertain, &stratified::Stratified, &unknown::Unknown, &diverse::Diverse];
