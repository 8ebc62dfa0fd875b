//! Sounds that are unlike everything that the classifier learned.

use maud::{Markup, html};

use super::listen;
use super::parts::{first, head, row_head, table, tables};
use super::words::{count, number, share};
use crate::facts::{Facts, Group, Pick};

/// Sites of a group that are named.
const NAMED: usize = 3;

pub(super) fn section(groups: &[Group], facts: &Facts) -> Markup {
    let windows: u64 = groups.iter().map(|group| group.windows).sum();
    let heads = html! {
        (first("Group")) (head("Windows", true, "")) (head("Share", true, "Share of all windows"))
        (head("Rise", true, "How far its windows rise above the median level of their recording, in the mean")) (head("Sites", false, "Sites with the most of its windows"))
    };
    html! {
        @if windows == 0 {
            p { "No window is both loud and unlike everything that the classifier learned." }
        } @else {
            p {
                (count(windows, "window")) " of " (number(facts.windows.count)) (if windows == 1 { " is" } else { " are" })
                " loud and unlike everything that the classifier learned, put into "
                (count(groups.len() as u64, "group")) " of similar sounds. A group may be a species without labels, another call of a
                known one, weather, or a machine: listen. " code { "chorus next --shares unknown" } " writes clips of more of them, and "
                code { "chorus enroll" } " adds a class from a few."
            }
            (table("Groups of unknown sounds", heads, html! {
                @for (at, group) in groups.iter().enumerate() {
                    tr {
                        (row_head(&name(at)))
                        td.n { (number(group.windows)) }
                        td.n { (share(group.windows as f64 / facts.windows.count.max(1) as f64)) }
                        td.n { (format!("{:.0} dB", group.mean_rise_db())) }
                        td { (sites(group)) }
                    }
                }
            }))
            @for (at, group) in groups.iter().enumerate() {
                @if listen::has_clips(&group.picks) {
                    h3 { (name(at)) }
                    (listen::clips(&name(at), &group.picks, claim))
                }
            }
            (tables(&["unknown_sounds", "unknown"]))
        }
    }
}

fn name(at: usize) -> String {
    format!("Unknown {}", at + 1)
}

/// The sites with the most windows of a group.
fn sites(group: &Group) -> Markup {
    let mut sites: Vec<(&String, &u64)> = group.sites.iter().collect();
    sites.sort_by_key(|(_, windows)| std::cmp::Reverse(**windows));
    html! {
        @for (at, (site, windows)) in sites.iter().take(NAMED).enumerate() {
            @if at > 0 { ", " } bdi { (site) } " " small { (number(**windows)) }
        }
        @if sites.len() > NAMED { " and " (number((sites.len() - NAMED) as u64)) " more" }
    }
}

/// What a clip of an unknown sound says of itself.
fn claim(pick: &Pick) -> Markup {
    html! { (share(pick.score.into())) " of known windows are more like what was learned" }
}
