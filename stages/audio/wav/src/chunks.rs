//! The chunk walk: where the format, the data and the headers of a WAV-family file lie, whatever its sizes claim.

use std::io::{Read, Seek};

use crate::bytes::{length, payload, read_at};
use crate::data::{Data, Extent};
use crate::error::{Defect, DefectKind, Error, Reason};
use crate::form::Form;

/// The most that is read of a chunk that a [`ChunkSink`] wants, bytes.
pub const CHUNK_BYTES: u64 = 64 * 1024;

/// Receives chunks beside the format and the data: what recorders write there.
pub trait ChunkSink {
    /// Whether a chunk of this name is wanted.
    fn wants(&self, id: &[u8; 4]) -> bool;

    /// Receives the payload of a wanted chunk, at most [`CHUNK_BYTES`] of it. `big_endian` is true for RIFX.
    fn take(&mut self, id: &[u8; 4], payload: &[u8], big_endian: bool);
}

/// Wants nothing.
impl ChunkSink for () {
    fn wants(&self, _: &[u8; 4]) -> bool {
        false
    }

    fn take(&mut self, _: &[u8; 4], _: &[u8], _: bool) {}
}

/// Chunks looked at before a file counts as rubbish. Real files have fewer than twenty.
pub(crate) const MAX_CHUNKS: usize = 4096;
/// How far to search for the next usable chunk behind one with a wrong size.
const SCAN_BYTES: usize = 1 << 20;
/// The most that is read of a `fmt ` chunk: WAVE_FORMAT_EXTENSIBLE takes 40 bytes.
const FMT_BYTES: u64 = 40;
/// How far before the end of a file headers are searched for when the data's size does not lead to them.
const TAIL_BYTES: u64 = 2 * CHUNK_BYTES;
/// Chunks that may stand there: recorders write three at most.
const MAX_LAST_CHUNKS: usize = 16;
/// The last 12 bytes of Wave64's `fmt ` and `data` GUIDs.
const W64_CHUNK_TAIL: [u8; 12] = [0xF3, 0xAC, 0xD3, 0x11, 0x8C, 0xD1, 0x00, 0xC0, 0x4F, 0x8E, 0xDB, 0x8A];
/// Names that decide whether an odd chunk's pad byte is there.
const KNOWN: [&[u8; 4]; 16] = [
    b"fmt ", b"data", b"LIST", b"fact", b"guan", b"wamd", b"bext", b"iXML", b"junk", b"JUNK", b"PAD ", b"cue ", b"smpl", b"id3 ",
    b"PEAK", b"INFO",
];

/// The parts of a file that reading needs.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    /// The start of the `fmt ` chunk's payload, at most [`FMT_BYTES`].
    pub(crate) fmt: Vec<u8>,
    pub(crate) data: Option<Data>,
    /// Bytes of data chunks behind the first.
    pub(crate) later_data_bytes: u64,
    /// Whether there are more chunks than are looked at.
    pub(crate) gave_up: bool,
    pub(crate) defects: Vec<Defect>,
}

#[derive(Debug, Clone, Copy)]
struct Chunk {
    id: [u8; 4],
    start: u64,
    size: u64,
}

/// Walks the chunks of `source`, whose header begins at byte `start`, and gathers what is needed.
pub(crate) fn outline<R: Read + Seek>(
    source: &mut R,
    form: Form,
    start: u64,
    sink: &mut dyn ChunkSink,
) -> Result<Outline, Error> {
    let len = length(source)?;
    let mut found = Outline::default();
    if start > 0 {
        found.skipped(format!("a tag of {start} bytes stands before the header and was jumped over"), Some(0));
    }
    let mut walk = Walk { source, sink, form, len, long_data_size: None, found };
    walk.run(start)?;
    if walk.found.fmt.len() < 16 {
        return Err(walk.no_format());
    }
    Ok(walk.found)
}

impl Outline {
    fn skipped(&mut self, detail: String, lost_frames: Option<u64>) {
        self.defects.push(Defect { kind: DefectKind::BadChunk, detail, lost_frames });
    }
}

struct Walk<'s, R> {
    source: &'s mut R,
    sink: &'s mut dyn ChunkSink,
    form: Form,
    len: u64,
    /// RF64's 64-bit data size, from its `ds64` chunk.
    long_data_size: Option<u64>,
    found: Outline,
}

