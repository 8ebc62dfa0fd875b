//! The comment of clips that the Python library opensoundscape wrote: `opso_metadata` and JSON.
//!
//! Source: files of opensoundscape 0.10. The JSON holds the comment of the original recording, and in `recording_start_time` the
//! start of the clip. For a clip from the middle of a recording only the latter is right.

use serde_json::Value;

use super::audiomoth;
use super::header::{Header, HeaderFormat, HeaderTime};

/// Reads such a comment; `None` when it is another.
#[must_use]
pub fn parse(comment: &str) -> Option<Header> {
    let json: Value = serde_json::from_str(comment.trim_start().strip_prefix("opso_metadata")?).ok()?;
    let text = |key: &str| json.get(key).and_then(Value::as_str);
    let mut header = text("comment").map(audiomoth::parse).unwrap_or_default();
    let start = text("recording_start_time").and_then(|start| HeaderTime::of_iso(HeaderFormat::Opensoundscape, start));
    if let Some(start) = start {
        header.times = vec![start];
    }
    Some(header.or(text("artist").map(audiomoth::parse_artist).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chorus_engine::Exact;
    use proptest::prelude::*;

    #[test]
    fn a_clip_starts_when_it_starts_and_not_when_its_recording_did() {
        let header = parse(
            r#"opso_metadata{"artist": "AudioMoth 243B1F026488F56E", "comment": "Recorded at 10:00:00 28/05/2024 (UTC) by AudioMoth 243B1F026488F56E at medium gain while battery was 3.8V and temperature was 12.8C.", "recording_start_time": "2024-05-28T10:00:30+00:00"}"#,
        )
        .unwrap();
        assert_eq!(header.times.len(), 1);
        assert_eq!(header.times[0].local.to_string(), "2024-05-28T10:00:30");
        assert_eq!(header.serial.as_deref(), Some("243B1F026488F56E"));
        assert_eq!((header.battery_v, header.temperature_c), (Some(Exact(3.8)), Some(Exact(12.8))));
    }

    #[test]
    fn other_comments_are_left_to_others() {
        for comment in ["", "Recorded at", "opso_metadata", "opso_metadata{", "{}"] {
            assert_eq!(parse(comment), None, "{comment}");
        }
        assert_eq!(parse("opso_metadata[1]"), Some(Header::default()));
    }

    proptest! {
        #[test]
        fn no_text_panics(text in any::<String>()) {
            let _ = parse(&text);
            let _ = parse(&format!("opso_metadata{text}"));
        }
    }
}
