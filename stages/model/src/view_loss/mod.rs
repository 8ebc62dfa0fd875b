//! What self-supervised pretraining minimises: losses of two views of the same windows, for `pretrain.objective`.
//!
//! The first view of a batch may be mixed. Which examples a mixed row holds, and how much of each, takes the place of labels: they are
//! virtual labels, as in i-Mix (Lee et al., ICLR 2021) and MixCo (Kim et al. 2020). The second view is never mixed.

pub mod barlow_twins;
mod function;
pub mod simclr;
pub mod vicreg;

pub use function::ViewLoss;
#[cfg(feature = "torch")]
pub use function::Views;

use crate::Result;
use crate::extension::{self, Entry};

/// All of them.
pub static VIEW_LOSSES: &[&Entry<dyn ViewLoss>] = &[&simclr::ENTRY, &barlow_twins::ENTRY, &vicreg::ENTRY];

/// The one that `pretrain.objective` names.
///
/// # Errors
/// An unknown name.
pub fn find(name: &str) -> Result<&'static Entry<dyn ViewLoss>> {
    extension::find("pretrain.objective", VIEW_LOSSES, name)
}

#[cfg(feature = "torch")]
#[cfg(test)]
mod tests;
