//! An object that is read while it arrives.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use chorus_platform::at;
use futures::StreamExt;
use futures::stream::BoxStream;
use object_store::Error;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;

use crate::scratch::Space;
use crate::words::in_words;

/// An object of known size. Reading waits for the bytes that it needs. What has not arrived when it is dropped is not fetched.
#[derive(Debug)]
pub(crate) struct Incoming {
    shared: Arc<Shared>,
    size: u64,
    position: u64,
    fetching: AbortHandle,
}

#[derive(Debug)]
struct Shared {
    space: Space,
    arrived: Mutex<Arrived>,
    more: Condvar,
}

#[derive(Debug, Default)]
struct Arrived {
    bytes: u64,
    /// Why no more will come.
    failure: Option<String>,
}

impl Incoming {
    /// Fetches an object of `size` bytes in the background.
    pub(crate) fn fetch(
        runtime: &Handle,
        mut body: BoxStream<'static, Result<bytes::Bytes, Error>>,
        size: u64,
        space: Space,
    ) -> Self {
        let shared = Arc::new(Shared { space, arrived: Mutex::default(), more: Condvar::new() });
        let filled = Arc::clone(&shared);
        let fetching = runtime.spawn(async move {
            let mut offset = 0;
            let failure = loop {
                match body.next().await {
                    None if offset < size => break format!("it ended after {offset} of {size} bytes"),
                    None => return,
                    Some(Err(error)) => break in_words(&error),
                    Some(Ok(chunk)) => {
                        // More than was announced is not the object that was asked for.
                        if offset + chunk.len() as u64 > size {
                            break format!("more than its {size} bytes came");
                        }
                        if let Err(error) = at::write_all_at(&filled.space.file, &chunk, offset) {
                            break format!("scratch space for it cannot be written: {error}");
                        }
                        offset += chunk.len() as u64;
                        filled.arrived.lock().unwrap_or_else(PoisonError::into_inner).bytes = offset;
                        filled.more.notify_all();
                    }
                }
            };
            filled.arrived.lock().unwrap_or_else(PoisonError::into_inner).failure = Some(failure);
            filled.more.notify_all();
        });
        Self { shared, size, position: 0, fetching: fetching.abort_handle() }
    }

    /// Waits until there is a byte at the position; gives how many there are from there on.
    fn wait(&self) -> io::Result<u64> {
        let arrived = self.shared.arrived.lock().unwrap_or_else(PoisonError::into_inner);
        let waits = |arrived: &mut Arrived| arrived.bytes <= self.position && arrived.failure.is_none();
        let arrived = self.shared.more.wait_while(arrived, waits).unwrap_or_else(PoisonError::into_inner);
        match &arrived.failure {
            Some(failure) if arrived.bytes <= self.position => Err(io::Error::other(failure.clone())),
            _ => Ok(arrived.bytes - self.position),
        }
    }
}

impl Read for Incoming {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.size || buffer.is_empty() {
            return Ok(0);
        }
        let most = usize::try_from(self.wait()?).unwrap_or(usize::MAX).min(buffer.len());
        let read = at::read_at(&self.shared.space.file, &mut buffer[..most], self.position)?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for Incoming {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.size.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        self.position = position.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a position before the beginning"))?;
        Ok(self.position)
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        self.fetching.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use bytes::Bytes;
    use std::time::Duration;

    fn runtime() -> tokio::runtime::Runtime {
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_time().build().unwrap()
    }

    /// Chunks that come one after the other, each a moment later.
    fn body(chunks: Vec<Result<Bytes, Error>>) -> BoxStream<'static, Result<Bytes, Error>> {
        futures::stream::iter(chunks)
            .then(|chunk| async {
                tokio::time::sleep(Duration::from_millis(5)).await;
                chunk
            })
            .boxed()
    }

    fn incoming(runtime: &tokio::runtime::Runtime, chunks: Vec<Result<Bytes, Error>>, size: u64) -> Incoming {
        Incoming::fetch(runtime.handle(), body(chunks), size, Scratch::new(1000).space(size).unwrap())
    }

    #[test]
    fn an_object_is_read_in_any_order_while_it_arrives() {
        let runtime = runtime();
        let chunks = (0..10_u8).map(|i| Ok(Bytes::from(vec![i; 10]))).collect();
        let mut object = incoming(&runtime, chunks, 100);
        let mut two = [0; 2];
        object.read_exact(&mut two).unwrap();
        assert_eq!(two, [0, 0]);
        assert_eq!(object.seek(SeekFrom::End(-1)).unwrap(), 99);
        object.read_exact(&mut two[..1]).unwrap();
        assert_eq!((two[0], object.read(&mut two).unwrap()), (9, 0));
        object.rewind().unwrap();
        let mut all = Vec::new();
        object.read_to_end(&mut all).unwrap();
        assert_eq!(all, (0..10_u8).flat_map(|i| [i; 10]).collect::<Vec<u8>>());
        assert!(object.seek(SeekFrom::Current(-200)).is_err());
    }

    #[test]
    fn an_object_that_ends_early_or_fails_is_an_error_where_bytes_are_missing() {
        let runtime = runtime();
        let failed = Error::Generic { store: "S3", source: "connection reset".into() };
        for (rest, wanted) in [
            (vec![], "ended after 10 of 100 bytes"),
            (vec![Err(failed)], "connection reset"),
            (vec![Ok(Bytes::from(vec![1; 91]))], "more than its 100 bytes"),
        ] {
            let mut chunks = vec![Ok(Bytes::from(vec![1; 10]))];
            chunks.extend(rest);
            let mut object = incoming(&runtime, chunks, 100);
            let mut ten = [0; 10];
            object.read_exact(&mut ten).unwrap();
            assert_eq!(ten, [1; 10]);
            let error = object.read(&mut ten).unwrap_err().to_string();
            assert!(error.contains(wanted), "{error}");
        }
    }
}
