//! Pieces that several sections are made of.

use maud::{Markup, html};

use crate::facts::Facts;

/// A table; it scrolls in a box of its own where the page is narrow. The caption is for those who hear the page: others have the
/// heading above.
pub(crate) fn table(caption: &str, head: Markup, body: Markup) -> Markup {
    html! {
        div.scroll tabindex="0" role="region" aria-label=(caption) {
            table {
                caption { (caption) }
                thead { tr { (head) } }
                tbody { (body) }
            }
        }
    }
}

/// The head of a column: texts to the left, numbers to the right. `about` explains it.
pub(crate) fn head(name: &str, is_number: bool, about: &str) -> Markup {
    html! {
        th.n[is_number] scope="col" title=[(!about.is_empty()).then_some(about)] { (name) }
    }
}

/// The head of the first column, which stays where the others scroll.
pub(crate) fn first(name: &str) -> Markup {
    html! { th.first scope="col" { (name) } }
}

/// The head of a row.
pub(crate) fn row_head(name: &str) -> Markup {
    html! { th.first scope="row" { bdi { (name) } } }
}

/// The head of a class's row: its code, and its scientific name where that is known.
pub(crate) fn class_head(facts: &Facts, class: &str) -> Markup {
    html! { th.first.class scope="row" { (class_name(facts, class)) } }
}

/// A class's code, and its scientific name where that is known. Each keeps its own direction of writing.
pub(crate) fn class_name(facts: &Facts, class: &str) -> Markup {
    html! {
        bdi { (class) }
        @if let Some(name) = facts.scientific.get(class) { " " i lang="la" { bdi { (name) } } }
    }
}

/// Classes in a sentence: `A`, `A and B`, `A, B and C`.
pub(crate) fn class_list(facts: &Facts, classes: &[&str], and: &str) -> Markup {
    html! {
        @for (i, class) in classes.iter().enumerate() {
            @if i > 0 && i + 1 == classes.len() { " " (and) " " } @else if i > 0 { ", " }
            (class_name(facts, class))
        }
    }
}

/// The tables that a section's numbers come from.
pub(crate) fn tables(names: &[&str]) -> Markup {
    html! {
        p.source {
            @if names.len() == 1 { "Table: " } @else { "Tables: " }
            @for (i, name) in names.iter().enumerate() { @if i > 0 { ", " } code { (name) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_joined_and_escaped() {
        let facts = Facts { scientific: [("A".to_owned(), "Aus bus".to_owned())].into(), ..Facts::default() };
        let list = |classes: &[&str]| class_list(&facts, classes, "or").into_string();
        assert_eq!(list(&["<b>", "C", "D"]), "<bdi>&lt;b&gt;</bdi>, <bdi>C</bdi> or <bdi>D</bdi>");
        assert_eq!(list(&["A"]), "<bdi>A</bdi> <i lang=\"la\"><bdi>Aus bus</bdi></i>");
        assert_eq!(list(&[]), "");
    }
}
