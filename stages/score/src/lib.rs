//! From scores to answers: the stages `evaluate` and `detect`.
//!
//! - [`metrics`], [`reliability`], [`confusions`], [`alarms`], [`curves`], [`thresholds`], [`calibration`], [`told`], [`events`], [`effort`],
//!   [`sun`]: plain functions.
//!
//! What `evaluate` decides and `detect` reads is the file `decisions.yaml`, see [`chorus_card::Decisions`].

mod activity;
pub mod alarms;
pub mod calibration;
pub mod classes;
pub mod clock;
pub mod confusions;
pub mod curves;
mod detect;
pub mod effort;
pub mod eligible;
pub mod error;
mod evaluate;
pub mod events;
pub mod labelled;
pub mod metrics;
mod plausibility;
mod predicted;
pub mod predictions;
pub mod reliability;
mod rule;
pub mod sun;
pub mod thresholds;
pub mod told;
mod unlike;

use chorus_keys::Declarations;

pub use activity::Activity;
pub use detect::Detect;
pub use evaluate::{Evaluate, metric_definitions};
pub use plausibility::Plausibility;
pub use rule::threshold;
pub use told::{Classes, LeftOut, Told};

/// The configuration keys of the two stages.
pub fn declarations() -> Declarations {
    Declarations::default()
        .section::<evaluate::EvaluateSettings>()
        .section::<rule::DetectSettings>()
        .section::<plausibility::PlausibilitySettings>()
        .check(evaluate::names_of_groups)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_group_of_classes_may_not_have_a_name_that_evaluate_uses() {
        let findings = |groups: &str| {
            let mut values = declarations().defaults();
            values.set("evaluate.class_groups", serde_yaml::from_str(groups).unwrap());
            declarations().findings(&values)
        };
        assert_eq!(findings("{rare: [A]}"), []);
        assert_eq!(findings("{polyphony_9: [A], supported: [B]}").len(), 2);
    }
}
