//! Activity around sunset and sunrise.

use maud::{Markup, html};

use super::data;
use super::parts::{class_name, most_shown};
use crate::facts::{Class, Facts};
use crate::plot::sun;
use crate::words::Words;

/// Classes whose charts are drawn, the frequent ones first.
const MOST_CHARTS: usize = 60;

pub(super) fn section(w: &Words, facts: &Facts, found: &[(&str, &Class)]) -> Markup {
    let sun = &facts.found.sun;
    let unplaced_s = sun.unplaced_s.values().copied().fold(0.0, f64::max);
    let shown: Vec<&str> = found.iter().take(MOST_CHARTS).map(|(name, _)| *name).collect();
    html! {
        h3 { (w.word("sun.title")) }
        @if sun::half_hours().all(|at| !sun.effort_s.contains_key(&at)) {
            p { (w.word("sun.unknown")) }
        } @else {
            p {
                (w.word("sun.about"))
                @if unplaced_s > 0.0 { " " (w.text("sun.unplaced", &[("hours", &w.hours(unplaced_s))])) }
            }
            (sun::face(w, &sun.effort_s))
            div.clocks {
                figure {
                    figcaption { strong { (w.word("effort")) } " " small { (w.word("effort.unit")) } }
                    (sun::chart(w, w.word("sun.effort"), |at| sun.effort_s.get(&at).copied(), |s| w.text("hours.value", &[("n", &w.hours(s))])))
                }
                @for name in &shown {
                    figure {
                        figcaption { (class_name(facts, name)) }
                        (sun::chart(w, &w.text("sun.label", &[("class", name)]), |at| sun.share(name, at), |share| w.share(share)))
                    }
                }
            }
            (data::half_hours(w, w.word("sun.title"), facts, &shown, |class, at| sun.share(class, at)))
            (most_shown(w, shown.len(), found.len()))
        }
    }
}
