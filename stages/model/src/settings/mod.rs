//! The configuration sections of the stages as they are deserialised, one file for each.

mod distill;
mod model;
mod predict;
mod pretrain;
mod recipe;
mod train;

use chorus_keys::Declarations;

use crate::student::StudentOptions;

pub use distill::DistillSettings;
pub use model::ModelSettings;
pub use predict::{PredictInputs, PredictSettings, Source};
pub use pretrain::PretrainSettings;
pub use recipe::RECIPES;
pub use train::{ExtensionSettings, LearnsFrom, Select, TrainSettings};

/// The configuration keys of the two stages.
pub fn declarations() -> Declarations {
    Declarations::default()
        .section::<ModelSettings>()
        .section::<PretrainSettings>()
        .section::<DistillSettings>()
        .section::<TrainSettings>()
        .section::<StudentOptions>()
        .section::<PredictInputs>()
        .section::<PredictSettings>()
        .presets("train.recipe", RECIPES)
        .check(train::unfit)
        .check(pretrain::unfit)
        .check(predict::scores_for_evaluate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_that_do_not_work_together_are_found() {
        let found = |key: &str, yaml: &str| {
            let mut values = declarations().defaults();
            values.set(key, serde_yaml::from_str(yaml).unwrap());
            declarations().findings(&values).into_iter().map(|finding| finding.key).collect::<Vec<_>>()
        };
        assert_eq!(found("train.epochs", "3"), [""; 0]);
        assert_eq!(found("train.mix2_probabilities", "[0.5, 0.5, 0.5]"), ["train.mix2_probabilities"]);
        assert_eq!(found("train.warmup_epochs", "100"), ["train.warmup_epochs"]);
        assert_eq!(found("train.background_gain_db", "[0, -10]"), ["train.background_gain_db"]);
        assert_eq!(found("predict.min_score", "0.1"), ["predict.min_score"]);
    }

    #[test]
    fn the_recipe_of_the_paper_is_what_the_keys_have_by_default() {
        let defaults = declarations().defaults();
        let paper = RECIPES.iter().find(|recipe| recipe.name == "paper").unwrap();
        for (key, value) in paper.values() {
            assert_eq!(*defaults.get(key), value, "{key}");
        }
    }

    #[test]
    fn every_option_of_an_extension_is_a_key() {
        let all = declarations();
        for key in ["width", "weight_decay", "momentum", "focal_gamma", "mixup_alpha", "manifold_depth", "multimix_alpha"] {
            assert!(all.find(&format!("train.{key}")).is_some(), "{key}");
        }
        assert_eq!(all.find("train.mixing").unwrap().kind.words().len(), crate::mixing::MIXINGS.len());
    }
}
