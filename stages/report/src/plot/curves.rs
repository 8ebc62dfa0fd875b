//! Lines over whole numbers: epochs, nights.

use maud::{Markup, html};

use super::axis;

const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 40.0;
const RIGHT: f64 = 408.0;
const TOP: f64 = 12.0;
const FLOOR: f64 = 200.0;
const MOST_TICKS: usize = 5;

/// A line: a name and its points, by number.
pub(crate) struct Line<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// Its points, numbers ascending.
    pub(crate) points: Vec<(u32, f64)>,
}

/// A chart of lines over what `across` names in the singular, from 0 up; `top` is the upper end where the values have one. `kept` is the epoch to mark.
pub(crate) fn chart(title: &str, across: &str, lines: &[Line<'_>], top: Option<f64>, kept: Option<u32>) -> Markup {
    let points = || lines.iter().flat_map(|l| &l.points);
    let top = top.unwrap_or_else(|| points().fold(0.0, |top, (_, y)| f64::max(top, *y)));
    let ticks = axis::ticks(top, MOST_TICKS);
    let (step, top) = (axis::step(top, MOST_TICKS), ticks.last().copied().unwrap_or(1.0));
    let (first, last) = (points().map(|p| p.0).min().unwrap_or(1), points().map(|p| p.0).max().unwrap_or(1));
    let x = |epoch: u32| LEFT + (RIGHT - LEFT) * (f64::from(epoch - first) + 0.5) / f64::from(last - first + 1);
    let y = |value: f64| FLOOR - (FLOOR - TOP) * (value / top).clamp(0.0, 1.0);
    html! {
        figure {
            figcaption { (title) }
            svg.curves viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" {
                title { (title) ", by " (across) }
                desc { @for line in lines { (ends(line, across)) } }
                @for tick in ticks {
                    path.guide d=(format!("M{LEFT} {:.1}H{RIGHT}", y(tick))) {}
                    text x=(LEFT - 6.0) y=(format!("{:.1}", y(tick) + 4.0)) text-anchor="end" { (axis::label(tick, step)) }
                }
                @for epoch in epochs(first, last) {
                    text x=(format!("{:.1}", x(epoch))) y=(FLOOR + 16.0) text-anchor="middle" { (epoch) }
                }
                text x=((LEFT + RIGHT) / 2.0) y=(HEIGHT - 6.0) text-anchor="middle" { (across) }
                @if let Some(kept) = kept.filter(|k| (first..=last).contains(k)) {
                    path.kept d=(format!("M{:.1} {TOP}V{FLOOR}", x(kept))) { title { "weights kept: epoch " (kept) } }
                }
                @for (i, line) in lines.iter().enumerate() {
                    @let points: Vec<String> = line.points.iter().map(|(e, v)| format!("{:.1},{:.1}", x(*e), y(*v))).collect();
                    polyline class={ "line s" (i + 1) } points=(points.join(" ")) {}
                    // One point is no line.
                    @if let [only] = line.points[..] { circle class={ "dot s" (i + 1) } cx=(x(only.0)) cy=(y(only.1)) r="3" {} }
                }
            }
            p.key {
                @for (i, line) in lines.iter().enumerate() {
                    span { svg.swatch viewBox="0 0 28 8" aria-hidden="true" { path class={ "line s" (i + 1) } d="M1 4h26" {} } (line.name) }
                }
                @if kept.is_some() { span { svg.swatch viewBox="0 0 28 8" aria-hidden="true" { path.kept d="M1 4h26" {} } "weights kept" } }
            }
        }
    }
}

/// The epochs that are named: the first, and round ones.
fn epochs(first: u32, last: u32) -> Vec<u32> {
    let step = (axis::step(f64::from(last), MOST_TICKS).ceil() as u32).max(1);
    let round = (1..=last / step).map(|i| i * step).filter(|e| *e > first && (e - first) * 2 >= step);
    std::iter::once(first).chain(round).collect()
}

fn ends(line: &Line<'_>, across: &str) -> Markup {
    html! {
        @match (line.points.first(), line.points.last()) {
            (Some((a, from)), Some((b, to))) => { (line.name) ": " (format!("{from:.3}")) " in " (across) " " (a) ", " (format!("{to:.3}")) " in " (across) " " (b) ". " }
            _ => { (line.name) ": no values. " }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_epochs_many_epochs_and_none() {
        assert_eq!(epochs(1, 1), [1]);
        assert_eq!(epochs(1, 4), [1, 2, 3, 4]);
        assert_eq!(epochs(1, 100), [1, 20, 40, 60, 80, 100]);
        let line = |points: &[(u32, f64)]| Line { name: "loss", points: points.to_vec() };
        let html = chart("Loss", "epoch", &[line(&[(1, 0.5), (2, 0.25)]), line(&[(2, 0.5)])], None, Some(2)).into_string();
        assert!(
            html.contains("points=\"132.0,12.0 316.0,106.0\"") && html.contains("loss: 0.500 in epoch 1, 0.250 in epoch 2."),
            "{html}"
        );
        assert!(html.contains("<circle") && html.contains("M316.0 12V200"), "{html}");
        let none = chart("Loss", "epoch", &[line(&[])], None, None).into_string();
        assert!(none.contains("no values") && !none.contains("NaN"));
    }
}
