//! What was found: richness, the classes with their dates, their rates by site, their seasons, their activity by hour and around sunset.

use maud::{Markup, html};

use super::parts::{class_head, class_list, class_name, first, head, on_screen, row_head, table, tables};
use super::recorded::{column_words, columns};
use super::{data, expected, prevalence, season, sun, untold};
use crate::facts::{Class, Facts, HOURS, Learned, Tally};
use crate::plot::calendar::{Column, nights_per_column};
use crate::plot::clock;
use crate::plot::curves::{Band, Chart, Line};
use crate::plot::heat::{Cell, Heat};
use crate::words::{NONE, Words};

/// Cells of the table of classes by sites that a page opens fast with.
const MOST_CELLS: usize = 8_000;

/// Points of a curve that can be told apart.
const MOST_POINTS: usize = 200;

/// The question that tells of classes by site.
const BY_SITE: &str = "chorus query \"SELECT class, site, SUM(windows_detected) AS detected, SUM(windows) AS windows FROM activity GROUP BY class, site\"";

pub(super) fn section(w: &Words, facts: &Facts) -> Markup {
    let found = facts.found.by_frequency();
    html! {
        @if facts.found.classes.is_empty() {
            p { (w.word("found.unheard")) }
        } @else {
            p {
                @match facts.windows.length_s {
                    Some(length_s) => (w.text("found.detection_s", &[("n", &w.trimmed(length_s, 3))])),
                    None => (w.word("found.detection")),
                }
                @if facts.learned.as_ref().is_some_and(Learned::is_taught) { " " (w.word("found.taught")) }
                " " (w.say("found.prevalence", &[]))
            }
            @if found.is_empty() {
                p { (w.word("found.none")) }
            } @else {
                (richness(w, facts))
                (accumulation(w, facts))
                (classes(w, facts, &found))
                (sites(w, facts, &found))
                @if !facts.found.effort_by_hour_s.iter().all(|s| *s <= 0.0) || !facts.found.sun.effort_s.is_empty() { (clock::hatch()) }
                (season::section(w, facts, &found))
                (activity(w, facts, &found))
                (sun::section(w, facts, &found))
            }
            (prevalence::section(w, facts))
            (expected::section(w, facts))
            (never(w, facts))
            (untold::uncalibrated(w, facts))
            (untold::left_out(w, facts))
            (tables(w, &["activity", "sun_activity", "nights", "accumulation", "detections"]))
        }
    }
}

fn richness(w: &Words, facts: &Facts) -> Markup {
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
        words: w,
        label: w.word("richness.label"),
        corner: w.word("col.site"),
        cell: "richness.cell",
        scale: w.word(if nights_per_column(&columns) == 1 { "richness.scale" } else { "richness.scale_column" }),
        columns: &columns,
        rows: rows.collect(),
        text: |w, classes| w.number(classes as u64),
        zero: Some(w.word("richness.zero")),
    };
    html! {
        figure {
            figcaption { strong { (w.word("richness.title")) } " " (w.text("richness.about", &[("columns", &column_words(w, &columns))])) }
            (heat.draw())
        }
    }
}

/// How many classes had been detected after so many nights, and how many so many nights give on average. A single night is no curve.
fn accumulation(w: &Words, facts: &Facts) -> Markup {
    let observed: Vec<(u32, f64)> =
        facts.found.accumulation.iter().map(|(nights, classes)| (*nights, f64::from(*classes))).collect();
    if observed.len() < 2 {
        return html! {};
    }
    let expected = thinned(&facts.found.rarefaction());
    let lines = [
        Line { name: w.word("accumulation.observed"), points: thinned(&observed) },
        Line { name: w.word("accumulation.expected"), points: expected.iter().map(|e| (e.nights, e.classes)).collect() },
    ];
    let band = (!expected.is_empty()).then(|| Band {
        name: w.word("accumulation.interval"),
        edges: expected.iter().map(|e| (e.nights, e.low, e.high)).collect(),
    });
    let (title, across) = (w.word("accumulation.title"), w.word("accumulation.night"));
    let table = data::lines(w, title, across, &lines, band.as_ref());
    html! {
        div.pair { (Chart { words: w, title, across, lines: &lines, band, top: None, kept: None }.draw(table)) }
        p.note { (w.word("accumulation.about")) " " (w.word("accumulation.method")) }
    }
}

/// Points of a curve as many as can be told apart, with the first and the last.
fn thinned<T: Copy>(points: &[T]) -> Vec<T> {
    let step = points.len().div_ceil(MOST_POINTS).max(1);
    let last = points.len().saturating_sub(1);
    points.iter().enumerate().filter(|(i, _)| i % step == 0 || *i == last).map(|(_, point)| *point).collect()
}

