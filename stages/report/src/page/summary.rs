//! The survey in a few numbers and a paragraph.

use maud::{Markup, html};

use super::parts::class_list;
use super::words::{count, damage, hours, length, number};
use crate::facts::{Facts, Scope};

/// Most frequent classes that are named.
const NAMED: usize = 3;

pub(super) fn section(facts: &Facts) -> Markup {
    html! {
        (figures(facts))
        p.lead { (recorded(facts)) " " (found(facts)) " " (sure(facts)) }
    }
}

fn figures(facts: &Facts) -> Markup {
    let recorded = &facts.recorded;
    let (sites, found, classes) = (recorded.sites.len() as u64, facts.found.by_frequency().len() as u64, facts.looked_for());
    let files = recorded.total(|s| s.recordings);
    html! {
        dl.figures {
            div { dt { (if sites == 1 { "site" } else { "sites" }) } dd { (number(sites)) } }
            div { dt { (if files == 1 { "recording" } else { "recordings" }) } dd { (number(files)) } }
            div { dt { "hours recorded" } dd { (hours(recorded.recorded_s())) } }
            div { dt { "classes detected, of " (number(classes)) } dd { (number(found)) } }
        }
    }
}

fn recorded(facts: &Facts) -> Markup {
    let recorded = &facts.recorded;
    let (files, rejected, repaired) =
        (recorded.total(|s| s.recordings), recorded.total(|s| s.rejected), recorded.total(|s| s.repaired));
    let when = match recorded.span() {
        Some((first, last)) if first == last => format!("On {first}"),
        Some((first, last)) => format!("Between {first} and {last}"),
        None => "At unknown dates".into(),
    };
    html! {
        @if files == 0 {
            "The archive holds no recordings."
        } @else {
            (when) ", " (count(recorded.sites.len() as u64, "site")) " made " (count(files, "recording")) ", and "
            (length(recorded.recorded_s())) " of sound can be read."
            " " (damage(rejected, repaired))
        }
    }
}

fn found(facts: &Facts) -> Markup {
    let (found, classes, untold) = (facts.found.by_frequency(), facts.looked_for(), facts.untold().len() as u64);
    let most: Vec<&str> = found.iter().take(NAMED).map(|(name, _)| *name).collect();
    html! {
        @if facts.found.classes.is_empty() {
            "No classifier has listened to them."
        } @else {
            "A classifier"
            @if let Some(model) = &facts.model_id { " (model " code { (model) } ")" }
            " listened for " (if classes == 1 { "1 class".to_owned() } else { format!("{} classes", number(classes)) })
            @if found.is_empty() {
                " and detected none."
            } @else {
                " and detected " (number(found.len() as u64))
                @if found.len() > 1 { ", most often " } @else { ": " }
                (class_list(facts, &most, "and")) "."
            }
            @if untold > 0 { " " (number(untold)) " more " (if untold == 1 { "class" } else { "classes" }) " can't be told yet." }
        }
    }
}

fn sure(facts: &Facts) -> Markup {
    let scores = facts.scores.as_ref();
    let mean = scores.and_then(|s| s.metrics.get(&(s.subset()?, Scope::All))?.get("average_precision"));
    html! {
        @if let Some((value, classes)) = mean.and_then(|m| Some((m.value?, m.support))) {
            "On recordings kept apart for "
            @if scores.and_then(|s| s.subset()).is_some_and(|s| s.name() == "test") { "testing" } @else { "validation" }
            ", its average precision is " (format!("{value:.2}")) ", mean over "
            (if classes == 1 { "1 class".to_owned() } else { format!("{} classes", number(classes)) }) "."
        } @else if scores.is_none() && !facts.found.classes.is_empty() {
            "Nothing in this run was labelled, so how often it is right here is not known."
        }
    }
}
