//! The hash of a file's content, taken while the file is read.
//!
//! A reader reads a header, looks at a few places further on, and then reads the samples from front to back. Bytes that are
//! read in order are hashed on the way. A short gap (a chunk that the reader skips) is read for the hash alone. Bytes far
//! ahead, such as the tail of a WAV file or an index at the end of an MP4, are hashed only when they are reached in order. So
//! these bytes are read twice, and all others once. Bytes that the reader never reaches (after a defect, or in a refused file)
//! are read by [`ContentHash::finish`].

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex};

use chorus_archive::ReadSeek;
use chorus_engine::locked;

/// The longest gap that is read for the hash alone, bytes. Longer gaps are mostly jumps to the end of a file and back.
const SHORT_GAP: u64 = 256 * 1024;
/// Bytes that are read at a time.
const BLOCK_BYTES: usize = 64 * 1024;
/// Digits of a content hash.
const DIGITS: usize = 32;

/// A file whose content is hashed while it is read, and the hash.
pub fn hashed(file: Box<dyn ReadSeek>) -> (Box<dyn ReadSeek>, ContentHash) {
    let shared = Arc::new(Mutex::new(Shared { file, at: 0, hasher: blake3::Hasher::new(), hashed: 0 }));
    (Box::new(Hashed { shared: Arc::clone(&shared), at: 0 }), ContentHash(shared))
}

/// The hash of a file that is being read.
#[derive(Debug)]
pub struct ContentHash(Arc<Mutex<Shared>>);

impl ContentHash {
    /// Reads what was not read so far and returns the hash of the whole content, 32 hexadecimal digits.
    ///
    /// # Errors
    /// Those of reading.
    pub fn finish(self) -> io::Result<String> {
        let mut shared = locked(&self.0);
        shared.hash_until(u64::MAX)?;
        Ok(shared.hasher.finalize().to_hex()[..DIGITS].to_owned())
    }
}

/// The reader's side.
struct Hashed {
    shared: Arc<Mutex<Shared>>,
    at: u64,
}

#[derive(Debug)]
struct Shared {
    file: Box<dyn ReadSeek>,
    /// Where the file is.
    at: u64,
    hasher: blake3::Hasher,
    /// Bytes from the start of the file that are hashed.
    hashed: u64,
}

impl Shared {
    fn read(&mut self, at: u64, buffer: &mut [u8]) -> io::Result<usize> {
        if at != self.at {
            self.file.seek(SeekFrom::Start(at))?;
            self.at = at;
        }
        let read = self.file.read(buffer)?;
        self.at += read as u64;
        if let Some(known) = self.hashed.checked_sub(at)
            && let Some(new) = usize::try_from(known).ok().and_then(|known| buffer[..read].get(known..))
        {
            self.hasher.update(new);
            self.hashed += new.len() as u64;
        }
        Ok(read)
    }

    /// Reads and hashes in order up to byte `end`, or to the end of the file.
    fn hash_until(&mut self, end: u64) -> io::Result<()> {
        let mut block = vec![0; BLOCK_BYTES];
        while self.hashed < end {
            let wanted = (end - self.hashed).min(BLOCK_BYTES as u64) as usize;
            match self.read(self.hashed, &mut block[..wanted]) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

impl Read for Hashed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut shared = locked(&self.shared);
        if (1..=SHORT_GAP).contains(&self.at.saturating_sub(shared.hashed)) {
            shared.hash_until(self.at)?;
        }
        let read = shared.read(self.at, buffer)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Hashed {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = match to {
            SeekFrom::Start(at) => at,
            SeekFrom::Current(by) => self.at.checked_add_signed(by).ok_or(io::ErrorKind::InvalidInput)?,
            SeekFrom::End(_) => {
                let mut shared = locked(&self.shared);
                let at = shared.file.seek(to)?;
                shared.at = at;
                at
            }
        };
        Ok(self.at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Cursor;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// Counts the bytes that are read of it.
    struct Counting(Cursor<Vec<u8>>, Arc<AtomicU64>);

    impl Read for Counting {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let read = self.0.read(buffer)?;
            self.1.fetch_add(read as u64, Ordering::Relaxed);
            Ok(read)
        }
    }

    impl Seek for Counting {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            self.0.seek(to)
        }
    }

    fn bytes(len: usize) -> Vec<u8> {
        (0..len).map(|i| (i * 7 + i / 256) as u8).collect()
    }

    fn hash(bytes: &[u8]) -> String {
        blake3::hash(bytes).to_hex()[..DIGITS].to_owned()
    }

    #[test]
    fn a_leap_to_the_end_costs_its_own_bytes_and_a_skipped_chunk_nothing() {
        let (bytes, read) = (bytes(2_000_000), Arc::new(AtomicU64::new(0)));
        let (mut file, content) = hashed(Box::new(Counting(Cursor::new(bytes.clone()), Arc::clone(&read))));
        let mut head = [0; 100];
        file.read_exact(&mut head).unwrap();
        file.seek(SeekFrom::End(-50)).unwrap();
        file.read_exact(&mut head[..50]).unwrap();
        assert_eq!(head[..50], bytes[bytes.len() - 50..]);
        file.seek(SeekFrom::Start(5000)).unwrap();
        let mut rest = Vec::new();
        file.read_to_end(&mut rest).unwrap();
        assert!(rest == bytes[5000..]);
        drop(file);
        assert_eq!(content.finish().unwrap(), hash(&bytes));
        assert_eq!(read.load(Ordering::Relaxed), bytes.len() as u64 + 50);
    }

    proptest! {
        #[test]
        fn however_it_is_read_the_hash_is_that_of_the_content(
            len in 0..700_000_usize,
            steps in prop::collection::vec((any::<prop::sample::Index>(), 0..300_000_usize), 0..8),
        ) {
            let bytes = bytes(len);
            let (mut file, content) = hashed(Box::new(Cursor::new(bytes.clone())));
            for (at, wanted) in steps {
                let at = at.index(len + 10);
                file.seek(SeekFrom::Start(at as u64)).unwrap();
                let mut found = Vec::new();
                (&mut file).take(wanted as u64).read_to_end(&mut found).unwrap();
                prop_assert!(found == bytes[at.min(len)..(at + wanted).min(len)]);
            }
            prop_assert_eq!(content.finish().unwrap(), hash(&bytes));
        }
    }
}
