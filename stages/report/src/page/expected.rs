//! Detections where and when their class is not expected.

use maud::{Markup, html};

use super::parts::{class_head, first, head, table, tables};
use super::words::number;
use crate::facts::Facts;

/// Most sites that are named for a class.
const NAMED: usize = 8;

/// Nothing in a run without a table that says what is to be expected.
pub(super) fn section(facts: &Facts) -> Markup {
    if facts.expected.is_empty() {
        return html! {};
    }
    let implausible: u64 = facts.expected.values().map(|class| class.all.no).sum();
    let silent = facts.expected.values().filter(|class| class.all.yes + class.all.no == 0).count() as u64;
    let rows = html! {
        @for (name, class) in facts.expected.iter().filter(|(_, class)| class.all.no > 0) {
            tr {
                (class_head(facts, name))
                td.n { (number(class.all.no)) }
                td.n { (number(class.all.yes)) }
                td.n { (number(class.all.open)) }
                td {
                    @for (i, (site, n)) in class.sites.iter().take(NAMED).enumerate() {
                        @if i > 0 { ", " } bdi { (site) } " (" (number(*n)) ")"
                    }
                    @if class.sites.len() > NAMED { " and " (number((class.sites.len() - NAMED) as u64)) " more" }
                }
            }
        }
    };
    html! {
        h3 { "Where and when nobody expects it" }
        @if implausible == 0 {
            p { "No detection is at a place and time at which its class is not to be expected." }
        } @else {
            p {
                (number(implausible)) (if implausible == 1 { " detection is" } else { " detections are" })
                " at places and times at which their class is not to be expected. They are in all other numbers of this page. Listen to
                them: they are false alarms, or news."
            }
            (table("Implausible detections", html! {
                (first("Class")) (head("Implausible", true, "Detections that the table of expectations does not expect"))
                (head("Plausible", true, "Detections that it expects")) (head("Open", true, "Detections of which it says nothing"))
                (head("Where", false, "Sites of the implausible detections"))
            }, rows))
        }
        @if silent > 0 {
            p.note {
                "The table says nothing of " (number(silent)) " of the " (number(facts.expected.len() as u64)) " detected classes."
            }
        }
        (tables(&["plausibility"]))
    }
}
