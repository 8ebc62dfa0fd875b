//! Small charts by local hour, noon to noon, so that a night is in one piece. What all of them have in common (the hours, those
//! without any recording, and how much was listened to) is drawn once and used in each.

use maud::{Markup, html};

use crate::facts::HOURS;
use crate::words::Words;

const WIDTH: f64 = 172.0;
const HEIGHT: f64 = 96.0;
const LEFT: f64 = 14.0;
const HOUR: f64 = 6.0;
const TOP: f64 = 16.0;
const FLOOR: f64 = 70.0;
const STRIP: f64 = 4.0;

/// The hours in the order in which they are drawn.
pub(crate) fn hours() -> impl Iterator<Item = usize> {
    (12..HOURS).chain(0..12)
}

/// What stands for no effort: to be put on the page once, before any chart that has such.
pub(crate) fn hatch() -> Markup {
    html! {
        svg.unseen width="0" height="0" aria-hidden="true" {
            pattern #hatch width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                rect.hatch width="1.2" height="5" {}
            }
        }
    }
}

/// What the charts have in common: to be put on the page once, before any of them and behind [`hatch`]. `effort_s` are seconds listened to by hour.
pub(crate) fn face(effort_s: &[f64; HOURS]) -> Markup {
    let most = effort_s.iter().copied().fold(0.0, f64::max);
    html! {
        svg.unseen width="0" height="0" aria-hidden="true" {
            symbol #face viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) {
                @for (i, hour) in hours().enumerate() {
                    @let x = LEFT + i as f64 * HOUR;
                    @if effort_s[hour] > 0.0 {
                        rect.strip opacity=(format!("{:.2}", effort_s[hour] / most)) x=(x) y=(FLOOR + 2.0) width=(HOUR - 1.0) height=(STRIP) {}
                    } @else {
                        rect.empty x=(x) y=(TOP) width=(HOUR) height=(FLOOR - TOP) {}
                    }
                    @if hour % 6 == 0 { text x=(x + HOUR / 2.0) y=(HEIGHT - 6.0) text-anchor="middle" { (hour) } }
                }
                path.floor d=(format!("M{LEFT} {FLOOR}h{}", 24.0 * HOUR)) {}
            }
        }
    }
}

/// A chart: a value for each hour, `None` where nothing was listened to. `text` puts a value in words.
pub(crate) fn chart(w: &Words, label: &str, values: &[Option<f64>; HOURS], text: impl Fn(f64) -> String) -> Markup {
    let top = values.iter().flatten().copied().fold(0.0, f64::max);
    let highest = hours().find(|&h| top > 0.0 && values[h] == Some(top));
    html! {
        svg.clock viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" {
            title { (label) }
            desc {
                @match highest {
                    Some(hour) => (w.text("clock.highest", &[("hour", &w.hour(hour)), ("value", &text(top))])),
                    None => (w.word("clock.nothing")),
                }
            }
            use href="#face" {}
            text x=(LEFT + 24.0 * HOUR) y=(TOP - 5.0) text-anchor="end" { (text(top)) }
            path.guide d=(format!("M{LEFT} {TOP}h{}", 24.0 * HOUR)) {}
            @for (i, hour) in hours().enumerate() {
                @if let Some(value) = values[hour].filter(|v| *v > 0.0) {
                    @let height = value / top * (FLOOR - TOP);
                    rect.bar x=(LEFT + i as f64 * HOUR) y=(format!("{:.1}", FLOOR - height)) width=(HOUR - 1.0) height=(format!("{height:.1}")) {
                        title { (w.hour(hour)) (w.colon()) (text(value)) }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_hour_without_effort_differs_from_one_without_detections() {
        let mut effort_s = [0.0; 24];
        effort_s[20..].fill(3600.0);
        let face = face(&effort_s).into_string();
        assert_eq!((face.matches("class=\"empty\"").count(), face.matches("opacity=\"1.00\"").count()), (20, 4));
        let mut values = [None; 24];
        values[20..].fill(Some(0.0));
        values[22] = Some(0.5);
        let w = Words::of("en");
        let html = chart(&w, "X", &values, |v| format!("{v}")).into_string();
        assert_eq!(html.matches("class=\"bar\"").count(), 1);
        assert!(html.contains("<desc>Highest at 22:00, with 0.5.</desc>") && html.contains(r#"x="74" y="16.0""#), "{html}");
        assert!(chart(&w, "X", &[None; 24], |v| format!("{v}")).into_string().contains("Nothing at any hour"));
    }
}
