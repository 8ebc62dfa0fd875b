//! All vectors of chosen rows, block by block, on all threads.
//!
//! A block is read from its file (from the page cache, where it is there), its vectors become float32, and whoever scans takes what it
//! needs of them while they are in the processor's cache. Memory holds one block for each thread.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};

use chorus_tables::{ArrayBuffer, Arrays};
use half::f16;
use half::slice::{HalfBitsSliceExt, HalfFloatSliceExt};
use rayon::prelude::*;

use crate::embeddings::Embeddings;
use crate::filter::Chosen;
use crate::{SearchError, kernel};

/// Some rows of one file.
pub(crate) struct Block<'a> {
    pub(crate) part: u32,
    /// Their rows in the file. Vectors without a direction are left out.
    pub(crate) rows: &'a [u32],
    /// `[row, value]`, padded.
    pub(crate) vectors: &'a [f32],
    /// The length of each vector, above 0.
    pub(crate) norms: &'a [f32],
}

/// What a scan gave.
pub(crate) struct Scanned<T> {
    pub(crate) found: T,
    /// Vectors that were taken.
    pub(crate) windows: u64,
    /// Vectors of nothing but zeros: they have no direction, and are similar to nothing.
    pub(crate) zeros: u64,
}

#[derive(Default)]
struct Buffers {
    file: ArrayBuffer,
    bits: Vec<u16>,
    vectors: Vec<f32>,
    norms: Vec<f32>,
    rows: Vec<u32>,
}

thread_local! {
    /// What each thread reads into. It is kept, since memory that is given back and taken again has to be cleared each time.
    static BUFFERS: RefCell<Buffers> = RefCell::default();
}

/// Hands every chosen vector to `take`, in any order; `merge` adds up what threads found.
///
/// # Errors
/// [`SearchError::NotFinite`], those of reading and those of `take`.
pub(crate) fn scan<T: Send>(
    embeddings: &Embeddings,
    chosen: &[Chosen],
    empty: impl Fn() -> T + Sync + Send,
    take: impl Fn(&mut T, &Block<'_>) + Sync,
    merge: impl Fn(T, T) -> T + Sync + Send,
) -> Result<Scanned<T>, SearchError> {
    let (windows, zeros) = (AtomicU64::new(0), AtomicU64::new(0));
    let of_part = |chosen: &Chosen| -> Result<T, SearchError> {
        let arrays = Arrays::of(embeddings.parts[chosen.part as usize].partition.open()?)?;
        let of_block = |mut found: T, block: usize| -> Result<T, SearchError> {
            let wanted = chosen.within(arrays.rows(block));
            if wanted.is_empty() {
                return Ok(found);
            }
            BUFFERS.with_borrow_mut(|buffers| {
                let read = read(embeddings, chosen.part, &arrays, block, &wanted, buffers)?;
                windows.fetch_add(read.rows.len() as u64, Ordering::Relaxed);
                zeros.fetch_add((wanted.len() - read.rows.len()) as u64, Ordering::Relaxed);
                take(&mut found, &read);
                Ok(found)
            })
        };
        (0..arrays.blocks()).into_par_iter().try_fold(&empty, of_block).try_reduce(&empty, |a, b| Ok(merge(a, b)))
    };
    let found = chosen.par_iter().map(of_part).try_reduce(&empty, |a, b| Ok(merge(a, b)))?;
    Ok(Scanned { found, windows: windows.into_inner(), zeros: zeros.into_inner() })
}

fn read<'b>(
    embeddings: &Embeddings,
    part: u32,
    arrays: &Arrays,
    block: usize,
    wanted: &[u32],
    buffers: &'b mut Buffers,
) -> Result<Block<'b>, SearchError> {
    let length = embeddings.vector_length();
    let (stride, first) = (kernel::padded(length), arrays.rows(block).start as u32);
    let Buffers { file, bits, vectors, norms, rows } = buffers;
    let bytes = arrays.read(block, file)?;
    vectors.resize(wanted.len() * stride, 0.0);
    norms.clear();
    rows.clear();
    for &row in wanted {
        let at = (row - first) as usize * 2 * length;
        bits.clear();
        bits.extend(bytes[at..at + 2 * length].as_chunks::<2>().0.iter().map(|pair| u16::from_le_bytes(*pair)));
        // The vector after the last that was kept; one that is left out is written over.
        let vector = &mut vectors[rows.len() * stride..(rows.len() + 1) * stride];
        bits.reinterpret_cast::<f16>().convert_to_f32_slice(&mut vector[..length]);
        vector[length..].fill(0.0);
        let square = kernel::square(vector);
        if !square.is_finite() {
            let partition = &embeddings.parts[part as usize].partition;
            let (path, command) = (partition.path.clone(), partition.command());
            return Err(SearchError::NotFinite { path, row: row as usize, command });
        }
        if square > 0.0 {
            rows.push(row);
            norms.push(square.sqrt());
        }
    }
    Ok(Block { part, rows, vectors: &vectors[..rows.len() * stride], norms })
}
