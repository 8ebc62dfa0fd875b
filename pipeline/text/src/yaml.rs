//! YAML whose values are no larger than its text.

use std::fmt;

use saphyr_parser::{Event, Parser};

/// Why a text is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The line, from 1.
    pub line: usize,
    /// What is there.
    pub found: String,
    /// What to do.
    pub next: &'static str,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: found {}; {}", self.line, self.found, self.next)
    }
}

/// Refuses YAML that costs more than it says: a few lines of aliases within lists make serde_yaml take gigabytes, and brackets within
/// brackets hours. Ask before the text is given to serde_yaml. `deepest` is how many mappings and lists may lie within each other.
///
/// # Errors
/// [`Refused`] for an alias, for more levels, and for what is not YAML.
pub fn look_through(text: &str, deepest: usize) -> Result<(), Refused> {
    let mut depth = 0_usize;
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|e| Refused {
            line: e.marker().line(),
            found: format!("text that is not YAML ({e})"),
            next: "correct the line",
        })?;
        let refused = |found: String, next| Err(Refused { line: span.start.line(), found, next });
        match event {
            Event::Alias(_) => return refused("an alias (`*name`)".to_owned(), "write out the value that it stands for"),
            Event::MappingStart(..) | Event::SequenceStart(..) if depth == deepest => {
                return refused(format!("more than {deepest} levels"), "write fewer mappings and lists within each other");
            }
            Event::MappingStart(..) | Event::SequenceStart(..) => depth += 1,
            Event::MappingEnd | Event::SequenceEnd => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_costs_more_than_it_says_is_refused_with_its_line() {
        let said = |text: &str| look_through(text, 3).map_err(|refused| refused.to_string());
        assert_eq!(said("a: [1, {b: 2}]\nc: &name d\n"), Ok(()));
        assert_eq!(
            said("a: &a [x]\nb: [*a, *a]\n").unwrap_err(),
            "line 2: found an alias (`*name`); write out the value that it stands for"
        );
        assert!(said("a: [[[1]]]\n").unwrap_err().starts_with("line 1: found more than 3 levels"));
        // So many the parser itself refuses.
        assert!(said(&"[".repeat(1 << 20)).is_err());
        assert!(said("a: [1\nb: }").unwrap_err().contains("not YAML"));
    }
}
