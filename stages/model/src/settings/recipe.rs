//! Recipes: values of the section `train` under one name, for trainings of different lengths.
//!
//! Those for short trainings come from the comparisons in docs/comparing.md, those of the paper from Mix2 (Moummad et al., EUSIPCO 2024).

use chorus_keys::{Preset, Word};

/// All recipes. Each names the same keys.
pub const RECIPES: &[Preset] = &[
    Preset {
        name: "quick",
        about: "Some minutes on two cores for some hundred windows with labels: a small network, no mixing",
        values: &[
            ("train.architecture", "mobilenet_v3_small"),
            ("train.epochs", "40"),
            ("train.batch_size", "32"),
            ("train.learning_rate", "0.003"),
            ("train.mixing", "none"),
            ("train.average_decay", "0.99"),
            ("train.time_masks", "1"),
        ],
    },
    Preset {
        name: "standard",
        about: "An hour on two cores for some thousand windows with labels",
        values: &[
            ("train.architecture", "mobilenet_v3_small"),
            ("train.epochs", "120"),
            ("train.batch_size", "32"),
            ("train.learning_rate", "0.003"),
            ("train.mixing", "manifold_mixup"),
            ("train.average_decay", "0.99"),
            ("train.time_masks", "1"),
        ],
    },
    Preset {
        name: "long",
        about: "A night on two cores, or an hour on a GPU",
        values: &[
            ("train.architecture", "mobilenet_v3_large"),
            ("train.epochs", "200"),
            ("train.batch_size", "64"),
            ("train.learning_rate", "0.003"),
            ("train.mixing", "manifold_mixup"),
            ("train.average_decay", "0.999"),
            ("train.time_masks", "1"),
        ],
    },
    Preset {
        name: "paper",
        about: "The settings of Mix2's paper, for some ten thousand windows with labels and a GPU",
        values: &[
            ("train.architecture", "mobilenet_v3_large"),
            ("train.epochs", "100"),
            ("train.batch_size", "128"),
            ("train.learning_rate", "0.01"),
            ("train.mixing", "mix2"),
            ("train.average_decay", "null"),
            ("train.time_masks", "6"),
        ],
    },
];

/// The words of `train.recipe`.
pub(super) fn recipes() -> Vec<Word> {
    Preset::words(RECIPES)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn the_documentation_has_the_table_of_recipes() {
        let names: Vec<String> = RECIPES.iter().map(|recipe| format!("`{}`", recipe.name)).collect();
        let mut table = format!("| key | {} |\n|---|{}\n", names.join(" | "), "---|".repeat(RECIPES.len()));
        for (row, (key, _)) in RECIPES[0].values.iter().enumerate() {
            let values: Vec<&str> = RECIPES.iter().map(|recipe| recipe.values[row].1).collect();
            table += &format!("| `{key}` | {} |\n", values.join(" | "));
        }
        // Two packages are built from these files.
        let pages = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().map(|folder| folder.join("docs/learning.md"));
        let text = pages.filter_map(|page| std::fs::read_to_string(page).ok()).next().unwrap();
        assert!(text.contains(&table), "docs/learning.md lacks this table:\n{table}");
    }
}
