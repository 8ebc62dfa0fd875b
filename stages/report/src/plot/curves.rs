//! Lines over whole numbers: epochs, nights. A band may lie behind them.

use maud::{Markup, html};

use super::axis;
use crate::words::Words;

const WIDTH: f64 = 420.0;
const HEIGHT: f64 = 240.0;
const LEFT: f64 = 40.0;
const RIGHT: f64 = 408.0;
const TOP: f64 = 12.0;
const FLOOR: f64 = 200.0;
const MOST_TICKS: usize = 5;
/// Decimals of the ends of lines, in words.
const DECIMALS: usize = 3;

/// A line: a name and its points, by number.
pub(crate) struct Line<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// Its points, numbers ascending.
    pub(crate) points: Vec<(u32, f64)>,
}

/// A band: a name, and by number its lower and upper edge.
pub(crate) struct Band<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// Its edges, numbers ascending.
    pub(crate) edges: Vec<(u32, f64, f64)>,
}

/// A chart of lines from 0 up.
pub(crate) struct Chart<'a> {
    /// The words.
    pub(crate) words: &'a Words,
    /// What it shows.
    pub(crate) title: &'a str,
    /// What is counted to the right, in the singular.
    pub(crate) across: &'a str,
    /// The lines.
    pub(crate) lines: &'a [Line<'a>],
    /// The band behind them.
    pub(crate) band: Option<Band<'a>>,
    /// The upper end, where the values have one.
    pub(crate) top: Option<f64>,
    /// The epoch to mark.
    pub(crate) kept: Option<u32>,
}

impl Chart<'_> {
    /// The chart as a figure. `below` stands under it.
    pub(crate) fn draw(&self, below: Markup) -> Markup {
        let Self { words: w, title, across, lines, top, kept, .. } = self;
        let points = || lines.iter().flat_map(|l| &l.points);
        let edges = || self.band.iter().flat_map(|band| &band.edges);
        let highest = || points().map(|p| p.1).chain(edges().map(|e| e.2)).fold(0.0, f64::max);
        let top = top.unwrap_or_else(highest);
        let ticks = axis::ticks(top, MOST_TICKS);
        let (step, top) = (axis::step(top, MOST_TICKS), ticks.last().copied().unwrap_or(1.0));
        let numbers = || points().map(|p| p.0).chain(edges().map(|e| e.0));
        let (first, last) = (numbers().min().unwrap_or(1), numbers().max().unwrap_or(1));
        let x = |number: u32| LEFT + (RIGHT - LEFT) * (f64::from(number - first) + 0.5) / f64::from(last - first + 1);
        let y = |value: f64| FLOOR - (FLOOR - TOP) * (value / top).clamp(0.0, 1.0);
        let at = |(number, value): (u32, f64)| format!("{:.1},{:.1}", x(number), y(value));
        html! {
            figure {
                figcaption { (title) }
                svg.curves viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" {
                    title { (w.text("curves.label", &[("title", title), ("across", across)])) }
                    desc { @for line in lines.iter() { (ends(w, line, across)) " " } }
                    @for tick in ticks {
                        path.guide d=(format!("M{LEFT} {:.1}H{RIGHT}", y(tick))) {}
                        text x=(LEFT - 6.0) y=(format!("{:.1}", y(tick) + 4.0)) text-anchor="end" { (w.decimal(tick, axis::decimals(step))) }
                    }
                    @for number in named(first, last) {
                        text x=(format!("{:.1}", x(number))) y=(FLOOR + 16.0) text-anchor="middle" { (number) }
                    }
                    text x=((LEFT + RIGHT) / 2.0) y=(HEIGHT - 6.0) text-anchor="middle" { (across) }
                    @if let Some(band) = &self.band {
                        @let there = band.edges.iter().map(|e| at((e.0, e.2)));
                        @let back = band.edges.iter().rev().map(|e| at((e.0, e.1)));
                        polygon.band points=(there.chain(back).collect::<Vec<_>>().join(" ")) {}
                    }
                    @if let Some(kept) = kept.filter(|k| (first..=last).contains(k)) {
                        path.kept d=(format!("M{:.1} {TOP}V{FLOOR}", x(kept))) { title { (w.text("curves.kept_epoch", &[("n", &kept.to_string())])) } }
                    }
                    @for (i, line) in lines.iter().enumerate() {
                        @let points: Vec<String> = line.points.iter().map(|p| at(*p)).collect();
                        polyline class={ "line s" (i + 1) } points=(points.join(" ")) {}
                        // One point is no line.
                        @if let [only] = line.points[..] { circle class={ "dot s" (i + 1) } cx=(x(only.0)) cy=(y(only.1)) r="3" {} }
                    }
                }
                p.key {
                    @for (i, line) in lines.iter().enumerate() {
                        span { svg.swatch viewBox="0 0 28 8" aria-hidden="true" { path class={ "line s" (i + 1) } d="M1 4h26" {} } (line.name) }
                    }
                    @if let Some(band) = &self.band {
                        span { svg.swatch viewBox="0 0 28 8" aria-hidden="true" { path.band d="M1 0h26v8h-26z" {} } (band.name) }
                    }
                    @if kept.is_some() { span { svg.swatch viewBox="0 0 28 8" aria-hidden="true" { path.kept d="M1 4h26" {} } (w.word("curves.kept")) } }
                }
                (below)
            }
        }
    }
}

