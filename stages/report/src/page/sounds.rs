//! How loud the sites were, and how often there was rain or wind.

use maud::{Markup, html};

use super::parts::{first, head, row_head, table};
use crate::facts::{Facts, SoundLevels};
use crate::words::{NONE, Words};

/// The question that tells of hours and indices.
const HOURS: &str = "chorus query \"SELECT * FROM soundscape_hours\"";

/// Nothing in a run that does not make the table.
pub(super) fn section(w: &Words, facts: &Facts) -> Markup {
    let sounds = &facts.sounds;
    let is_calibrated = sounds.values().any(|sound| sound.level_db.db().is_some());
    let heads = html! {
        (first(w, "col.site")) (head(w, "sounds.minutes", true)) (head(w, "sounds.level", true))
        @if is_calibrated { (head(w, "sounds.pressure", true)) }
        (head(w, "sounds.background", true)) (head(w, "sounds.rain", true)) (head(w, "sounds.wind", true)) (head(w, "sounds.clipping", true))
    };
    let rows = html! {
        @for (name, sound) in sounds { (row(w, name, sound, is_calibrated)) }
    };
    html! {
        @if !sounds.is_empty() {
            h3 { (w.word("sounds.title")) }
            (table(w.word("sounds.title"), heads, rows))
            p.note { (w.say("sounds.about", &[("query", &html! { code { (HOURS) } })])) }
        }
    }
}

fn row(w: &Words, name: &str, sound: &SoundLevels, is_calibrated: bool) -> Markup {
    let db = |value: Option<f64>| value.map_or_else(|| NONE.to_owned(), |db| w.decimal(db, 1));
    let of = |value: Option<f64>| value.map_or_else(|| NONE.to_owned(), |share| w.share(share));
    html! {
        tr {
            (row_head(name))
            td.n { (w.number(sound.minutes)) }
            td.n { (db(sound.level_dbfs.db())) }
            @if is_calibrated { td.n { (db(sound.level_db.db())) } }
            td.n { (db(sound.background_dbfs.value())) }
            td.n { (of(sound.rain.value())) }
            td.n { (of(sound.wind.value())) }
            td.n { (of(sound.clipping.value())) }
        }
    }
}
