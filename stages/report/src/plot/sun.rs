//! Small charts of the hours around sunset and sunrise, side by side: a night of any length up to 14 hours is in one of the two. What all
//! of them have in common is drawn once and used in each, as in [`super::clock`], with whose hatching.

use std::collections::BTreeMap;

use maud::{Markup, html};

use crate::facts::{Anchor, HalfHour};
use crate::words::Words;

const WIDTH: f64 = 172.0;
const HEIGHT: f64 = 96.0;
const LEFT: f64 = 14.0;
/// A half hour.
const BIN: f64 = 3.6;
/// Half hours that are drawn around each anchor.
const BINS: i32 = 20;
const GAP: f64 = 10.0;
const TOP: f64 = 16.0;
const FLOOR: f64 = 70.0;
const STRIP: f64 = 4.0;
const HALF_HOUR_MIN: i32 = 30;
/// The mark beside that of the anchor, within the night.
const MARK_H: i32 = 5;

/// Minutes from the anchor at which its panel begins: 3 hours of day and 7 of night.
fn begin_min(anchor: Anchor) -> i32 {
    match anchor {
        Anchor::Sunset => -3 * 60,
        Anchor::Sunrise => -7 * 60,
    }
}

fn left(anchor: Anchor) -> f64 {
    match anchor {
        Anchor::Sunset => LEFT,
        Anchor::Sunrise => LEFT + f64::from(BINS) * BIN + GAP,
    }
}

fn x((anchor, offset_min): HalfHour) -> f64 {
    left(anchor) + f64::from(offset_min - begin_min(anchor)) / f64::from(HALF_HOUR_MIN) * BIN
}

/// The half hours that are drawn, from left to right.
pub(crate) fn half_hours() -> impl Iterator<Item = HalfHour> {
    Anchor::ALL.into_iter().flat_map(|anchor| (0..BINS).map(move |i| (anchor, begin_min(anchor) + i * HALF_HOUR_MIN)))
}

/// What the charts have in common: to be put on the page once, before any of them. `effort_s` are seconds listened to.
pub(crate) fn face(w: &Words, effort_s: &BTreeMap<HalfHour, f64>) -> Markup {
    let effort = |at: HalfHour| effort_s.get(&at).copied().unwrap_or(0.0);
    let most = half_hours().map(effort).fold(0.0, f64::max);
    html! {
        svg.unseen width="0" height="0" aria-hidden="true" {
            symbol #sun viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) {
                @for at in half_hours() {
                    @if effort(at) > 0.0 {
                        rect.strip opacity=(format!("{:.2}", effort(at) / most)) x=(format!("{:.1}", x(at))) y=(FLOOR + 2.0) width=(BIN - 0.6) height=(STRIP) {}
                    } @else {
                        rect.empty x=(format!("{:.1}", x(at))) y=(TOP) width=(BIN) height=(FLOOR - TOP) {}
                    }
                }
                @for (anchor, mark_h) in [(Anchor::Sunset, MARK_H), (Anchor::Sunrise, -MARK_H)] {
                    path.floor d=(format!("M{:.1} {FLOOR}h{:.1}", left(anchor), f64::from(BINS) * BIN)) {}
                    path.kept d=(format!("M{:.1} {TOP}V{:.1}", x((anchor, 0)), FLOOR + STRIP + 4.0)) {}
                    path.floor d=(format!("M{:.1} {:.1}v3", x((anchor, 60 * mark_h)), FLOOR + STRIP + 2.0)) {}
                    text x=(format!("{:.1}", x((anchor, 0)))) y=(HEIGHT - 6.0) text-anchor="middle" { (w.named("sun", anchor.name())) }
                    text x=(format!("{:.1}", x((anchor, 60 * mark_h)))) y=(HEIGHT - 6.0) text-anchor="middle" {
                        @if mark_h > 0 { "+" (mark_h) } @else { "−" (-mark_h) } " h"
                    }
                }
            }
        }
    }
}

