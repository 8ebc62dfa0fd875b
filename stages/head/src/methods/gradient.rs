//! A linear head that libtorch trains step by step, with all that the section `train` offers: mixing of embeddings, losses, optimisers.

use chorus_engine::graph::GRADIENT;
use chorus_keys::Key;
use safetensors::SafeTensors;

use super::linear::Linear;
use super::method::{Fit, Head, Method};
use crate::HeadError;

/// The method.
pub struct Gradient;

impl Method for Gradient {
    fn name(&self) -> &'static str {
        GRADIENT
    }

    fn about(&self) -> &'static str {
        "trained step by step as the section train says: its mixing (of embeddings), loss, optimiser and epochs"
    }

    fn keys(&self) -> Vec<Key> {
        Vec::new()
    }

    fn fit(&self) -> Option<&dyn Fit> {
        None
    }

    fn read(&self, tensors: &SafeTensors<'_>, classes: usize, width: usize) -> Result<Box<dyn Head>, HeadError> {
        Ok(Box::new(Linear::read(tensors, classes, width)?))
    }
}
