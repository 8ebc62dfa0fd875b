//! What the fuzz targets share: recordings that lie in memory, and an account of the memory that a reader takes.

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Cursor;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use chorus_audio::container::{Facts, Reader, levels::LevelMeter};

/// Frames per read, as the stages read.
const READ_FRAMES: usize = 16_384;
/// What any recording may cost: blocks of samples, tables of codecs, the longest frame that a codec has.
const RECORDING: Bound = Bound { fixed: 16 << 20, per_byte: 64 };

#[global_allocator]
static ACCOUNT: Account = Account;
static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

/// The system's allocator, with a count of what is taken at once.
struct Account;

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Account {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        PEAK.fetch_max(NOW.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        PEAK.fetch_max(NOW.fetch_add(layout.size(), Relaxed) + layout.size(), Relaxed);
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(memory, layout) }
    }
}

/// How much memory an input may cost, bytes.
pub struct Bound {
    /// Whatever its size.
    pub fixed: usize,
    /// For each of its bytes.
    pub per_byte: usize,
}

/// What a text may cost: values of a hundred times the size of what they are read from, and no products of two sizes.
pub const TEXT: Bound = Bound { fixed: 1 << 20, per_byte: 1000 };

/// Does `work` on an input of `len` bytes, and fails when it takes more memory than `bound`. Memory that is never touched counts too.
pub fn bounded<T>(len: usize, bound: Bound, work: impl FnOnce() -> T) -> T {
    let before = NOW.load(Relaxed);
    PEAK.store(before, Relaxed);
    let done = work();
    let taken = PEAK.load(Relaxed).saturating_sub(before);
    assert!(taken <= bound.fixed + bound.per_byte * len, "{taken} bytes of memory for an input of {len}");
    done
}

/// Frames that a byte of a file can stand for at most.
fn frames_per_byte(codec: &str) -> u64 {
    match codec {
        _ if codec.starts_with("pcm_") => 1,
        // Four bits a sample.
        _ if codec.starts_with("adpcm_") => 2,
        // A FLAC frame of one value has up to 65,535 samples in 8 bytes; what is lost between frames reads as silence.
        _ => 1 << 16,
    }
}

/// Frames that the coded silence of an AudioMoth can stand for besides: a day.
fn coded_silence(reader: &Reader) -> u64 {
    let facts = reader.facts();
    if facts.channels == 1 { 24 * 3600 * u64::from(facts.sample_rate_hz) } else { 0 }
}

/// Reads a recording to its end as `ingest` does. What was read has to be what the facts say, and no more than the file can hold.
pub fn read_all(bytes: &[u8]) -> Option<Facts> {
    let source = Box::new(Cursor::new(bytes.to_vec()));
    bounded(bytes.len(), RECORDING, || {
        let mut reader = Reader::new(source, "recording".to_owned()).ok()?;
        let (channels, mut frames) = (usize::from(reader.facts().channels), 0);
        let most_frames = frames_per_byte(&reader.facts().codec) * bytes.len() as u64 + coded_silence(&reader);
        let (mut meter, mut samples) = (LevelMeter::new(reader.facts()), Vec::new());
        loop {
            let read = reader.read(READ_FRAMES, &mut samples).ok()?;
            assert!(read <= READ_FRAMES && samples.len() == read * channels);
            meter.push(&samples);
            frames += read as u64;
            assert!(frames <= most_frames, "{frames} frames in {} bytes", bytes.len());
            if read == 0 {
                break;
            }
        }
        let facts = reader.facts().clone();
        assert_eq!(frames, facts.frames);
        assert!(frames > 0 && facts.sample_rate_hz > 0 && facts.time_expansion.is_finite());
        let lost_s = facts.repair.as_ref().and_then(|repair| repair.lost_s);
        assert!(lost_s.is_none_or(|seconds| seconds >= 0.0 && seconds.is_finite()));
        let levels = meter.levels();
        assert!((0.0..=1.0).contains(&levels.clipped_fraction) && levels.dc_offset.is_finite());
        Some(facts)
    })
}
