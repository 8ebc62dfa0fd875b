//! Labels that look like several in one field.
//!
//! Tables, tracks and folders may hold `BOAFAB, DENMIN` or `BOAFAB+DENMIN` where two species call. Such a text is no class, and the table
//! does not say so. What a code table knows is one label, whatever it holds.

use std::collections::{BTreeMap, BTreeSet};

/// The key of what separates several labels in one field.
pub(crate) const SEPARATOR_KEY: &str = "annotate.label_separator";
/// What people write between labels and hardly within one: one part that is known is enough.
const STRONG: [&str; 13] = [",", ";", "|", "/", "\\", "+", "&", "\t", "\n", "\u{3001}", "\u{ff0c}", "\u{ff1a}", "\u{ff1b}"];
/// What names hold too: all parts have to be known.
const WEAK: [&str; 9] = [" and ", " y ", " e ", ":", "\u{b7}", "\u{2016}", "-", "_", " "];
/// What programs put around labels and lists of them: `['BOAFAB', 'DENMIN']`.
const AROUND: [char; 8] = ['[', ']', '(', ')', '{', '}', '\'', '"'];
/// Characters of a code: those of AnuraSet have six, those of birds four.
const CODE: std::ops::RangeInclusive<usize> = 3..=8;
/// Labels that a remark shows.
const SHOWN: usize = 3;

/// What separates the labels in a text that looks like several; `None` where it does not. `is_known` says of a part whether it is a label of
/// its own.
pub(crate) fn separator_in(text: &str, is_known: impl Fn(&str) -> bool) -> Option<&'static str> {
    let all_parts = |separator: &str| -> Vec<&str> {
        let parts: Vec<&str> = text.split(separator).map(bare).filter(|part| !part.is_empty()).collect();
        if parts.len() > 1 { parts } else { Vec::new() }
    };
    let is_strong = |separator: &&str| {
        let parts = all_parts(separator);
        !parts.is_empty() && (parts.iter().any(|part| is_known(part)) || parts.iter().all(|part| is_code(part)))
    };
    let is_weak = |separator: &&str| {
        let parts = all_parts(separator);
        !parts.is_empty() && parts.iter().all(|part| is_known(part))
    };
    STRONG.into_iter().find(is_strong).or_else(|| WEAK.into_iter().find(is_weak))
}

/// Whether a text is words with commas and no spaces between them, as data sets write several labels: `dog,rain`. Names have a space behind
/// a comma.
fn is_list(text: &str) -> bool {
    let is_word = |part: &str| part == part.trim() && part.contains(char::is_alphabetic);
    text.contains(',') && text.split(',').all(is_word)
}

/// A label without what programs put around it.
fn bare(part: &str) -> &str {
    part.trim_matches(|c: char| c.is_whitespace() || AROUND.contains(&c))
}

/// Whether a text is written like a code of a species: `BOAFAB`.
fn is_code(text: &str) -> bool {
    let is_written_so = text.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    is_written_so && CODE.contains(&text.len()) && text.starts_with(|c: char| c.is_ascii_uppercase())
}

/// A remark for each separator of classes that look like several labels. `is_separable` says whether the layout reads [`SEPARATOR_KEY`].
pub(crate) fn remarks(classes: &BTreeSet<String>, is_separable: bool) -> Vec<String> {
    // Where labels always stand together, none of them is a class of its own, and each stands beside several others.
    let mut beside: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for class in classes {
        for part in class.split(|c: char| !c.is_alphanumeric()).filter(|part| is_code(part)) {
            beside.entry(part).or_default().insert(class);
        }
    }
    let is_known = |part: &str| classes.contains(part) || beside.get(part).is_some_and(|classes| classes.len() > 1);
    let mut joined: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for class in classes {
        if let Some(separator) = separator_in(class, is_known).or_else(|| is_list(class).then_some(",")) {
            joined.entry(separator).or_default().push(class);
        }
    }
    joined.into_iter().map(|(separator, classes)| remark(separator, &classes, is_separable)).collect()
}

