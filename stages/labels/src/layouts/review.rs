//! Review sheets, which `chorus clips` writes and somebody fills in: CSV with a row per clip and a verdict in each row.
//!
//! A verdict is about one class in one span of a recording: **yes**, the class calls there; **no**, it does not; **unsure**, or
//! an empty field. It says nothing about other classes or about the rest of the recording. Sheets are read as spreadsheets save
//! them, in any locale.

use std::ops::Range;

use chorus_archive::Archive;

use super::recording_columns::RECORDING;
use crate::contents::Contents;
use crate::delimited::{Delimited, DelimitedRow, Dialect};
use crate::error::LabelsError;
use crate::event::Event;
use crate::files::{self, ListedFile};
use crate::layout::{AnnotationFiles, Layout, LayoutKeys, Reader, Settings};
use crate::text::{cleaned, number};

/// The word in `annotate.format`.
pub const NAME: &str = "review";

/// Where sheets lie in an archive unless `annotate.folder` says otherwise.
pub const PLACE: &str = "reviews";

/// How the names of sheets end.
const EXTENSIONS: &[&str] = &["csv", "tsv"];

/// What a person may call the column of whoever listened.
const LISTENER: &[&str] = &["listener", "reviewer", "observer"];

/// The reason that `annotations` has for a row whose listener could not decide.
pub const UNSURE: &str = "the verdict is unsure";

/// The same of a row that nobody has judged yet.
const OPEN: &str = "no verdict yet";

/// The same of a row without a recording.
const UNNAMED: &str = "no recording is named";

/// The stratum of a clip that stands for all windows of its bin of scores, and not for detections.
pub const WINDOWS: &str = "window";

/// The stratum of a clip that stands for all detections of its bin of scores.
pub const DETECTIONS: &str = "random";

/// The layout `review`. `chorus init` never proposes it: sheets come from a model, and so from an archive with a configuration.
pub(crate) struct ReviewSheets;

impl Layout for ReviewSheets {
    fn name(&self) -> &'static str {
        NAME
    }

    fn about(&self) -> &'static str {
        "Sheets of `chorus clips` or `chorus next` with a verdict on each clip."
    }

    fn files(&self) -> Option<AnnotationFiles> {
        Some(AnnotationFiles { place: PLACE, extensions: EXTENSIONS })
    }

    fn keys(&self) -> LayoutKeys {
        LayoutKeys { used: &[&["annotate.folder"]], ..LayoutKeys::default() }
    }

    fn is_complete(&self) -> bool {
        false
    }

    fn reader(&self, _settings: &Settings) -> Result<Reader, serde_yaml::Error> {
        Ok(Reader::of_files(parse))
    }
}

/// What somebody heard in a clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// The class calls in the span.
    Yes,
    /// The class does not call in the span.
    No,
    /// The listener could not decide.
    Unsure,
}

/// Words for a verdict, in lower case.
const WORDS: [(&str, Verdict); 12] = [
    ("yes", Verdict::Yes),
    ("y", Verdict::Yes),
    ("1", Verdict::Yes),
    ("true", Verdict::Yes),
    ("no", Verdict::No),
    ("n", Verdict::No),
    ("0", Verdict::No),
    ("false", Verdict::No),
    ("unsure", Verdict::Unsure),
    ("u", Verdict::Unsure),
    ("?", Verdict::Unsure),
    ("maybe", Verdict::Unsure),
];

/// A row of a sheet.
#[derive(Debug, Clone, PartialEq)]
pub struct SheetRow {
    /// Line in the file, from 1.
    pub line: u32,
    /// The recording, as the sheet names it: its path in the archive.
    pub recording: String,
    /// The class.
    pub class: String,
    /// Start of the span that was judged, seconds of the recording.
    pub start_s: f64,
    /// Its end, after the start.
    pub end_s: f64,
    /// The verdict, `None` where nobody has listened yet.
    pub verdict: Option<Verdict>,
    /// Who listened, where the sheet has a column for it.
    pub listener: Option<String>,
    /// Why the clip was chosen; several reasons are joined by `+`.
    pub strata: String,
    /// The bin of scores from which the clip was drawn.
    pub bin: String,
    /// Number of detections, or of windows, in that bin.
    pub bin_detections: u64,
    /// Score of the clip, 0 to 1. `None` for a class that a listener added and the model was not asked about.
    pub score: Option<f64>,
    /// The class's threshold; `None` where the sheet has none.
    pub threshold: Option<f64>,
}

