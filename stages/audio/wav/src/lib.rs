//! Reads the WAV family: RIFF, RIFX (big-endian), RF64, BW64 and Sony Wave64.
//!
//! Field recorders lose power and fill cards, and other programs write sizes that wrap at 4 GiB. This reader
//! therefore believes a header no further than the file goes: nothing is allocated or skipped by a stated size
//! without a check against the length of the source, damage that does not prevent reading is reported as a [`Defect`]
//! with the number of frames that are lost, and what cannot be read is refused with a reason. Memory does not depend
//! on the length of a recording.
//!
//! Samples are f32, interleaved `[frame, channel]`: integers of `b` bits are divided by 2^(b - 1), so they lie in
//! [-1, 1); floats are as they are in the file, except that NaN and infinity read as 0 and are counted.
//!
//! Read: PCM of 1 to 64 bits, float of 32 and 64 bits, A-law, mu-law, IMA and Microsoft ADPCM. MP3 in WAV is
//! recognised ([`Body::Mp3`]), and [`Data`] says where its packets lie.
//!
//! Sources: RFC 2361 (format tags), EBU Tech 3306 (RF64), ITU-R BS.2088 (BW64), Sony's Wave64 description.
//!
//! ```
//! use chorus_wav::WavReader;
//!
//! let mut bytes = b"RIFF\x28\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1F\0\0\x80\x3E\0\0\x02\0\x10\0".to_vec();
//! bytes.extend(b"data\x04\0\0\0\0\x40\0\xC0");
//! let mut reader = WavReader::open(std::io::Cursor::new(bytes))?;
//! assert_eq!((reader.wav().format.sample_rate_hz, reader.wav().frames), (8000, 2));
//! let mut samples = Vec::new();
//! while reader.read(4096, &mut samples)? > 0 {}
//! assert_eq!(samples, [0.5, -0.5]);
//! # Ok::<_, chorus_wav::Error>(())
//! ```

mod adpcm;
pub mod bytes;
mod chunks;
mod data;
mod error;
mod form;
mod format;
mod limits;
mod pcm;
mod reader;

pub use adpcm::{Adpcm, Variant};
pub use chunks::{CHUNK_BYTES, ChunkSink};
pub use data::{Data, Extent};
pub use error::{Defect, DefectKind, Error, Reason};
pub use form::Form;
pub use format::{Body, Format};
pub use limits::{MAX_CHANNELS, MAX_SAMPLE_RATE_HZ};
pub use pcm::{Encoding, Layout};
pub use reader::{FrameReader, Wav, WavReader};
