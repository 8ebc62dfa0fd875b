//! The classes of which the report says nothing, and the sites at which what it says is less sure.

use maud::{Markup, html};

use super::parts::{class_head, first, head, names, table, tables};
use crate::facts::Facts;
use crate::words::Words;

/// Most sites that are named in a sentence.
const NAMED: usize = 12;

/// The classes that were left out, each with its reason.
pub(super) fn left_out(w: &Words, facts: &Facts) -> Markup {
    let (untold, all) = (facts.untold().len(), facts.found.classes.len() as u64);
    if facts.left_out.is_empty() {
        return html! {};
    }
    let rows = html! {
        @for left in &facts.left_out {
            tr {
                (class_head(facts, &left.class))
                // The sentence is that of the table, which is English.
                td lang=[w.english()] { (left.why) }
                td {
                    @match &left.sites {
                        None => (w.word("untold.all_sites")),
                        Some(sites) => (names(w, sites.iter(), usize::MAX)),
                    }
                }
            }
        }
    };
    html! {
        h3 { (w.word("untold.title")) }
        p {
            @if untold > 0 { (w.say_n("untold.classes", untold as u64, &[("all", &w.number(all))])) " " }
            @if untold < facts.left_out.len() { (w.word("untold.at_sites")) " " }
            (w.say("untold.all", &[]))
        }
        (table(w.word("untold.label"), html! { (first(w, "col.class")) (head(w, "untold.why", false)) (head(w, "untold.where", false)) }, rows))
        @if facts.scores.is_some() { (tables(w, &["thresholds"])) }
    }
}

/// The sites of whose windows validation has none.
pub(super) fn uncalibrated(w: &Words, facts: &Facts) -> Markup {
    let sites = &facts.found.uncalibrated;
    html! {
        @if !sites.is_empty() {
            p.note { (w.say_n("untold.uncalibrated", sites.len() as u64, &[("sites", &names(w, sites.iter(), NAMED))])) }
        }
    }
}
