//! The classes of a run, for the stages that train.

use std::collections::BTreeMap;

use chorus_card::Names;
use chorus_engine::{UnitContext, WorkError};

/// The classes in their order, and the names of those that have some. Reads the table `classes`.
///
/// # Errors
/// Those of reading; a run without classes.
pub fn read(cx: &UnitContext<'_>) -> Result<(Vec<String>, BTreeMap<String, Names>), WorkError> {
    let batch = cx.read("classes", &["class", "scientific_name", "english"])?.ok_or("there are no classes")?;
    let classes: Vec<String> = batch.texts("class")?.into_iter().flatten().collect();
    let names = batch.texts("scientific_name")?.into_iter().zip(batch.texts("english")?);
    let names = classes.iter().zip(names).filter(|(_, (scientific, english))| scientific.is_some() || english.is_some());
    let named = |(class, (scientific_name, english)): (&String, _)| (class.clone(), Names { scientific_name, english });
    let names = names.map(named).collect();
    Ok((classes, names))
}
