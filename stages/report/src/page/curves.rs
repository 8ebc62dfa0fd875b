//! The curves behind the figures: precision against recall by class, and whether scores mean what they say.

use maud::{Markup, html};

use super::data;
use super::parts::{class_name, first, head, most_shown, tables};
use crate::facts::{Bin, Facts, Metrics, Point, Scores, Subset};
use crate::plot::square::{self, Square};
use crate::words::Words;

/// Classes whose curves are drawn, the frequent ones first.
const MOST_CURVES: usize = 60;

/// `classes` are those with positives, in the order in which they are told.
pub(super) fn section(w: &Words, facts: &Facts, scores: &Scores, subset: Subset, classes: &[(&str, &Metrics)]) -> Markup {
    let curves: Vec<(&str, &[Point])> = classes
        .iter()
        .filter_map(|(class, _)| Some((*class, scores.curves.classes.get(&(subset, (*class).to_owned()))?.as_slice())))
        .collect();
    let reliability: Vec<(&str, &[Bin])> = [("score", "reliability.score"), ("probability", "reliability.probability")]
        .into_iter()
        .filter_map(|(scale, name)| Some((name, scores.curves.reliability.get(&(subset, scale.to_owned()))?.as_slice())))
        .collect();
    html! {
        @if !curves.is_empty() || !reliability.is_empty() { (square::face(w)) }
        @if !curves.is_empty() { (precision_recall(w, facts, scores, subset, &curves)) }
        @if !reliability.is_empty() { (reliable(w, subset, &reliability)) }
    }
}

fn precision_recall(w: &Words, facts: &Facts, scores: &Scores, subset: Subset, curves: &[(&str, &[Point])]) -> Markup {
    let shown = &curves[..curves.len().min(MOST_CURVES)];
    html! {
        h3 { (w.word("pr.title")) }
        p { (w.text("pr.about", &[("subset", &w.named("subset", subset.name()))])) }
        div.clocks {
            @for (class, points) in shown {
                figure {
                    figcaption { (class_name(facts, class)) }
                    (curve(w, class, points, scores.thresholds.get(*class).map(|t| t.0)))
                }
            }
        }
        (data::precisions(w, w.word("pr.title"), facts, shown))
        (most_shown(w, shown.len(), curves.len()))
        (tables(w, &["curves"]))
    }
}

fn curve(w: &Words, class: &str, points: &[Point], threshold: Option<f64>) -> Markup {
    // The table's order is that of thresholds, where recall falls.
    let line: Vec<(f64, f64)> = points.iter().rev().map(|p| (p.recall, p.precision)).collect();
    let used = threshold.and_then(|t| points.iter().find(|p| p.threshold >= t).map(|p| (t, p)));
    let marks = used.map(|(t, p)| {
        let (precision, recall) = (w.score(Some(p.precision)), w.score(Some(p.recall)));
        let text = w.text("pr.used", &[("threshold", &w.decimal(t, 3)), ("precision", &precision), ("recall", &recall)]);
        ((p.recall, p.precision), text)
    });
    let words = marks.as_ref().map_or_else(|| w.word("pr.unused").to_owned(), |(_, text)| text.clone());
    Square {
        label: &w.text("pr.label", &[("class", class)]),
        words: &words,
        across: w.word("pr.recall"),
        up: w.word("pr.precision"),
        line: &line,
        marks: marks.into_iter().collect(),
        diagonal: false,
    }
    .draw()
}

fn reliable(w: &Words, subset: Subset, scales: &[(&str, &[Bin])]) -> Markup {
    html! {
        h3 { (w.word("reliability.title")) }
        p { (w.text("reliability.about", &[("subset", &w.named("subset", subset.name()))])) }
        div.clocks.large {
            @for (name, bins) in scales {
                figure {
                    figcaption { (w.word(name)) }
                    (reliability(w, w.word(name), bins))
                }
            }
        }
        @for (name, bins) in scales { (bins_table(w, w.word(name), bins)) }
        (tables(w, &["reliability", "calibration"]))
    }
}

fn reliability(w: &Words, name: &str, bins: &[Bin]) -> Markup {
    let line: Vec<(f64, f64)> = bins.iter().map(|b| (b.mean, b.share())).collect();
    let marks = bins.iter().map(|b| {
        let (mean, share, pairs) = (w.decimal(b.mean, 2), w.share(b.share()), w.count("pairs", b.windows));
        ((b.mean, b.share()), w.text("reliability.bin", &[("mean", &mean), ("share", &share), ("pairs", &pairs)]))
    });
    let windows: u64 = bins.iter().map(|b| b.windows).sum();
    Square {
        label: &w.text("reliability.label", &[("scale", name)]),
        words: &w
            .text("reliability.words", &[("pairs", &w.count("pairs", windows)), ("bins", &w.count("bins", bins.len() as u64))]),
        across: w.word("reliability.across"),
        up: w.word("reliability.up"),
        line: &line,
        marks: marks.collect(),
        diagonal: true,
    }
    .draw()
}

fn bins_table(w: &Words, name: &str, bins: &[Bin]) -> Markup {
    let heads = html! { (first(w, "reliability.across")) (head(w, "reliability.up", true)) (head(w, "reliability.pairs", true)) };
    let rows = html! {
        @for bin in bins {
            tr {
                th.first scope="row" { (w.decimal(bin.mean, 2)) }
                td.n { (w.share(bin.share())) }
                td.n { (w.number(bin.windows)) }
            }
        }
    };
    data::closed(&w.text("data_of", &[("what", name)]), name, heads, rows)
}
