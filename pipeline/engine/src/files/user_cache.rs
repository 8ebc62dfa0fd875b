//! Where Chorus keeps what can be fetched again.

use std::path::PathBuf;

/// Chorus's folder in the user's cache: `$XDG_CACHE_HOME/chorus`, else `~/.cache/chorus`. `None` where neither variable says where that is.
pub fn user_cache() -> Option<PathBuf> {
    // The rules for this variable say to pass relative paths over, and an empty one is relative.
    let named = |variable| std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = named("XDG_CACHE_HOME").or_else(|| Some(named("HOME")?.join(".cache")))?;
    Some(cache.join("chorus"))
}
