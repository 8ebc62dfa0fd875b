//! Each source of a split, and that no group is on two sides.

use proptest::prelude::*;

use super::super::groups::join_copies;
use super::*;

fn recording(id: &str, site: &str, class: &str) -> SplitRecording {
    SplitRecording {
        id: id.into(),
        path: format!("raw/{site}/{site}_{id}.wav"),
        site: site.into(),
        group: id.into(),
        content: id.into(),
        positives: [(class.to_owned(), 2)].into(),
        ..SplitRecording::default()
    }
}

/// Ten recordings at site A, and with `more` some at B and C.
fn survey(more: bool) -> Vec<SplitRecording> {
    let sites: &[&str] = if more { &["A", "B", "C"] } else { &["A"] };
    let of = |site: &&str| (0..10).map(|i| recording(&format!("{site}{i}"), site, "X")).collect::<Vec<_>>();
    sites.iter().flat_map(of).collect()
}

fn subsets(rows: &[SplitRow]) -> Vec<&'static str> {
    rows.iter().map(|row| row.subset.as_str()).collect()
}

fn count(rows: &[SplitRow], subset: &str) -> usize {
    rows.iter().filter(|row| row.subset.as_str() == subset).count()
}

fn list(text: &str) -> RecordingList {
    RecordingList::read("x/subset.csv", text.as_bytes()).unwrap()
}

#[test]
fn recordings_that_nobody_reviewed_or_that_cannot_be_read_are_unused() {
    let mut recordings = survey(false);
    recordings[3].excuse = Some("not reviewed".into());
    let params = SplitSettings::with("source: grouped, group: recording");
    let rows = grouped(&recordings, &params).unwrap();
    assert_eq!((rows[3].subset, rows[3].reason.as_str()), (Subset::Unused, "not reviewed"));
    assert_eq!(count(&rows, "unused"), 1);
    assert_eq!(subsets(&rows).into_iter().collect::<BTreeSet<_>>().len(), 4);
}

#[test]
fn a_given_model_is_judged_on_all_recordings_but_those_for_new_thresholds() {
    let mut recordings = survey(false);
    recordings[3].excuse = Some("not reviewed".into());
    let given = |more: &str| SplitSettings::with(&format!("group: recording{more}")).of_given_model();
    let rows = judged(&recordings, &given("")).unwrap();
    assert_eq!((count(&rows, "test"), count(&rows, "unused")), (9, 1));
    let rows = judged(&recordings[4..], &given(", threshold_fraction: 0.5")).unwrap();
    assert_eq!((count(&rows, "test"), count(&rows, "validation")), (3, 3));
    // A list of an earlier split has recordings to learn from: they are left aside, so that its test set stays the one that it was.
    let params = SplitSettings::with("source: file, group: recording, file: subset.csv").of_given_model();
    let (mut rows, _) = from_file(&list("recording,subset\nA_A0,train\nA_A1,test\n"), &recordings[..2], &params).unwrap();
    leave_untaught(&mut rows);
    assert_eq!(subsets(&rows), ["unused", "test"]);
    assert_eq!(rows[0].reason, "train in subset.csv, to learn from, and the model is given");
}

#[test]
fn a_file_decides_by_site_and_stem_and_validation_is_taken_from_its_train_recordings() {
    let mut recordings = survey(false);
    recordings.push(SplitRecording { path: "raw/B/A_A0.wav".into(), ..recording("B0", "B", "X") });
    let params = SplitSettings::with("source: file, group: recording, file: subset.csv");
    let train: String = (0..8).map(|i| format!("A_A{i}.wav,A,train\n")).collect();
    let text = format!("recording,site,subset\n{train}A_A8,,test\n");
    let (rows, notes) = from_file(&list(&text), &recordings, &params).unwrap();
    let found = subsets(&rows);
    assert_eq!((count(&rows, "validation"), count(&rows, "train")), (2, 6));
    assert_eq!((found[8], found[9], found[10]), ("test", "unused", "unused"));
    assert_eq!((rows[9].reason.as_str(), notes.len()), ("not in subset.csv", 0));
    let (rows, notes) = from_file(&list(&format!("{text}A_A9,,validation\nA_A77,,test\n")), &recordings, &params).unwrap();
    assert_eq!(count(&rows, "validation"), 1, "the file has one of its own");
    assert!(notes[0].contains("1 of 11 names in subset.csv match no recording: A_A77"), "{notes:?}");
    let error = from_file(&list("recording,subset\nA_A1,dev\n"), &recordings, &params).unwrap_err().to_string();
    assert!(error.contains("x/subset.csv:2:") && error.contains("train, validation, test or unused"), "{error}");
}

#[test]
fn a_file_that_tears_a_group_is_followed_and_the_group_named() {
    let mut recordings = survey(false);
    for (at, recording) in recordings.iter_mut().enumerate() {
        recording.group = format!("night {}", at / 2);
    }
    let params = SplitSettings::with("source: file, group: night, file: subset.csv");
    let lines: String = (0..10).map(|i| format!("A_A{i},{}\n", if i == 3 { "test" } else { "train" })).collect();
    let (rows, notes) = from_file(&list(&format!("recording,subset\n{lines}")), &recordings, &params).unwrap();
    assert_eq!((rows[2].subset, rows[3].subset), (Subset::Train, Subset::Test));
    assert!(notes[0].contains("1 group of split.group: night 1"), "{notes:?}");
    assert_eq!(count(&rows, "validation"), 2, "one of the four whole groups");
}