/// A chart: a value for each half hour, `None` where nothing was listened to. `text` puts a value in words.
pub(crate) fn chart(w: &Words, label: &str, value: impl Fn(HalfHour) -> Option<f64>, text: impl Fn(f64) -> String) -> Markup {
    let values: Vec<(HalfHour, f64)> = half_hours().filter_map(|at| Some((at, value(at)?))).collect();
    let top = values.iter().map(|v| v.1).fold(0.0, f64::max);
    let highest = values.iter().find(|v| top > 0.0 && v.1 >= top);
    html! {
        svg.sun viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" {
            title { (label) }
            desc {
                @match highest {
                    Some((at, _)) => (w.text("sun.highest", &[("when", &words(w, *at)), ("value", &text(top))])),
                    None => (w.word("sun.nothing")),
                }
            }
            use href="#sun" {}
            text x=(format!("{:.1}", x((Anchor::Sunrise, begin_min(Anchor::Sunrise))) + f64::from(BINS) * BIN)) y=(TOP - 5.0) text-anchor="end" { (text(top)) }
            @for anchor in Anchor::ALL { path.guide d=(format!("M{:.1} {TOP}h{:.1}", left(anchor), f64::from(BINS) * BIN)) {} }
            @for (at, value) in values.iter().filter(|v| v.1 > 0.0) {
                @let height = value / top * (FLOOR - TOP);
                rect.bar x=(format!("{:.1}", x(*at))) y=(format!("{:.1}", FLOOR - height)) width=(BIN - 0.6) height=(format!("{height:.1}")) {
                    title { (words(w, *at)) (w.colon()) (text(*value)) }
                }
            }
        }
    }
}

/// A half hour in words: `1 to 1.5 h after sunset`, `0.5 to 0 h before sunrise`.
pub(crate) fn words(w: &Words, (anchor, offset_min): HalfHour) -> String {
    let hours = |minutes: i32| w.trimmed(f64::from(minutes.abs()) / 60.0, 1);
    let side = match (anchor, offset_min < 0) {
        (Anchor::Sunset, true) => "sun.before_sunset",
        (Anchor::Sunset, false) => "sun.after_sunset",
        (Anchor::Sunrise, true) => "sun.before_sunrise",
        (Anchor::Sunrise, false) => "sun.after_sunrise",
    };
    w.text(side, &[("from", &hours(offset_min)), ("to", &hours(offset_min + HALF_HOUR_MIN))])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn panels_lie_side_by_side_and_half_hours_in_their_order() {
        let places: Vec<f64> = half_hours().map(x).collect();
        assert_eq!((places.len(), places[0]), (2 * BINS as usize, LEFT));
        assert!(places.windows(2).all(|w| w[1] - w[0] >= BIN - 1e-9) && places[places.len() - 1] + BIN <= WIDTH);
        let w = Words::of("en");
        assert_eq!(words(&w, (Anchor::Sunset, 60)), "1 to 1.5 h after sunset");
        assert_eq!(words(&w, (Anchor::Sunrise, -30)), "0.5 to 0 h before sunrise");
    }

    #[test]
    fn no_effort_no_detection_and_detections_look_different() {
        let effort = [((Anchor::Sunset, -30), 1800.0), ((Anchor::Sunset, 0), 900.0)].into();
        let w = Words::of("en");
        let face = face(&w, &effort).into_string();
        assert_eq!(
            (face.matches("class=\"empty\"").count(), face.matches("class=\"strip\"").count()),
            (2 * BINS as usize - 2, 2)
        );
        assert!(face.contains("opacity=\"0.50\"") && face.contains(">sunset</text>") && face.contains(">−5 h</text>"), "{face}");
        let value = |at: HalfHour| effort.contains_key(&at).then_some(if at.1 < 0 { 0.25 } else { 0.0 });
        let html = chart(&w, "X", value, |v| format!("{} %", v * 100.0)).into_string();
        assert_eq!(html.matches("class=\"bar\"").count(), 1);
        assert!(html.contains("<desc>Highest 0.5 to 0 h before sunset, with 25 %.</desc>"), "{html}");
        assert!(chart(&w, "X", |_| None, |v| v.to_string()).into_string().contains("Nothing in any half hour"));
    }
}
