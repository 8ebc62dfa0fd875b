//! The configuration keys of the layouts, and a check that they fit the chosen layout.

use chorus_keys::{Finding, Key, Keys, Values};

use crate::layout::LayoutKeys;
use crate::layouts;
use crate::layouts::columns::EventColumnKeys;
use crate::layouts::separator::SeparatorKeys;
use crate::reading::CommonKeys;

/// All keys of layouts: those that several have in common, and those that single layouts have of their own.
pub(crate) fn declared() -> Vec<Key> {
    let own = layouts::LAYOUTS.iter().flat_map(|layout| layout.own_keys());
    [CommonKeys::keys(), SeparatorKeys::keys(), EventColumnKeys::keys()].into_iter().flatten().chain(own).collect()
}

/// Keys that a layout needs and that have no value, and keys that have a value and that only other layouts read.
pub(crate) fn unfit_keys(values: &Values) -> Vec<Finding> {
    let Some(name) = values.text("annotate.format") else { return Vec::new() };
    // Without annotations no key of any layout is read.
    let used = if name == layouts::NONE { Some(LayoutKeys::default()) } else { layouts::find(name).map(|layout| layout.keys()) };
    let Some(used) = used else { return Vec::new() };
    let missing = used.required.iter().filter(|(key, _)| values.get(key).is_null());
    let missing = missing
        .map(|(key, next)| Finding::new("annotate.format", format!("`{name}` without {key}"), format!("{next}, in {key}")));
    let declared: Vec<Key> = declared();
    let is_default = |name: &str| declared.iter().any(|key| key.name == name && key.default_value() == *values.get(name));
    let ignored = layouts::keys().into_iter().filter(|key| !used.uses(key) && !is_default(key));
    let ignored = ignored.map(|key| {
        let allowed = format!("leave it out; it is read with {}", list(&layouts::users_of(key)));
        Finding::new(key, format!("a value that annotate.format `{name}` does not use"), allowed)
    });
    missing.chain(ignored).collect()
}

/// `a, b and c`.
fn list(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [others @ .., last] => format!("{} and {last}", others.join(", ")),
    }
}
