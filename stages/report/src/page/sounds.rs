//! How loud the sites were, and how often there was rain or wind.

use maud::{Markup, html};

use super::parts::{first, head, row_head, table};
use super::words::{NONE, number, share};
use crate::facts::{Facts, SoundLevels};

/// Nothing in a run that does not make the table.
pub(super) fn section(facts: &Facts) -> Markup {
    let sounds = &facts.sounds;
    let is_calibrated = sounds.values().any(|sound| sound.level_db.db().is_some());
    let heads = html! {
        (first("Site")) (head("Minutes", true, "Minutes of recordings, whole or not"))
        (head("Level, dBFS", true, "Equivalent continuous level over all minutes, relative to full scale"))
        @if is_calibrated { (head("Level, dB re 20 µPa", true, "The same as sound pressure level, of the minutes with a calibration")) }
        (head("Background, dBFS", true, "Mean of the levels that are exceeded in 90 % of a minute"))
        (head("Rain", true, "Share of the minutes in which it probably rains")) (head("Wind", true, "Share of the minutes that are probably windy"))
        (head("Clipping", true, "Share of the minutes that clip"))
    };
    let rows = html! {
        @for (name, sound) in sounds { (row(name, sound, is_calibrated)) }
    };
    html! {
        @if !sounds.is_empty() {
            h3 { "Sound levels" }
            (table("Sound levels", heads, rows))
            p.note {
                "Levels of different recorders, or of one with different gain, can be compared only with a calibration. Rain and wind are
                rules of thumb. Levels by hour and acoustic indices: "
                code { "chorus query \"SELECT * FROM soundscape_hours\"" } "."
            }
        }
    }
}

fn row(name: &str, sound: &SoundLevels, is_calibrated: bool) -> Markup {
    let db = |value: Option<f64>| value.map_or_else(|| NONE.to_owned(), |db| format!("{db:.1}"));
    let of = |value: Option<f64>| value.map_or_else(|| NONE.to_owned(), share);
    html! {
        tr {
            (row_head(name))
            td.n { (number(sound.minutes)) }
            td.n { (db(sound.level_dbfs.db())) }
            @if is_calibrated { td.n { (db(sound.level_db.db())) } }
            td.n { (db(sound.background_dbfs.value())) }
            td.n { (of(sound.rain.value())) }
            td.n { (of(sound.wind.value())) }
            td.n { (of(sound.clipping.value())) }
        }
    }
}
