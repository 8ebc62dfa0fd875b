//! The classes of which the report says nothing, and the sites at which what it says is less sure.

use maud::{Markup, html};

use super::parts::{class_head, first, head, table, tables};
use super::words::number;
use crate::facts::Facts;

/// Most sites that are named in a sentence.
const NAMED: usize = 12;

/// The classes that were left out, each with its reason.
pub(super) fn left_out(facts: &Facts) -> Markup {
    let (untold, all) = (facts.untold().len(), facts.found.classes.len() as u64);
    if facts.left_out.is_empty() {
        return html! {};
    }
    let rows = html! {
        @for left in &facts.left_out {
            tr {
                (class_head(facts, &left.class))
                td { (left.why) }
                td {
                    @match &left.sites {
                        None => { "all sites" }
                        Some(sites) => { @for (i, site) in sites.iter().enumerate() { @if i > 0 { ", " } bdi { (site) } } }
                    }
                }
            }
        }
    };
    html! {
        h3 { "What can't be told yet" }
        p {
            @if untold > 0 {
                (number(untold as u64)) " of " (number(all)) " classes can't be told yet: validation does not show that the classifier tells "
                (if untold == 1 { "it" } else { "them" }) ", so nothing is said of " (if untold == 1 { "it" } else { "them" })
                ", neither that it calls nor that it does not. "
            }
            @if untold < facts.left_out.len() { "Some classes are left out at single sites. " }
            code { "detect.classes: all" } " takes them in."
        }
        (table("Classes that are left out", html! {
            (first("Class")) (head("Why, and what would mend it", false, "")) (head("Where", false, "Sites at which the class was not looked for"))
        }, rows))
        @if facts.scores.is_some() { (tables(&["thresholds"])) }
    }
}

/// The sites of whose windows validation has none.
pub(super) fn uncalibrated(facts: &Facts) -> Markup {
    let sites = &facts.found.uncalibrated;
    html! {
        @if !sites.is_empty() {
            p.note {
                "Not calibrated here: "
                @for (i, site) in sites.iter().take(NAMED).enumerate() { @if i > 0 { ", " } bdi { (site) } }
                @if sites.len() > NAMED { " and " (number((sites.len() - NAMED) as u64)) " more" }
                ". No recording of " (if sites.len() == 1 { "this site" } else { "these sites" })
                " was in validation, so thresholds and probabilities come from other sites and may be off. Check a sample by ear."
            }
        }
    }
}
