//! How often classes call, or where that can be learned.

use maud::{Markup, html};

use super::parts::{class_head, first, head, table};
use super::words::{NONE, number, share};
use crate::facts::Facts;

/// Rows that a page shows; the file has all.
const MOST: usize = 200;

/// Estimates where the run names some, else what counts of detections lack.
pub(super) fn section(facts: &Facts) -> Markup {
    let Some(found) = &facts.prevalence else {
        return html! {
            p.note {
                "How often a class calls is another question than how often it is detected: counts of detections have the false alarms
                of a threshold, and lack what lies below it. " code { "chorus prevalence" } " estimates the share of windows with
                the class, with an interval, from clips that somebody heard."
            }
        };
    };
    let of = |value: Option<f64>| value.map_or_else(|| NONE.to_owned(), share);
    let rows = html! {
        @for row in found.iter().take(MOST) {
            tr {
                (class_head(facts, &row.class))
                td { bdi { (row.site) } }
                td { (row.night.map(|night| night.to_string()).unwrap_or_default()) }
                td.n { (number(row.windows)) }
                td.n { (of(row.share)) }
                td.n { (of(row.ci_low)) " to " (of(row.ci_high)) }
                td.n { (share(row.covered)) }
                td { (if row.calibrated_here { "yes" } else { "no" }) }
            }
        }
    };
    html! {
        h3 { "How often each class calls" }
        p {
            "Estimated from windows that somebody heard, without a threshold. Where nobody heard a window of the site, scores are taken
            to mean there what they mean elsewhere, and the interval does not know how far that is off."
        }
        (table("Share of windows with each class", html! {
            (first("Class")) (head("Site", false, "")) (head("Night", false, "The date on which it began"))
            (head("Windows", true, "Windows with a score")) (head("Share", true, "Estimated share of windows with the class"))
            (head("Interval", true, "Of 95 %")) (head("Covered", true, "Share of the windows of which the estimate speaks"))
            (head("Heard here", false, "Whether somebody heard windows of the site"))
        }, rows))
        @if found.len() > MOST {
            p.note { "The file of " code { "report.prevalence" } " has " (number((found.len() - MOST) as u64)) " rows more." }
        }
    }
}
