//! Clips of the highest detections, as files beside the page: `report/clips/CLASS NUMBER-CLASS-RANK.wav`, and `.png` for its spectrogram.
//!
//! Their names are made here, of letters and digits of ASCII and hyphens, whatever the classes are called, so that they are safe in any
//! file system and in any address. A recording that cannot be read any more is reported in its place and is no error: the tables outlive the archive.

use std::collections::BTreeMap;
use std::ops::Range;

use chorus_archive::Archive;
use chorus_audio::container::channels;
use chorus_engine::{EngineError, UnitContext, WorkError};
use rayon::prelude::*;

use crate::clip::{self, AT_ONCE, ClipError, Extent, Making};
use crate::facts::{Facts, Heard, Pick, Sound};
use crate::speech::{self, Speech};

/// The folder of the clips, as the engine knows it.
pub(crate) const FOLDER: &str = "report/clips";
/// Seconds before and after a detection.
const CONTEXT_S: f64 = 1.0;
/// Seconds of a detection that are heard at most. Of a longer one it is the beginning.
const LONGEST_S: f64 = 10.0;
/// Frames of a clip, at most: 3 MB, which is more than [`LONGEST_S`] up to 125 kHz, and a window of 3 s at 300 kHz.
const MOST_FRAMES: f64 = 1_500_000.0;
/// A detection is heard for so long at any rate.
const SHORTEST_S: f64 = 0.5;
/// Letters of a class in the name of a file.
const LETTERS: usize = 40;

/// Which clips are made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted {
    /// Of each class, at most.
    pub(crate) per_class: usize,
    /// Of all classes together, at most.
    pub(crate) in_all: usize,
    /// The channels that are heard.
    pub(crate) choice: channels::Choice,
}

/// Picks of which clips can be made, the most important first: those of a class, or of a group of unknown sounds.
pub(crate) struct List<'a> {
    /// The beginning of the names of its files.
    name: String,
    picks: Vec<&'a mut Pick>,
}

/// The classes with detections, frequent ones first, and then the groups of unknown sounds.
pub(crate) fn lists(facts: &mut Facts) -> Vec<List<'_>> {
    let places: BTreeMap<String, usize> =
        facts.found.by_frequency().into_iter().enumerate().map(|(place, (class, _))| (class.to_owned(), place)).collect();
    let found = facts.found.classes.iter_mut().filter_map(|(class, of)| Some((*places.get(class)?, class, of)));
    let mut found: Vec<_> = found.collect();
    found.sort_by_key(|(place, ..)| *place);
    let mut lists: Vec<List<'_>> = Vec::new();
    for (place, class, of) in found {
        lists.push(List { name: format!("{:03}-{}", place + 1, letters(class)), picks: of.picks.iter_mut().collect() });
    }
    let groups = facts.unlike.iter_mut().flatten().enumerate();
    lists.extend(
        groups
            .map(|(number, group)| List { name: format!("unknown-{:02}", number + 1), picks: group.picks.iter_mut().collect() }),
    );
    lists
}

