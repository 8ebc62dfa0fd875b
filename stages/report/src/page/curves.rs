//! The curves behind the figures: precision against recall by class, and whether scores mean what they say.

use maud::{Markup, html};

use super::parts::{class_name, tables};
use super::words::{count, number, score};
use crate::facts::{Bin, Facts, Metrics, Point, Scores, Subset};
use crate::plot::square::{self, Square};

/// Classes whose curves are drawn, the frequent ones first.
const MOST_CURVES: usize = 60;

/// `classes` are those with positives, in the order in which they are told.
pub(super) fn section(facts: &Facts, scores: &Scores, subset: Subset, classes: &[(&str, &Metrics)]) -> Markup {
    let curves: Vec<(&str, &[Point])> = classes
        .iter()
        .filter_map(|(class, _)| Some((*class, scores.curves.classes.get(&(subset, (*class).to_owned()))?.as_slice())))
        .collect();
    let reliability: Vec<(&str, &[Bin])> = [("score", "Scores"), ("probability", "Calibrated probabilities")]
        .into_iter()
        .filter_map(|(scale, name)| Some((name, scores.curves.reliability.get(&(subset, scale.to_owned()))?.as_slice())))
        .collect();
    html! {
        @if !curves.is_empty() || !reliability.is_empty() { (square::face()) }
        @if !curves.is_empty() { (precision_recall(facts, scores, subset, &curves)) }
        @if !reliability.is_empty() { (reliable(subset, &reliability)) }
    }
}

fn precision_recall(facts: &Facts, scores: &Scores, subset: Subset, curves: &[(&str, &[Point])]) -> Markup {
    html! {
        h3 { "Precision and recall" }
        p {
            "What each threshold gives, from strict ones at the left to lenient ones at the right, on the " (subset.name()) " subset. The dot is the
            threshold in use. A curve that stays high to the right is that of a class that can be had nearly whole and nearly pure."
        }
        div.clocks {
            @for (class, points) in curves.iter().take(MOST_CURVES) {
                figure {
                    figcaption { (class_name(facts, class)) }
                    (curve(class, points, scores.thresholds.get(*class).map(|t| t.0)))
                }
            }
        }
        @if curves.len() > MOST_CURVES {
            p.note { "The " (number(MOST_CURVES as u64)) " most frequent classes of " (number(curves.len() as u64)) "; the others are in the table." }
        }
        (tables(&["curves"]))
    }
}

fn curve(class: &str, points: &[Point], threshold: Option<f64>) -> Markup {
    // The table's order is that of thresholds, where recall falls.
    let line: Vec<(f64, f64)> = points.iter().rev().map(|p| (p.recall, p.precision)).collect();
    let used = threshold.and_then(|t| points.iter().find(|p| p.threshold >= t).map(|p| (t, p)));
    let marks = used.map(|(t, p)| {
        let text = format!("At {t:.3}: precision {}, recall {}", score(Some(p.precision)), score(Some(p.recall)));
        ((p.recall, p.precision), text)
    });
    let words =
        marks.as_ref().map_or_else(|| "No window reaches the threshold in use.".to_owned(), |(_, text)| format!("{text}."));
    Square {
        label: &format!("Precision against recall, {class}"),
        words: &words,
        across: "recall",
        up: "precision",
        line: &line,
        marks: marks.into_iter().collect(),
        diagonal: false,
    }
    .draw()
}

fn reliable(subset: Subset, scales: &[(&str, &[Bin])]) -> Markup {
    html! {
        h3 { "Do scores mean what they say?" }
        p {
            "Pairs of window and class on the " (subset.name()) " subset, in bins of like scores. On the dashed line a score of 0.8 means that the class is
            there in eight of ten cases. Below it the classifier is too sure of itself, above it too modest. A bin with few windows says little."
        }
        div.clocks.large {
            @for (name, bins) in scales {
                figure {
                    figcaption { (name) }
                    (reliability(name, bins))
                }
            }
        }
        (tables(&["reliability", "calibration"]))
    }
}

fn reliability(name: &str, bins: &[Bin]) -> Markup {
    let line: Vec<(f64, f64)> = bins.iter().map(|b| (b.mean, b.share())).collect();
    let marks = bins.iter().map(|b| {
        let text = format!("Mean {:.2}: the class is in {:.1} % of {}", b.mean, b.share() * 100.0, count(b.windows, "pair"));
        ((b.mean, b.share()), text)
    });
    let windows: u64 = bins.iter().map(|b| b.windows).sum();
    Square {
        label: &format!("Reliability of {}", name.to_lowercase()),
        words: &format!("{} in {}.", count(windows, "pair"), count(bins.len() as u64, "bin")),
        across: "mean of the bin",
        up: "share with the class",
        line: &line,
        marks: marks.collect(),
        diagonal: true,
    }
    .draw()
}
