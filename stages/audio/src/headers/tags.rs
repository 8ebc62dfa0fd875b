//! The raw headers of a file, as far as they are read at all.

/// The most that is read of one header.
pub(crate) const TAG_BYTES: u64 = chorus_wav::CHUNK_BYTES;

/// Payloads of the chunks and tags that headers are read from, each at most [`TAG_BYTES`]; the first of each kind.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Tags {
    /// `guan`.
    pub(crate) guano: Option<Vec<u8>>,
    /// `wamd`.
    pub(crate) wamd: Option<Vec<u8>>,
    /// `bext`.
    pub(crate) bext: Option<Vec<u8>>,
    /// `ICMT` in a `LIST` of type `INFO`, or the like.
    pub(crate) comment: Option<Vec<u8>>,
    /// `IART` there.
    pub(crate) artist: Option<Vec<u8>>,
    /// The first other header of each kind that is not the same to the byte: it may contradict the one that counts.
    pub(crate) again: Option<Box<Tags>>,
}

/// Where a header of some kind is kept.
type Kind = fn(&mut Tags) -> &mut Option<Vec<u8>>;

impl Tags {
    /// Whether a chunk of this name holds a header.
    pub(crate) fn is_header(id: &[u8; 4]) -> bool {
        matches!(id, b"guan" | b"wamd" | b"bext" | b"LIST" | b"junk" | b"JUNK")
    }

    /// Takes a chunk of a file of the WAV family. `big_endian` is true for RIFX.
    pub(crate) fn take_chunk(&mut self, id: &[u8; 4], payload: &[u8], big_endian: bool) {
        /// The first entry of a `wamd` chunk: its version, of two bytes. Song Meters of an early firmware called the chunk
        /// `junk`.
        const WAMD_START: &[u8] = &[0, 0, 2, 0, 0, 0];
        let kind: Kind = match id {
            b"guan" => |tags| &mut tags.guano,
            b"wamd" => |tags| &mut tags.wamd,
            b"bext" => |tags| &mut tags.bext,
            b"junk" | b"JUNK" if payload.starts_with(WAMD_START) => |tags| &mut tags.wamd,
            b"LIST" => return self.take_info(payload, big_endian),
            _ => return,
        };
        self.keep(kind, payload);
    }

    /// Keeps the first header of a kind, and the first other one that differs from it.
    fn keep(&mut self, kind: Kind, bytes: &[u8]) {
        if kind(self).is_none() {
            *kind(self) = Some(bytes.to_vec());
        } else if kind(self).as_deref() != Some(bytes) {
            let again: &mut Tags = self.again.get_or_insert_default();
            kind(again).get_or_insert_with(|| bytes.to_vec());
        }
    }

    /// Takes comment and artist from the payload of a `LIST` chunk, when it is of type `INFO`.
    fn take_info(&mut self, list: &[u8], big_endian: bool) {
        let Some(mut rest) = list.strip_prefix(b"INFO") else { return };
        while let Some((head, tail)) = rest.split_at_checked(8) {
            let size = [head[4], head[5], head[6], head[7]];
            let size = if big_endian { u32::from_be_bytes(size) } else { u32::from_le_bytes(size) };
            let size = (size as usize).min(tail.len());
            let text = &tail[..size];
            match &head[..4] {
                b"ICMT" => self.take_comment(text),
                b"IART" => self.keep(|tags| &mut tags.artist, text),
                _ => {}
            }
            rest = tail.get(size + size % 2..).unwrap_or_default();
        }
    }

    /// Takes a comment. The first one counts, and one in a recorder's words before all others: converters and people add their own.
    fn take_comment(&mut self, text: &[u8]) {
        const OF_RECORDERS: &[u8] = b"Recorded at ";
        let is_of_recorder = |text: &[u8]| text.windows(OF_RECORDERS.len()).any(|part| part == OF_RECORDERS);
        if self.comment.as_deref().is_none_or(|first| !is_of_recorder(first) && is_of_recorder(text)) {
            self.comment = Some(text.to_vec());
        } else if is_of_recorder(text) {
            self.keep(|tags| &mut tags.comment, text);
        }
    }

    /// Takes a block of Vorbis comments: vendor, then `KEY=value` entries, each with its length before it, little-endian
    /// (<https://xiph.org/vorbis/doc/v-comment.html>).
    pub(crate) fn take_vorbis(&mut self, block: &[u8]) {
        let Some((_vendor, rest)) = prefixed(block) else { return };
        let mut rest = rest.get(4..).unwrap_or_default();
        while let Some((entry, after)) = prefixed(rest) {
            rest = after;
            let Some(equals) = entry.iter().position(|&byte| byte == b'=') else { continue };
            let (key, value) = (&entry[..equals], &entry[equals + 1..]);
            let kind: Kind = match key.to_ascii_uppercase().as_slice() {
                b"GUANO" => |tags| &mut tags.guano,
                b"COMMENT" | b"DESCRIPTION" | b"ICMT" => {
                    self.take_comment(value);
                    continue;
                }
                b"ARTIST" => |tags| &mut tags.artist,
                _ => continue,
            };
            self.keep(kind, value);
        }
    }