/// Makes clips of picks, and tells the picks of them.
///
/// # Errors
/// Those of writing, and [`EngineError::Stopped`].
pub(crate) fn make(cx: &UnitContext<'_>, lists: &mut [List<'_>], wanted: Wanted) -> Result<(), WorkError> {
    let archive = cx.sound()?;
    let making = Making { choice: wanted.choice, context_s: CONTEXT_S, extent: Extent::PAGE };
    let chosen = choose(lists, wanted);
    let mut recordings: BTreeMap<&str, Vec<&Chosen>> = BTreeMap::new();
    for chosen in &chosen {
        recordings.entry(&chosen.path).or_default().push(chosen);
    }
    let some: Vec<(&str, &[&Chosen])> =
        recordings.iter().flat_map(|(path, chosen)| chosen.chunks(AT_ONCE).map(|some| (*path, some))).collect();
    let cut = |(path, some): &(&str, &[&Chosen])| -> Result<Vec<Made>, WorkError> {
        if cx.stopping() {
            return Err(EngineError::Stopped.into());
        }
        match archive {
            Some(archive) => cut(cx, archive, path, some, making),
            None => Ok(some.iter().map(|chosen| Made { of: chosen.of, sound: Sound::Gone, lack: None }).collect()),
        }
    };
    let made: Vec<Vec<Made>> = some.par_iter().map(cut).collect::<Result<_, _>>()?;
    let mut lacks = Vec::new();
    for Made { of: (list, rank), sound, lack } in made.into_iter().flatten() {
        lacks.extend(lack);
        if let Some(pick) = lists.get_mut(list).and_then(|list| list.picks.get_mut(rank)) {
            pick.sound = sound;
        }
    }
    if archive.is_none() && !chosen.is_empty() {
        cx.console().warn("the archive does not exist, so the report has no clips");
    }
    if let Some(first) = lacks.first() {
        let clips = if lacks.len() == 1 { "a clip".to_owned() } else { format!("{} clips", lacks.len()) };
        cx.console().warn(&format!("the report lacks {clips}: {first}"));
    }
    Ok(())
}

/// Marks the picks that are withheld because somebody speaks there.
///
/// # Errors
/// Those of reading the table `speech`.
pub(crate) fn withhold(cx: &UnitContext<'_>, lists: &mut [List<'_>]) -> Result<(), WorkError> {
    if !cx.has_table(speech::TABLE) || cx.value::<String>("privacy.speech")? != "withhold" {
        return Ok(());
    }
    let (threshold, margin_s) = (cx.value("privacy.threshold")?, cx.value("privacy.margin_s")?);
    let mut heard = Speech::default();
    for partition in cx.partitions(speech::TABLE)? {
        for batch in cx.read_batches(speech::TABLE, &partition, speech::COLUMNS)? {
            heard.add(&batch?, threshold, margin_s)?;
        }
    }
    for pick in lists.iter_mut().flat_map(|list| &mut list.picks) {
        if heard.overlaps(&pick.recording_id, &(pick.start_s - CONTEXT_S..pick.end_s + CONTEXT_S)) {
            pick.sound = Sound::Withheld;
        }
    }
    Ok(())
}

/// A pick whose clip is to be made.
#[derive(Debug)]
struct Chosen {
    /// Its list, and its rank in it.
    of: (usize, usize),
    /// The name of its files without their endings.
    name: String,
    /// Path of the recording in the archive.
    path: String,
    /// Channels on which nothing was recorded.
    dead_channels: Option<String>,
    /// What is heard of it, seconds of the recording.
    event: Range<f64>,
}

/// What became of it.
struct Made {
    of: (usize, usize),
    sound: Sound,
    /// Why there is no clip, for whoever makes the report.
    lack: Option<String>,
}

