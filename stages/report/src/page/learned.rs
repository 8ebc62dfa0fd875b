//! How the classifier learned, and what from; the end of the section that says how sure it is.

use maud::{Markup, html};

use super::data;
use super::parts::{class_head, class_list, first, row_head, table, tables};
use crate::facts::{Epoch, Facts, Learned, Subset};
use crate::plot::curves::{Chart, Line};
use crate::words::Words;

pub(super) fn section(w: &Words, facts: &Facts, learned: &Learned) -> Markup {
    html! {
        @if learned.is_taught() { (training(w, &learned.epochs)) }
        (splits(w, facts, learned))
    }
}

fn training(w: &Words, epochs: &[Epoch]) -> Markup {
    let line = |name, value: fn(&Epoch) -> Option<f64>| Line {
        name: w.word(name),
        points: epochs.iter().filter_map(|e| Some((e.epoch, value(e)?))).collect(),
    };
    let kept = epochs.iter().find(|e| e.best).map(|e| e.epoch);
    let across = w.word("training.epoch");
    let chart = |title: &str, lines: &[Line<'_>], top: Option<f64>| {
        let table = data::lines(w, title, across, lines, None);
        Chart { words: w, title, across, lines, band: None, top, kept }.draw(table)
    };
    let losses = [line("training.train", |e| Some(e.train_loss)), line("training.validation", |e| e.validation_loss)];
    let scores = [line("training.mean_ap", |e| e.mean_ap), line("training.macro_f1", |e| e.macro_f1)];
    html! {
        h3 { (w.word("training.title")) }
        @if epochs.is_empty() {
            p { (w.word("training.none")) }
        } @else {
            div.pair {
                (chart(w.word("training.loss"), &losses, None))
                (chart(w.word("training.scores"), &scores, Some(1.0)))
            }
            p.note { (w.word("training.about")) }
            (tables(w, &["training_log"]))
        }
    }
}

fn splits(w: &Words, facts: &Facts, learned: &Learned) -> Markup {
    let shown: Vec<Subset> =
        Subset::ALL.into_iter().filter(|s| *s != Subset::Unused || learned.recordings.contains_key(s)).collect();
    let heads = html! {
        (first(w, "col.class"))
        @for subset in &shown { th.n scope="col" title=(w.word("splits.column")) { (w.named("subset", subset.name())) } }
    };
    let none = Default::default();
    let mut classes: Vec<&str> = facts.found.classes.keys().chain(learned.classes.keys()).map(String::as_str).collect();
    classes.sort_unstable();
    classes.dedup();
    let rows = html! {
        tr.sum {
            (row_head(w.word("splits.all")))
            @for subset in &shown { td.n { (w.number(learned.recordings.get(subset).copied().unwrap_or(0))) } }
        }
        @for class in classes {
            @let sides = learned.classes.get(class).unwrap_or(&none);
            tr {
                (class_head(facts, class))
                @for subset in &shown {
                    @let held = sides.get(subset).copied().unwrap_or_default();
                    td.n.lack[held.recordings == 0 && *subset != Subset::Unused] {
                        (w.number(held.recordings))
                        @if held.windows > 0 { " " small { (w.count("windows", held.windows)) } }
                    }
                }
            }
        }
    };
    let all = w.number(learned.reviewed + learned.unreviewed);
    html! {
        h3 { (w.word(if learned.is_taught() { "splits.title" } else { "splits.title_judged" })) }
        p {
            (w.say_n("splits.reviewed", learned.reviewed, &[("all", &all)]))
            " " (w.say_n("splits.annotations", learned.lines, &[("used", &w.number(learned.lines_used))]))
            " " (w.word("splits.about"))
        }
        (lacking(w, facts, learned, Subset::Train, "splits.not_learned"))
        (lacking(w, facts, learned, Subset::Test, "splits.not_tested"))
        (table(w.word("splits.label"), heads, rows))
        (tables(w, &["splits", "split_classes", "annotations", "reviews"]))
    }
}

/// Names the classes without a positive on a side that has recordings.
fn lacking(w: &Words, facts: &Facts, learned: &Learned, subset: Subset, key: &str) -> Markup {
    let classes = learned.lacking(subset);
    html! {
        @if !classes.is_empty() && learned.recordings.get(&subset).is_some_and(|n| *n > 0) {
            p.note { (w.say_n(key, classes.len() as u64, &[("classes", &class_list(w, facts, &classes, "or"))])) }
        }
    }
}
