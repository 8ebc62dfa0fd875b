//! A first look at an archive's annotations, for whoever writes a configuration for it.

use chorus_archive::Archive;

use crate::layout::Proposal;
use crate::layouts::LAYOUTS;
use crate::look::{ArchiveLook, RecordingsSeen};

/// The configuration for the annotations of an archive; `None` where no layout is recognised. Layouts that are recognised by the
/// recordings need `recordings`.
pub fn glance(archive: &dyn Archive, recordings: Option<RecordingsSeen>) -> Option<Proposal> {
    let look = ArchiveLook::new(archive, recordings);
    LAYOUTS.iter().find_map(|layout| layout.propose(&look))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn layouts_are_recognised_by_the_content_of_files() {
        let proposed = |files: &[(&str, &str)], recordings| {
            let dir = tempfile::tempdir().unwrap();
            for (file, text) in files {
                let path = dir.path().join(file);
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(path, text).unwrap();
            }
            glance(&chorus_archive::Local::new(dir.path()), recordings)
        };
        let seen = |files: &[(&str, &str)]| proposed(files, None).map(|found| (found.format, found.folder));
        let raven = "Begin Time (s)\tEnd Time (s)\tSpecies\n";
        let species = ("species.csv", "code,scientific_name\nA,b\n");
        assert_eq!(seen(&[("strong_labels/A/1.txt", "")]), Some(("anuraset_raw", None)));
        assert_eq!(seen(&[("metadata.csv", "sample_name,site,A\nx,S,1\n")]), Some(("anuraset_processed", None)));
        assert_eq!(seen(&[("a/1.txt", "read me\n"), ("a/2.txt", raven)]), Some(("raven", None)));
        assert_eq!(seen(&[("a/1.txt", "1\t2\tfrog\n"), species]), Some(("audacity", None)));
        assert_eq!(seen(&[("events.csv", "file,start,end,label\na,1,2,x\n"), species]), Some(("csv", Some("events.csv".into()))));
        let events = "file,start,end,label\na,1,2,x\n";
        assert_eq!(seen(&[("e/1.csv", events), ("e/2.csv", events), species]), Some(("csv", Some("e".into()))));
        assert_eq!(seen(&[("meta/esc.csv", "filename,category\na,x\n")]), Some(("clips", Some("meta/esc.csv".into()))));
        // A review sheet is no list of calls: a row can say that the class is absent.
        assert_eq!(seen(&[("sheet.csv", "recording,start_s,end_s,class,verdict\na,1,2,x,no\n")]), None);
        let nothing = [("read.txt", "1\t2\n"), species, ("subset.csv", "recording,site,subset\na,b,test\n")];
        assert_eq!(seen(&nothing), None);
        let recordings = |folders, have_times| Some(RecordingsSeen { folders, have_times });
        let folders = proposed(&nothing, recordings(2, false)).unwrap();
        assert!(folders.format == "folders" && folders.note.is_some_and(|note| note.contains("format: none")));
        assert_eq!((proposed(&nothing, recordings(1, false)), proposed(&nothing, recordings(2, true))), (None, None));
        let metadata = ("metadata.csv", "sample_name,site,A\nx,S,1\n");
        let processed = proposed(&[metadata, ("audio/S/x.wav", "")], None).unwrap();
        assert_eq!((processed.audio, processed.split_file), (Some("audio"), Some("metadata.csv")));
    }
}
