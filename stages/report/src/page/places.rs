//! The map of the sites: how much was recorded where, and how many classes were found there.

use maud::{Markup, html};

use super::data;
use super::parts::{first, head, names, row_head};
use crate::facts::{Facts, Site};
use crate::plot::heat::{ramp, shade};
use crate::plot::map::{self, Spot};
use crate::words::Words;

/// Sites without a place that are named.
const NAMED: usize = 40;

/// Nothing where all sites lack coordinates: the table of sites says so.
pub(super) fn section(w: &Words, facts: &Facts) -> Markup {
    let sites = &facts.recorded.sites;
    let (placed, unplaced): (Vec<_>, Vec<_>) = sites.iter().partition(|(_, site)| site.place.is_some());
    if placed.is_empty() {
        return html! {};
    }
    let is_heard = !facts.found.classes.is_empty();
    let longest_s = sites.values().map(|site| site.recorded_s).fold(0.0, f64::max);
    let most = sites.keys().map(|site| facts.found.classes_at(site)).max().unwrap_or(0);
    let spots: Vec<Spot<'_>> = placed.iter().filter_map(|(name, site)| spot(w, facts, (name, site), longest_s, most)).collect();
    let label = w.word(if is_heard { "map.label_classes" } else { "map.label" });
    html! {
        h3 { (w.word("map.title")) }
        figure {
            figcaption { (w.word("map.about")) @if is_heard { " " (w.word("map.about_classes")) } }
            div.scroll tabindex="0" role="region" aria-label=(label) { (map::draw(w, label, &w.count("map.words", spots.len() as u64), &spots)) }
            p.key {
                span { i.disc {} (w.text("map.largest", &[("hours", &w.hours(longest_s))])) }
                @if is_heard && most > 0 { (ramp(w, w.word("map.classes"), "0", &w.number(most))) }
            }
            (table(w, facts, &placed, is_heard))
        }
        @if !unplaced.is_empty() {
            p.note { (w.say("map.unplaced", &[("sites", &names(w, unplaced.iter().map(|(name, _)| *name), NAMED))])) }
        }
    }
}

fn spot<'a>(w: &Words, facts: &Facts, (name, site): (&'a str, &Site), longest_s: f64, most: u64) -> Option<Spot<'a>> {
    let (latitude, longitude) = site.place?;
    let classes = facts.found.classes_at(name);
    let hours = w.hours(site.recorded_s);
    let words = match most {
        0 => w.text("map.site", &[("site", name), ("hours", &hours)]),
        _ => w.text("map.site_classes", &[("site", name), ("hours", &hours), ("classes", &w.number(classes))]),
    };
    let shade = if most > 0 { shade(classes as f64, most as f64) } else { "plain" };
    let size = if longest_s > 0.0 { site.recorded_s / longest_s } else { 0.0 };
    Some(Spot { name, latitude, longitude, size, shade, words })
}

fn table(w: &Words, facts: &Facts, placed: &[(&String, &Site)], is_heard: bool) -> Markup {
    let heads = html! {
        (first(w, "col.site")) (head(w, "map.latitude", true)) (head(w, "map.longitude", true)) (head(w, "site.hours", true))
        @if is_heard { (head(w, "map.classes", true)) }
    };
    let rows = html! {
        @for (name, site) in placed {
            tr {
                (row_head(name))
                @let (latitude, longitude) = site.place.unwrap_or_default();
                td.n { (w.decimal(latitude, 5)) }
                td.n { (w.decimal(longitude, 5)) }
                td.n { (w.hours(site.recorded_s)) }
                @if is_heard { td.n { (w.number(facts.found.classes_at(name))) } }
            }
        }
    };
    data::behind(w, w.word("map.title"), heads, rows)
}
