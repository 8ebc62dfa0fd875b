//! The highest detections of each class, to listen to and to look at; and where to find those that have no clip.

use maud::{Markup, html};

use super::parts::{class_head, class_name, first, head, table, tables};
use crate::facts::{Class, Facts, Heard, Pick, Sound};
use crate::words::{NONE, Words};

/// What a clip says of itself.
type Claim = fn(&Words, &Pick) -> String;

pub(super) fn section(w: &Words, facts: &Facts) -> Markup {
    let found = facts.found.by_frequency();
    let (with, without): (Vec<_>, Vec<_>) =
        found.into_iter().filter(|(_, class)| !class.picks.is_empty()).partition(|(_, class)| has_clips(&class.picks));
    html! {
        @if with.is_empty() && without.is_empty() {
            p { (w.word("listen.none")) }
        } @else {
            p {
                (w.word("listen.about"))
                @if !with.is_empty() { " " (w.word("listen.pictures")) }
            }
            @for (name, class) in &with {
                h3.species { (class_name(facts, name)) }
                (clips(w, name, &class.picks, scored))
            }
            @if !without.is_empty() { (elsewhere(w, facts, &without, !with.is_empty())) }
            (tables(w, &["detections", "recordings"]))
        }
    }
}

/// What a detection of a class says of itself.
fn scored(w: &Words, pick: &Pick) -> String {
    let score = w.decimal(pick.score.into(), 3);
    match pick.probability {
        Some(probability) => {
            w.text("listen.scored_probability", &[("score", &score), ("probability", &w.decimal(probability, 2))])
        }
        None => w.text("listen.scored", &[("score", &score)]),
    }
}

/// Whether a clip of some of these was to be made.
pub(super) fn has_clips(picks: &[Pick]) -> bool {
    picks.iter().any(|pick| pick.sound != Sound::Unasked)
}

/// Clips side by side, of the class or the group of this name; `claim` is what each says of itself.
pub(super) fn clips(w: &Words, name: &str, picks: &[Pick], claim: Claim) -> Markup {
    html! {
        div.clips tabindex="0" role="region" aria-label=(w.text("listen.clips", &[("class", name)])) {
            @for pick in picks.iter().filter(|pick| pick.sound != Sound::Unasked) {
                figure {
                    @match &pick.sound {
                        Sound::Here(heard) => (player(w, name, pick, heard)),
                        Sound::Withheld => p.gone { (w.word("listen.withheld")) },
                        _ => p.gone { (w.word("listen.gone")) },
                    }
                    figcaption { (caption(w, pick, claim)) }
                }
            }
        }
    }
}

fn player(w: &Words, name: &str, pick: &Pick, heard: &Heard) -> Markup {
    let file = |ending: &str| format!("clips/{}.{ending}", heard.name);
    let within_s = |seconds: f64| w.decimal(seconds - heard.begins_s, 1);
    let (length, highest) = (w.decimal(heard.length_s, 1), w.decimal(f64::from(heard.rate_hz) / 2000.0, 1));
    let (from, to) = (within_s(pick.start_s), within_s(heard.heard_until_s));
    let picture =
        w.text("listen.picture", &[("length", &length), ("highest", &highest), ("class", name), ("from", &from), ("to", &to)]);
    html! {
        img src=(file("png")) width=(heard.size.0) height=(heard.size.1) alt=(picture);
        audio controls="" preload="none" src=(file("wav"))
            aria-label=(w.text("listen.sound", &[("class", name), ("site", &pick.site), ("when", &when(w, pick))])) {}
    }
}

fn when(w: &Words, pick: &Pick) -> String {
    let local = pick.recording.as_ref().and_then(|place| place.local.as_deref());
    local.map_or_else(|| w.word("listen.undated").to_owned(), |local| w.moment(local))
}

fn caption(w: &Words, pick: &Pick, claim: Claim) -> Markup {
    html! {
        span.when { bdi { (pick.site) } ", " (when(w, pick)) }
        span { (claim(w, pick)) }
        span.file {
            bdi { (pick.recording.as_ref().map_or(&pick.recording_id, |place| &place.path)) }
            " " (w.text("listen.span", &[("from", &w.within(pick.start_s)), ("to", &w.within(pick.end_s))]))
            @if let Sound::Here(heard) = &pick.sound && heard.heard_until_s < pick.end_s - 0.05 {
                ", " (w.text("listen.heard_until", &[("to", &w.within(heard.heard_until_s))]))
            }
        }
    }
}

/// The strongest detection of classes without a clip.
fn elsewhere(w: &Words, facts: &Facts, classes: &[(&str, &Class)], are_others: bool) -> Markup {
    let strongest = || classes.iter().filter_map(|(name, class)| Some((*name, class.picks.first()?)));
    let calibrated = strongest().any(|(_, pick)| pick.probability.is_some());
    let heads = html! {
        (first(w, "col.class")) (head(w, "listen.score", true))
        @if calibrated { (head(w, "listen.probability", true)) }
        (head(w, "col.site", false)) (head(w, "damage.file", false)) (head(w, "listen.from", true))
    };
    let rows = html! {
        @for (name, pick) in strongest() {
            tr {
                (class_head(facts, name))
                td.n { (w.decimal(pick.score.into(), 3)) }
                @if calibrated { td.n { (pick.probability.map_or_else(|| NONE.into(), |p| w.decimal(p, 2))) } }
                td.name { bdi { (pick.site) } }
                td.path { bdi { (pick.recording.as_ref().map_or(&pick.recording_id, |place| &place.path)) } }
                td.n { (w.within(pick.start_s)) }
            }
        }
    };
    html! {
        @if are_others {
            h3 { (w.word("listen.without")) }
            p { (w.say("listen.without_about", &[])) }
        }
        (table(w.word("listen.strongest"), heads, rows))
    }
}
