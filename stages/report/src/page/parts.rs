//! Pieces that several sections are made of.

use maud::{Markup, html};

use crate::facts::Facts;
use crate::words::Words;

/// Columns up to which a table has room on paper.
const ON_PAPER: usize = 14;

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

/// What is for the screen alone where it has more columns than a sheet of paper has room for, and what the sheet says in its place.
pub(crate) fn on_screen(w: &Words, columns: usize, what: Markup) -> Markup {
    html! {
        @if columns > ON_PAPER {
            div.wide { (what) }
            p.note.paper { (w.word("paper")) }
        } @else {
            (what)
        }
    }
}

/// The head of a column: texts to the left, numbers to the right. What the table of words says about it explains it.
pub(crate) fn head(w: &Words, key: &str, is_number: bool) -> Markup {
    html! { th.n[is_number] scope="col" title=[w.about(key)] { (w.word(key)) } }
}

/// The head of the first column, which stays where the others scroll.
pub(crate) fn first(w: &Words, key: &str) -> Markup {
    html! { th.first scope="col" title=[w.about(key)] { (w.word(key)) } }
}

/// The head of a row.
pub(crate) fn row_head(name: &str) -> Markup {
    html! { th.first scope="row" { bdi { (name) } } }
}

/// The head of a class's row.
pub(crate) fn class_head(facts: &Facts, class: &str) -> Markup {
    html! { th.first.class scope="row" { (class_name(facts, class)) } }
}

/// A class's code, with its common name in the language of the page and its scientific name where these are known. Each keeps its own
/// direction of writing.
pub(crate) fn class_name(facts: &Facts, class: &str) -> Markup {
    html! {
        bdi { (class) }
        @if let Some(name) = facts.names.common.get(class) { " " span.common { bdi { (name) } } }
        @if let Some(name) = facts.names.scientific.get(class) { " " i lang="la" { bdi { (name) } } }
    }
}

/// Classes in a sentence: `A`, `A and B`, `A, B and C`. `and` is the key of the last joint.
pub(crate) fn class_list(w: &Words, facts: &Facts, classes: &[&str], and: &str) -> Markup {
    html! {
        @for (i, class) in classes.iter().enumerate() {
            @if i > 0 && i + 1 == classes.len() { " " (w.word(and)) " " } @else if i > 0 { ", " }
            (class_name(facts, class))
        }
    }
}

/// Names in a sentence, the first of them; how many others there are.
pub(crate) fn names<'a>(w: &Words, names: impl ExactSizeIterator<Item = &'a String>, most: usize) -> Markup {
    let others = names.len().saturating_sub(most) as u64;
    html! {
        @for (i, name) in names.take(most).enumerate() { @if i > 0 { ", " } bdi { (name) } }
        @if others > 0 { " " (w.count("and_more", others)) }
    }
}

/// How many of all are shown, where it is not all of them.
pub(crate) fn most_shown(w: &Words, shown: usize, all: usize) -> Markup {
    html! {
        @if all > shown {
            p.note { (w.text("most_shown", &[("shown", &w.number(shown as u64)), ("all", &w.number(all as u64))])) }
        }
    }
}

/// The tables that a section's numbers come from.
pub(crate) fn tables(w: &Words, names: &[&str]) -> Markup {
    let list = html! { @for (i, name) in names.iter().enumerate() { @if i > 0 { ", " } code { (name) } } };
    html! { p.source { (w.say_n("tables", names.len() as u64, &[("tables", &list)])) } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Names;

    #[test]
    fn classes_are_joined_and_escaped() {
        let scientific = [("A".to_owned(), "Aus bus".to_owned())].into();
        let common = [("D".to_owned(), "Dee & co".to_owned())].into();
        let facts = Facts { names: Names { scientific, common, ..Names::default() }, ..Facts::default() };
        let w = Words::of("en");
        let list = |classes: &[&str]| class_list(&w, &facts, classes, "or").into_string();
        assert_eq!(
            list(&["<b>", "C", "D"]),
            "<bdi>&lt;b&gt;</bdi>, <bdi>C</bdi> or <bdi>D</bdi> <span class=\"common\"><bdi>Dee &amp; co</bdi></span>"
        );
        assert_eq!(list(&["A"]), "<bdi>A</bdi> <i lang=\"la\"><bdi>Aus bus</bdi></i>");
        assert_eq!(list(&[]), "");
    }

    #[test]
    fn what_is_not_shown_is_told() {
        let w = Words::of("en");
        let told = most_shown(&w, 60, 75).into_string();
        assert!(told.contains("60") && told.contains("75"), "{told}");
        assert_eq!(most_shown(&w, 60, 60).into_string(), "");
    }

    #[test]
    fn names_beyond_the_most_are_counted() {
        let sites = ["A", "<B>", "C"].map(str::to_owned);
        let w = Words::of("en");
        assert_eq!(names(&w, sites.iter(), 2).into_string(), "<bdi>A</bdi>, <bdi>&lt;B&gt;</bdi> and 1 more");
        assert_eq!(names(&w, sites[..1].iter(), 2).into_string(), "<bdi>A</bdi>");
    }
}