impl SheetRow {
    /// The span that was judged, seconds of the recording.
    pub fn span_s(&self) -> Range<f64> {
        self.start_s..self.end_s
    }

    /// Whether the clip is part of the random sample of detections.
    pub fn is_random(&self) -> bool {
        is_of(&self.strata, DETECTIONS)
    }

    /// Whether the clip is part of the random sample of all windows.
    pub fn is_window(&self) -> bool {
        is_of(&self.strata, WINDOWS)
    }
}

/// Whether a clip is of a stratum, among others.
fn is_of(strata: &str, wanted: &str) -> bool {
    strata.split('+').any(|stratum| stratum == wanted)
}

/// Whether a clip was chosen to listen to, for its score or another reason, and is of no random sample. A sheet that does not say why its
/// clips are there is taken as whoever wrote it means it.
fn is_chosen(strata: &str) -> bool {
    !strata.is_empty() && !is_of(strata, DETECTIONS) && !is_of(strata, WINDOWS)
}

/// A sheet.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sheet {
    /// The rows that can be used, in their order.
    pub rows: Vec<SheetRow>,
    /// The rows that cannot: each with its line and what is wrong.
    pub unusable: Vec<String>,
}

/// Sheets by path, in the order of their names; of a file that is no sheet, why not.
pub type Sheets = Vec<(String, Result<Sheet, String>)>;

/// Positions of the columns of a sheet that every reader needs.
struct SheetColumns {
    recording: usize,
    class: usize,
    start: usize,
    end: usize,
    verdict: usize,
    /// Why the clip is there, where the sheet says so.
    strata: Option<usize>,
}

impl SheetColumns {
    fn of(table: &Delimited) -> Result<Self, String> {
        Ok(Self {
            recording: need(table, RECORDING)?,
            class: need(table, &["class"])?,
            start: need(table, &["start_s"])?,
            end: need(table, &["end_s"])?,
            verdict: need(table, &["verdict"])?,
            strata: table.find(None, &["strata"])?,
        })
    }
}

/// Positions of the columns that tell what a clip was drawn from.
struct DrawColumns {
    strata: usize,
    bin: usize,
    bin_detections: usize,
    score: usize,
    threshold: Option<usize>,
}

impl DrawColumns {
    fn of(table: &Delimited) -> Result<Self, String> {
        let need = |name: &str| need(table, &[name]);
        Ok(Self {
            strata: need("strata")?,
            bin: need("score_bin")?,
            bin_detections: need("bin_detections")?,
            score: need("score")?,
            threshold: table.find(None, &["threshold"])?,
        })
    }

    /// Adds what a row says of it.
    fn add(&self, row: &DelimitedRow, to: &mut SheetRow) -> Result<(), String> {
        let read = |column, name: &str| match row.text(Some(column)) {
            "" => Ok(None),
            text => {
                let value = number(text).filter(|value| *value >= 0.0);
                value.map(Some).ok_or_else(|| format!("{name} is `{text}`, expected a number as `chorus clips` wrote it"))
            }
        };
        row.text(Some(self.strata)).clone_into(&mut to.strata);
        row.text(Some(self.bin)).clone_into(&mut to.bin);
        to.bin_detections = read(self.bin_detections, "bin_detections")?.unwrap_or(0.0) as u64;
        to.score = read(self.score, "score")?;
        to.threshold = self.threshold.map_or(Ok(None), |column| read(column, "threshold"))?;
        // The weight of a clip is the number of detections, or of windows, that it was drawn from.
        let is_weighed = to.score.is_some() && to.bin_detections > 0;
        if (to.is_random() || to.is_window()) && !is_weighed {
            let lacks = "the clip is of the random sample and has no score or no bin_detections, which `chorus clips` wrote";
            return Err(lacks.to_owned());
        }
        Ok(())
    }
}

