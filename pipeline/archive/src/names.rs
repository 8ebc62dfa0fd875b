//! Names that somebody typed into a table, in the forms in which they are compared. Tables of other programs and people are read by these.

use super::path::composed;

/// A label, a code or the name of a class in the form in which they are compared: composed letters, no characters that nobody sees, and one
/// space for each run of spaces of any kind. Line feeds and tabs stay, since they may stand between labels.
#[must_use]
pub fn cleaned(text: &str) -> String {
    let (mut clean, mut is_spaced) = (String::with_capacity(text.len()), false);
    for c in composed(text).trim().chars().filter(|c| !is_invisible(*c)) {
        if c.is_whitespace() && !matches!(c, '\n' | '\r' | '\t') {
            is_spaced = true;
            continue;
        }
        if is_spaced && !clean.is_empty() {
            clean.push(' ');
        }
        is_spaced = false;
        clean.push(c);
    }
    clean
}

/// The name of a table's column in the form in which they are compared: case does not matter, and dots, underscores and hyphens are spaces.
#[must_use]
pub fn column_name(written: &str) -> String {
    let spaced: String = composed(written).chars().map(|c| if matches!(c, '.' | '_' | '-') { ' ' } else { c }).collect();
    spaced.split_whitespace().collect::<Vec<_>>().join(" ").to_lowercase()
}

/// Whether a character has no look of its own: spaces of no width, marks of direction, soft hyphens, and byte order marks within a text. The
/// joiners of Persian and Indic scripts change how letters look, and stay.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{61c}'
            | '\u{180e}'
            | '\u{200b}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{2064}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_that_look_the_same_are_the_same() {
        for text in [
            "Wood\u{a0}Thrush",
            "Wood  Thrush ",
            "\u{feff}Wood Thrush",
            "Wood \u{200b} Thrush",
            "\u{202a}Wood Thrush\u{202c}",
            "Wo\u{feff}od\u{3000}Thrush",
        ] {
            assert_eq!(cleaned(text), "Wood Thrush", "{text:?}");
        }
        assert_eq!((cleaned("A\nB"), cleaned("\u{200b}"), cleaned("Ra\u{303}")), ("A\nB".into(), "".into(), "R\u{e3}".into()));
    }

    #[test]
    fn names_of_columns_are_compared_without_case_and_signs() {
        for written in ["Start Time", "start_time", "Start.Time", " START-TIME ", "start__time"] {
            assert_eq!(column_name(written), "start time", "{written}");
        }
        assert_eq!(column_name("Esp\u{e9}cie"), column_name("Espe\u{301}cie"));
    }
}
