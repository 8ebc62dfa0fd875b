//! Broadcast Wave's chunk `bext`: fixed fields of ASCII.
//!
//! Source: EBU Tech 3285, version 2: Description 256 bytes, Originator 32, OriginatorReference 32, OriginationDate 10
//! (`yyyy-mm-dd`, where other separators than `-` are allowed), OriginationTime 8 (`hh:mm:ss`). The clock is local; no offset is
//! stated.

use jiff::civil::{Date, DateTime};

use super::audiomoth;
use super::header::{Header, HeaderFormat, HeaderTime};
use super::values::{decode, said};
use chorus_clock::reading::{number, parse_time};

/// Where the fields lie.
const DESCRIPTION: std::ops::Range<usize> = 0..256;
const ORIGINATOR: std::ops::Range<usize> = 256..288;
const ORIGINATION_DATE: std::ops::Range<usize> = 320..330;
const ORIGINATION_TIME: std::ops::Range<usize> = 330..338;

/// Reads a `bext` chunk. The originator, which recorders fill with their own name, is taken for the model. A
/// description in AudioMoth's words is preferred.
#[must_use]
pub fn parse(chunk: &[u8]) -> Header {
    let field = |range: std::ops::Range<usize>| chunk.get(range).unwrap_or_default();
    let own = Header {
        times: time(field(ORIGINATION_DATE), field(ORIGINATION_TIME))
            .map(|local| HeaderTime::new(HeaderFormat::Bext, (local, None)))
            .into_iter()
            .collect(),
        model: said(&decode(until_zero(field(ORIGINATOR)))),
        ..Header::default()
    };
    audiomoth::parse(&decode(until_zero(field(DESCRIPTION)))).or(own)
}

fn until_zero(field: &[u8]) -> &[u8] {
    field.split(|&byte| byte == 0).next().unwrap_or_default()
}

fn time(date: &[u8], time: &[u8]) -> Option<DateTime> {
    let [y1, y2, y3, y4, _, m1, m2, _, d1, d2] = *date else { return None };
    let date = Date::new(number(&[y1, y2, y3, y4])? as i16, number(&[m1, m2])? as i8, number(&[d1, d2])? as i8).ok()?;
    let [h1, h2, _, n1, n2, _, s1, s2] = *time else { return None };
    let time = [h1, h2, b':', n1, n2, b':', s1, s2];
    Some(date.to_datetime(parse_time(std::str::from_utf8(&time).ok()?)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn chunk(description: &str, originator: &str, date: &str, time: &str) -> Vec<u8> {
        let mut bytes = vec![0; 602];
        for (at, text) in [(0, description), (256, originator), (320, date), (330, time)] {
            bytes[at..at + text.len()].copy_from_slice(text.as_bytes());
        }
        bytes
    }

    #[test]
    fn a_field_recorder() {
        let header = parse(&chunk("zSPEED=1", "ZOOM F3", "2021-05-09", "04:30:00"));
        assert_eq!(header.model.as_deref(), Some("ZOOM F3"));
        assert_eq!(header.times, [HeaderTime::new(HeaderFormat::Bext, ("2021-05-09T04:30:00".parse().unwrap(), None))]);
        assert_eq!(parse(&chunk("", "", "2021:05:09", "04-30-00")).times.len(), 1, "other separators");
    }

    #[test]
    fn an_audiomoth_comment_in_the_description() {
        let comment =
            "Recorded at 10:25:00 04/04/2020 (UTC) by AudioMoth 24526B065D325963 at gain setting 2 while battery state was 4.7V.";
        let header = parse(&chunk(comment, "", "2020-04-04", "10:25:00"));
        assert_eq!(header.serial.as_deref(), Some("24526B065D325963"));
        assert_eq!(header.times[0].format, HeaderFormat::AudioMoth);
        assert_eq!(header.times[1].format, HeaderFormat::Bext);
    }

    #[test]
    fn short_and_empty_chunks_say_nothing() {
        for chunk in
            [vec![], vec![0; 100], vec![0; 602], chunk("", "", "0000-00-00", "00:00:00"), chunk("", "", "2021-02-30", "00:00:00")]
        {
            assert_eq!(parse(&chunk), Header::default());
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..700)) {
            let _ = parse(&bytes);
        }

        #[test]
        fn what_is_written_is_read_back(second in 0_i64..4_000_000_000, originator in "[A-Za-z0-9]{1,32}") {
            let local = jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::from_second(second).unwrap());
            let header = parse(&chunk("", &originator, &local.date().to_string(), &local.time().to_string()));
            prop_assert_eq!(header.times[0].local, local);
            prop_assert_eq!(header.model, Some(originator));
        }
    }
}
