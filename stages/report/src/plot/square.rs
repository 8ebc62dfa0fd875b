//! Small charts of one share against another, both from 0 to 1. What all of them have in common is drawn once and used in each.

use maud::{Markup, html};

use crate::words::Words;

const SIDE: f64 = 160.0;
const LEFT: f64 = 36.0;
const TOP: f64 = 8.0;
const SPAN: f64 = 116.0;
const FLOOR: f64 = TOP + SPAN;
const TICKS: [f64; 3] = [0.0, 0.5, 1.0];
/// Room for the words under the axis.
const BELOW: f64 = 30.0;

/// What the charts have in common: to be put on the page once, before any of them.
pub(crate) fn face(w: &Words) -> Markup {
    html! {
        svg.unseen width="0" height="0" aria-hidden="true" {
            symbol #square viewBox=(view()) {
                @for at in TICKS {
                    @let label = w.trimmed(at, 1);
                    path.guide d=(format!("M{LEFT} {:.1}h{SPAN}M{:.1} {TOP}v{SPAN}", y(at), x(at))) {}
                    text x=(LEFT - 5.0) y=(format!("{:.1}", y(at) + 4.0)) text-anchor="end" { (label) }
                    text x=(format!("{:.1}", x(at))) y=(FLOOR + 13.0) text-anchor="middle" { (label) }
                }
            }
        }
    }
}

/// A chart of one line. `words` puts it in words; `across` and `up` name the axes.
pub(crate) struct Square<'a> {
    /// What it shows.
    pub(crate) label: &'a str,
    /// The line in words.
    pub(crate) words: &'a str,
    /// The axis to the right.
    pub(crate) across: &'a str,
    /// The axis upwards.
    pub(crate) up: &'a str,
    /// The line, from one end to the other: to the right, and up.
    pub(crate) line: &'a [(f64, f64)],
    /// Points to be marked, with their text.
    pub(crate) marks: Vec<((f64, f64), String)>,
    /// Whether the diagonal is drawn, on which both are equal.
    pub(crate) diagonal: bool,
}

impl Square<'_> {
    /// The chart.
    pub(crate) fn draw(&self) -> Markup {
        let points: Vec<String> = self.line.iter().map(|p| format!("{:.1},{:.1}", x(p.0), y(p.1))).collect();
        html! {
            svg.square viewBox=(view()) role="img" {
                title { (self.label) }
                desc { (self.words) }
                use href="#square" {}
                @if self.diagonal { path.kept d=(format!("M{LEFT} {FLOOR}L{:.1} {TOP}", x(1.0))) {} }
                polyline class="line s1" points=(points.join(" ")) {}
                @for ((right, up), text) in &self.marks {
                    circle class="dot s2" cx=(format!("{:.1}", x(*right))) cy=(format!("{:.1}", y(*up))) r="3.2" { title { (text) } }
                }
                text x=(LEFT + SPAN / 2.0) y=(FLOOR + BELOW - 4.0) text-anchor="middle" { (self.across) }
                text x=(-(TOP + SPAN / 2.0)) y="9" transform="rotate(-90)" text-anchor="middle" { (self.up) }
            }
        }
    }
}

fn view() -> String {
    format!("0 0 {SIDE} {}", FLOOR + BELOW)
}

fn x(share: f64) -> f64 {
    LEFT + SPAN * share.clamp(0.0, 1.0)
}

fn y(share: f64) -> f64 {
    FLOOR - SPAN * share.clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn corners_are_corners() {
        let square = |line: &[(f64, f64)]| {
            let marks = vec![((0.5, 0.5), "here".to_owned())];
            Square { label: "X", words: "w", across: "recall", up: "precision", line, marks, diagonal: true }.draw().into_string()
        };
        let html = square(&[(0.0, 1.0), (1.0, 0.0)]);
        assert!(html.contains("points=\"36.0,8.0 152.0,124.0\"") && html.contains("cx=\"94.0\" cy=\"66.0\""), "{html}");
        assert!(html.contains("M36 124L152.0 8") && html.contains("<title>here</title>"), "{html}");
        assert!(square(&[]).contains("points=\"\""));
    }
}