/// The column with one of these names.
fn need(table: &Delimited, names: &[&str]) -> Result<usize, String> {
    let missing = || format!("no column {}, as `chorus clips` writes it; {}", names[0], table.columns());
    table.find(None, names)?.ok_or_else(missing)
}

/// Reads a sheet with what its clips were drawn from, which estimates need. Rows without a verdict are among its rows.
///
/// # Errors
/// A column is missing. The error names it and the columns that there are.
pub fn read(bytes: &[u8]) -> Result<Sheet, String> {
    let table = table(bytes);
    let draws = DrawColumns::of(&table)?;
    rows(&table, Some(&draws))
}

/// Reads the verdicts of a sheet, whoever wrote it. Rows without a verdict are passed over, and nothing is told of what clips were drawn
/// from.
///
/// # Errors
/// Those of [`read`], for the columns that a verdict needs.
pub fn verdicts(bytes: &[u8]) -> Result<Sheet, String> {
    rows(&table(bytes), None)
}

fn table(bytes: &[u8]) -> Delimited {
    Delimited::read(&crate::text::utf8(bytes.to_vec()), Dialect::Detect)
}

fn rows(table: &Delimited, draws: Option<&DrawColumns>) -> Result<Sheet, String> {
    let columns = SheetColumns::of(table)?;
    let listener = table.find(None, LISTENER)?;
    let mut sheet = Sheet::default();
    for row in &table.rows {
        let judged = Judged::of(&columns, row);
        // Where only verdicts are asked for, a row without one is neither read nor wrong.
        if judged.verdict == Ok(None) && draws.is_none() {
            continue;
        }
        let read = sheet_row(&columns, row, judged, table.too_long(row)).and_then(|mut read| {
            read.listener = Some(row.text(listener)).filter(|name| !name.is_empty()).map(str::to_owned);
            draws.map_or(Ok(()), |draws| draws.add(row, &mut read)).map(|()| read)
        });
        match read {
            Ok(read) => sheet.rows.push(read),
            Err(problem) => sheet.unusable.push(format!("line {}: {problem}", row.line)),
        }
    }
    Ok(sheet)
}

/// A row without what its clip was drawn from. `too_long` says that the row has more fields than the table has columns.
fn sheet_row(
    columns: &SheetColumns,
    row: &DelimitedRow,
    Judged { event, verdict }: Judged,
    too_long: Option<String>,
) -> Result<SheetRow, String> {
    let text = |column| row.text(Some(column));
    let event = event.or_problem(too_long);
    // That somebody was not sure is a verdict, and that nobody listened yet is no fault.
    let problem = event.problem.filter(|problem| problem != UNSURE && problem != OPEN);
    let unnamed = || text(columns.recording).is_empty().then(|| UNNAMED.to_owned());
    match (problem.or_else(unnamed), event.start_s.zip(event.end_s)) {
        (None, Some((start_s, end_s))) => Ok(SheetRow {
            line: row.line,
            recording: text(columns.recording).to_owned(),
            class: cleaned(text(columns.class)),
            start_s,
            end_s,
            verdict: verdict?,
            listener: None,
            strata: String::new(),
            bin: String::new(),
            bin_detections: 0,
            score: None,
            threshold: None,
        }),
        (problem, _) => Err(problem.unwrap_or_else(|| "start_s and end_s are no span of seconds".to_owned())),
    }
}

