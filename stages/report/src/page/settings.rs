//! Settings: what a reader needs to tell two reports apart.

use maud::{Markup, html};

use super::words::{NONE, number};
use crate::facts::Facts;

pub(super) fn section(facts: &Facts) -> Markup {
    html! {
        dl.settings {
            dt { "Model" } dd { @match &facts.model_id { Some(id) => code { (id) }, None => (NONE) } }
            @if let Some(backbone) = &facts.backbone {
                dt { "Backbone" }
                dd {
                    (backbone.name) ", licence " @match &backbone.license { Some(license) => (license), None => "not known" }
                    @if backbone.non_commercial { strong { "; the model and its results may not be used commercially" } }
                }
            }
            dt { "Windows" }
            dd { (number(facts.windows.count)) @if let Some(length_s) = facts.windows.length_s { " of " (length_s) " s" } }
            dt { "Made by" } dd { "chorus " (env!("CARGO_PKG_VERSION")) }
        }
        p {
            "Every number here comes from tables of the run, which hold more than is shown. " code { "chorus query" } " asks them questions in SQL, "
            code { "chorus schema" } " says what each column means, and " code { "config.resolved.yaml" } " in the folder of the run holds every setting."
        }
    }
}
