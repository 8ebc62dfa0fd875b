//! What was found: richness, the classes with their dates, their rates by site, their activity by hour and around sunset.

use maud::{Markup, html};

use super::expected;
use super::parts::{class_head, class_list, class_name, first, head, row_head, table, tables};
use super::prevalence;
use super::recorded::{column_words, columns};
use super::sun;
use super::untold;
use super::words::{NONE, count, hours, number, share};
use crate::facts::{Class, Facts, Learned, Tally};
use crate::plot::calendar::{Column, nights_per_column};
use crate::plot::clock;
use crate::plot::curves::{self, Line};
use crate::plot::heat::{Cell, Heat};

/// Cells of the table of classes by sites that a page opens fast with.
const MOST_CELLS: usize = 8_000;

pub(super) fn section(facts: &Facts) -> Markup {
    let found = facts.found.by_frequency();
    html! {
        @if facts.found.classes.is_empty() {
            p { "No classifier has listened to these recordings." }
        } @else {
            p {
                "A detection is a window" @if let Some(length_s) = facts.windows.length_s { " of " (length_s) " s" }
                " whose score reaches the threshold of a class. It is the claim of a classifier, not an observation: listen before you
                report a species."
                @if facts.learned.as_ref().is_some_and(Learned::is_taught) {
                    " Recordings that the classifier learned from are in these numbers too, and it does better on them than on new ones."
                }
            }
            @if found.is_empty() {
                p { "No class was detected in any window." }
            } @else {
                (richness(facts))
                (accumulation(facts))
                (classes(facts, &found))
                (sites(facts, &found))
                @if !facts.found.effort_by_hour_s.iter().all(|s| *s <= 0.0) || !facts.found.sun.effort_s.is_empty() { (clock::hatch()) }
                (activity(facts, &found))
                (sun::section(facts, &found))
            }
            (prevalence::section(facts))
            (expected::section(facts))
            (never(facts))
            (untold::uncalibrated(facts))
            (untold::left_out(facts))
            (tables(&["activity", "sun_activity", "nights", "accumulation", "detections"]))
        }
    }
}

fn richness(facts: &Facts) -> Markup {
    let columns = columns(&facts.recorded);
    if columns.is_empty() {
        return html! {};
    }
    let rows = facts.recorded.sites.keys().map(|site| {
        let heard = facts.found.nights.get(site);
        let cell = |column: &Column| match heard {
            Some(nights) if nights.range(column.first..=column.last()).next().is_some() => {
                Cell::Value(facts.found.richness(site, column.first, column.nights) as f64)
            }
            _ => Cell::Nothing,
        };
        (site.as_str(), columns.iter().map(cell).collect())
    });
    let heat = Heat {
        label: "Number of classes detected by site and night",
        corner: "Site",
        unit: "classes detected",
        scale: if nights_per_column(&columns) == 1 { "classes a night" } else { "classes a column" },
        columns: &columns,
        rows: rows.collect(),
        text: |classes| number(classes as u64),
        zero: Some("recorded, and nothing detected"),
    };
    html! {
        figure {
            figcaption {
                strong { "Richness." } " Number of classes detected by site and night. " (column_words(&columns))
                ". More effort finds more classes: read it beside the calendar of effort."
            }
            (heat.draw())
        }
    }
}

/// How many classes had been detected after so many nights. A single night is no curve.
fn accumulation(facts: &Facts) -> Markup {
    let points: Vec<(u32, f64)> =
        facts.found.accumulation.iter().map(|(nights, classes)| (*nights, f64::from(*classes))).collect();
    html! {
        @if points.len() > 1 {
            div.pair { (curves::chart("Classes detected so far, all sites together", "night", &[Line { name: "classes", points }], None, None)) }
            p.note {
                "Nights with effort, in their order. A curve that still rises at its end says that more nights would find more; one that is flat,
                that what can be found at this season by this classifier mostly was. False alarms raise it too."
            }
        }
    }
}

