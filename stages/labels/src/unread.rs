//! Tables of an archive that look like labels and that a configuration does not read, each with the reason: for whoever writes
//! one.

use chorus_archive::is_within;

use crate::layout::{Proposal, Reader, Settings, holds_labels, readable};
use crate::layouts;
use crate::layouts::columns::has_times;
use crate::look::ArchiveLook;

/// Lists that `chorus init` knows by their names.
const LISTS: [&str; 3] = ["species.csv", "subset.csv", "sites.csv"];
/// The most tables that are named.
const NAMED: usize = 6;

/// A remark for each table, and one for those that are not named. `proposal` is what the configuration reads.
pub fn unread(look: &ArchiveLook<'_>, proposal: Option<&Proposal>) -> Vec<String> {
    let files = look.sample(&["csv", "tsv", "txt"]);
    let is_read = |file: &str| proposal.is_some_and(|proposal| reads(proposal, look, file));
    let unread = files.iter().filter(|file| !LISTS.contains(&file.as_str()) && !is_read(file));
    let mut remarks: Vec<String> = unread.filter_map(|file| Some(format!("{file}: {}", reason(look, file)?))).collect();
    let more = remarks.len().saturating_sub(NAMED);
    if more > 0 {
        remarks.truncate(NAMED);
        remarks.push(format!("and {more} more tables"));
    }
    remarks
}

/// Whether a proposal reads a file.
fn reads(proposal: &Proposal, look: &ArchiveLook<'_>, file: &str) -> bool {
    let Some((layout, usual)) = layouts::find(proposal.format).and_then(|layout| Some((layout, layout.files()?))) else {
        return proposal.split_file == Some(file);
    };
    let place = proposal.folder.as_deref().unwrap_or(usual.place);
    let is_there = place == "." || is_within(file, place);
    is_there && readable(layout, look, file).is_some() || proposal.split_file == Some(file)
}

/// Why a table that looks like labels is not read; `None` where it does not look like labels.
fn reason(look: &ArchiveLook<'_>, file: &str) -> Option<String> {
    let table = look.table(file).filter(|table| table.header.len() > 1 && !table.rows.is_empty())?;
    if look.holds_verdicts(file) {
        return Some("a review sheet; annotate.review_sheets names such sheets".to_owned());
    }
    if look.holds_detections(file) {
        return Some("detections of a program, with scores; they are no labels".to_owned());
    }
    let name = match (has_times(&table), look.may_label_recordings(file) && !look.lists_places(file)) {
        (true, _) if file.to_lowercase().ends_with(".txt") => "raven",
        (true, _) => "csv",
        (false, true) => "clips",
        (false, false) => return None,
    };
    let layout = layouts::find(name)?;
    if holds_labels(layout, look, file) {
        return Some(format!("labels of the layout {name}, which are not read beside those of another place or layout"));
    }
    let Ok(Reader::File(read)) = layout.reader(&Settings::default()) else { return None };
    let fault = read(&look.bytes(file)?).fault;
    Some(fault.unwrap_or_else(|| "no row has a label that can be used".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_archive::Local;
    use std::fs;

    fn remarks(files: &[(&str, &str)]) -> (Option<&'static str>, Vec<String>) {
        let dir = tempfile::tempdir().unwrap();
        for (file, text) in files {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let archive = Local::new(dir.path());
        let look = ArchiveLook::new(&archive);
        let proposal = crate::glance(&look);
        (proposal.as_ref().map(|proposal| proposal.format), unread(&look, proposal.as_ref()))
    }

    #[test]
    fn tables_that_are_not_read_say_why() {
        for (file, text, wanted) in [
            ("x.csv", "file,start,label\na.wav,1,A\n", "x.csv: no column for the end"),
            ("x.csv", "IN FILE,OFFSET,DURATION,MANUAL ID\na.wav,1,2,\n", "x.csv: no row has a label"),
            ("x.csv", "file,start,end,label,Label\na.wav,1,2,A,B\n", "x.csv: columns 4 and 5 are both called label"),
            ("x.csv", "path,start_s,end_s,class,peak_score\na.wav,1,2,A,0.9\n", "x.csv: detections of a program"),
            ("sheet.csv", "recording,start_s,end_s,class,verdict\na,1,2,x,no\n", "sheet.csv: a review sheet"),
            ("a.txt", "Begin Time (s)\tEnd Time (s)\tNotes\n1\t2\tx\n", "a.txt: no column for the label"),
        ] {
            let (format, remarks) = remarks(&[(file, text)]);
            assert!(format.is_none() && remarks.len() == 1 && remarks[0].starts_with(wanted), "{format:?} {remarks:?}");
        }
    }

    #[test]
    fn what_is_read_and_what_is_no_table_of_labels_is_not_told() {
        let events = "file,start,end,label\na.wav,1,2,A\n";
        for files in [
            &[("events.csv", events), ("species.csv", "code,class\nA,A\n")][..],
            &[("x/1.csv", events), ("x/2.csv", events)],
            &[("notes.txt", "rain, and wind\nmore rain\n")],
            &[("weather.csv", "day,rain\n1,2\n")],
        ] {
            assert_eq!(remarks(files).1, [""; 0], "{files:?}");
        }
        let (format, told) = remarks(&[("a/events.csv", events), ("b/clips.csv", "filename,category\na.wav,A\n")]);
        assert_eq!(format, Some("csv"));
        assert!(told.len() == 1 && told[0].starts_with("b/clips.csv: labels of the layout clips"), "{told:?}");
    }
}
