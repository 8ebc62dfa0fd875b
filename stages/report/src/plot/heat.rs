//! A heat map of rows by nights, as a table: its numbers can be read aloud and copied, its first column stays while the rest
//! scrolls, and colour is only a second way to tell them.

use maud::{Markup, html};

use super::calendar::{Column, MONTH, nights_per_column};
use crate::words::Words;

/// Steps of the colour scale, `q1` to `q7` of the style sheet.
pub(crate) const STEPS: usize = 7;

/// Columns up to which numbers are printed in their cells.
const ROOMY: usize = 32;

/// One cell.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Cell {
    /// Nothing was recorded.
    Nothing,
    /// Something was recorded and none of it can be read.
    Unreadable,
    /// A value; 0 is a value.
    Value(f64),
}

/// A heat map.
pub(crate) struct Heat<'a> {
    /// The words.
    pub(crate) words: &'a Words,
    /// What the map shows, for those who can't see it.
    pub(crate) label: &'a str,
    /// What stands above the names of the rows.
    pub(crate) corner: &'a str,
    /// The text that says in a cell's explanation what its value is; its place is `value`.
    pub(crate) cell: &'a str,
    /// What the scale counts.
    pub(crate) scale: &'a str,
    /// Columns.
    pub(crate) columns: &'a [Column],
    /// Rows: a name and a cell for each column; those of breaks are not looked at.
    pub(crate) rows: Vec<(&'a str, Vec<Cell>)>,
    /// A value in its cell.
    pub(crate) text: fn(&Words, f64) -> String,
    /// What 0 means; without it the scale has no mark for it.
    pub(crate) zero: Option<&'a str>,
}

/// The class of a value on a scale from 0 to `top`.
pub(crate) fn shade(value: f64, top: f64) -> &'static str {
    const CLASSES: [&str; STEPS + 1] = ["q0", "q1", "q2", "q3", "q4", "q5", "q6", "q7"];
    if value <= 0.0 || top <= 0.0 {
        return CLASSES[0];
    }
    CLASSES[((value / top * STEPS as f64).ceil() as usize).clamp(1, STEPS)]
}

/// A scale of shades from `low` to `high`, and what it counts.
pub(crate) fn ramp(w: &Words, name: &str, low: &str, high: &str) -> Markup {
    html! {
        span.ramp {
            span { (name) (w.colon()) (low) }
            @for step in 1..=STEPS { i class={ "q" (step) } {} }
            span { (high) }
        }
    }
}

impl Heat<'_> {
    /// The map with its scale.
    pub(crate) fn draw(&self) -> Markup {
        let dense = self.columns.len() > ROOMY;
        let cells = || self.rows.iter().flat_map(|(_, cells)| cells);
        let top = cells().fold(0.0f64, |top, cell| if let Cell::Value(v) = cell { top.max(*v) } else { top });
        let unreadable = cells().any(|c| *c == Cell::Unreadable);
        html! {
            div.scroll tabindex="0" role="region" aria-label=(self.label) {
                table.heat.dense[dense] style={ "--columns:" (self.columns.len()) } {
                    caption { (self.label) }
                    colgroup { col.first; col span=(self.columns.len()); }
                    thead {
                        tr {
                            th.first scope="col" rowspan="2" { (self.corner) }
                            @for (name, span) in groups(self.words, self.columns) {
                                th.group scope="colgroup" colspan=(span) { (name) }
                            }
                        }
                        tr { @for column in self.columns { (head(self.words, column, dense)) } }
                    }
                    tbody {
                        @for (name, cells) in &self.rows {
                            tr {
                                th.first scope="row" title=(name) { bdi { (name) } }
                                @for (column, cell) in self.columns.iter().zip(cells) { (self.cell(name, column, *cell, top)) }
                            }
                        }
                    }
                }
            }
            (self.key(top, unreadable))
        }
    }

    fn cell(&self, row: &str, column: &Column, cell: Cell, top: f64) -> Markup {
        let w = self.words;
        let place = || format!("{row}, {}", column.name(w));
        html! {
            @if column.is_break {
                td.break title={ (column.name(w)) (w.colon()) (w.word("heat.break")) } {}
            } @else {
                @match cell {
                    Cell::Nothing => td.none title={ (place()) (w.colon()) (w.word("heat.nothing")) } {},
                    Cell::Unreadable => td.bad title={ (place()) (w.colon()) (w.word("heat.unreadable")) } { "×" },
                    Cell::Value(value) => {
                        @let text = (self.text)(w, value);
                        td class=(shade(value, top)) title={ (place()) (w.colon()) (w.text(self.cell, &[("value", &text)])) } { (text) }
                    }
                }
            }
        }
    }

    fn key(&self, top: f64, unreadable: bool) -> Markup {
        let w = self.words;
        html! {
            p.key {
                @if top > 0.0 { (ramp(w, self.scale, "0", &(self.text)(w, top))) }
                @if let Some(zero) = self.zero { span { i.q0 {} (zero) } }
                span { i.none {} (w.word("heat.key_nothing")) }
                @if unreadable { span { i.bad { "×" } (w.word("heat.key_unreadable")) } }
                @if self.columns.iter().any(|c| c.is_break) { span { i.break {} (w.word("heat.key_break")) } }
            }
        }
    }
}

