//! How the classifier learned, and what from; the end of the section that says how sure it is.

use maud::{Markup, html};

use super::parts::{class_head, class_list, first, head, row_head, table, tables};
use super::words::{count, number};
use crate::facts::{Epoch, Facts, Learned, Subset};
use crate::plot::curves::{self, Line};

pub(super) fn section(facts: &Facts, learned: &Learned) -> Markup {
    html! {
        @if learned.is_taught() { (training(&learned.epochs)) }
        (splits(facts, learned))
    }
}

fn training(epochs: &[Epoch]) -> Markup {
    let line = |name, value: fn(&Epoch) -> Option<f64>| Line {
        name,
        points: epochs.iter().filter_map(|e| Some((e.epoch, value(e)?))).collect(),
    };
    let kept = epochs.iter().find(|e| e.best).map(|e| e.epoch);
    html! {
        h3 { "Training" }
        @if epochs.is_empty() {
            p { "No epoch was trained." }
        } @else {
            div.pair {
                (curves::chart("Loss", "epoch", &[line("training", |e| Some(e.train_loss)), line("validation", |e| e.validation_loss)], None, kept))
                (curves::chart(
                    "Scores on validation",
                    "epoch",
                    &[line("mean average precision", |e| e.mean_ap), line("macro F1 at 0.5", |e| e.macro_f1)],
                    Some(1.0),
                    kept,
                ))
            }
            p.note { "With mixing, training loss is that of mixed examples, which are harder than those of validation." }
            (tables(&["training_log"]))
        }
    }
}

fn splits(facts: &Facts, learned: &Learned) -> Markup {
    let shown: Vec<Subset> =
        Subset::ALL.into_iter().filter(|s| *s != Subset::Unused || learned.recordings.contains_key(s)).collect();
    let heads = html! {
        (first("Class"))
        @for subset in &shown {
            (head(subset.name(), true, "Recordings with a positive window of the class, and such windows"))
        }
    };
    let none = Default::default();
    let mut classes: Vec<&str> = facts.found.classes.keys().chain(learned.classes.keys()).map(String::as_str).collect();
    classes.sort_unstable();
    classes.dedup();
    let rows = html! {
        tr.sum {
            (row_head("All recordings"))
            @for subset in &shown { td.n { (number(learned.recordings.get(subset).copied().unwrap_or(0))) } }
        }
        @for class in classes {
            @let sides = learned.classes.get(class).unwrap_or(&none);
            tr {
                (class_head(facts, class))
                @for subset in &shown {
                    @let held = sides.get(subset).copied().unwrap_or_default();
                    td.n.lack[held.recordings == 0 && *subset != Subset::Unused] {
                        (number(held.recordings))
                        @if held.windows > 0 { " " small { (count(held.windows, "window")) } }
                    }
                }
            }
        }
    };
    html! {
        h3 { @if learned.is_taught() { "What it learned from" } @else { "What it was judged by" } }
        p {
            (count(learned.reviewed, "recording")) " of " (number(learned.reviewed + learned.unreviewed)) " were reviewed by somebody. Of "
            (count(learned.lines, "annotation")) ", " (number(learned.lines_used)) " count for labels. The table shows in how many recordings, and
            in how many of their windows, a class is labelled on each side of the split; a class that lacks a side is marked."
        }
        (lacking(facts, learned, Subset::Train, "cannot be learned"))
        (lacking(facts, learned, Subset::Test, "cannot be tested"))
        (table("Recordings and windows by class and subset", heads, rows))
        (tables(&["splits", "split_classes", "annotations", "reviews"]))
    }
}

/// Names the classes without a positive on a side that has recordings.
fn lacking(facts: &Facts, learned: &Learned, subset: Subset, so: &str) -> Markup {
    let classes = learned.lacking(subset);
    html! {
        @if !classes.is_empty() && learned.recordings.get(&subset).is_some_and(|n| *n > 0) {
            p.note { "No " (subset.name()) " recording holds " (class_list(facts, &classes, "or")) ", so " (if classes.len() == 1 { "it" } else { "they" }) " " (so) "." }
        }
    }
}
