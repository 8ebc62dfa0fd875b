//! No mixing.

use std::sync::Arc;

use rand_chacha::ChaCha8Rng;

use super::method::{Draw, Drawn, Mixing};
use crate::Result;
use crate::extension::{Entry, Extension, Settings};

const NAME: &str = "none";

/// `train.mixing: none`
pub const ENTRY: Entry<dyn Mixing> =
    Entry { name: NAME, about: "Examples are not mixed", keys: Vec::new, configure: |_| Ok(Arc::new(NoMixing)) };

/// Examples stay as they are.
#[derive(Debug, Clone, Copy)]
pub struct NoMixing;

impl Extension for NoMixing {
    fn name(&self) -> &'static str {
        NAME
    }

    fn options(&self) -> Settings {
        Settings::default()
    }
}

impl Mixing for NoMixing {
    fn draw(&self, _: &mut ChaCha8Rng, _: usize, _: usize) -> Result<Drawn> {
        Ok(Box::new(Unmixed))
    }
}

/// A step that mixes nothing.
#[derive(Debug, Clone, Copy)]
pub struct Unmixed;

impl Draw for Unmixed {
    fn method(&self) -> &'static str {
        NAME
    }

    fn is_mixed(&self) -> bool {
        false
    }
}
