//! Detections where and when their class is not expected.

use maud::{Markup, html};

use super::parts::{class_head, first, head, table, tables};
use crate::facts::Facts;
use crate::words::Words;

/// Most sites that are named for a class.
const NAMED: usize = 8;

/// Nothing in a run without a table that says what is to be expected.
pub(super) fn section(w: &Words, facts: &Facts) -> Markup {
    if facts.expected.is_empty() {
        return html! {};
    }
    let implausible: u64 = facts.expected.values().map(|class| class.all.no).sum();
    let silent = facts.expected.values().filter(|class| class.all.yes + class.all.no == 0).count() as u64;
    let heads = html! {
        (first(w, "col.class")) (head(w, "expected.no", true)) (head(w, "expected.yes", true)) (head(w, "expected.open", true))
        (head(w, "expected.where", false))
    };
    let rows = html! {
        @for (name, class) in facts.expected.iter().filter(|(_, class)| class.all.no > 0) {
            tr {
                (class_head(facts, name))
                td.n { (w.number(class.all.no)) }
                td.n { (w.number(class.all.yes)) }
                td.n { (w.number(class.all.open)) }
                td {
                    @for (i, (site, n)) in class.sites.iter().take(NAMED).enumerate() {
                        @if i > 0 { ", " } bdi { (site) } " (" (w.number(*n)) ")"
                    }
                    @if class.sites.len() > NAMED { " " (w.count("and_more", (class.sites.len() - NAMED) as u64)) }
                }
            }
        }
    };
    html! {
        h3 { (w.word("expected.title")) }
        @if implausible == 0 {
            p { (w.word("expected.all")) }
        } @else {
            p { (w.count("expected.some", implausible)) " " (w.word("expected.about")) }
            (table(w.word("expected.label"), heads, rows))
        }
        @if silent > 0 {
            p.note { (w.say_n("expected.silent", silent, &[("all", &w.number(facts.expected.len() as u64))])) }
        }
        (tables(w, &["plausibility"]))
    }
}
