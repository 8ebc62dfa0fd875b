//! The user's folders.

use std::path::PathBuf;

/// The user's home; `None` where no variable names it.
pub fn home() -> Option<PathBuf> {
    // std's own would ask the system's list of users too, and find the home of another user under sudo.
    named(if cfg!(windows) { "USERPROFILE" } else { "HOME" })
}

/// The user's folder for what can be fetched again: `$XDG_CACHE_HOME`, else `~/.cache` or, on Windows, `%LOCALAPPDATA%`. `None` where no
/// variable says where that is.
pub fn cache() -> Option<PathBuf> {
    // On macOS too, since the scripts that fetch libraries look there.
    let own = || if cfg!(windows) { named("LOCALAPPDATA") } else { Some(home()?.join(".cache")) };
    named("XDG_CACHE_HOME").or_else(own)
}

/// The folder that a variable names. The rules for `XDG_CACHE_HOME` say to pass relative paths over, and an empty one is relative.
fn named(variable: &str) -> Option<PathBuf> {
    std::env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute())
}

#[cfg(test)]
mod tests {
    #[cfg(unix)]
    #[test]
    fn folders_are_absolute_and_the_cache_is_the_one_that_is_named_or_below_home() {
        use super::*;
        let is_named = |variable| std::env::var_os(variable).is_some_and(|value| PathBuf::from(value).is_absolute());
        match (cache(), home()) {
            (Some(cache), _) if is_named("XDG_CACHE_HOME") => assert!(cache.is_absolute()),
            (cache, home) => {
                assert_eq!(home.is_some(), is_named("HOME"));
                assert_eq!(cache, home.map(|home| home.join(".cache")));
            }
        }
        assert_eq!(named("CHORUS_NO_SUCH_VARIABLE"), None);
    }
}