fn remark(separator: &str, classes: &[&str], is_separable: bool) -> String {
    let shown: Vec<String> = classes.iter().take(SHOWN).map(|class| format!("`{class}`")).collect();
    let more = classes.len() - shown.len();
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let is_list = classes.iter().any(|class| class.starts_with(['[', '{', '(', '"', '\'']));
    let bare = if is_list { " and take brackets and quotation marks out of the labels" } else { "" };
    let (noun, look) = if classes.len() == 1 { ("class", "looks") } else { ("classes", "look") };
    let advice = if is_separable {
        format!("in one field; if they are, set {SEPARATOR_KEY} to {separator:?}{bare}")
    } else {
        "in one; if they are, write a table with a label_separator for these recordings (annotate.format: clips)".to_owned()
    };
    format!("the {noun} {}{more} {look} like several labels {advice}; if not, name them in annotate.code_table", shown.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(classes: &[&str]) -> Vec<String> {
        remarks(&classes.iter().map(|class| (*class).to_owned()).collect(), true)
    }

    #[test]
    fn names_that_hold_such_a_character_are_left_alone() {
        for classes in [
            &["BOAFAB", "DENMIN", "Treefrog, grey"][..],
            &["Treefrog, grey", "Treefrog, green"],
            &["Wood Thrush", "Blue Jay", "Wood Duck"],
            &["WOOD THRUSH", "WOOD DUCK"],
            &["Black-and-white Warbler", "Warbler"],
            &["BOA_FAB", "BOAFAB"],
            &["UK/US", "A/B"],
        ] {
            assert_eq!(told(classes), [""; 0], "{classes:?}");
        }
    }

    #[test]
    fn joined_labels_are_told_whatever_joins_them() {
        for (separator, text) in [
            (",", "BOAFAB, DENMIN"),
            (",", "BOAFAB,DENMIN"),
            (";", "BOAFAB;DENMIN"),
            ("+", "BOAFAB+DENMIN"),
            ("/", "BOAFAB / DENMIN"),
            ("|", "BOAFAB|DENMIN"),
            ("&", "BOAFAB & DENMIN"),
            ("\u{3001}", "BOAFAB\u{3001}DENMIN"),
            ("\u{ff0c}", "BOAFAB\u{ff0c}DENMIN"),
            ("\u{ff1a}", "BOAFAB\u{ff1a}DENMIN"),
        ] {
            assert_eq!(separator_in(text, |_| false), Some(separator), "{text}: both are written like codes");
            assert_eq!(separator_in(&text.to_lowercase(), |part| part == "boafab"), Some(separator), "{text}: one is known");
            assert_eq!(separator_in(&text.to_lowercase(), |_| false), None, "{text}");
        }
        let known = |part: &str| ["BOAFAB", "DENMIN"].contains(&part);
        for text in ["['BOAFAB', 'DENMIN']", "[\"BOAFAB\",\"DENMIN\"]", "{BOAFAB, DENMIN}"] {
            assert_eq!(separator_in(text, |_| false), Some(","), "{text}: a list");
        }
        let remarks = told(&["['BOAFAB', 'DENMIN']", "BOAFAB"]);
        assert!(remarks[0].contains("to \",\" and take brackets and quotation marks out of the labels"), "{remarks:?}");
        for (separator, text) in [
            (" ", "BOAFAB DENMIN"),
            (":", "BOAFAB:DENMIN"),
            ("\u{b7}", "BOAFAB \u{b7} DENMIN"),
            (" and ", "BOAFAB and DENMIN"),
            ("-", "BOAFAB-DENMIN"),
            ("_", "BOAFAB_DENMIN"),
        ] {
            assert_eq!(separator_in(text, known), Some(separator), "{text}");
            assert_eq!(separator_in(text, |part| part == "BOAFAB"), None, "{text}");
        }
    }

    #[test]
    fn a_folder_of_several_labels_is_told_without_a_separator() {
        let folders: BTreeSet<String> = ["dog", "dog, frog"].map(str::to_owned).into();
        let remarks = remarks(&folders, false);
        assert!(remarks.len() == 1 && remarks[0].contains("`dog, frog` looks like several labels in one;"), "{remarks:?}");
        assert!(!remarks[0].contains(SEPARATOR_KEY), "{remarks:?}");
    }

    #[test]
    fn words_with_commas_and_no_spaces_are_a_list() {
        assert!(told(&["dog,rain"])[0].contains("`dog,rain` looks like several labels"));
        assert!(told(&["Bark,Dog,Domestic_animals", "wind"])[0].contains("to \",\""));
        assert_eq!(told(&["Treefrog, grey", "dog,", "1,5", "dog"]), [""; 0]);
    }

    #[test]
    fn labels_that_only_stand_together_are_told() {
        let remarks = told(&["BOAFAB DENMIN", "BOAFAB SCIFUS", "DENMIN SCIFUS", "WHITE"]);
        assert_eq!(
            remarks,
            [
                "the classes `BOAFAB DENMIN`, `BOAFAB SCIFUS`, `DENMIN SCIFUS` look like several labels in one field; if they are, set \
              annotate.label_separator to \" \"; if not, name them in annotate.code_table"
            ]
        );
        let many = told(&["A1B,A2B", "A1B,A3B", "A2B,A3B", "A1B,A4B", "A1B"]);
        assert!(many.len() == 1 && many[0].contains("and 1 more") && many[0].contains("to \",\""), "{many:?}");
    }
}