/// Every list gets its first clip before any gets a second.
fn choose(lists: &[List<'_>], wanted: Wanted) -> Vec<Chosen> {
    let ranks = (0..wanted.per_class).flat_map(|rank| lists.iter().enumerate().map(move |(at, list)| (rank, at, list)));
    let chosen = ranks.filter_map(|(rank, at, list)| {
        let pick = list.picks.get(rank)?;
        let place = pick.recording.as_ref().filter(|_| pick.sound != Sound::Withheld)?;
        Some(Chosen {
            of: (at, rank),
            name: format!("{}-{}", list.name, rank + 1),
            path: place.path.clone(),
            dead_channels: place.dead_channels.clone(),
            event: pick.start_s..heard_until_s(pick, place.sample_rate_hz),
        })
    });
    chosen.take(wanted.in_all).collect()
}

/// The letters of a class that any file system and any address holds.
fn letters(class: &str) -> String {
    class.chars().take(LETTERS).map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect()
}

fn heard_until_s(pick: &Pick, rate_hz: u32) -> f64 {
    let longest_s = (MOST_FRAMES / f64::from(rate_hz.max(1)) - 2.0 * CONTEXT_S).clamp(SHORTEST_S, LONGEST_S);
    pick.end_s.min(pick.start_s + longest_s)
}

/// Cuts clips of one recording and writes them.
fn cut(
    cx: &UnitContext<'_>,
    archive: &dyn Archive,
    path: &str,
    some: &[&Chosen],
    making: Making,
) -> Result<Vec<Made>, WorkError> {
    let events: Vec<Range<f64>> = some.iter().map(|chosen| chosen.event.clone()).collect();
    let dead = some.first().and_then(|chosen| chosen.dead_channels.as_deref());
    let clips = match clip::clips(archive, path, &events, dead, making) {
        Ok(clips) => clips,
        Err(error) => {
            let lack = |chosen: &&Chosen| Made { of: chosen.of, sound: Sound::Gone, lack: Some(error.to_string()) };
            return Ok(some.iter().map(lack).collect());
        }
    };
    let write = |(chosen, clip): (&&Chosen, Result<clip::Clip, ClipError>)| {
        let of = chosen.of;
        let clip = match clip {
            Ok(clip) => clip,
            Err(error) => return Ok(Made { of, sound: Sound::Gone, lack: Some(format!("{}: {error}", archive.location(path))) }),
        };
        cx.write_file(&format!("{FOLDER}/{}.wav", chosen.name), &clip.wav)?;
        cx.write_file(&format!("{FOLDER}/{}.png", chosen.name), &clip.png)?;
        let heard = Heard {
            name: chosen.name.clone(),
            size: (clip.width, clip.height),
            begins_s: clip.begins_s,
            heard_until_s: chosen.event.end,
            length_s: clip.length_s,
            rate_hz: clip.rate_hz,
        };
        Ok(Made { of, sound: Sound::Here(heard), lack: None })
    };
    some.iter().zip(clips).map(write).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::specimen;

    fn wanted(per_class: usize, in_all: usize) -> Wanted {
        Wanted { per_class, in_all, choice: channels::Choice::Mix }
    }

    #[test]
    fn every_class_gets_its_first_clip_before_any_gets_a_second() {
        let mut facts = specimen::archive(3, 10, 4);
        facts.unlike = Some(specimen::unlike(&facts));
        let lists = lists(&mut facts);
        let names = |per_class, in_all| {
            choose(&lists, wanted(per_class, in_all)).into_iter().map(|chosen| chosen.name).collect::<Vec<_>>()
        };
        let all = names(2, 100);
        assert_eq!(all.len(), 12);
        assert!(all[..6].iter().all(|name| name.ends_with("-1")) && all[6..].iter().all(|name| name.ends_with("-2")), "{all:?}");
        assert!(all[0].starts_with("001-") && all[3].starts_with("004-"), "{all:?}");
        assert_eq!(all[4..6], ["unknown-01-1", "unknown-02-1"]);
        assert_eq!(names(2, 7), all[..7]);
        assert!(names(0, 100).is_empty() && names(3, 0).is_empty());
    }

    #[test]
    fn names_of_files_are_safe_whatever_classes_are_called() {
        assert_eq!(letters("../<b> %2f\"é"), "----b---2f--");
        assert_eq!(letters(&"x".repeat(400)).len(), LETTERS);
    }

    #[test]
    fn a_clip_is_no_longer_than_a_person_listens_and_a_page_holds() {
        let facts = specimen::archive(1, 10, 1);
        let pick = |end_s| Pick { start_s: 5.0, end_s, ..facts.found.by_frequency()[0].1.picks[0].clone() };
        let until = |end_s, rate_hz| heard_until_s(&pick(end_s), rate_hz);
        assert_eq!(
            (until(8.0, 48_000), until(90.0, 48_000), until(8.0, 250_000), until(8.0, 384_000)),
            (8.0, 15.0, 8.0, 6.90625)
        );
        assert_eq!((until(8.0, 4_000_000_000), until(8.0, 0)), (5.5, 8.0));
    }
}