impl<R: Read + Seek> Walk<'_, R> {
    fn run(&mut self, start: u64) -> Result<(), Error> {
        let mut at = start.saturating_add(if self.form == Form::W64 { 40 } else { 12 });
        for _ in 0..MAX_CHUNKS {
            let Some(chunk) = self.chunk_at(at)? else { return Ok(()) };
            if self.is_name(&chunk.id) {
                self.take(&chunk)?;
            }
            if self.found.data.as_ref().is_some_and(|data| data.extent != Extent::Stated) {
                return self.headers_at_the_end();
            }
            at = match self.next(&chunk)? {
                Some(next) => next,
                None => match self.rescue(&chunk)? {
                    Some(next) => next,
                    None => return Ok(()),
                },
            };
        }
        self.found.gave_up = true;
        Ok(())
    }

    fn chunk_at(&mut self, at: u64) -> Result<Option<Chunk>, Error> {
        if self.form == Form::W64 {
            let mut head = [0; 24];
            if read_at(self.source, at, &mut head)? < head.len() {
                return Ok(None);
            }
            let known = head[4..16] == W64_CHUNK_TAIL;
            let size = u64::from_le_bytes(eight(&head[16..]));
            return Ok(Some(Chunk {
                id: if known { four(&head) } else { *b"----" },
                start: at + 24,
                size: size.saturating_sub(24),
            }));
        }
        let mut head = [0; 8];
        if read_at(self.source, at, &mut head)? < head.len() {
            return Ok(None);
        }
        let id = four(&head);
        let size = match (self.u32(&head[4..]), self.long_data_size) {
            (u32::MAX, Some(long)) if &id == b"data" => long,
            (size, _) => u64::from(size),
        };
        Ok(Some(Chunk { id, start: at + 8, size }))
    }

    fn u32(&self, bytes: &[u8]) -> u32 {
        match self.form {
            Form::Rifx => u32::from_be_bytes(four(bytes)),
            _ => u32::from_le_bytes(four(bytes)),
        }
    }

    fn is_name(&self, id: &[u8; 4]) -> bool {
        id.iter().all(|byte| (0x20..0x7F).contains(byte))
    }

    fn take(&mut self, chunk: &Chunk) -> Result<(), Error> {
        match &chunk.id {
            b"fmt " if self.found.fmt.is_empty() => self.found.fmt = self.payload(chunk, FMT_BYTES)?,
            b"ds64" => {
                let ds64 = self.payload(chunk, 16)?;
                self.long_data_size = ds64.get(8..16).map(|bytes| u64::from_le_bytes(eight(bytes)));
            }
            b"data" if self.found.data.is_none() => self.found.data = Some(self.data(chunk)?),
            b"data" => self.found.later_data_bytes += chunk.size.min(self.len.saturating_sub(chunk.start)),
            id if self.sink.wants(id) => {
                let payload = self.payload(chunk, CHUNK_BYTES)?;
                self.sink.take(id, &payload, self.form.is_big_endian());
            }
            _ => {}
        }
        Ok(())
    }

    fn payload(&mut self, chunk: &Chunk, limit: u64) -> Result<Vec<u8>, Error> {
        Ok(payload(self.source, chunk.start, chunk.size, limit)?)
    }

    /// Decides how far the data goes.
    fn data(&mut self, chunk: &Chunk) -> Result<Data, Error> {
        let rest = self.len.saturating_sub(chunk.start);
        let to_end = |why| Data::to_end_of_file(chunk.start, rest, why);
        let size = chunk.size;
        Ok(if size == 0 && rest > 0 && !self.ends_in_chunks(chunk.start)? {
            to_end("0, as when a recorder loses power")
        } else if size == 1 && rest > 1 && !self.ends_in_chunks(chunk.start + 1)? && !self.ends_in_chunks(chunk.start + 2)? {
            to_end("1, and what follows is no chunk")
        } else if size > rest && is_placeholder(size) {
            to_end("a placeholder, as when a recorder loses power or writes to a pipe")
        } else if size <= rest && self.form == Form::Riff && wrapped(size, rest) {
            to_end("the remainder of a size over 4 GiB")
        } else {
            Data::stated(chunk.start, size, rest)
        })
    }

    /// Looks for headers behind data whose size is of no use, so that nothing else leads to them: a chunk of a known name from
    /// which whole chunks lead to the very end of the file. The data ends where they begin.
    fn headers_at_the_end(&mut self) -> Result<(), Error> {
        let Some(data) = self.found.data.clone().filter(|_| self.form != Form::W64) else { return Ok(()) };
        let from = data.start.max(self.len.saturating_sub(TAIL_BYTES));
        let mut tail = vec![0; self.len.saturating_sub(from) as usize];
        let read = read_at(self.source, from, &mut tail)?;
        tail.truncate(read);
        let is_header = |at: usize| tail[at..].first_chunk().is_some_and(|id| self.sink.wants(id));
        let Some(first) = (0..tail.len()).find(|&at| is_header(at) && self.leads_to_the_end(&tail, at)) else { return Ok(()) };
        let mut at = from + first as u64;
        self.found.data = Some(Data { available: at - data.start, ..data });
        for _ in 0..MAX_LAST_CHUNKS {
            let Some(chunk) = self.chunk_at(at)? else { break };
            self.take(&chunk)?;
            at = chunk.start + chunk.size + chunk.size % 2;
        }
        Ok(())
    }

    /// Whether a few whole chunks from `at` on fill the rest of `tail`.
    fn leads_to_the_end(&self, tail: &[u8], mut at: usize) -> bool {
        for _ in 0..MAX_LAST_CHUNKS {
            let Some(head) = tail.get(at..).and_then(|rest| rest.first_chunk::<8>()) else { break };
            let size = self.u32(&head[4..]) as usize;
            if !self.is_name(&four(head)) || size > tail.len() - at - 8 {
                return false;
            }
            at += 8 + size + size % 2;
        }
        at >= tail.len()
    }

    /// Whether everything from `at` on is well-formed chunks: then an empty data chunk before it is truly empty.
    fn ends_in_chunks(&mut self, mut at: u64) -> Result<bool, Error> {
        for _ in 0..MAX_CHUNKS {
            match self.chunk_at(at)? {
                Some(chunk) if self.is_name(&chunk.id) && chunk.size <= self.len.saturating_sub(chunk.start) => {
                    at = chunk.start + chunk.size + chunk.size % 2;
                }
                Some(_) => return Ok(false),
                None => return Ok(at >= self.len),
            }
        }
        Ok(false)
    }

    /// Where the next chunk begins; None when this one can't be trusted to say.
    fn next(&mut self, chunk: &Chunk) -> Result<Option<u64>, Error> {
        let end = chunk.start.saturating_add(chunk.size);
        if end > self.len || !self.is_name(&chunk.id) {
            return Ok(None);
        }
        if self.form == Form::W64 {
            return Ok(Some(end.next_multiple_of(8)));
        }
        // Some writers forget the byte that pads an odd chunk.
        if chunk.size % 2 == 1 && self.rank(end)? > self.rank(end + 1)? {
            return Ok(Some(end));
        }
        Ok(Some(end + chunk.size % 2))
    }

    /// How much the bytes at `at` look like the name of a chunk.
    fn rank(&mut self, at: u64) -> Result<u8, Error> {
        Ok(match self.chunk_at(at)? {
            Some(chunk) if KNOWN.contains(&&chunk.id) => 2,
            Some(chunk) if self.is_name(&chunk.id) => 1,
            _ => 0,
        })
    }

    /// Searches behind a chunk with a wrong size or a name of rubbish for the next part that is still missing.
    fn rescue(&mut self, chunk: &Chunk) -> Result<Option<u64>, Error> {
        let wanted = match &self.found {
            Outline { fmt, .. } if fmt.is_empty() => b"fmt ",
            Outline { data: None, .. } => b"data",
            _ => {
                self.note_rubbish(chunk);
                return Ok(None);
            }
        };
        let mut bytes = vec![0; SCAN_BYTES.min(self.len.saturating_sub(chunk.start) as usize)];
        let read = read_at(self.source, chunk.start, &mut bytes)?;
        let Some(offset) = bytes[..read].windows(4).position(|window| window == wanted) else {
            return Ok(None);
        };
        let name = String::from_utf8_lossy(&chunk.id).into_owned();
        self.found.skipped(format!("chunk {name:?} states {} bytes and was jumped over", chunk.size), Some(0));
        Ok(Some(chunk.start + offset as u64))
    }

    /// Notes bytes behind the data that are no chunk: they may be sound that a wrong size leaves out. Zeros are only padding.
    fn note_rubbish(&mut self, chunk: &Chunk) {
        let is_stated = self.found.data.as_ref().is_some_and(|data| data.extent == Extent::Stated);
        if !is_stated || self.form == Form::W64 || self.is_name(&chunk.id) || chunk.id == [0; 4] {
            return;
        }
        let bytes = self.len.saturating_sub(chunk.start) + 8;
        self.found.skipped(format!("{bytes} bytes at the end of the file are no chunk and were not read"), None);
    }

    fn no_format(&self) -> Error {
        // The shortest header with a whole `fmt ` chunk: 12 bytes of RIFF, 8 of chunk header, 16 of payload.
        if self.found.gave_up && self.found.fmt.is_empty() {
            let found = format!("the first {MAX_CHUNKS} chunks hold no format, and no more of them are looked at");
            Error::refused(Reason::BadHeader, found)
        } else if self.len < 36 {
            Error::refused(
                Reason::TruncatedHeader,
                format!("the file ends after {} bytes, inside its header of at least 36", self.len),
            )
        } else {
            Error::refused(
                Reason::BadHeader,
                format!("found {} bytes of a fmt chunk, expected at least 16", self.found.fmt.len()),
            )
        }
    }
}

/// The sizes that writers put down before they know better (0xFFFFFFFF and 0x7FFFF000 by far the most), less what
/// headers take off.
fn is_placeholder(size: u64) -> bool {
    matches!(size, 0x7FFF_F000..=0x7FFF_FFFF | 0xFFFF_FF00..=0xFFFF_FFFF) || size >= u64::MAX - 0xFFFF
}

/// Whether `size` is what 32 bits keep of `rest`, which a byte of padding may belong to.
fn wrapped(size: u64, rest: u64) -> bool {
    let over = rest - size;
    over >= 1 << 32 && over % (1 << 32) <= 1
}

fn four(bytes: &[u8]) -> [u8; 4] {
    let mut out = [0; 4];
    out.copy_from_slice(&bytes[..4]);
    out
}

fn eight(bytes: &[u8]) -> [u8; 8] {
    let mut out = [0; 8];
    out.copy_from_slice(&bytes[..8]);
    out
}
