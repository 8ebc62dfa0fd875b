//! All configuration keys. Each stage declares its own, and this list adds them up. Tests outside of this program include the
//! file.

use std::sync::LazyLock;

use chorus_keys::{Declarations, Keys};
use serde::Deserialize;

/// Every key, in the order in which `chorus config` prints the sections.
pub(crate) fn declarations() -> &'static Declarations {
    static ALL: LazyLock<Declarations> = LazyLock::new(|| {
        chorus_engine::config::declarations()
            .section::<SweepSettings>()
            .and(chorus_store::declarations())
            .and(chorus_audio::declarations())
            .and(chorus_labels::declarations())
            .and(chorus_embed::declarations())
            .and(chorus_model::settings::declarations())
            .and(chorus_teach::declarations())
            .and(chorus_unknown::declarations())
            .and(chorus_head::declarations())
            .and(chorus_score::declarations())
            .and(chorus_report::declarations())
    });
    &ALL
}

/// The section `sweep`.
#[derive(Debug, Deserialize, Keys)]
#[keys(section = "sweep")]
#[allow(dead_code, reason = "`chorus sweep` reads the key by its name, before the whole configuration is checked")]
pub(crate) struct SweepSettings {
    /// The keys that `chorus sweep` varies, each with its values. Each combination is one run.
    #[key(default = "[]", example = "[\"train.mixing=none,mix2\", \"train.seed=0,1,2\"]")]
    pub(crate) vary: Vec<String>,
}
