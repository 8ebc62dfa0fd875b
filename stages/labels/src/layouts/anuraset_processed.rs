//! AnuraSet's processed release: clips of 3 s in `audio/SITE/{fname}_{start}_{end}.wav`, and `metadata.csv` with a row per
//! clip. Its columns are sample_name, fname, min_t, max_t, site, date, species_number, subset, then one of 0 and 1 for each
//! species.
//!
//! Columns are found by name, since older copies swap two of them and call their clips `SAMPLE_00000.wav`.

use super::clips::ClipLabels;
use super::columns::filled;
use super::rivals::Rivals;
use super::separator::Splitter;
use crate::contents::Contents;
use crate::delimited::{Delimited, DelimitedRow, Dialect};
use crate::layout::{AnnotationFiles, Layout, LayoutKeys, Proposal, Reader, Settings, holds_labels};
use crate::look::ArchiveLook;
use crate::text::column_name;

/// The table of the release, which also holds its split.
const METADATA: &str = "metadata.csv";

/// Columns that hold no species.
const ABOUT_THE_CLIP: &[&str] = &["sample name", "fname", "min t", "max t", "site", "date", "species number", "subset"];

/// The layout `anuraset_processed`.
pub(super) struct AnurasetProcessed;

impl Layout for AnurasetProcessed {
    fn name(&self) -> &'static str {
        "anuraset_processed"
    }

    fn about(&self) -> &'static str {
        "AnuraSet's processed release: clips of 3 s and their metadata.csv."
    }

    fn files(&self) -> Option<AnnotationFiles> {
        Some(AnnotationFiles { place: METADATA, extensions: &["csv", "tsv"] })
    }

    fn keys(&self) -> LayoutKeys {
        LayoutKeys { used: &[&["annotate.folder"]], ..LayoutKeys::default() }
    }

    fn reader(&self, _settings: &Settings) -> Result<Reader, serde_yaml::Error> {
        Ok(Reader::of_files(parse))
    }

    fn propose(&self, look: &ArchiveLook<'_>) -> Option<Proposal> {
        let audio = look.has_folder("audio").then_some("audio");
        let is_release = look.has_file(METADATA) && holds_labels(self, look, METADATA);
        is_release.then(|| Proposal { audio, split_file: Some(METADATA), ..Proposal::of(self) })
    }
}

/// Reads a `metadata.csv`.
fn parse(bytes: &[u8]) -> Contents {
    let table = Delimited::read(bytes, Dialect::Detect);
    let is_species = |&column: &usize| {
        let name = column_name(&table.header[column]);
        !name.is_empty() && !ABOUT_THE_CLIP.contains(&name.as_str())
    };
    let species = (0..table.header.len()).filter(is_species).collect();
    let columns = ClipNameColumns::of(&table).and_then(|names| Ok((names, ClipLabels::of_columns(&table, species)?)));
    let (names, labels) = match columns {
        Ok(read) => read,
        Err(fault) => return Contents::faulty(&table, fault),
    };
    let mut contents = Contents { declared: labels.declared(&table), ..Contents::default() };
    for row in &table.rows {
        let name = names.clip(row);
        let unnamed = name.is_none().then(|| "no clip is named".to_owned());
        for event in labels.events(&table, row, &Rivals::default(), &Splitter::default()) {
            contents.add(name.clone(), event.or_problem(unnamed.clone()).or_problem(table.too_long(row)));
        }
    }
    contents.or_silence()
}

/// The columns that name a clip.
struct ClipNameColumns {
    site: Option<usize>,
    sample_name: Option<usize>,
    fname: Option<usize>,
    min_t: Option<usize>,
    max_t: Option<usize>,
}

