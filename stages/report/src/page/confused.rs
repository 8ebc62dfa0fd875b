//! Which labelled classes are there when a class is detected falsely.

use maud::{Markup, html};

use super::parts::{class_head, first, head, most_shown, on_screen, row_head, table, tables};
use crate::facts::{Facts, OfClass, Scores, Subset};
use crate::plot::heat::{ramp, shade};
use crate::words::Words;

/// Classes whose false alarms are told of, those with the most first.
const MOST_ROWS: usize = 30;
/// Classes that are told to be there, those that are there most often first.
const MOST_COLUMNS: usize = 30;
/// The darkest shade stands for all of the false alarms.
const WHOLE: f64 = 1.0;

/// Nothing where no class has false alarms in windows that were reviewed for all classes.
pub(super) fn section(w: &Words, facts: &Facts, scores: &Scores, subset: Subset) -> Markup {
    let (all, Some(windows)) = (scores.alarms.classes(subset), scores.alarms.windows(subset)) else { return html! {} };
    if all.is_empty() {
        return html! {};
    }
    let shown = &all[..all.len().min(MOST_ROWS)];
    let present = present(shown);
    let heads = html! {
        (first(w, "confused.class")) (head(w, "confused.alarms", true)) (head(w, "confused.nothing", true))
        @for class in &present { th.n.site scope="col" title=[title(facts, class)] { bdi { (class) } } }
    };
    let rows = html! {
        tr.sum {
            (row_head(w.word("confused.windows")))
            (cells(w, windows, &present, false))
        }
        @for (class, of) in shown {
            tr { (class_head(facts, class)) (cells(w, of, &present, true)) }
        }
    };
    let body = html! {
        div.confused { (table(w.word("confused.title"), heads, rows)) }
        p.key { (ramp(w, w.word("confused.scale"), "0", &w.share(WHOLE))) }
    };
    html! {
        h3 { (w.word("confused.title")) }
        p { (w.text("confused.about", &[("subset", &w.named("subset", subset.name()))])) " " (w.word("confused.read")) }
        (on_screen(w, present.len() + 3, body))
        (most_shown(w, shown.len(), all.len()))
        (tables(w, &["false_alarms", "confusions"]))
    }
}

/// The classes that are there in these false alarms, those that are there most often first.
fn present<'a>(alarms: &[(&str, &'a OfClass)]) -> Vec<&'a str> {
    let mut sums: Vec<(&str, u64)> = Vec::new();
    for (class, windows) in alarms.iter().flat_map(|(_, of)| &of.present) {
        let Some(class) = class.as_deref() else { continue };
        match sums.iter_mut().find(|(known, _)| *known == class) {
            Some((_, sum)) => *sum += windows,
            None => sums.push((class, *windows)),
        }
    }
    sums.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    sums.truncate(MOST_COLUMNS);
    sums.into_iter().map(|(class, _)| class).collect()
}

fn cells(w: &Words, of: &OfClass, present: &[&str], is_shaded: bool) -> Markup {
    html! {
        td.n { (w.number(of.windows)) }
        @for class in std::iter::once(None).chain(present.iter().copied().map(Some)) {
            @let share = of.share(class);
            @if share > 0.0 {
                @let look = if is_shaded { format!("n {}", shade(share, WHOLE)) } else { "n".to_owned() };
                td class=(look) title=(w.count("windows", of.windows_with(class))) { (w.share(share)) }
            } @else {
                td.n { "0" }
            }
        }
    }
}

/// What a class is called, where that is known.
fn title<'a>(facts: &'a Facts, class: &str) -> Option<&'a String> {
    facts.names.common.get(class).or_else(|| facts.names.scientific.get(class))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(windows: u64, present: &[(Option<&str>, u64)]) -> OfClass {
        OfClass { windows, present: present.iter().map(|(class, n)| (class.map(str::to_owned), *n)).collect() }
    }

    #[test]
    fn columns_are_the_classes_that_are_there_most_often() {
        let (x, y) = (of(9, &[(None, 5), (Some("A"), 1), (Some("B"), 4)]), of(3, &[(Some("A"), 2), (Some("C"), 3)]));
        assert_eq!(present(&[("X", &x), ("Y", &y)]), ["B", "A", "C"]);
        let html = cells(&Words::of("en"), &x, &["B", "C"], true).into_string();
        let wanted = "<td class=\"n\">9</td><td class=\"n q4\" title=\"5 windows\">55.6 %</td>\
                      <td class=\"n q4\" title=\"4 windows\">44.4 %</td><td class=\"n\">0</td>";
        assert_eq!(html, wanted);
    }
}