#[test]
fn official_folds_come_from_the_file_and_one_is_test() {
    let recordings = survey(false);
    let lines: String = (0..10).map(|i| format!("A_A{i},{}\n", 1 + i / 2)).collect();
    let list = list(&format!("filename,fold\n{lines}"));
    let of = |more: &str| {
        let params = SplitSettings::with(&format!("source: file, group: recording, file: f, {more}"));
        from_file(&list, &recordings, &params).map(|(rows, _)| rows).map_err(|e| e.to_string())
    };
    let rows = of("fold: 2").unwrap();
    assert_eq!((subsets(&rows)[2..4].to_vec(), count(&rows, "test"), count(&rows, "validation")), (vec!["test"; 2], 2, 2));
    assert_eq!(rows[2].reason, "fold 2 in subset.csv");
    assert_eq!(count(&of("fold: [2, 5]").unwrap(), "test"), 4);
    assert!(
        of("fold: 7").unwrap_err().contains("split.fold names `7`, and no reviewed recording is there; there are 1, 2, 3, 4, 5")
    );
    assert!(of("site: A").unwrap_err().contains("name the fold for testing in split.fold: 1, 2, 3, 4, 5"));
    assert!(of("fold: [1, 2, 3, 4, 5]").unwrap_err().contains("nothing is left"));
}

#[test]
fn each_recording_is_test_in_one_fold() {
    let recordings = survey(true);
    let mut tests = vec![0; recordings.len()];
    for fold in 1..=5 {
        let params = SplitSettings::with(&format!("source: folds, group: recording, fold: {fold}"));
        let rows = by_fold(&recordings, &params).unwrap();
        assert_eq!((count(&rows, "test"), count(&rows, "validation")), (6, 6));
        for (row, test) in rows.iter().zip(&mut tests).filter(|(row, _)| row.subset == Subset::Test) {
            *test += 1;
            assert_eq!(row.reason, format!("fold {fold} of 5"));
        }
    }
    assert_eq!(tests, vec![1; recordings.len()]);
    let error = |more: &str| by_fold(&recordings, &SplitSettings::with(more)).unwrap_err().to_string();
    assert!(error("source: folds, group: site, fold: 6").contains("there are 1, 2, 3, 4, 5"));
    let by_site: Vec<SplitRecording> = recordings.iter().map(|r| SplitRecording { group: r.site.clone(), ..r.clone() }).collect();
    let params = SplitSettings::with("source: folds, group: site, fold: 1");
    assert!(by_fold(&by_site, &params).unwrap_err().to_string().contains("5 folds of 3 groups"));
}

#[test]
fn a_site_is_held_out_with_all_that_tells_of_it() {
    let mut recordings = survey(true);
    recordings[10].content = "A0".into();
    recordings[11].group = "A1".into();
    let params = SplitSettings::with("source: leave_one_site_out, group: recording, site: A");
    hold_out(&mut recordings, &params).unwrap();
    let rows = by_site(&recordings, &params).unwrap();
    assert!(subsets(&rows)[..10].iter().all(|side| *side == "test"));
    assert_eq!(rows[10].reason, "same content as raw/A/A_A0.wav, which is held out");
    assert_eq!((rows[11].subset, rows[11].reason.as_str()), (Subset::Unused, "its group A1 is held out with A"));
    assert_eq!((count(&rows, "test"), count(&rows, "unused"), count(&rows, "train") + count(&rows, "validation")), (10, 2, 18));
    let error = |site: &str| {
        let params = SplitSettings::with(&format!("source: leave_one_site_out, group: recording, site: {site}"));
        let mut recordings: Vec<SplitRecording> = survey(true);
        recordings.iter_mut().for_each(|r| r.site = format!("POND{}", r.site));
        hold_out(&mut recordings, &params).unwrap_err().to_string()
    };
    assert!(
        error("pond-A").contains("split.site names `pond-A`, and no reviewed recording is there; did you mean PONDA? there are")
    );
    assert!(error("[PONDA, PONDB, PONDC]").contains("nothing is left"));
}

proptest! {
    #[test]
    fn no_group_and_no_content_stands_on_two_sides(
        places in prop::collection::vec((0_usize..4, 0_usize..12, 0_usize..40, 0_usize..5), 24..60),
        source in 0_usize..3, seed in 0_u64..1000,
    ) {
        let mut recordings: Vec<SplitRecording> = places
            .iter()
            .enumerate()
            .map(|(at, (site, group, content, class))| SplitRecording {
                group: format!("g{group}"),
                content: format!("c{content}"),
                ..recording(&format!("r{at:02}"), ["A", "B", "C", "D"][*site], &format!("K{class}"))
            })
            .collect();
        let source = ["source: grouped", "source: folds, folds: 2, fold: 1", "source: leave_one_site_out, site: A"][source];
        let params = SplitSettings::with(&format!("{source}, group: column, seed: {seed}"));
        let held = if source.contains("site") { hold_out(&mut recordings, &params) } else { Ok(()) };
        join_copies(&mut recordings);
        let rows = held.and_then(|()| match source {
            s if s.contains("site") => by_site(&recordings, &params),
            s if s.contains("folds") => by_fold(&recordings, &params),
            _ => grouped(&recordings, &params),
        });
        // Site A may not be there, or have a part in every group; copies may join all groups.
        let Ok(rows) = rows else { return Ok(()) };
        prop_assert_eq!(divided(&rows), Vec::<&str>::new());
        let renamed = |name: fn(&(usize, usize, usize, usize)) -> usize| -> Vec<SplitRow> {
            let row = |(row, place): (&SplitRow, _)| SplitRow { group_id: name(place).to_string(), ..row.clone() };
            rows.iter().zip(&places).map(row).collect()
        };
        let (groups, contents) = (renamed(|place| place.1), renamed(|place| place.2));
        prop_assert_eq!(divided(&groups), Vec::<&str>::new(), "groups");
        prop_assert_eq!(divided(&contents), Vec::<&str>::new(), "contents");
    }
}
