//! No calibration.

use serde_yaml::Mapping;

use super::method::{Curve, Method};
use crate::metrics::Ranking;

/// The method `none`.
#[derive(Debug)]
pub struct NoCalibration;

impl Method for NoCalibration {
    fn name(&self) -> &'static str {
        "none"
    }

    fn about(&self) -> &'static str {
        "No calibration; detections have no probability."
    }

    fn is_fitted(&self) -> bool {
        false
    }

    fn fit(&self, _: &Ranking) -> Option<Box<dyn Curve>> {
        None
    }

    fn read(&self, _: &Mapping) -> Result<Box<dyn Curve>, String> {
        Err("none has no curve".into())
    }
}
