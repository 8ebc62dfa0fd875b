//! What kind of file this is, by its first bytes alone. Names and extensions are often wrong in archives.

use std::io::{Read, Seek, SeekFrom};

use chorus_wav::Form;

use crate::error::{Fault, RejectCode};

/// A supported format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Wav(Form),
    Aiff,
    Caf,
    Flac,
    /// MPEG audio of layer 1 to 3: MP3.
    Mpeg,
    /// AAC in ADTS frames.
    Adts,
    Ogg,
    Mp4,
}

/// What is known by its first bytes and read: offset and bytes of its mark.
const SUPPORTED: [(usize, &[u8], Kind); 6] = [
    (0, b"fLaC", Kind::Flac),
    (8, b"AIFF", Kind::Aiff),
    (8, b"AIFC", Kind::Aiff),
    (0, b"caff", Kind::Caf),
    (0, b"OggS", Kind::Ogg),
    (4, b"ftyp", Kind::Mp4),
];

/// Audio that is recognised, in order to name it, and not read: offset and bytes of its mark, its name.
const UNSUPPORTED: [(usize, &[u8], &str); 10] = [
    (0, b"WAac", "Wildlife Acoustics WAC"),
    (0, b"WAAC", "Wildlife Acoustics WAC"),
    (0, b".snd", "Sun audio (AU)"),
    (0, b"wvpk", "WavPack"),
    (0, b"MAC ", "Monkey's Audio"),
    (0, b"TTA1", "True Audio"),
    (0, b"#!AMR", "AMR"),
    (0, b"ADIF", "AAC (ADIF)"),
    (0, &[0x1A, 0x45, 0xDF, 0xA3], "Matroska or WebM"),
    (0, &[0x30, 0x26, 0xB2, 0x75], "Windows Media"),
];

/// Bytes looked at.
const HEAD_BYTES: usize = 512;

/// Recognises the file and leaves it at its start; also returns the byte at which a WAV file's header begins.
pub(super) fn recognise(file: &mut (impl Read + Seek)) -> Result<(Kind, u64), Fault> {
    let head = head(file, 0)?;
    let kind = match id3v2_bytes(&head) {
        None => classify(&head).map(|kind| (kind, 0)),
        Some(tag) => behind_tag(classify(&self::head(file, tag)?), tag),
    };
    file.seek(SeekFrom::Start(0))?;
    kind
}

/// The kind of a file with an ID3 tag of `tag` bytes, by what follows the tag. Taggers put ID3 before anything; the
/// readers of MP3, AAC and FLAC look for it themselves.
fn behind_tag(found: Result<Kind, Fault>, tag: u64) -> Result<(Kind, u64), Fault> {
    match found {
        Ok(kind @ Kind::Wav(_)) => Ok((kind, tag)),
        Ok(kind @ (Kind::Flac | Kind::Adts | Kind::Mpeg)) => Ok((kind, 0)),
        Ok(Kind::Aiff | Kind::Caf | Kind::Ogg | Kind::Mp4) => unsupported("an ID3 tag before AIFF, CAF, Ogg or MP4"),
        Err(named @ Fault::Rejected(RejectCode::UnsupportedContainer, _)) => Err(named),
        // The tag's size may be wrong: the reader of MP3 searches for itself.
        Err(_) => Ok((Kind::Mpeg, 0)),
    }
}