/// The sheet at a path of an archive, whatever its name ends with, read by [`read`] or [`verdicts`].
///
/// # Errors
/// The file cannot be read.
pub fn sheet(archive: &dyn Archive, path: &str, parse: impl Fn(&[u8]) -> Result<Sheet, String>) -> Result<Sheets, LabelsError> {
    Ok(vec![(path.to_owned(), parse(&files::read(archive, path)?))])
}

/// The sheets in a folder of an archive, or the one sheet there, read by [`read`] or [`verdicts`].
///
/// # Errors
/// There is nothing at `place`, or a file cannot be read.
pub fn sheets(archive: &dyn Archive, place: &str, parse: impl Fn(&[u8]) -> Result<Sheet, String>) -> Result<Sheets, LabelsError> {
    let read = |file: ListedFile| Ok::<_, LabelsError>((file.path.clone(), parse(&files::read(archive, &file.path)?)));
    files::list(archive, place, EXTENSIONS)?.into_iter().map(read).collect()
}

/// Reads a sheet as annotations.
fn parse(bytes: &[u8]) -> Contents {
    let table = Delimited::read(bytes, Dialect::Detect);
    let columns = match SheetColumns::of(&table) {
        Ok(columns) => columns,
        Err(fault) => return Contents::faulty(&table, fault),
    };
    let mut contents = Contents::default();
    for row in &table.rows {
        let event = Judged::of(&columns, row).event.or_problem(table.too_long(row));
        let name = row.text(Some(columns.recording));
        let unnamed = name.is_empty().then(|| UNNAMED.to_owned());
        contents.add((!name.is_empty()).then(|| name.to_owned()), event.or_problem(unnamed));
    }
    contents
}

/// What a row says.
struct Judged {
    /// The presence or the absence of a class. Where the row is neither, the event says why.
    event: Event,
    /// The verdict; `None` where nobody has listened yet, and an error where it is no word for one.
    verdict: Result<Option<Verdict>, String>,
}

impl Judged {
    fn of(columns: &SheetColumns, row: &DelimitedRow) -> Self {
        let text = |column| row.text(Some(column));
        let event = Event::timed(row.line, text(columns.start), text(columns.end), text(columns.class));
        let unnamed = cleaned(text(columns.class)).is_empty().then(|| "no class is named".to_owned());
        let instant = event.start_s.filter(|start_s| event.end_s == Some(*start_s));
        let instant = instant.map(|start_s| format!("the span begins and ends at {start_s} s, expected one of some length"));
        let dated =
            event.moments.map(|_| "the times are dates, expected seconds of the recording, as sheets have them".to_owned());
        let event = event.or_problem(unnamed).or_problem(instant).or_problem(dated);
        let event = Event { is_chosen: is_chosen(row.text(columns.strata)), ..event };
        let verdict = verdict(text(columns.verdict));
        let event = match &verdict {
            Ok(Some(Verdict::Yes)) => Event { verdict: Some(true), ..event },
            Ok(Some(Verdict::No)) => Event { verdict: Some(false), ..event },
            Ok(Some(Verdict::Unsure)) => event.or_problem(Some(UNSURE.to_owned())),
            Ok(None) => event.or_problem(Some(OPEN.to_owned())),
            Err(problem) => event.or_problem(Some(problem.clone())),
        };
        Self { event, verdict }
    }
}

