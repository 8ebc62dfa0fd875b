//! Words of command lines that messages show, to be pasted into a shell.

/// A text as one word of a shell's command line: as it is, or between single quotes where the shell would read it otherwise.
pub fn in_shell(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+,:=@%".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_cut_or_read_otherwise_is_quoted() {
        assert_eq!(in_shell("runs/a-1.b"), "runs/a-1.b");
        assert_eq!(in_shell("my runs"), "'my runs'");
        assert_eq!(in_shell("it's"), "'it'\\''s'");
        assert_eq!(in_shell("$(ls)"), "'$(ls)'");
        assert_eq!(in_shell(""), "''");
    }
}