/// The name of a column: its day or month, and where there is no room only now and then.
fn head(w: &Words, column: &Column, dense: bool) -> Markup {
    let text = match column.first.date() {
        _ if column.is_break => String::new(),
        Some(_) if column.nights >= MONTH => w.month_alone(column.first).to_owned(),
        Some(date) => date.day().to_string(),
        None => String::new(),
    };
    let shown = !dense || column.nights == 1 && ["1", "10", "20"].contains(&text.as_str());
    html! { th.day.tick[shown] scope="col" title=(column.name(w)) { (text) } }
}

/// Neighbouring columns of one month (or one year, where columns are long), with their number.
fn groups(w: &Words, columns: &[Column]) -> Vec<(String, usize)> {
    let long = nights_per_column(columns) >= MONTH;
    let mut groups: Vec<(String, usize)> = Vec::new();
    for column in columns {
        let name = match column.first.date() {
            _ if column.is_break => String::new(),
            Some(date) if long => date.year().to_string(),
            Some(_) => w.month(column.first),
            None => String::new(),
        };
        match groups.last_mut() {
            Some((last, span)) if *last == name && !column.is_break => *span += 1,
            _ => groups.push((name, 1)),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::super::calendar::columns;
    use super::*;
    use crate::facts::Day;

    #[test]
    fn nothing_zero_and_something_look_different() {
        let columns = columns(&(0..4).map(Day).collect(), 1);
        let cells = vec![Cell::Nothing, Cell::Value(0.0), Cell::Value(7.0), Cell::Unreadable];
        let heat = Heat {
            words: &Words::of("en"),
            label: "map",
            corner: "Site",
            cell: "richness.cell",
            scale: "classes",
            columns: &columns,
            rows: vec![("A", cells)],
            text: |_, v| v.to_string(),
            zero: Some("listened, and nothing found"),
        };
        let html = heat.draw().into_string();
        for wanted in [
            r#"<td class="none" title="A, 1970-01-01: no recording"></td>"#,
            r#"<td class="q0" title="A, 1970-01-02: 0 classes detected">0</td>"#,
            r#"<td class="q7" title="A, 1970-01-03: 7 classes detected">7</td>"#,
            r#"<td class="bad" title="A, 1970-01-04: no recording can be read">×</td>"#,
            r#"<th class="group" scope="colgroup" colspan="4">Jan 1970</th>"#,
        ] {
            assert!(html.contains(wanted), "{wanted}\n{html}");
        }
    }

    #[test]
    fn shades_run_from_nothing_to_the_largest() {
        let shades: Vec<_> = [0.0, 1e-9, 1.0, 1.01, 6.5, 7.0, 8.0].iter().map(|&v| shade(v, 7.0)).collect();
        assert_eq!(shades, ["q0", "q1", "q1", "q2", "q7", "q7", "q7"]);
        assert_eq!((shade(1.0, 0.0), shade(f64::NAN, 1.0)), ("q0", "q1"));
    }
}
