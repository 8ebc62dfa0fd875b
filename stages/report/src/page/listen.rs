//! The highest detections of each class, to listen to and to look at; and where to find those that have no clip.

use maud::{Markup, html};

use super::parts::{class_head, class_name, first, head, table, tables};
use super::words::{NONE, within};
use crate::facts::{Class, Facts, Heard, Pick, Sound};

pub(super) fn section(facts: &Facts) -> Markup {
    let found = facts.found.by_frequency();
    let (with, without): (Vec<_>, Vec<_>) =
        found.into_iter().filter(|(_, class)| !class.picks.is_empty()).partition(|(_, class)| has_clips(&class.picks));
    html! {
        @if with.is_empty() && without.is_empty() {
            p { "There is no detection to listen to." }
        } @else {
            p {
                "The detections with the highest scores of each class, first at different sites and then on different dates. If these are wrong, the others
                deserve doubt. "
                @if !with.is_empty() {
                    "In each picture time runs to the right and pitch upwards, on the mel scale; the darker, the louder. The detection lies between the two
                    dotted lines."
                }
            }
            @for (name, class) in &with {
                h3.species { (class_name(facts, name)) }
                (clips(name, &class.picks, scored))
            }
            @if !without.is_empty() { (elsewhere(facts, &without, !with.is_empty())) }
            (tables(&["detections", "recordings"]))
        }
    }
}

/// What a detection of a class says of itself.
fn scored(pick: &Pick) -> Markup {
    html! {
        "score " (format!("{:.3}", pick.score))
        @if let Some(probability) = pick.probability { ", probability " (format!("{probability:.2}")) }
    }
}

/// Whether a clip of some of these was to be made.
pub(super) fn has_clips(picks: &[Pick]) -> bool {
    picks.iter().any(|pick| pick.sound != Sound::Unasked)
}

/// Clips side by side, of the class or the group of this name; `claim` is what each says of itself.
pub(super) fn clips(name: &str, picks: &[Pick], claim: fn(&Pick) -> Markup) -> Markup {
    html! {
        div.clips tabindex="0" role="region" aria-label={ "Clips of " (name) } {
            @for pick in picks.iter().filter(|pick| pick.sound != Sound::Unasked) {
                figure {
                    @match &pick.sound {
                        Sound::Here(heard) => (player(name, pick, heard)),
                        Sound::Withheld => p.gone { "The sound is withheld: somebody speaks there." },
                        _ => p.gone { "The sound is not there: this recording could not be read any more when the report was made." },
                    }
                    figcaption { (caption(pick, claim)) }
                }
            }
        }
    }
}

fn player(name: &str, pick: &Pick, heard: &Heard) -> Markup {
    let file = |ending: &str| format!("clips/{}.{ending}", heard.name);
    let within_s = |seconds: f64| format!("{:.1}", seconds - heard.begins_s);
    html! {
        img src=(file("png")) width=(heard.size.0) height=(heard.size.1) loading="lazy"
            alt={
                "Spectrogram of " (format!("{:.1}", heard.length_s)) " s, up to " (format!("{:.1}", f64::from(heard.rate_hz) / 2000.0)) " kHz. The detection of "
                (name) " lies from second " (within_s(pick.start_s)) " to " (within_s(heard.heard_until_s)) "."
            };
        audio controls="" preload="none" src=(file("wav")) aria-label={ (name) " at " (pick.site) ", " (when(pick)) } {}
    }
}

fn when(pick: &Pick) -> &str {
    pick.recording.as_ref().and_then(|place| place.local.as_deref()).unwrap_or("time not known")
}

fn caption(pick: &Pick, claim: fn(&Pick) -> Markup) -> Markup {
    html! {
        span.when { bdi { (pick.site) } ", " (when(pick)) }
        span { (claim(pick)) }
        span.file {
            bdi { (pick.recording.as_ref().map_or(&pick.recording_id, |place| &place.path)) }
            " from " (within(pick.start_s)) " to " (within(pick.end_s))
            @if let Sound::Here(heard) = &pick.sound && heard.heard_until_s < pick.end_s - 0.05 {
                ", heard until " (within(heard.heard_until_s))
            }
        }
    }
}

/// The strongest detection of classes without a clip.
fn elsewhere(facts: &Facts, classes: &[(&str, &Class)], are_others: bool) -> Markup {
    let strongest = || classes.iter().filter_map(|(name, class)| Some((*name, class.picks.first()?)));
    let calibrated = strongest().any(|(_, pick)| pick.probability.is_some());
    let heads = html! {
        (first("Class")) (head("Score", true, "Highest score; no probability"))
        @if calibrated { (head("Probability", true, "Calibrated probability")) }
        (head("Site", false, "")) (head("File", false, "Path in the archive")) (head("From", true, "Time within the file, hours:minutes:seconds"))
    };
    let rows = html! {
        @for (name, pick) in strongest() {
            tr {
                (class_head(facts, name))
                td.n { (format!("{:.3}", pick.score)) }
                @if calibrated { td.n { (pick.probability.map_or_else(|| NONE.into(), |p| format!("{p:.2}"))) } }
                td.name { bdi { (pick.site) } }
                td.path { bdi { (pick.recording.as_ref().map_or(&pick.recording_id, |place| &place.path)) } }
                td.n { (within(pick.start_s)) }
            }
        }
    };
    html! {
        @if are_others {
            h3 { "Classes without a clip" }
            p { "The strongest detection of each. " code { "report.max_clips" } " says how many clips there may be, and " code { "chorus clips" } " cuts more of them." }
        }
        (table("Strongest detection of each class", heads, rows))
    }
}
