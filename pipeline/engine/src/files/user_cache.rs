//! Where Chorus keeps what can be fetched again.

use std::path::PathBuf;

/// Chorus's folder in the user's cache: `$XDG_CACHE_HOME/chorus`, else `~/.cache/chorus` (`%LOCALAPPDATA%\chorus` on Windows). `None` where
/// no variable says where that is.
pub fn user_cache() -> Option<PathBuf> {
    Some(chorus_platform::folders::cache()?.join("chorus"))
}
