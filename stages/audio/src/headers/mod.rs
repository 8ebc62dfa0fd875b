//! What recorders write about a recording into its file: when, by which device, with which settings, where.
//!
//! Everything here is a pure function over bytes that [`crate::container`] found, and nothing can fail. A field that cannot be
//! understood is left out; where a time depends on it, there is a note. Formats, the most trusted first:
//!
//! | format | where | module |
//! |---|---|---|
//! | GUANO | chunk `guan`, Vorbis comment `GUANO` | [`guano`] |
//! | opensoundscape's JSON | the comment of a clip that it wrote | [`opensoundscape`] |
//! | AudioMoth's sentence | the comment (`ICMT`), a `bext` description, Vorbis comment `COMMENT` | [`audiomoth`] |
//! | Wildlife Acoustics | chunk `wamd` | [`wamd`] |
//! | Broadcast Wave | chunk `bext` | [`bext`] |

pub mod audiomoth;
pub mod bext;
pub mod guano;
mod header;
pub mod opensoundscape;
mod tags;
mod values;
pub mod wamd;

pub use header::{Header, HeaderFormat, HeaderTime};
pub(crate) use tags::{TAG_BYTES, Tags};
pub(crate) use values::decode;

/// What all headers of a file say. Of several headers of one format the first counts; where another one has a different time, there is a
/// note.
pub(crate) fn read(tags: &Tags) -> Header {
    let mut header = read_first(tags);
    let others = tags.again.as_deref().map(|again| read_first(again).times).unwrap_or_default();
    for other in others {
        let first = header.times.iter().find(|time| time.format == other.format);
        if let Some(first) = first.filter(|first| **first != other) {
            let name = other.format.name();
            header.notes.push(format!("the file has two {name}s, one with {first} and one with {other}: the first was used"));
        }
    }
    header
}

/// What the first header of each format says.
fn read_first(tags: &Tags) -> Header {
    let guano = tags.guano.as_deref().map(|bytes| guano::parse(&decode(bytes))).unwrap_or_default();
    let wamd = tags.wamd.as_deref().map(wamd::parse).unwrap_or_default();
    let bext = tags.bext.as_deref().map(bext::parse).unwrap_or_default();
    let comment = tags.comment.as_deref().map(|bytes| comment(&decode(bytes))).unwrap_or_default();
    let artist = tags.artist.as_deref().map(|bytes| audiomoth::parse_artist(&decode(bytes))).unwrap_or_default();
    guano.or(comment).or(artist).or(wamd).or(bext)
}

/// A comment: opensoundscape's, AudioMoth's, or nothing that is known.
fn comment(text: &str) -> Header {
    opensoundscape::parse(text).unwrap_or_else(|| audiomoth::parse(text))
}

#[cfg(test)]
mod tests {
    use chorus_engine::Exact;

    use super::*;

    #[test]
    fn text_is_utf8_or_else_latin_1() {
        assert_eq!(decode("\u{FEFF}  Rivière\0\0 ".as_bytes()), "Rivière");
        assert_eq!(decode(b"Rivi\xE8re\0"), "Rivière");
        assert_eq!(decode(b"\xC3\xA8\xC3"), "è", "cut within a character");
        assert_eq!(decode(b"\0\0 "), "");
    }

    #[test]
    fn the_more_trusted_format_speaks_first_and_the_other_fills_the_gaps() {
        let tags = Tags {
            guano: Some(b"GUANO|Version: 1.0\nModel: SM4BAT\nTimestamp: 2020-03-01 19:00:00-03:00".to_vec()),
            comment: Some(
                b"Recorded at 22:00:00 01/03/2020 (UTC) by AudioMoth 24E144055E080032 at medium gain while battery was 4.2V"
                    .to_vec(),
            ),
            ..Tags::default()
        };
        let header = read(&tags);
        assert_eq!(header.model.as_deref(), Some("SM4BAT"));
        assert_eq!(header.gain.as_deref(), Some("medium"));
        let formats: Vec<HeaderFormat> = header.times.iter().map(|time| time.format).collect();
        assert_eq!(formats, [HeaderFormat::Guano, HeaderFormat::AudioMoth]);
    }

    #[test]
    fn two_headers_of_one_format_with_different_times_are_told() {
        let list = |zones: &[&str]| {
            let entry = |zone: &&str| {
                let text = format!("Recorded at 19:00:00 01/03/2020 (UTC{zone}) by AudioMoth 24E144055E080032. ");
                let pad = vec![0; text.len() % 2];
                [b"ICMT".as_slice(), &(text.len() as u32).to_le_bytes(), text.as_bytes(), &pad].concat()
            };
            let mut tags = Tags::default();
            tags.take_chunk(b"LIST", &[b"INFO".to_vec(), zones.iter().flat_map(entry).collect()].concat(), false);
            read(&tags)
        };
        let header = list(&["-5", "-3"]);
        assert_eq!((header.times.len(), header.times[0].offset_s), (1, Some(-5 * 3600)));
        assert_eq!(
            header.notes,
            [
                "the file has two AudioMoth headers, one with 2020-03-01T19:00:00-05 and one with 2020-03-01T19:00:00-03: the first was used"
            ]
        );
        assert!(list(&["-5", "-5"]).notes.is_empty());
        let mut tags = Tags::default();
        for stamp in ["2020-03-01T19:00:00", "2020-03-01T20:00:00"] {
            tags.take_chunk(b"guan", format!("Timestamp: {stamp}").as_bytes(), false);
        }
        assert!(read(&tags).notes[0].contains("two GUANO headers"), "{:?}", read(&tags).notes);
    }

    #[test]
    fn time_expansion_is_applied_once() {
        let header = |rate| Header { time_expansion: Some(Exact(10.0)), sample_rate_hz: rate, ..Header::default() };
        assert_eq!(header(None).expansion_of(25_600), 10.0);
        assert_eq!(header(Some(256_000)).expansion_of(25_600), 10.0);
        assert_eq!(header(Some(256_000)).expansion_of(256_000), 1.0, "the file's rate was corrected already");
        assert_eq!(Header::default().expansion_of(25_600), 1.0);
        assert_eq!(header(None).expansion_of(500_000), 1.0, "no recorder has 5 MHz");
    }

    #[test]
    fn a_rate_that_contradicts_the_file_is_told() {
        let doubt = |factor: Option<f64>, rate: u32| {
            let header = Header { time_expansion: factor.map(Exact), sample_rate_hz: Some(rate), ..Header::default() };
            header.rate_doubt(25_600)
        };
        assert!(
            [(Some(10.0), 256_000), (Some(10.0), 25_600), (None, 25_600)]
                .into_iter()
                .all(|(factor, rate)| doubt(factor, rate).is_none())
        );
        assert!(
            doubt(None, 256_000).unwrap().contains("256000 Hz, and the file has 25600 Hz with a time expansion of 1: 25600 Hz")
        );
        assert!(doubt(Some(8.0), 256_000).unwrap().contains("time expansion of 8: 204800 Hz was used"));
        assert_eq!(Header::default().rate_doubt(25_600), None);
    }
}
