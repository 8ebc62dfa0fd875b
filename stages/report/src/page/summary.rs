//! The survey in a few numbers and a paragraph.

use maud::{Markup, html};

use super::parts::class_list;
use crate::facts::{Facts, Scope, Subset};
use crate::words::Words;

/// Most frequent classes that are named.
const NAMED: usize = 3;

pub(super) fn section(w: &Words, facts: &Facts) -> Markup {
    html! {
        (figures(w, facts))
        p.lead { (recorded(w, facts)) " " (found(w, facts)) " " (sure(w, facts)) }
    }
}

fn figures(w: &Words, facts: &Facts) -> Markup {
    let recorded = &facts.recorded;
    let (sites, found, classes) = (recorded.sites.len() as u64, facts.found.by_frequency().len() as u64, facts.looked_for());
    let files = recorded.total(|s| s.recordings);
    html! {
        dl.figures {
            div { dt { (w.form("figure.sites", sites)) } dd { (w.number(sites)) } }
            div { dt { (w.form("figure.recordings", files)) } dd { (w.number(files)) } }
            div { dt { (w.word("figure.hours")) } dd { (w.hours(recorded.recorded_s())) } }
            div { dt { (w.count("figure.classes", classes)) } dd { (w.number(found)) } }
        }
    }
}

fn recorded(w: &Words, facts: &Facts) -> Markup {
    let recorded = &facts.recorded;
    let (files, rejected, repaired) =
        (recorded.total(|s| s.recordings), recorded.total(|s| s.rejected), recorded.total(|s| s.repaired));
    let (sites, mut recordings) = (w.count("at_sites", recorded.sites.len() as u64), w.count("recordings", files));
    if recorded.copies > 0 {
        recordings = format!("{recordings} {}", w.count("and_copies", recorded.copies));
    }
    let length = w.length(recorded.recorded_s());
    html! {
        @if files == 0 {
            (w.word("recorded.nothing"))
        } @else {
            @match recorded.span() {
                Some((first, last)) if first == last => (w.say(
                    "summary.recorded_on",
                    &[("date", &w.date(first)), ("sites", &sites), ("recordings", &recordings), ("length", &length)],
                )),
                Some((first, last)) => (w.say(
                    "summary.recorded_between",
                    &[("first", &w.date(first)), ("last", &w.date(last)), ("sites", &sites), ("recordings", &recordings), ("length", &length)],
                )),
                None => (w.say("summary.recorded_undated", &[("sites", &sites), ("recordings", &recordings), ("length", &length)])),
            }
            " " (w.damage(rejected, repaired))
        }
    }
}

fn found(w: &Words, facts: &Facts) -> Markup {
    let (found, classes, untold) = (facts.found.by_frequency(), facts.looked_for(), facts.untold().len() as u64);
    let most: Vec<&str> = found.iter().take(NAMED).map(|(name, _)| *name).collect();
    html! {
        @if facts.found.classes.is_empty() {
            (w.word("summary.unheard"))
        } @else {
            @match &facts.model_id {
                Some(model) => (w.say_n("summary.listened_model", classes, &[("model", &html! { code { (model) } })])),
                None => (w.count("summary.listened", classes)),
            }
            " "
            @if found.is_empty() {
                (w.word("summary.detected_none"))
            } @else {
                (w.say_n("summary.detected", found.len() as u64, &[("classes", &class_list(w, facts, &most, "and"))]))
            }
            @if untold > 0 { " " (w.count("summary.untold", untold)) }
        }
    }
}

fn sure(w: &Words, facts: &Facts) -> Markup {
    let scores = facts.scores.as_ref();
    let mean = scores.and_then(|s| s.metrics.get(&(s.subset()?, Scope::All))?.get("average_precision"));
    html! {
        @if let Some((value, classes)) = mean.and_then(|m| Some((m.value?, m.support))) {
            @let is_test = scores.and_then(|s| s.subset()) == Some(Subset::Test);
            (w.say_n(if is_test { "summary.sure_test" } else { "summary.sure_validation" }, classes, &[("value", &w.score(Some(value)))]))
        } @else if scores.is_none() && !facts.found.classes.is_empty() {
            (w.word("summary.unlabelled"))
        }
    }
}
