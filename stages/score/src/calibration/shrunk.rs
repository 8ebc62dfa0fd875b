//! The curve of a site: its own, drawn towards that of all sites, because few recordings say little.

use std::sync::Arc;

use serde_yaml::Mapping;

use super::method::Curve;

/// A weighted mean of two curves.
#[derive(Debug, Clone)]
pub struct Shrunk {
    /// That of the site's windows.
    pub own: Arc<dyn Curve>,
    /// Its share, 0 to 1.
    pub weight: f64,
    /// That of all sites. Without it, the site's own is all there is.
    pub everywhere: Option<Arc<dyn Curve>>,
}

impl Curve for Shrunk {
    fn probability(&self, score: f64) -> f64 {
        let own = self.own.probability(score);
        self.everywhere.as_ref().map_or(own, |all| self.weight * own + (1.0 - self.weight) * all.probability(score))
    }

    fn is_rising(&self) -> bool {
        self.own.is_rising()
    }

    /// Those of the site's own curve.
    fn parameters(&self) -> Mapping {
        self.own.parameters()
    }
}
