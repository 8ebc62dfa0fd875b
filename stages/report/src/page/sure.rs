//! How sure: what the classifier scores on recordings that it did not learn from.

use maud::{Markup, html};

use super::parts::{class_head, class_list, first, head, row_head, table, tables};
use super::words::{NONE, number, score};
use super::{curves, learned};
use crate::facts::{BY_SITE, Facts, Metrics, Scope, Scores, Subset};

/// Metrics that are shown: the name in the table `metrics`, the head of the column, its meaning.
const COLUMNS: [(&str, &str, &str); 7] = [
    (
        "average_precision",
        "AP",
        "Average precision: how far windows with the class stand before those without it, whatever the threshold",
    ),
    (BY_SITE, "AP by site", "The same within each site; mean over the sites with the class, weighted by its windows there"),
    ("auroc", "AUROC", "Chance that a window with the class scores higher than one without it"),
    ("f1_fixed", "F1 fixed", "F1 at one threshold for all classes, evaluate.threshold"),
    ("f1_tuned", "F1 tuned", "F1 at the class's own threshold"),
    ("precision_tuned", "Precision tuned", "Share of detected windows that hold the class"),
    ("recall_tuned", "Recall tuned", "Share of windows with the class that are detected"),
];

/// Those of what is no single class over all sites.
fn columns_of_means() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    COLUMNS.into_iter().filter(|(name, ..)| *name != BY_SITE)
}

pub(super) fn section(facts: &Facts) -> Markup {
    html! {
        @match &facts.scores {
            Some(scores) => (measured(facts, scores)),
            None => p {
                "This run applied a model that was made elsewhere, and nothing in it is labelled: there is nothing to measure the classifier by.
                The report of the run that trained the model says how well it does there. Thresholds made at other sites can fit badly, so check
                a sample of detections of each class by ear."
            },
        }
        @if let Some(learned) = &facts.learned {
            (learned::section(facts, learned))
        }
    }
}

fn measured(facts: &Facts, scores: &Scores) -> Markup {
    let Some(subset) = scores.subset() else {
        return html! { p { "No window is labelled on any side of the split, so nothing could be measured." } };
    };
    let mut classes: Vec<(&str, &Metrics)> = scores
        .of(subset)
        .filter_map(|(scope, m)| if let Scope::Class(c) = scope { Some((c.as_str(), m)) } else { None })
        .collect();
    classes.sort_by_key(|(_, m)| std::cmp::Reverse(m.support()));
    let unsupported: Vec<&str> = classes.iter().filter(|(_, m)| m.support() == 0).map(|(c, _)| *c).collect();
    html! {
        @if facts.learned.as_ref().is_some_and(|learned| !learned.is_taught()) {
            p { "Measured on labelled recordings of this archive (subset " strong { (subset.name()) } "). The classifier was trained elsewhere." }
        } @else if subset == Subset::Test {
            p { "Measured on recordings kept apart for testing: nothing was learned from them, and no threshold was chosen on them." }
        } @else {
            p { "There is no test subset. These numbers are from the subset " strong { (subset.name()) }
                ", by which the classifier was also tuned: they flatter it." }
        }
        (per_class(facts, scores, subset, &classes))
        (undefined(facts, &unsupported, subset))
        (legend())
        (averages(scores, subset))
        (tables(&["metrics", "thresholds", "confusions"]))
        (curves::section(facts, scores, subset, &classes))
    }
}

