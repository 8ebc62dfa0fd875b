//! All configuration keys: each stage declares its own, and this list adds them up. Tests outside of this program include the file.

use std::sync::LazyLock;

use chorus_keys::Declarations;

/// Every key, in the order in which `chorus config` prints the sections.
pub(crate) fn declarations() -> &'static Declarations {
    static ALL: LazyLock<Declarations> = LazyLock::new(|| {
        chorus_engine::config::declarations()
            .and(chorus_audio::declarations())
            .and(chorus_labels::declarations())
            .and(chorus_engine::config::undeclared())
            .and(chorus_score::declarations())
            .and(chorus_report::declarations())
    });
    &ALL
}
