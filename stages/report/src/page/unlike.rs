//! Sounds that are unlike everything that the classifier learned.

use maud::{Markup, html};

use super::listen;
use super::parts::{first, head, row_head, table, tables};
use crate::facts::{Facts, Group, Pick};
use crate::words::Words;

/// Sites of a group that are named.
const NAMED: usize = 3;

pub(super) fn section(w: &Words, groups: &[Group], facts: &Facts) -> Markup {
    let windows: u64 = groups.iter().map(|group| group.windows).sum();
    let heads = html! {
        (first(w, "unlike.group")) (head(w, "unlike.windows", true)) (head(w, "unlike.share", true)) (head(w, "unlike.rise", true))
        (head(w, "unlike.sites", false))
    };
    html! {
        @if windows == 0 {
            p { (w.word("unlike.none")) }
        } @else {
            p {
                (w.say_n("unlike.windows_of", windows, &[("all", &w.number(facts.windows.count))]))
                " " (w.count("unlike.groups", groups.len() as u64)) " " (w.say("unlike.about", &[]))
            }
            (table(w.word("unlike.label"), heads, html! {
                @for (at, group) in groups.iter().enumerate() {
                    tr {
                        (row_head(&name(w, at)))
                        td.n { (w.number(group.windows)) }
                        td.n { (w.share(group.windows as f64 / facts.windows.count.max(1) as f64)) }
                        td.n { (w.text("unlike.db", &[("n", &w.decimal(group.mean_rise_db(), 0))])) }
                        td { (sites(w, group)) }
                    }
                }
            }))
            @for (at, group) in groups.iter().enumerate() {
                @if listen::has_clips(&group.picks) {
                    h3 { (name(w, at)) }
                    (listen::clips(w, &name(w, at), &group.picks, claim))
                }
            }
            (tables(w, &["unknown_sounds", "unknown"]))
        }
    }
}

fn name(w: &Words, at: usize) -> String {
    w.text("unlike.name", &[("n", &(at + 1).to_string())])
}

/// The sites with the most windows of a group.
fn sites(w: &Words, group: &Group) -> Markup {
    let mut sites: Vec<(&String, &u64)> = group.sites.iter().collect();
    sites.sort_by_key(|(_, windows)| std::cmp::Reverse(**windows));
    html! {
        @for (at, (site, windows)) in sites.iter().take(NAMED).enumerate() {
            @if at > 0 { ", " } bdi { (site) } " " small { (w.number(**windows)) }
        }
        @if sites.len() > NAMED { " " (w.count("and_more", (sites.len() - NAMED) as u64)) }
    }
}

/// What a clip of an unknown sound says of itself.
fn claim(w: &Words, pick: &Pick) -> String {
    w.text("unlike.claim", &[("share", &w.share(pick.score.into()))])
}