fn classes(w: &Words, facts: &Facts, found: &[(&str, &Class)]) -> Markup {
    let site_nights: u64 = facts.found.nights.values().map(|n| n.len() as u64).sum();
    let heads = html! {
        (first(w, "col.class")) (head(w, "class.detected", true)) (head(w, "class.share", true)) (head(w, "class.events", true))
        (head(w, "class.sites", true)) (head(w, "class.nights", true)) (head(w, "class.first", false)) (head(w, "class.last", false))
        (head(w, "class.threshold", true))
    };
    let rows = html! {
        @for (name, class) in found {
            @let tally = class.tally();
            tr {
                (class_head(facts, name))
                td.n { (w.number(tally.detected)) }
                td.n { (tally.share().map_or_else(|| NONE.into(), |share| w.share(share))) }
                td.n { (w.number(class.events)) }
                td.n { (w.number(class.sites_found() as u64)) }
                td.n { (w.number(class.nights_found() as u64)) }
                td.d { (class.span().map_or_else(|| NONE.into(), |s| w.day(s.0))) }
                td.d { (class.span().map_or_else(|| NONE.into(), |s| w.day(s.1))) }
                td.n { (class.threshold.map_or_else(|| NONE.into(), |t| w.decimal(t, 3))) }
            }
        }
    };
    let (windows, sites, nights) = (
        w.count("windows", facts.windows.count),
        w.count("at_sites", facts.found.effort_s.len() as u64),
        w.count("in_site_nights", site_nights),
    );
    html! {
        h3 { (w.word("classes")) }
        p { (w.say("class.about", &[("windows", &windows), ("sites", &sites), ("nights", &nights)])) }
        (table(w.word("class.label"), heads, rows))
    }
}

fn sites(w: &Words, facts: &Facts, found: &[(&str, &Class)]) -> Markup {
    let sites: Vec<(&str, f64)> = facts.found.effort_s.iter().map(|(name, s)| (name.as_str(), *s)).collect();
    let heads = html! {
        (first(w, "col.class"))
        @for (site, _) in &sites { th.n.site scope="col" { bdi { (site) } } }
    };
    let rows = html! {
        tr.sum {
            (row_head(w.word("rates.hours")))
            @for (_, effort_s) in &sites { td.n { (w.hours(*effort_s)) } }
        }
        @for (name, class) in found {
            @let highest = class.sites.values().filter_map(|at| at.tally.share()).fold(0.0, f64::max);
            tr {
                (class_head(facts, name))
                @for (site, _) in &sites { (rate(w, class.sites.get(*site).map(|at| at.tally).unwrap_or_default(), highest)) }
            }
        }
    };
    html! {
        h3 { (w.word("rates.title")) }
        @if sites.len() * found.len() > MOST_CELLS {
            p {
                (w.say("rates.too_many", &[
                    ("rows", &w.count("rows", found.len() as u64)),
                    ("sites", &w.count("of_sites", sites.len() as u64)),
                    ("query", &html! { code { (BY_SITE) } }),
                ]))
            }
        } @else {
            p { (w.word("rates.about")) }
            (on_screen(w, sites.len(), html! { div.rates { (table(w.word("rates.label"), heads, rows)) } }))
        }
    }
}

/// A rate with a bar that compares it to the highest of its class.
fn rate(w: &Words, tally: Tally, highest: f64) -> Markup {
    html! {
        @match tally.share() {
            Some(rate) if tally.detected > 0 => {
                td.n.bar style={ "--v:" (format!("{:.0}", 100.0 * rate / highest)) "%" } { (w.share(rate)) " " small { (w.number(tally.detected)) } }
            }
            Some(_) => td.n { "0" },
            None => td.none title=(w.word("rates.none")) {},
        }
    }
}

fn activity(w: &Words, facts: &Facts, found: &[(&str, &Class)]) -> Markup {
    let effort_s = &facts.found.effort_by_hour_s;
    if effort_s.iter().all(|s| *s <= 0.0) {
        return html! {
            h3 { (w.word("hours.title")) }
            p { (w.word("hours.unknown")) }
        };
    }
    let classes: Vec<(&str, [Option<f64>; HOURS])> =
        found.iter().map(|(name, class)| (*name, class.hours.map(Tally::share))).collect();
    html! {
        h3 { (w.word("hours.title")) }
        p {
            (w.word("hours.about"))
            @if facts.found.untimed_s > 0.0 { " " (w.text("hours.untimed", &[("hours", &w.hours(facts.found.untimed_s))])) }
        }
        (clock::face(effort_s))
        div.clocks {
            figure {
                figcaption { strong { (w.word("effort")) } " " small { (w.word("effort.unit")) } }
                (clock::chart(w, w.word("hours.effort"), &effort_s.map(|s| (s > 0.0).then_some(s)), |s| w.text("hours.value", &[("n", &w.hours(s))])))
            }
            @for (name, shares) in &classes {
                figure {
                    figcaption { (class_name(facts, name)) }
                    (clock::chart(w, &w.text("hours.label", &[("class", name)]), shares, |share| w.share(share)))
                }
            }
        }
        (data::hours(w, w.word("hours.title"), facts, &classes))
    }
}

fn never(w: &Words, facts: &Facts) -> Markup {
    let untold = facts.untold();
    let never: Vec<&str> = facts.found.never().into_iter().filter(|class| !untold.contains(class)).collect();
    let list = class_list(w, facts, &never, "and");
    html! {
        @if !never.is_empty() {
            p.note {
                @if facts.found.effort_s.is_empty() {
                    (w.say("never", &[("classes", &list)]))
                } @else {
                    (w.say("never_in", &[("hours", &w.hours(facts.found.effort_s.values().sum())), ("classes", &list)]))
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thinned_curve_keeps_its_ends() {
        let points: Vec<u32> = (0..1001).collect();
        let thin = thinned(&points);
        assert!(thin.len() <= MOST_POINTS + 1 && thin[0] == 0 && thin.last() == Some(&1000), "{}", thin.len());
        assert_eq!((thinned(&points[..3]), thinned(&points[..0]).len()), (vec![0, 1, 2], 0));
    }
}
