//! Activity around sunset and sunrise.

use maud::{Markup, html};

use super::parts::class_name;
use super::words::{hours, share};
use crate::facts::{Class, Facts};
use crate::plot::sun;

/// Classes whose charts are drawn, the frequent ones first.
const MOST_CHARTS: usize = 60;

pub(super) fn section(facts: &Facts, found: &[(&str, &Class)]) -> Markup {
    let sun = &facts.found.sun;
    let unplaced_s = sun.unplaced_s.values().copied().fold(0.0, f64::max);
    html! {
        h3 { "Activity around sunset and sunrise" }
        @if sun::half_hours().all(|at| !sun.effort_s.contains_key(&at)) {
            p {
                "Where the sun stood is not known: no recording has both coordinates (from a site sheet or from its header) and a start in a known zone,
                or none lies within some hours of sunset or sunrise."
            }
        } @else {
            p {
                "Share of windows detected by half hours from the night's sunset and sunrise, which move with the date and the place as calling does, at
                all sites and in all nights. The dotted lines are sunset and sunrise; a long night has its middle in neither panel, a short one in both. Each
                chart has its own scale, up to the share at its top right. Hatched half hours were not recorded at all. The strip beneath each chart is
                effort: the stronger its tone, the more hours."
                @if unplaced_s > 0.0 {
                    " Not in it: " (hours(unplaced_s)) " h of recordings without coordinates, without a trusted start, or in nights without a sunset or a sunrise."
                }
            }
            (sun::face(&sun.effort_s))
            div.clocks {
                figure {
                    figcaption { strong { "Effort" } " " small { "hours recorded" } }
                    (sun::chart("Hours recorded by half hours from sunset and sunrise", |at| sun.effort_s.get(&at).copied(), |s| format!("{} h", hours(s))))
                }
                @for (name, _) in found.iter().take(MOST_CHARTS) {
                    figure {
                        figcaption { (class_name(facts, name)) }
                        (sun::chart(&format!("{name}: share of windows detected by half hours from sunset and sunrise"), |at| sun.share(name, at), share))
                    }
                }
            }
            @if found.len() > MOST_CHARTS { p.note { "The " (MOST_CHARTS) " most frequent classes of " (found.len()) "; the others are in the table." } }
        }
    }
}