fn classes(facts: &Facts, found: &[(&str, &Class)]) -> Markup {
    let site_nights: u64 = facts.found.nights.values().map(|n| n.len() as u64).sum();
    let heads = html! {
        (first("Class")) (head("Windows detected", true, "")) (head("Share of windows", true, "Windows detected, of all windows"))
        (head("Events", true, "Runs of neighbouring windows")) (head("Sites", true, "Sites with detections"))
        (head("Nights", true, "Nights with detections, a night at two sites counting twice")) (head("First night", false, ""))
        (head("Last night", false, "")) (head("Threshold", true, "Score from which a window counts as detected"))
    };
    let rows = html! {
        @for (name, class) in found {
            @let tally = class.tally();
            tr {
                (class_head(facts, name))
                td.n { (number(tally.detected)) }
                td.n { (tally.share().map_or_else(|| NONE.into(), share)) }
                td.n { (number(class.events)) }
                td.n { (number(class.sites_found() as u64)) }
                td.n { (number(class.nights_found() as u64)) }
                td.d { (class.span().map_or_else(|| NONE.into(), |s| s.0.to_string())) }
                td.d { (class.span().map_or_else(|| NONE.into(), |s| s.1.to_string())) }
                td.n { (class.threshold.map_or_else(|| NONE.into(), |t| format!("{t:.3}"))) }
            }
        }
    };
    html! {
        h3 { "Classes" }
        p {
            "Most frequent first, of " (count(facts.windows.count, "window")) " at " (count(facts.found.effort_s.len() as u64, "site"))
            " in " (count(site_nights, "site-night")) ". Dates are those on which the night begins."
        }
        (table("Classes detected", heads, rows))
    }
}

fn sites(facts: &Facts, found: &[(&str, &Class)]) -> Markup {
    let sites: Vec<(&str, f64)> = facts.found.effort_s.iter().map(|(name, s)| (name.as_str(), *s)).collect();
    let heads = html! {
        (first("Class"))
        @for (site, _) in &sites { th.n.site scope="col" { bdi { (site) } } }
    };
    let rows = html! {
        tr.sum {
            (row_head("Hours listened to"))
            @for (_, effort_s) in &sites { td.n { (hours(*effort_s)) } }
        }
        @for (name, class) in found {
            @let highest = class.sites.values().filter_map(|at| at.tally.share()).fold(0.0, f64::max);
            tr {
                (class_head(facts, name))
                @for (site, _) in &sites { (rate(class.sites.get(*site).map(|at| at.tally).unwrap_or_default(), highest)) }
            }
        }
    };
    html! {
        h3 { "Rates by site" }
        @if sites.len() * found.len() > MOST_CELLS {
            p {
                "Left out: " (count(found.len() as u64, "row")) " of " (count(sites.len() as u64, "site")) " are more than a page can hold. They are "
                code { "chorus query \"SELECT class, site, SUM(windows_detected) AS detected, SUM(windows) AS windows FROM activity GROUP BY class, site\"" }
            }
        } @else {
            p {
                "Share of windows detected, and their number. Bars compare sites within one class: each is as long as its share of the class's
                highest. Between classes a share compares only as far as their thresholds are equally good. A hatched cell was not listened to."
            }
            div.rates { (table("Share of windows detected by class and site", heads, rows)) }
        }
    }
}

/// A rate with a bar that compares it to the highest of its class.
fn rate(tally: Tally, highest: f64) -> Markup {
    html! {
        @match tally.share() {
            Some(rate) if tally.detected > 0 => {
                td.n.bar style={ "--v:" (format!("{:.0}", 100.0 * rate / highest)) "%" } { (share(rate)) " " small { (number(tally.detected)) } }
            }
            Some(_) => td.n { "0" },
            None => td.none title="nothing was listened to" {},
        }
    }
}

fn activity(facts: &Facts, found: &[(&str, &Class)]) -> Markup {
    let effort_s = &facts.found.effort_by_hour_s;
    if effort_s.iter().all(|s| *s <= 0.0) {
        return html! {
            h3 { "Activity by hour" }
            p { "No recording has a start that can be trusted, so activity by hour is not known." }
        };
    }
    html! {
        h3 { "Activity by hour" }
        p {
            "Share of windows detected by local hour, from noon to noon, at all sites and in all nights. Each chart has its own scale, up to the
            share at its top right. Hatched hours were not recorded at all. The strip beneath each chart is effort: the stronger its tone, the more hours."
            @if facts.found.untimed_s > 0.0 { " Recordings without a trusted start, " (hours(facts.found.untimed_s)) " h, are not in it." }
        }
        (clock::face(effort_s))
        div.clocks {
            figure {
                figcaption { strong { "Effort" } " " small { "hours recorded" } }
                (clock::chart("Hours recorded by local hour", &effort_s.map(|s| (s > 0.0).then_some(s)), |s| format!("{} h", hours(s))))
            }
            @for (name, class) in found {
                figure {
                    figcaption { (class_name(facts, name)) }
                    (clock::chart(&format!("{name}: share of windows detected by local hour"), &class.hours.map(Tally::share), share))
                }
            }
        }
    }
}

fn never(facts: &Facts) -> Markup {
    let untold = facts.untold();
    let never: Vec<&str> = facts.found.never().into_iter().filter(|class| !untold.contains(class)).collect();
    html! {
        @if !never.is_empty() {
            p.note {
                "Never detected" @if !facts.found.effort_s.is_empty() { " in " (hours(facts.found.effort_s.values().sum())) " hours" } ": "
                (class_list(facts, &never, "and")) "."
            }
        }
    }
}