fn verdict(text: &str) -> Result<Option<Verdict>, String> {
    let word = text.trim().to_lowercase();
    if word.is_empty() {
        return Ok(None);
    }
    let known = WORDS.iter().find(|(known, _)| *known == word);
    known.map(|(_, verdict)| Some(*verdict)).ok_or_else(|| format!("the verdict is `{text}`, expected yes, no or unsure"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SHEET: &str = "clip,class,strata,score,score_bin,bin_detections,recording,start_s,end_s,verdict,notes\n\
        a.wav,FROG,random+top,0.9,0.5-1.0,12,A/1.wav,3,6,Yes,\n\
        b.wav,FROG,top,0.8,0.5-1.0,12,A/1.wav,9,12,n,\"wind, rain\"\n\
        c.wav,TOAD,random,0.7,0.5-1.0,3,A/2.wav,0,3,?,\n\
        d.wav,TOAD,random,0.6,0.5-1.0,3,A/2.wav,3,6,,\n\
        e.wav,TOAD,random,0.6,0.5-1.0,3,A/2.wav,3,6,ja,\n";

    #[test]
    fn verdicts_are_events_absences_or_reasons() {
        let found = parse(SHEET.as_bytes());
        let of = |name: &str| -> Vec<_> {
            let own = &found.by_recording[&Some(name.to_owned())];
            own.iter().map(|e| (e.line, e.label.as_str(), e.verdict, e.start_s, e.problem.as_deref())).collect()
        };
        assert_eq!(of("A/1.wav"), [(2, "FROG", Some(true), Some(3.0), None), (3, "FROG", Some(false), Some(9.0), None)]);
        let problems: Vec<_> = of("A/2.wav").into_iter().map(|(.., problem)| problem.unwrap()).collect();
        assert_eq!(problems[..2], ["the verdict is unsure", "no verdict yet"]);
        assert!(problems[2].contains("`ja`, expected yes, no or unsure"));
        // One of the random sample that is among the highest too stands for others, and one that is only among the highest does not.
        let chosen = |contents: &Contents| contents.events().map(|event| event.is_chosen).collect::<Vec<_>>();
        assert_eq!(chosen(&found), [false, true, false, false, false]);
        let sampled = SHEET.replace(",top,", ",window,");
        assert_eq!(chosen(&parse(sampled.as_bytes())), [false; 5]);
        assert_eq!(chosen(&parse(b"recording,class,start_s,end_s,verdict\na.wav,FROG,0,3,yes\n")), [false], "nobody says so");
        let unnamed = parse(b"recording,class,start_s,end_s,verdict\na.wav,,0,3,yes\n");
        assert_eq!(unnamed.events().next().unwrap().problem.as_deref(), Some("no class is named"));
        assert!(parse(b"clip,verdict\na,yes\n").fault.unwrap().contains("no column recording"));
    }

    #[test]
    fn verdicts_come_with_their_spans_and_what_cannot_be_used_is_told() {
        let found = verdicts(SHEET.as_bytes()).unwrap();
        let of = |row: &SheetRow| (row.recording.clone(), row.class.clone(), row.start_s, row.end_s, row.verdict);
        let expected = [
            ("A/1.wav".to_owned(), "FROG".to_owned(), 3.0, 6.0, Some(Verdict::Yes)),
            ("A/1.wav".to_owned(), "FROG".to_owned(), 9.0, 12.0, Some(Verdict::No)),
            ("A/2.wav".to_owned(), "TOAD".to_owned(), 0.0, 3.0, Some(Verdict::Unsure)),
        ];
        assert_eq!(found.rows.iter().map(of).collect::<Vec<_>>(), expected);
        assert_eq!(found.unusable, ["line 6: the verdict is `ja`, expected yes, no or unsure"]);
        let named =
            "recording,class,start_s,end_s,verdict,Listener\nb.wav,NEWT,0,x,yes,Ada\nb.wav,NEWT,0,3,y,Ada\n,NEWT,0,3,y,\n";
        let found = verdicts(named.as_bytes()).unwrap();
        assert_eq!(found.rows[0].listener.as_deref(), Some("Ada"));
        assert!(found.rows.len() == 1 && found.unusable.len() == 2 && found.unusable[0].starts_with("line 2:"), "{found:?}");
        assert!(verdicts(b"clip,verdict\na,yes\n").unwrap_err().contains("no column recording"));
        let pasted = "recording,class,start_s,end_s,verdict\nb.wav,Wood\u{a0} Thrush\u{200b},0,3,y\nb.wav,\u{200b},0,3,y\n";
        let found = verdicts(pasted.as_bytes()).unwrap();
        assert_eq!((found.rows[0].class.as_str(), found.rows.len()), ("Wood Thrush", 1));
        assert_eq!(found.unusable, ["line 3: no class is named"]);
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("r")).unwrap();
        std::fs::write(dir.path().join("r/a.csv"), SHEET).unwrap();
        std::fs::write(dir.path().join("r/b.csv"), "x,y\n1,2\n").unwrap();
        let read = sheets(&chorus_archive::Local::new(dir.path()), "r", verdicts).unwrap();
        assert_eq!(
            read.iter().map(|(path, read)| (path.as_str(), read.is_ok())).collect::<Vec<_>>(),
            [("r/a.csv", true), ("r/b.csv", false)]
        );
    }

    #[test]
    fn what_the_sheet_was_drawn_from_is_read_with_it() {
        let sheet = read(SHEET.as_bytes()).unwrap();
        let lines = &sheet.rows;
        let of = |line: &SheetRow| (line.is_random(), line.bin_detections, line.score, line.threshold);
        assert_eq!(lines.iter().map(of).collect::<Vec<_>>()[..2], [(true, 12, Some(0.9), None), (false, 12, Some(0.8), None)]);
        assert_eq!((lines[0].span_s(), lines[0].is_window()), (3.0..6.0, false));
        // One that nobody has judged yet is there, and one that cannot be read is told.
        assert_eq!((lines.len(), lines[3].verdict), (4, None));
        assert_eq!(sheet.unusable, ["line 6: the verdict is `ja`, expected yes, no or unsure"]);
        // As a spreadsheet of another locale saves it.
        let saved = SHEET.replace("\"wind, rain\"", "wind").replace(',', ";").replace("0.9", "0,9").replace("0.8", "0,8");
        assert_eq!(read(saved.as_bytes()).unwrap().rows[0].score, Some(0.9));
        // A class that a listener added was not scored; a clip that stands for others has to say for how many.
        let added = SHEET.to_owned() + "a.wav,NEWT,added,,,,A/1.wav,3,6,yes,\n";
        let row = &read(added.as_bytes()).unwrap().rows[4];
        assert_eq!((row.class.as_str(), row.score, row.bin_detections), ("NEWT", None, 0));
        let unweighed = read(added.replace(",added,", ",random,").as_bytes()).unwrap();
        assert!(unweighed.rows.len() == 4 && unweighed.unusable[1].starts_with("line 7: "), "{unweighed:?}");
        assert!(unweighed.unusable[1].contains("random sample"), "{unweighed:?}");
        assert!(read(b"a,b\n1,2\n").unwrap_err().contains("its columns are a, b"));
        for column in ["strata", "score", "score_bin", "bin_detections"] {
            let renamed = SHEET.replacen(&format!(",{column},"), ",other,", 1);
            assert!(read(renamed.as_bytes()).unwrap_err().contains(&format!("no column {column},")), "{column}");
        }
        let three = read(SHEET.replacen("-1.0,3,", "-1.0,three,", 1).as_bytes()).unwrap();
        assert_eq!(three.unusable[0], "line 4: bin_detections is `three`, expected a number as `chorus clips` wrote it");
        assert_eq!((three.rows.len(), three.unusable.len()), (3, 2));
        let instant = read(SHEET.replacen(",3,6,", ",3,3,", 1).as_bytes()).unwrap();
        assert_eq!(instant.unusable[0], "line 2: the span begins and ends at 3 s, expected one of some length");
    }

    proptest! {
        #[test]
        fn every_line_has_a_verdict_or_a_reason(rows in prop::collection::vec("[a,;\"yn0-9]{0,20}", 0..12), noise in prop::collection::vec(any::<u8>(), 0..80)) {
            let text = format!("recording,class,start_s,end_s,verdict\n{}", rows.join("\n"));
            for event in parse(text.as_bytes()).events() {
                prop_assert_eq!(event.verdict.is_some() || event.problem.is_some(), true, "{:?}", event);
            }
            let _ = (parse(&noise), read(&noise));
        }
    }
}