fn per_class(facts: &Facts, scores: &Scores, subset: Subset, classes: &[(&str, &Metrics)]) -> Markup {
    let heads = html! {
        (first("Class")) (head("Windows", true, "Windows of the subset that hold the class"))
        @for (_, name, about) in COLUMNS { (head(name, true, about)) }
        (head("Threshold", true, "Score from which a window counts as detected, chosen on validation")) (head("From", false, "Where the threshold comes from"))
    };
    let mean = scores.metrics.get(&(subset, Scope::All));
    let rows = html! {
        @if let Some(mean) = mean {
            tr.sum {
                (row_head("Mean over classes"))
                td {}
                (values(mean, COLUMNS.into_iter(), true))
                td {} td {}
            }
        }
        @for (class, metrics) in classes {
            @let threshold = scores.thresholds.get(*class);
            tr {
                (class_head(facts, class))
                td.n { (number(metrics.support())) }
                (values(metrics, COLUMNS.into_iter(), false))
                td.n { (threshold.map_or_else(|| NONE.into(), |t| format!("{:.3}", t.0))) }
                td { (threshold.map_or(NONE, |t| t.1.as_str())) }
            }
        }
    };
    html! {
        h3 { "Classes" }
        p { "The frequent ones first. Bars run from 0 to 1." }
        (table(&format!("Metrics by class on the {} subset", subset.name()), heads, rows))
    }
}

/// A cell for each metric; that of an average says over how many classes.
fn values(
    metrics: &Metrics,
    columns: impl Iterator<Item = (&'static str, &'static str, &'static str)>,
    is_average: bool,
) -> Markup {
    html! {
        @for (name, _, _) in columns {
            @let metric = metrics.get(name);
            @let value = metric.and_then(|m| m.value);
            td.n.bar[value.is_some()] style=[value.map(|v| format!("--v:{:.0}%", v * 100.0))] {
                (score(value))
                @if let Some(metric) = metric.filter(|m| m.value.is_some()) {
                    @if is_average { " " small { "of " (number(metric.support)) } }
                    @if let Some((low, high)) = metric.interval { " " small { (format!("{low:.2}–{high:.2}")) } }
                }
            }
        }
    }
}

fn undefined(facts: &Facts, classes: &[&str], subset: Subset) -> Markup {
    html! {
        p.note {
            "A dash (" (NONE) ") means undefined, not zero"
            @if classes.is_empty() {
                "."
            } @else {
                ". No " (subset.name()) " window holds "
                (class_list(facts, classes, "or"))
                ": how well " (if classes.len() == 1 { "it is" } else { "they are" }) " recognised is not known, and the means leave "
                (if classes.len() == 1 { "it" } else { "them" }) " out."
            }
        }
    }
}

fn legend() -> Markup {
    html! {
        p.note {
            "AP and AUROC look at the order of scores alone. Where AP by site is well above AP, the sites' scores are not alike: a threshold that fits
            some of them does not fit the others. F1 is the harmonic mean of precision and recall. Fixed: at one threshold for all classes.
            Tuned: at the class's threshold, which comes from validation. Its source is " em { "own" } " (the class's windows), " em { "unreached" }
            " (these too, but none gives what was wanted), " em { "pooled" }
            " (all classes, where the class has too few positives), " em { "default" } " (where validation has none) or " em { "given" }
            " (the run that trained the model). "
            "Small figures beside a mean are the number of classes in it, beside others the 95 % confidence interval, where one was computed."
        }
    }
}

/// Means by site and by group of classes or windows.
fn averages(scores: &Scores, subset: Subset) -> Markup {
    let rows = |title: &str, name: fn(&Scope) -> Option<&str>| {
        let named: Vec<(&str, &Metrics)> = scores.of(subset).filter_map(|(scope, m)| Some((name(scope)?, m))).collect();
        html! {
            @if !named.is_empty() {
                h3 { "By " (title.to_lowercase()) }
                p { "Means over the classes that can be measured there; these differ, so compare with care." }
                (table(&format!("Means over classes by {}", title.to_lowercase()), html! {
                    (first(title)) @for (_, name, about) in columns_of_means() { (head(name, true, about)) }
                }, html! {
                    @for (name, metrics) in named { tr { (row_head(name)) (values(metrics, columns_of_means(), true)) } }
                }))
            }
        }
    };
    html! {
        (rows("Site", |scope| if let Scope::Site(site) = scope { Some(site) } else { None }))
        (rows("Group", |scope| if let Scope::Group(group) = scope { Some(group) } else { None }))
    }
}
