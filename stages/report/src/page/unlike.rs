//! Sounds that are unlike everything that the classifier learned.

use maud::{Markup, html};

use super::listen;
use super::parts::{class_name, first, head, row_head, table, tables};
use crate::facts::{Class, Facts, Group, Pick};
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
            (doubtful(w, facts))
            @for (at, group) in groups.iter().enumerate() {
                @if listen::has_clips(&group.picks) {
                    h3 { (name(w, at)) }
                    (listen::clips(w, &name(w, at), &group.picks, claim))
                }
            }
            (tables(w, &["unknown_sounds", "unknown", "detections"]))
        }
    }
}

/// The detections that are such sounds, by class, the class with the most of them first.
fn doubtful(w: &Words, facts: &Facts) -> Markup {
    let mut classes: Vec<(&String, &Class)> = facts.found.classes.iter().filter(|(_, class)| class.doubtful > 0).collect();
    if classes.is_empty() {
        return html! {};
    }
    classes.sort_by_key(|(_, class)| std::cmp::Reverse(class.doubtful));
    let doubtful: u64 = classes.iter().map(|(_, class)| class.doubtful).sum();
    let all: u64 = facts.found.classes.values().map(|class| class.events).sum();
    let of = |class: &Class| {
        let (n, all) = (w.number(class.doubtful), w.number(class.events));
        w.text("unlike.of", &[("n", &n), ("all", &all)])
    };
    let list = html! {
        @for (at, (name, class)) in classes.iter().copied().enumerate() {
            @if at > 0 { ", " } (class_name(facts, name)) " (" (of(class)) ")"
        }
    };
    html! { p { (w.say_n("unlike.doubtful", doubtful, &[("all", &w.number(all)), ("classes", &list)])) } }
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