fn head(file: &mut (impl Read + Seek), at: u64) -> Result<Vec<u8>, Fault> {
    let mut head = Vec::with_capacity(HEAD_BYTES);
    file.seek(SeekFrom::Start(at))?;
    file.by_ref().take(HEAD_BYTES as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// The length of an ID3v2 tag with its header: four bytes of seven bits each.
pub(super) fn id3v2_bytes(head: &[u8]) -> Option<u64> {
    let size = head.strip_prefix(b"ID3")?.get(3..7)?;
    Some(10 + size.iter().fold(0, |sum, &byte| (sum << 7) | u64::from(byte & 0x7F)))
}

fn classify(head: &[u8]) -> Result<Kind, Fault> {
    if head.is_empty() {
        return reject(RejectCode::EmptyFile, "the file has no bytes; the recorder made it and never wrote to it");
    }
    match Form::of(head) {
        Some(Form::W64) => return Ok(Kind::Wav(Form::W64)),
        Some(form) => return classify_riff(form, head),
        None => {}
    }
    let has = |at: usize, mark: &[u8]| head.get(at..at + mark.len()) == Some(mark);
    if let Some((_, _, kind)) = SUPPORTED.iter().find(|(at, mark, _)| has(*at, mark)) {
        return Ok(*kind);
    }
    if let Some((_, _, name)) = UNSUPPORTED.iter().find(|(at, mark, _)| has(*at, mark)) {
        return unsupported(name);
    }
    match head {
        // MPEG audio: eleven bits of sync, then a version and a layer; ADTS leaves the layer 0.
        [0xFF, b, ..] if b & 0xF6 == 0xF0 => Ok(Kind::Adts),
        [0xFF, b, ..] if b & 0xE0 == 0xE0 && b & 0x06 != 0 => Ok(Kind::Mpeg),
        _ => reject(RejectCode::NotAudio, describe(head)),
    }
}

fn classify_riff(form: Form, head: &[u8]) -> Result<Kind, Fault> {
    match head.get(8..12) {
        Some(b"WAVE") => Ok(Kind::Wav(form)),
        Some(other) => {
            let found = String::from_utf8_lossy(other).trim().to_owned();
            reject(RejectCode::UnsupportedContainer, format!("a RIFF file of form {found:?}, expected \"WAVE\""))
        }
        None => {
            reject(RejectCode::TruncatedHeader, format!("the file ends after {} bytes, inside its RIFF header of 12", head.len()))
        }
    }
}

/// Describes a file that is not audio.
fn describe(head: &[u8]) -> String {
    let expected = "expected an audio file";
    let text = |byte: &u8| matches!(byte, b'\t' | b'\n' | b'\r' | 0x20..=0x7E | 0x80..);
    if head.iter().all(|&byte| byte == 0) {
        format!("the file begins with zeros, {expected}; the recorder reserved its space and never wrote the header")
    } else if head.starts_with(b"PK\x03\x04") || head.starts_with(&[0x1F, 0x8B]) {
        format!("the file is a ZIP or gzip archive, {expected}; unpack it first")
    } else if head.iter().all(text) {
        let start: String = String::from_utf8_lossy(head).chars().take(24).collect();
        format!("the file is text that begins {start:?}, {expected}")
    } else {
        format!("unknown first bytes {:02X?}, {expected}", &head[..head.len().min(8)])
    }
}

pub(super) fn unsupported<T>(name: &str) -> Result<T, Fault> {
    reject(RejectCode::UnsupportedContainer, format!("not supported: {name}. Convert the file to WAV or FLAC"))
}

fn reject<T>(code: RejectCode, detail: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Rejected(code, detail.into()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn kind(bytes: &[u8]) -> Result<Kind, (RejectCode, String)> {
        recognise(&mut Cursor::new(bytes)).map(|(kind, _)| kind).map_err(|fault| match fault {
            Fault::Rejected(code, detail) => (code, detail),
            Fault::Io(error) => panic!("{error}"),
        })
    }

    #[test]
    fn readable_kinds_are_known_by_content() {
        let tag = |rest: &[u8]| [b"ID3\x04\0\0\0\0\0\x02..".as_slice(), rest].concat();
        for (bytes, expected) in [
            (b"RIFF\0\0\0\0WAVEfmt ".to_vec(), Kind::Wav(Form::Riff)),
            (b"RIFX\0\0\0\0WAVEfmt ".to_vec(), Kind::Wav(Form::Rifx)),
            (b"RF64\xFF\xFF\xFF\xFFWAVEds64".to_vec(), Kind::Wav(Form::Rf64)),
            (b"fLaC\0\0\0\x22".to_vec(), Kind::Flac),
            (tag(b"fLaC\0\0\0\x22"), Kind::Flac),
            (tag(b"RIFF\0\0\0\0WAVEfmt "), Kind::Wav(Form::Riff)),
            (tag(b"\xFF\xFB\x90\0"), Kind::Mpeg),
            (tag(b"\0\0\0\0\0\0\0\0"), Kind::Mpeg),
            (b"\xFF\xFB\x90\x64\0".to_vec(), Kind::Mpeg),
            (b"\xFF\xF1\x50\x80\0".to_vec(), Kind::Adts),
            (b"OggS\0\x02\0\0\0\0\0\0\x01vorbis".to_vec(), Kind::Ogg),
            (b"\0\0\0\x20ftypM4A ".to_vec(), Kind::Mp4),
            (b"FORM\0\0\0\x2EAIFFCOMM".to_vec(), Kind::Aiff),
            (b"FORM\0\0\0\x2EAIFCFVER".to_vec(), Kind::Aiff),
            (b"caff\0\x01\0\0".to_vec(), Kind::Caf),
        ] {
            assert_eq!(kind(&bytes), Ok(expected), "{bytes:02X?}");
        }
    }

    #[test]
    fn others_are_refused_by_name() {
        for (bytes, code, name) in [
            (b"".as_slice(), RejectCode::EmptyFile, "no bytes"),
            (b"\r\n", RejectCode::NotAudio, "text"),
            (b"<html><body>404</body></html>", RejectCode::NotAudio, "<html>"),
            (&[0; 4096], RejectCode::NotAudio, "zeros"),
            (b"PK\x03\x04\x14\0", RejectCode::NotAudio, "ZIP"),
            (&[1, 2, 3, 4, 0, 0xFE], RejectCode::NotAudio, "[01, 02, 03, 04, 00, FE]"),
            (b"RIFF\x10\0", RejectCode::TruncatedHeader, "6 bytes"),
            (b"RIFF\0\0\0\0AVI LIST", RejectCode::UnsupportedContainer, "AVI"),
            (b"WAac\0\x01\0\0", RejectCode::UnsupportedContainer, "Wildlife Acoustics WAC"),
            (b"ID3\x04\0\0\0\0\0\0caff\0\x01\0\0", RejectCode::UnsupportedContainer, "an ID3 tag before"),
            (b"ID3\x04\0\0\0\0\0\0wvpk\0\x01\0\0", RejectCode::UnsupportedContainer, "WavPack"),
            (b"WAAC\0\x01\0\0", RejectCode::UnsupportedContainer, "Wildlife Acoustics WAC"),
        ] {
            let (found, detail) = kind(bytes).unwrap_err();
            assert_eq!(found, code, "{detail}");
            assert!(detail.contains(name), "{detail:?} does not name {name:?}");
        }
    }
}
