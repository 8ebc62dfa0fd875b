//! How often classes call, where the run names a file of estimates.

use maud::{Markup, html};

use super::parts::{class_head, first, head, table};
use crate::facts::{Day, Facts};
use crate::words::{NONE, Words};

/// Rows that a page shows; the file has all.
const MOST: usize = 200;

/// The estimates of `chorus prevalence`.
pub(super) fn section(w: &Words, facts: &Facts) -> Markup {
    let Some(found) = &facts.prevalence else { return html! {} };
    let of = |value: Option<f64>| value.map_or_else(|| NONE.to_owned(), |value| w.share(value));
    let heads = html! {
        (first(w, "col.class")) (head(w, "col.site", false)) (head(w, "prevalence.night", false)) (head(w, "prevalence.windows", true))
        (head(w, "prevalence.share", true)) (head(w, "prevalence.interval", true)) (head(w, "prevalence.covered", true))
        (head(w, "prevalence.heard", false))
    };
    let rows = html! {
        @for row in found.iter().take(MOST) {
            tr {
                (class_head(facts, &row.class))
                td { bdi { (row.site) } }
                td { (row.night.and_then(Day::on).map(|night| w.day(night)).unwrap_or_default()) }
                td.n { (w.number(row.windows)) }
                td.n { (of(row.share)) }
                td.n { (w.text("prevalence.between", &[("low", &of(row.ci_low)), ("high", &of(row.ci_high))])) }
                td.n { (w.share(row.covered)) }
                td { (w.word(if row.calibrated_here { "prevalence.yes" } else { "prevalence.no" })) }
            }
        }
    };
    html! {
        h3 { (w.word("prevalence.title")) }
        p { (w.word("prevalence.about")) }
        (table(w.word("prevalence.label"), heads, rows))
        @if found.len() > MOST {
            p.note { (w.say_n("prevalence.more", (found.len() - MOST) as u64, &[])) }
        }
    }
}