impl ClipNameColumns {
    fn of(table: &Delimited) -> Result<Self, String> {
        let find = |name| table.find(None, &[name]);
        let columns = Self {
            site: find("site")?,
            sample_name: find("sample_name")?,
            fname: find("fname")?,
            min_t: find("min_t")?,
            max_t: find("max_t")?,
        };
        let composed = [columns.fname, columns.min_t, columns.max_t].iter().all(Option::is_some);
        if columns.sample_name.is_none() && !composed {
            return Err(format!(
                "no column sample_name, nor fname, min_t and max_t; {}; this is not a metadata.csv of AnuraSet",
                table.columns()
            ));
        }
        Ok(columns)
    }

    /// `SITE/NAME` of the row's clip.
    fn clip(&self, row: &DelimitedRow) -> Option<String> {
        let composed = || {
            let [fname, min_t, max_t] = [self.fname, self.min_t, self.max_t].map(|column| filled(row.text(column)));
            Some(format!("{}_{}_{}", fname?, min_t?, max_t?))
        };
        let name = filled(row.text(self.sample_name)).or_else(composed)?;
        Some(filled(row.text(self.site)).map_or_else(|| name.clone(), |site| format!("{site}/{name}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Event;
    use crate::layout::testing::accounted;
    use proptest::prelude::*;

    const NEW: &str = "sample_name,fname,min_t,max_t,site,date,species_number,subset,SPHSUR,BOABIS\n";

    fn parse(text: &str) -> Contents {
        super::parse(text.as_bytes())
    }

    #[test]
    fn rows_are_clips_and_columns_are_species() {
        let found = parse(&format!(
            "{NEW}A_0_3,A,0,3,S,2019-11-25 02:00:00,1,train,0,1\nA_1_4,A,1,4,S,2019-11-25 02:00:00,0,train,0,0\n"
        ));
        assert_eq!(found.by_recording[&Some("S/A_0_3".into())], [Event::whole(2, "BOABIS")]);
        assert_eq!(found.by_recording[&Some("S/A_1_4".into())], [Event::nothing(3)]);
        assert_eq!(found.declared, ["BOABIS", "SPHSUR"].map(str::to_owned).into());
    }

    #[test]
    fn older_copies() {
        let old = "sample_name,fname,min_t,max_t,site,date,subset,species_number,SPHSUR\nSAMPLE_00000,A,0,3,S,x,test,1,1\n";
        assert_eq!(parse(old).by_recording[&Some("S/SAMPLE_00000".into())], [Event::whole(2, "SPHSUR")]);
        let without = "fname,min_t,max_t,site,SPHSUR\nA,0,3,S,2\n";
        let problem = parse(without).by_recording[&Some("S/A_0_3".into())][0].problem.clone();
        assert_eq!(problem.as_deref(), Some("SPHSUR is `2`, expected 0 or 1"));
        assert!(parse("a,b\n1,2\n").fault.unwrap().contains("its columns are a, b"));
    }

    #[test]
    fn a_row_that_is_cut_short_is_one_problem_and_not_one_for_each_species() {
        let found = parse(&format!("{NEW}A_0_3,A,0,3,S\n"));
        let events = &found.by_recording[&Some("S/A_0_3".into())];
        assert_eq!((events.len(), events[0].problem.as_deref()), (1, Some("5 fields under a header of 10")));
    }

    #[test]
    fn a_name_that_no_species_has_does_not_stand_in_every_row() {
        let found = parse(&format!("sample_name,{}\n{}", "x".repeat(5000), "a,1\n".repeat(1000)));
        assert!(found.fault.as_deref().is_some_and(|fault| fault.starts_with("the name of column 2 is longer than 256 bytes")));
        assert_eq!(found.events().map(|event| event.problem.as_ref().unwrap().len()).max(), Some(found.fault.unwrap().len()));
    }

    proptest! {
        #[test]
        fn every_line_is_accounted_for(rows in prop::collection::vec("[ab]?(,[01x]{0,1}){0,11}", 0..12)) {
            let blank = |row: &&String| row.split(',').all(|field| field.trim().is_empty());
            let filled = rows.iter().filter(|row| !blank(row)).count();
            prop_assert_eq!(accounted(&parse(&format!("{NEW}{}", rows.join("\n")))), filled);
        }
    }
}