    /// Takes a chunk that `flac --keep-foreign-metadata` put into an APPLICATION block: the id `riff`, then the chunk with its
    /// own head.
    pub(crate) fn take_foreign(&mut self, block: &[u8]) {
        let Some((id, [s1, s2, s3, s4, payload @ ..])) = block.strip_prefix(b"riff").and_then(|b| b.split_first_chunk::<4>())
        else {
            return;
        };
        let size = (u32::from_le_bytes([*s1, *s2, *s3, *s4]) as usize).min(payload.len());
        self.take_chunk(id, &payload[..size], false);
    }
}

/// Bytes with their number before them, and what follows.
fn prefixed(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (size, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_le_bytes(*size) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(text: &str) -> Vec<u8> {
        [&(text.len() as u32).to_le_bytes(), text.as_bytes()].concat()
    }

    #[test]
    fn comment_and_artist_of_an_info_list() {
        let list = b"INFOIART\x03\0\0\0Me\0\0ICMT\x04\0\0\0noteICMT\x02\0\0\0no";
        let mut tags = Tags::default();
        tags.take_chunk(b"LIST", list, false);
        assert_eq!((tags.comment.as_deref(), tags.artist.as_deref()), (Some(b"note".as_slice()), Some(b"Me\0".as_slice())));
        let mut big = Tags::default();
        big.take_chunk(b"LIST", b"INFOICMT\0\0\0\x04note", true);
        assert_eq!(big.comment.as_deref(), Some(b"note".as_slice()));
    }

    #[test]
    fn vorbis_comments_whatever_the_case_of_their_keys() {
        let block =
            [entry("a vendor"), 3u32.to_le_bytes().to_vec(), entry("Comment=a=b"), entry("nothing"), entry("ARTIST=me")].concat();
        let mut tags = Tags::default();
        tags.take_vorbis(&block);
        assert_eq!((tags.comment.as_deref(), tags.artist.as_deref()), (Some(b"a=b".as_slice()), Some(b"me".as_slice())));
    }

    #[test]
    fn a_recorder_s_comment_goes_before_another() {
        let sentence = "Recorded at 19:00:00 01/03/2020 (UTC-3) by AudioMoth 24E144055E080032";
        let moth = format!("DESCRIPTION={sentence}");
        for entries in [["COMMENT=checked by Ana", moth.as_str()], [moth.as_str(), "COMMENT=checked by Ana"]] {
            let block = [entry("vendor"), 2u32.to_le_bytes().to_vec(), entry(entries[0]), entry(entries[1])].concat();
            let mut tags = Tags::default();
            tags.take_vorbis(&block);
            assert_eq!(tags.comment.as_deref(), Some(sentence.as_bytes()), "{entries:?}");
        }
    }

    #[test]
    fn the_first_header_counts_and_another_one_is_kept_beside_it() {
        let mut tags = Tags::default();
        for payload in [b"one".as_slice(), b"one", b"two", b"three"] {
            tags.take_chunk(b"guan", payload, false);
        }
        assert_eq!(tags.guano.as_deref(), Some(b"one".as_slice()));
        assert_eq!(tags.again.unwrap().guano.as_deref(), Some(b"two".as_slice()));
    }

    #[test]
    fn chunks_that_flac_kept() {
        let mut tags = Tags::default();
        tags.take_foreign(b"riffguan\x05\0\0\0GUANO\0");
        assert_eq!(tags.guano.as_deref(), Some(b"GUANO".as_slice()));
    }

    #[test]
    fn a_wamd_chunk_under_its_early_name() {
        let mut tags = Tags::default();
        tags.take_chunk(b"junk", &[0; 8], false);
        assert_eq!(tags, Tags::default());
        tags.take_chunk(b"junk", &[0, 0, 2, 0, 0, 0, 1, 0], false);
        assert!(tags.wamd.is_some());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), id in prop::sample::select(vec![*b"LIST", *b"guan", *b"junk"])) {
            let mut tags = Tags::default();
            tags.take_chunk(&id, &bytes, true);
            tags.take_chunk(b"LIST", &[b"INFO".as_slice(), &bytes].concat(), false);
            tags.take_vorbis(&bytes);
            tags.take_foreign(&bytes);
            tags.take_foreign(&[b"riffLIST".as_slice(), &bytes].concat());
        }
    }
}