/// The numbers that are named: the first, and round ones.
fn named(first: u32, last: u32) -> Vec<u32> {
    let step = (axis::step(f64::from(last), MOST_TICKS).ceil() as u32).max(1);
    let round = (1..=last / step).map(|i| i * step).filter(|e| *e > first && (e - first) * 2 >= step);
    std::iter::once(first).chain(round).collect()
}

fn ends(w: &Words, line: &Line<'_>, across: &str) -> String {
    let (Some((a, from)), Some((b, to))) = (line.points.first(), line.points.last()) else {
        return w.text("curves.none", &[("name", line.name)]);
    };
    let (from, to) = (w.decimal(*from, DECIMALS), w.decimal(*to, DECIMALS));
    let (a, b) = (a.to_string(), b.to_string());
    w.text("curves.ends", &[("name", line.name), ("from", &from), ("to", &to), ("across", across), ("a", &a), ("b", &b)])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_epochs_many_epochs_and_none() {
        assert_eq!(named(1, 1), [1]);
        assert_eq!(named(1, 4), [1, 2, 3, 4]);
        assert_eq!(named(1, 100), [1, 20, 40, 60, 80, 100]);
        let w = Words::of("en");
        let line = |points: &[(u32, f64)]| Line { name: "loss", points: points.to_vec() };
        let draw = |lines: &[Line<'_>], band, kept| {
            Chart { words: &w, title: "Loss", across: "epoch", lines, band, top: None, kept }.draw(html! {}).into_string()
        };
        let html = draw(&[line(&[(1, 0.5), (2, 0.25)]), line(&[(2, 0.5)])], None, Some(2));
        assert!(
            html.contains("points=\"132.0,12.0 316.0,106.0\"") && html.contains("loss: 0.500 (epoch 1), 0.250 (epoch 2)."),
            "{html}"
        );
        assert!(html.contains("<circle") && html.contains("M316.0 12V200"), "{html}");
        let none = draw(&[line(&[])], None, None);
        assert!(none.contains("no values") && !none.contains("NaN"));
        let band = Band { name: "95 %", edges: vec![(1, 0.0, 0.5), (2, 0.25, 1.0)] };
        let html = draw(&[line(&[(1, 0.25), (2, 0.5)])], Some(band), None);
        assert!(html.contains("points=\"132.0,106.0 316.0,12.0 316.0,153.0 132.0,200.0\""), "{html}");
    }
}
