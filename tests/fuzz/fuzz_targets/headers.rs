//! What recorders write beside the samples: each parser by itself, and all of them as chunks of a file.
#![no_main]

use chorus_audio::headers::{Header, audiomoth, bext, guano, opensoundscape, wamd};
use chorus_clock::reading::parse_iso;
use chorus_fuzz::{Bound, bounded, read_all};
use libfuzzer_sys::fuzz_target;

/// Fields, and the compiled expressions of the first input.
const HEADER: Bound = Bound { fixed: 4 << 20, per_byte: 200 };

const CHUNKS: [&[u8; 4]; 6] = [b"guan", b"wamd", b"bext", b"LIST", b"junk", b"JUNK"];

fuzz_target!(|input: &[u8]| {
    let [choice, bytes @ ..] = input else { return };
    bounded(bytes.len(), HEADER, || {
        let text = String::from_utf8_lossy(bytes);
        for header in
            [guano::parse(&text), audiomoth::parse(&text), audiomoth::parse_artist(&text), wamd::parse(bytes), bext::parse(bytes)]
        {
            check(&header);
        }
        if let Some(header) = opensoundscape::parse(&text) {
            check(&header);
        }
        if let Some((local, offset)) = parse_iso(&text) {
            let written = format!("{local}{}", offset.map_or(String::new(), |offset| format!("{offset:#}")));
            assert_eq!(parse_iso(&written).map(|(local, _)| local), Some(local), "{written}");
        }
    });
    let facts = read_all(&file(CHUNKS[usize::from(*choice) % CHUNKS.len()], bytes)).expect("the chunks around it are sound");
    check(&facts.header);
});

/// A header holds nothing that a table cannot.
fn check(header: &Header) {
    assert!(header.battery_v.is_none_or(|volts| (0.0..=100.0).contains(&volts.0)));
    assert!(header.temperature_c.is_none_or(|degrees| degrees.0.is_finite()));
    assert!(header.position.is_none_or(|(north, east)| north.0.abs() <= 90.0 && east.0.abs() <= 180.0));
    assert!(header.expansion_of(8000).is_finite() && header.expansion_of(8000) >= 1.0);
    assert!(header.times.iter().all(|time| time.offset().is_some() == time.offset_s.is_some()));
    for text in [&header.make, &header.model, &header.serial, &header.firmware, &header.gain].into_iter().flatten() {
        assert!(!text.trim().is_empty());
    }
}

/// A recording of one sample, with this chunk before it.
fn file(id: &[u8; 4], payload: &[u8]) -> Vec<u8> {
    let chunk =
        |id: &[u8], payload: &[u8]| [id, &(payload.len() as u32).to_le_bytes(), payload, &[0][..payload.len() % 2]].concat();
    let fmt = b"\x01\0\x01\0\x40\x1F\0\0\x40\x1F\0\0\x01\0\x08\0";
    let body = [b"WAVE".to_vec(), chunk(b"fmt ", fmt), chunk(id, payload), chunk(b"data", b"\x80")].concat();
    chunk(b"RIFF", &body)
}
