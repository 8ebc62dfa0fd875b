//! The data of drawings as tables, closed until somebody asks for them.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::parts::{class_head, first, table};
use crate::facts::{Facts, HOURS, HalfHour, Point};
use crate::plot::clock;
use crate::plot::curves::{Band, Line};
use crate::plot::sun;
use crate::words::{NONE, Words};

/// Rows of a table of numbers that a reader looks through.
const MOST_ROWS: usize = 24;
/// Decimals of values of lines.
const DECIMALS: usize = 3;
/// Recalls at which precision is told.
const RECALLS: [f64; 9] = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9];

/// The table of a drawing.
pub(super) fn behind(w: &Words, caption: &str, head: Markup, body: Markup) -> Markup {
    closed(w.word("data"), caption, head, body)
}

/// A table that is closed until somebody asks.
pub(super) fn closed(summary: &str, caption: &str, head: Markup, body: Markup) -> Markup {
    html! { details { summary { (summary) } (table(caption, head, body)) } }
}

/// Some of so many places, evenly, with the first and the last.
fn some(of: usize) -> BTreeSet<usize> {
    let last = of.saturating_sub(1);
    let parts = last.clamp(1, MOST_ROWS - 1);
    (0..=parts).map(|i| last * i / parts).filter(|i| *i < of).collect()
}

/// The values of lines over whole numbers, and of a band; of many numbers some. `across` names the numbers.
pub(super) fn lines(w: &Words, caption: &str, across: &str, lines: &[Line<'_>], band: Option<&Band<'_>>) -> Markup {
    let numbers: BTreeSet<u32> = lines.iter().flat_map(|line| &line.points).map(|p| p.0).collect();
    let numbers: Vec<u32> = numbers.into_iter().collect();
    let value = |line: &Line<'_>, number: u32| {
        let at = line.points.iter().find(|p| p.0 == number).map(|p| p.1);
        at.map_or_else(|| NONE.to_owned(), |value| w.trimmed(value, DECIMALS))
    };
    let edges = |band: &Band<'_>, number: u32| {
        let at = band.edges.iter().find(|e| e.0 == number);
        at.map_or_else(|| NONE.to_owned(), |e| format!("{}–{}", w.decimal(e.1, 1), w.decimal(e.2, 1)))
    };
    let heads = html! {
        th.first scope="col" { (across) }
        @for line in lines { th.n scope="col" { (line.name) } }
        @if let Some(band) = band { th.n scope="col" { (band.name) } }
    };
    let rows = html! {
        @for number in some(numbers.len()).into_iter().map(|at| numbers[at]) {
            tr {
                th.first scope="row" { (number) }
                @for line in lines { td.n { (value(line, number)) } }
                @if let Some(band) = band { td.n { (edges(band, number)) } }
            }
        }
    };
    behind(w, caption, heads, rows)
}

/// A value for each class and each hour of the clock.
pub(super) fn hours(w: &Words, caption: &str, facts: &Facts, rows: &[(&str, [Option<f64>; HOURS])]) -> Markup {
    let heads = html! { (first(w, "col.class")) @for hour in clock::hours() { th.n scope="col" { (w.hour(hour)) } } };
    let rows = html! {
        @for (class, values) in rows {
            tr { (class_head(facts, class)) @for hour in clock::hours() { (share(w, values[hour])) } }
        }
    };
    behind(w, caption, heads, rows)
}

/// A value for each class and each half hour from sunset and sunrise.
pub(super) fn half_hours(
    w: &Words,
    caption: &str,
    facts: &Facts,
    classes: &[&str],
    value: impl Fn(&str, HalfHour) -> Option<f64>,
) -> Markup {
    let heads = html! { (first(w, "col.class")) @for at in sun::half_hours() { th.n scope="col" { (sun::words(w, at)) } } };
    let rows = html! {
        @for class in classes {
            tr { (class_head(facts, class)) @for at in sun::half_hours() { (share(w, value(class, at))) } }
        }
    };
    behind(w, caption, heads, rows)
}

fn share(w: &Words, value: Option<f64>) -> Markup {
    html! {
        @match value {
            Some(0.0) => td.n { "0" },
            Some(value) => td.n { (w.share(value)) },
            None => td.none title=(w.word("rates.none")) {},
        }
    }
}

/// The precision that a class has at some recalls: that of the strictest threshold which reaches the recall.
pub(super) fn precisions(w: &Words, caption: &str, facts: &Facts, curves: &[(&str, &[Point])]) -> Markup {
    let at = |points: &[Point], recall: f64| points.iter().rev().find(|p| p.recall >= recall).map(|p| p.precision);
    let heads = html! {
        (first(w, "col.class"))
        @for recall in RECALLS { th.n scope="col" { (w.text("pr.at_recall", &[("recall", &w.decimal(recall, 1))])) } }
    };
    let rows = html! {
        @for (class, points) in curves {
            tr { (class_head(facts, class)) @for recall in RECALLS { td.n { (w.score(at(points, recall))) } } }
        }
    };
    behind(w, caption, heads, rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_many_rows_some_are_told_and_the_ends_always() {
        assert_eq!((some(0).len(), some(1), some(2)), (0, [0].into(), [0, 1].into()));
        assert_eq!(some(24).len(), 24);
        let of_many = some(1000);
        assert!(of_many.len() == MOST_ROWS && of_many.first() == Some(&0) && of_many.last() == Some(&999));
    }

    #[test]
    fn precision_is_that_of_the_strictest_threshold_with_the_recall() {
        let point = |threshold, precision, recall| Point { threshold, precision, recall };
        let points = [point(0.1, 0.4, 1.0), point(0.5, 0.7, 0.5), point(0.9, 1.0, 0.2)];
        let w = Words::of("de");
        let html = precisions(&w, "X", &Facts::default(), &[("A", &points)]).into_string();
        let wanted =
            ["1,00", "1,00", "0,70", "0,70", "0,70", "0,40"].map(|value| format!("<td class=\"n\">{value}</td>")).concat();
        assert!(html.contains(&wanted), "{html}");
    }
}
