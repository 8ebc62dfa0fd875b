//! Settings: what a reader needs to tell two reports apart, and what the classes are in taxonomies.

use maud::{Markup, html};

use super::data;
use super::parts::{class_head, first, head};
use crate::facts::Facts;
use crate::words::{NONE, Words};

pub(super) fn section(w: &Words, facts: &Facts) -> Markup {
    let windows = w.count("windows", facts.windows.count);
    html! {
        dl.settings {
            dt { (w.word("settings.model")) } dd { @match &facts.model_id { Some(id) => code { (id) }, None => (NONE) } }
            @if let Some(backbone) = &facts.backbone {
                dt { (w.word("settings.backbone")) }
                dd {
                    @match &backbone.license {
                        Some(license) => (w.text("settings.licence", &[("name", &backbone.name), ("licence", license)])),
                        None => (w.text("settings.licence", &[("name", &backbone.name), ("licence", w.word("settings.no_licence"))])),
                    }
                    @if backbone.non_commercial { " " strong { (w.word("settings.non_commercial")) } }
                }
            }
            dt { (w.word("settings.windows")) }
            dd {
                @match facts.windows.length_s {
                    Some(length_s) => (w.text("settings.windows_of", &[("windows", &windows), ("length", &w.trimmed(length_s, 3))])),
                    None => (windows),
                }
            }
            dt { (w.word("settings.program")) } dd { bdi { "chorus " (env!("CARGO_PKG_VERSION")) } }
        }
        (taxa(w, facts))
        p { (w.say("settings.about", &[])) }
    }
}

/// The keys of classes in taxonomies, as text: the page links nothing outward.
fn taxa(w: &Words, facts: &Facts) -> Markup {
    let heads = html! { (first(w, "col.class")) (head(w, "taxa.gbif", true)) (head(w, "taxa.ebird", false)) };
    let rows = html! {
        @for (class, keys) in &facts.names.keys {
            tr {
                (class_head(facts, class))
                td.n { @match keys.gbif { Some(key) => (key), None => (NONE) } }
                td { @match &keys.ebird { Some(code) => bdi { (code) }, None => (NONE) } }
            }
        }
    };
    html! {
        @if !facts.names.keys.is_empty() { (data::closed(w.word("taxa.title"), w.word("taxa.title"), heads, rows)) }
    }
}
