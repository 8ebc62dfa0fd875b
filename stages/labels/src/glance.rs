//! A first look at an archive's annotations, for whoever writes a configuration for it.

use crate::layout::Proposal;
use crate::layouts::LAYOUTS;
use crate::look::ArchiveLook;

/// The configuration for the annotations of an archive; `None` where no layout is recognised.
pub fn glance(look: &ArchiveLook<'_>) -> Option<Proposal> {
    LAYOUTS.iter().find_map(|layout| layout.propose(look))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::look::RecordingsSeen;
    use chorus_archive::Local;
    use std::fs;

    fn archive(files: &[(&str, &str)]) -> (tempfile::TempDir, Local) {
        let dir = tempfile::tempdir().unwrap();
        for (file, text) in files {
            let path = dir.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let local = Local::new(dir.path());
        (dir, local)
    }

    fn proposed(files: &[(&str, &str)], recordings: Option<RecordingsSeen>) -> Option<Proposal> {
        let (_dir, archive) = archive(files);
        let look = ArchiveLook::new(&archive);
        glance(&match recordings {
            Some(recordings) => look.with_recordings(recordings),
            None => look,
        })
    }

    fn seen(files: &[(&str, &str)]) -> Option<(&'static str, Option<String>)> {
        proposed(files, None).map(|found| (found.format, found.folder))
    }

    /// The lists that `chorus clips` writes beside its clips.
    const CLIPS: [(&str, &str); 4] = [
        ("heard/clips.selections.txt", "Begin Time (s)\tEnd Time (s)\tBegin File\tSpecies\tPeak Score\n1\t2\t1.wav\tA\t0.9\n"),
        ("heard/clips.txt", "1.0\t2.0\tA\n"),
        ("heard/sheet.csv", "clip,class,score,recording,start_s,end_s,verdict\nclips/A/1.wav,A,0.9,r.wav,1,2,\n"),
        ("heard/clips/A/1.wav", ""),
    ];

    #[test]
    fn tables_of_places_and_of_detections_are_no_labels() {
        for (file, text) in [
            ("sites.csv", "recording,site,latitude,longitude,rain\na.wav,P,-10,-50,1\nb.wav,P,-10,-50,0\n"),
            ("sites.csv", "recording,site,name,lat,lon\na.wav,P,Pond,-10,-50\n"),
            ("where.csv", "file;station;Latitude;Longitude;rain\na.wav;P;-10;-50;1\n"),
            ("detections.csv", "path,start_s,end_s,class,peak_score,mean_score\na.wav,1,2,A,0.9,0.8\n"),
            ("detections.csv", "path,start_s,end_s,class,probability\n"),
            ("found.csv", "file,label,Confidence\na.wav,A,0.9\n"),
            ("a.Table.1.selections.txt", "Begin Time (s)\tEnd Time (s)\tSpecies\tPeak Score\n1\t2\tA\t0.9\n"),
        ] {
            assert_eq!(seen(&[(file, text)]), None, "{text}");
        }
        for (format, text) in [
            ("clips", "file,latitude,longitude,category\na.wav,-10,-50,A\n"),
            ("csv", "file,site,latitude,longitude,start,end,label\na.wav,P,-10,-50,1,2,A\n"),
            ("csv", "file,start,end,label,confidence\na.wav,1,2,A,3\nb.wav,1,2,A,1\n"),
            ("csv", "file,start,end,label,confidence\na.wav,1,2,A,sure\nb.wav,1,2,A,\n"),
            ("csv", "file,start,end,label,confidence\na.wav,1,2,A,\n"),
        ] {
            assert_eq!(seen(&[("table.csv", text)]), Some((format, Some("table.csv".into()))), "{text}");
        }
    }

    #[test]
    fn lists_of_clips_to_listen_to_are_no_labels_and_hide_no_labels() {
        assert_eq!(seen(&CLIPS), None);
        let with = |file| seen(&[&CLIPS[..], &[(file, "1\t2\tfrog\n")]].concat());
        assert_eq!(with("a/1.txt"), Some(("audacity", None)));
        assert_eq!(with("heard/1.txt"), Some(("audacity", None)), "only the lists themselves are passed over");
        let (_dir, archive) = archive(&CLIPS);
        assert_eq!(ArchiveLook::new(&archive).clip_folders(), ["heard/clips"]);
        let recording = [("clips.selections.txt", "Begin Time (s)\tEnd Time (s)\tSpecies\n1\t2\tA\n")];
        assert_eq!(seen(&recording), Some(("raven", None)), "a recording may be called clips");
    }

    #[test]
    fn layouts_are_recognised_by_the_content_of_files() {
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
