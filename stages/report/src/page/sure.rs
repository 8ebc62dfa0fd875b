//! How sure: what the classifier scores on recordings that it did not learn from.

use maud::{Markup, html};

use super::parts::{class_head, class_list, first, head, row_head, table, tables};
use super::{confused, curves, learned};
use crate::facts::{BY_SITE, Facts, Metrics, Scope, Scores, Subset};
use crate::words::{NONE, Words};

/// Metrics that are shown: the name in the table `metrics`, and the key of the head of the column.
const COLUMNS: [(&str, &str); 7] = [
    ("average_precision", "metric.average_precision"),
    (BY_SITE, "metric.average_precision_by_site"),
    ("auroc", "metric.auroc"),
    ("f1_fixed", "metric.f1_fixed"),
    ("f1_tuned", "metric.f1_tuned"),
    ("precision_tuned", "metric.precision_tuned"),
    ("recall_tuned", "metric.recall_tuned"),
];

/// Those of what is no single class over all sites.
fn columns_of_means() -> impl Iterator<Item = (&'static str, &'static str)> {
    COLUMNS.into_iter().filter(|(name, _)| *name != BY_SITE)
}

pub(super) fn section(w: &Words, facts: &Facts) -> Markup {
    html! {
        @match &facts.scores {
            Some(scores) => (measured(w, facts, scores)),
            None => p { (w.word("sure.given")) },
        }
        @if let Some(learned) = &facts.learned {
            (learned::section(w, facts, learned))
        }
    }
}

fn measured(w: &Words, facts: &Facts, scores: &Scores) -> Markup {
    let Some(subset) = scores.subset() else {
        return html! { p { (w.word("sure.unlabelled")) } };
    };
    let mut classes: Vec<(&str, &Metrics)> = scores
        .of(subset)
        .filter_map(|(scope, m)| if let Scope::Class(c) = scope { Some((c.as_str(), m)) } else { None })
        .collect();
    classes.sort_by_key(|(_, m)| std::cmp::Reverse(m.support()));
    let unsupported: Vec<&str> = classes.iter().filter(|(_, m)| m.support() == 0).map(|(c, _)| *c).collect();
    let of = html! { strong { (w.named("subset", subset.name())) } };
    html! {
        @if facts.learned.as_ref().is_some_and(|learned| !learned.is_taught()) {
            p { (w.say("sure.judged", &[("subset", &of)])) }
        } @else if subset == Subset::Test {
            p { (w.word("sure.test")) }
        } @else {
            p { (w.say("sure.no_test", &[("subset", &of)])) }
        }
        (per_class(w, facts, scores, subset, &classes))
        (undefined(w, facts, &unsupported, subset))
        p.note { (w.say("sure.legend", &[])) }
        (averages(w, scores, subset))
        (tables(w, &["metrics", "thresholds"]))
        (curves::section(w, facts, scores, subset, &classes))
        (confused::section(w, facts, scores, subset))
    }
}

fn per_class(w: &Words, facts: &Facts, scores: &Scores, subset: Subset, classes: &[(&str, &Metrics)]) -> Markup {
    let heads = html! {
        (first(w, "col.class")) (head(w, "metric.windows", true))
        @for (_, key) in COLUMNS { (head(w, key, true)) }
        (head(w, "metric.threshold", true)) (head(w, "metric.source", false))
    };
    let mean = scores.metrics.get(&(subset, Scope::All));
    let rows = html! {
        @if let Some(mean) = mean {
            tr.sum {
                (row_head(w.word("metric.mean")))
                td {}
                (values(w, mean, COLUMNS.into_iter(), true))
                td {} td {}
            }
        }
        @for (class, metrics) in classes {
            @let threshold = scores.thresholds.get(*class);
            tr {
                (class_head(facts, class))
                td.n { (w.number(metrics.support())) }
                (values(w, metrics, COLUMNS.into_iter(), false))
                td.n { (threshold.map_or_else(|| NONE.into(), |t| w.decimal(t.0, 3))) }
                td { (threshold.map_or_else(|| NONE.into(), |t| w.named("source", &t.1))) }
            }
        }
    };
    html! {
        h3 { (w.word("classes")) }
        p { (w.word("metric.order")) }
        (table(&w.text("metric.label", &[("subset", &w.named("subset", subset.name()))]), heads, rows))
    }
}

/// A cell for each metric; that of an average says over how many classes.
fn values(w: &Words, metrics: &Metrics, columns: impl Iterator<Item = (&'static str, &'static str)>, is_average: bool) -> Markup {
    html! {
        @for (name, _) in columns {
            @let metric = metrics.get(name);
            @let value = metric.and_then(|m| m.value);
            td.n.bar[value.is_some()] style=[value.map(|v| format!("--v:{:.0}%", v * 100.0))] {
                (w.score(value))
                @if let Some(metric) = metric.filter(|m| m.value.is_some()) {
                    @if is_average { " " small { (w.count("metric.of", metric.support)) } }
                    @if let Some((low, high)) = metric.interval { " " small { (w.decimal(low, 2)) "–" (w.decimal(high, 2)) } }
                }
            }
        }
    }
}

fn undefined(w: &Words, facts: &Facts, classes: &[&str], subset: Subset) -> Markup {
    let list = class_list(w, facts, classes, "or");
    html! {
        p.note {
            (w.word("sure.dash"))
            @if !classes.is_empty() {
                " " (w.say_n("sure.unsupported", classes.len() as u64, &[("subset", &w.named("subset", subset.name())), ("classes", &list)]))
            }
        }
    }
}

/// Means by site and by group of classes or windows.
fn averages(w: &Words, scores: &Scores, subset: Subset) -> Markup {
    // A site may be called like a word of ours, and no word is of the kind without a name.
    let rows = |title: &str, corner: &str, kind: &str, name: fn(&Scope) -> Option<&str>| {
        let named: Vec<(&str, &Metrics)> = scores.of(subset).filter_map(|(scope, m)| Some((name(scope)?, m))).collect();
        html! {
            @if !named.is_empty() {
                h3 { (w.word(title)) }
                p { (w.word("averages.about")) }
                (table(w.word(title), html! {
                    (first(w, corner)) @for (_, key) in columns_of_means() { (head(w, key, true)) }
                }, html! {
                    @for (name, metrics) in named { tr { (row_head(&w.named(kind, name))) (values(w, metrics, columns_of_means(), true)) } }
                }))
            }
        }
    };
    html! {
        (rows("averages.by_site", "col.site", "", |scope| if let Scope::Site(site) = scope { Some(site) } else { None }))
        (rows("averages.by_group", "averages.group", "group", |scope| if let Scope::Group(group) = scope { Some(group) } else { None }))
    }
}
