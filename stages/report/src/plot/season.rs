//! Small charts of the hour of the night over the season: nights to the right, local hours from noon (top) to noon (bottom). What all of
//! them have in common is drawn once and used in each, as in [`super::clock`], with whose hatching.

use maud::{Markup, html};

use super::calendar::{Column, MONTH};
use super::clock;
use super::heat::{STEPS, shade};
use crate::facts::HOURS;
use crate::words::Words;

const WIDTH: f64 = 200.0;
const HEIGHT: f64 = 118.0;
const LEFT: f64 = 26.0;
const TOP: f64 = 16.0;
const SPAN: f64 = 168.0;
const HOUR: f64 = 3.4;

/// Shares of a column by hour of the clock; `None` where nothing was listened to.
pub(crate) type OfHours = [Option<f64>; HOURS];

fn floor() -> f64 {
    TOP + HOURS as f64 * HOUR
}

/// Cells as one path, in columns and rows: neighbours in a row of hours are one piece.
fn cells(columns: usize, is: impl Fn(usize, usize) -> bool) -> String {
    let mut path = String::new();
    for (row, hour) in clock::hours().enumerate() {
        let mut column = 0;
        while column < columns {
            let run = (column..columns).take_while(|c| is(*c, hour)).count();
            if run > 0 {
                path.push_str(&format!("M{column} {row}h{run}v1h-{run}z"));
            }
            column += run.max(1);
        }
    }
    path
}

/// What the charts have in common: to be put on the page once, before any of them and behind [`clock::hatch`]. `listened` says in which
/// column and hour something was.
pub(crate) fn face(w: &Words, columns: &[Column], listened: impl Fn(usize, usize) -> bool) -> Markup {
    let hours = clock::hours().enumerate().filter(|(_, hour)| hour % 6 == 0);
    let wide = SPAN / columns.len().max(1) as f64;
    html! {
        svg.unseen width="0" height="0" aria-hidden="true" {
            symbol #season viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) {
                rect.sheet x=(LEFT) y=(TOP) width=(SPAN) height=(format!("{:.1}", floor() - TOP)) {}
                // The pattern is not scaled with the cells.
                @for (column, _) in columns.iter().enumerate() {
                    @let unheard = empty(|hour| !listened(column, hour));
                    @if !unheard.is_empty() { path.empty d=(unheard.iter().map(|(row, run)| strip(column, wide, *row, *run)).collect::<String>()) {} }
                }
                @for (row, hour) in hours {
                    text x=(LEFT - 4.0) y=(format!("{:.1}", TOP + row as f64 * HOUR + 4.0)) text-anchor="end" { (hour) }
                }
                @if let (Some(first), Some(last)) = (columns.first(), columns.last()) {
                    text x=(LEFT) y=(format!("{:.1}", floor() + 13.0)) { (edge(w, first)) }
                    @if columns.len() > 1 { text x=(LEFT + SPAN) y=(format!("{:.1}", floor() + 13.0)) text-anchor="end" { (edge(w, last)) } }
                }
            }
        }
    }
}

/// Runs of hours that are as `is` says: the first row, and how many.
fn empty(is: impl Fn(usize) -> bool) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for (row, hour) in clock::hours().enumerate() {
        match runs.last_mut() {
            Some((first, run)) if is(hour) && *first + *run == row => *run += 1,
            _ if is(hour) => runs.push((row, 1)),
            _ => {}
        }
    }
    runs
}

fn strip(column: usize, wide: f64, row: usize, run: usize) -> String {
    let (x, y) = (LEFT + column as f64 * wide, TOP + row as f64 * HOUR);
    format!("M{x:.1} {y:.1}h{wide:.1}v{:.1}h-{wide:.1}z", run as f64 * HOUR)
}

/// The name of the first or last column.
fn edge(w: &Words, column: &Column) -> String {
    if column.nights >= MONTH { w.month(column.first) } else { w.day_of_month(column.first) }
}

/// The highest share, with its column and hour.
pub(crate) fn highest(shares: &[OfHours]) -> Option<(usize, usize, f64)> {
    let places = (0..shares.len()).flat_map(|column| clock::hours().map(move |hour| (column, hour)));
    let known = places.filter_map(|(column, hour)| Some((column, hour, shares[column][hour].filter(|share| *share > 0.0)?)));
    // Of equals the first.
    known.reduce(|best, next| if next.2 > best.2 { next } else { best })
}

/// A chart with a scale of its own. `words` puts it in words.
pub(crate) fn chart(w: &Words, label: &str, words: &str, shares: &[OfHours]) -> Markup {
    let top = highest(shares).map_or(0.0, |h| h.2);
    let shaded =
        |step: &str| cells(shares.len(), |column, hour| shares[column][hour].is_some_and(|s| s > 0.0 && shade(s, top) == step));
    let scale = format!("translate({LEFT} {TOP}) scale({:.4} {HOUR})", SPAN / shares.len().max(1) as f64);
    html! {
        svg.season viewBox=(format!("0 0 {WIDTH} {HEIGHT}")) role="img" {
            title { (label) }
            desc { (words) }
            use href="#season" {}
            text x=(LEFT + SPAN) y=(TOP - 5.0) text-anchor="end" { (w.share(top)) }
            g transform=(scale) {
                @for step in (1..=STEPS).map(|step| format!("q{step}")) {
                    @let path = shaded(&step);
                    @if !path.is_empty() { path class=(step) d=(path) {} }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Day;

    fn columns(n: i32) -> Vec<Column> {
        (0..n).map(|i| Column { first: Day(18_322 + i), nights: 1, is_break: false }).collect()
    }

    #[test]
    fn neighbours_are_one_piece_and_noon_is_at_the_top() {
        assert_eq!(cells(4, |column, hour| hour == 12 && column != 1), "M0 0h1v1h-1zM2 0h2v1h-2z");
        assert_eq!(cells(1, |_, hour| hour == 11), "M0 23h1v1h-1z");
        assert_eq!(empty(|hour| (6..18).contains(&hour)), [(0, 6), (18, 6)]);
    }

    #[test]
    fn shades_follow_the_highest_share_of_the_chart() {
        let w = Words::of("en");
        let mut shares: Vec<OfHours> = vec![[None; HOURS]; 3];
        shares[0][21] = Some(0.01);
        shares[2][22] = Some(0.07);
        shares[1][22] = Some(0.0);
        assert_eq!(highest(&shares), Some((2, 22, 0.07)));
        let html = chart(&w, "X", "highest", &shares).into_string();
        assert!(
            html.contains(r#"<path class="q1" d="M0 9h1v1h-1z">"#) && html.contains(r#"<path class="q7" d="M2 10h1v1h-1z">"#),
            "{html}"
        );
        assert_eq!(html.matches("<path").count(), 2);
        assert!(html.contains("<desc>highest</desc>") && html.contains(">7.0 %</text>"));
        assert!(!chart(&w, "X", "none", &[]).into_string().contains("NaN"));
    }

    #[test]
    fn what_was_not_listened_to_is_hatched_once_for_all_charts() {
        let html = face(&Words::of("en"), &columns(2), |column, hour| column == 1 || hour >= 18).into_string();
        assert_eq!(html.matches("class=\"empty\"").count(), 1);
        assert!(html.contains(">1 Mar</text>") && html.contains(">2 Mar</text>"), "{html}");
    }
}
