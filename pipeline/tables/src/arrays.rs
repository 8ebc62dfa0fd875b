//! All arrays of a file, in their order, at the speed at which the file is copied into memory.
//!
//! Arrays are written without compression, plainly encoded, in a column without nulls (see [`crate::TableWriter`]). A page is then a header
//! and the arrays, and the offset index of the file says where each page ends. So arrays are taken from the bytes of the file, many
//! pages with one read, and no page is decoded. A file that another writer compressed or encoded is read page by page instead.
//! Parquet: the offset index (PageIndex.md) and the encoding PLAIN of fixed-size arrays (Encodings.md).

use std::fs::File;
use std::ops::Range;

use chorus_platform::at;
use parquet::basic::{Compression, Encoding};
use parquet::file::metadata::ParquetMetaData;

use crate::{ColumnType, TableError, TableReader};

/// Bytes of arrays that are read at a time: few enough to stay in the cache of a processor's core, and enough for reads to be few.
const BLOCK_BYTES: usize = 64 << 10;

/// The arrays of one file.
pub struct Arrays {
    reader: TableReader,
    column: usize,
    width: usize,
    blocks: Vec<Block>,
    /// The file, where arrays are taken from its bytes.
    plain: Option<File>,
}

/// Rows that are read at a time.
struct Block {
    group: usize,
    /// Pages of the group.
    pages: Range<usize>,
    /// Rows of the file.
    rows: Range<usize>,
}

/// What reading needs of memory; it is kept from block to block.
#[derive(Debug, Default)]
pub struct ArrayBuffer {
    read: Vec<u8>,
    arrays: Vec<u8>,
}

impl Arrays {
    /// The arrays of a file.
    ///
    /// # Errors
    /// [`TableError::Unreadable`] when the table has no arrays, or the file no index of its pages.
    pub fn of(reader: TableReader) -> Result<Self, TableError> {
        let width = usize::try_from(reader.width()).unwrap_or(0);
        let arrays = reader.schema().columns.iter().position(|column| column.kind == ColumnType::FixedBinary);
        let column = arrays.ok_or_else(|| reader.unreadable("the table has no column of arrays"))?;
        let (blocks, is_plain) = {
            let footer = reader.footer();
            let blocks = blocks(footer, column, (BLOCK_BYTES / width.max(1)).max(1));
            (blocks.ok_or_else(|| reader.unreadable("the file has no index of its pages"))?, is_plain(footer, column))
        };
        let plain = is_plain.then(|| File::open(reader.path()).map_err(|e| reader.unreadable(e))).transpose()?;
        Ok(Self { reader, column, width, blocks, plain })
    }

    /// Number of blocks; each is read by itself, in any order and by any thread.
    pub fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// The rows of a block.
    pub fn rows(&self, block: usize) -> Range<usize> {
        self.blocks[block].rows.clone()
    }

    /// Reads a block: `[row, byte]`, one array after the other.
    ///
    /// # Errors
    /// [`TableError::Unreadable`] when the file is damaged or was cut off.
    pub fn read<'b>(&self, block: usize, buffer: &'b mut ArrayBuffer) -> Result<&'b [u8], TableError> {
        let block = &self.blocks[block];
        buffer.arrays.clear();
        match &self.plain {
            Some(file) => self.read_plain(file, block, buffer)?,
            None => {
                let name = self.reader.schema().columns[self.column].name.as_str();
                let batch = self.reader.rows_between(block.rows.clone(), &[name])?;
                batch.arrays(name)?.iter().flatten().for_each(|array| buffer.arrays.extend_from_slice(array));
            }
        }
        if buffer.arrays.len() != block.rows.len() * self.width {
            let (found, wanted) = (buffer.arrays.len(), block.rows.len() * self.width);
            return Err(self.reader.unreadable(format!("rows {:?} have {found} bytes of arrays, expected {wanted}", block.rows)));
        }
        Ok(&buffer.arrays)
    }

    fn read_plain(&self, file: &File, block: &Block, buffer: &mut ArrayBuffer) -> Result<(), TableError> {
        let ArrayBuffer { read, arrays } = buffer;
        let damaged = || self.reader.unreadable("the index of its pages does not fit the file");
        let index = self.reader.footer().offset_index().ok_or_else(damaged)?;
        let pages = index[block.group][self.column].page_locations();
        let (first, last) = (&pages[block.pages.start], &pages[block.pages.end - 1]);
        let begin = u64::try_from(first.offset).map_err(|_| damaged())?;
        let end = last.offset.checked_add(i64::from(last.compressed_page_size)).ok_or_else(damaged)?;
        // An index that is damaged must not ask for more memory than the arrays need, with room for the headers of pages.
        let most = block.rows.len() * self.width + block.pages.len() * (LARGEST_HEADER + 4 * self.width);
        let length = usize::try_from(end - first.offset).ok().filter(|&length| length <= most).ok_or_else(damaged)?;
        read.resize(length, 0);
        at::read_exact_at(file, read, begin).map_err(|e| self.reader.unreadable(e))?;
        let rows = |page: usize| pages.get(page).map_or(i64::MAX, |page| page.first_row_index);
        let group_end = block.rows.len() as i64 + first.first_row_index;
        for (i, page) in pages[block.pages.clone()].iter().enumerate() {
            // Behind the header a page holds nothing but its arrays.
            let own = rows(block.pages.start + i + 1).min(group_end) - page.first_row_index;
            let bytes = usize::try_from(own).map_err(|_| damaged())?.checked_mul(self.width).ok_or_else(damaged)?;
            let page_end =
                usize::try_from(page.offset - first.offset + i64::from(page.compressed_page_size)).map_err(|_| damaged())?;
            let begin = page_end.checked_sub(bytes).ok_or_else(damaged)?;
            arrays.extend_from_slice(read.get(begin..page_end).ok_or_else(damaged)?);
        }
        Ok(())
    }
}

/// More than the header of a page takes, apart from statistics: the least and the greatest array, twice.
const LARGEST_HEADER: usize = 256;

/// Cuts each row group into blocks of whole pages with about so many rows.
fn blocks(footer: &ParquetMetaData, column: usize, rows_per_block: usize) -> Option<Vec<Block>> {
    let (mut blocks, mut before) = (Vec::new(), 0);
    for (group, index) in footer.offset_index()?.iter().enumerate() {
        let rows = usize::try_from(footer.row_group(group).num_rows()).ok()?;
        let pages = index.get(column)?.page_locations();
        let starts: Vec<usize> = pages.iter().map(|page| usize::try_from(page.first_row_index).ok()).collect::<Option<_>>()?;
        let is_ascending = starts.first().is_none_or(|&first| first == 0) && starts.windows(2).all(|pair| pair[0] < pair[1]);
        if !is_ascending || starts.last().is_some_and(|&last| last >= rows) {
            return None;
        }
        let mut first = 0;
        while first < pages.len() {
            let end = starts.partition_point(|&start| start < starts[first] + rows_per_block).max(first + 1);
            let until = starts.get(end).copied().unwrap_or(rows);
            blocks.push(Block { group, pages: first..end, rows: before + starts[first]..before + until });
            first = end;
        }
        before += rows;
    }
    Some(blocks)
}

/// Whether a page of this column holds its arrays as they are.
fn is_plain(footer: &ParquetMetaData, column: usize) -> bool {
    let is_required = footer.file_metadata().schema_descr().column(column).max_def_level() == 0;
    let is_plain = |encoding: Encoding| matches!(encoding, Encoding::PLAIN | Encoding::RLE);
    is_required
        && footer.row_groups().iter().map(|group| group.column(column)).all(|chunk| {
            chunk.compression() == Compression::UNCOMPRESSED
                && chunk.dictionary_page_offset().is_none()
                && chunk.encodings().all(is_plain)
        })
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::sync::Arc;

    use arrow::array::{FixedSizeBinaryArray, Float64Array, RecordBatch, StringArray};
    use parquet::arrow::ArrowWriter;
    use parquet::basic::ZstdLevel;
    use parquet::file::metadata::KeyValue;
    use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder, WriterVersion};

    use super::*;
    use crate::{SHAPE_KEY, TableWriter, schema};

    const VALUES: usize = 300;

    fn array(row: usize) -> Vec<u8> {
        (0..2 * VALUES).map(|i| (row * 31 + i * 7) as u8).collect()
    }

    fn rows(rows: Range<usize>) -> RecordBatch {
        let text = |text: fn(usize) -> String| Arc::new(rows.clone().map(text).map(Some).collect::<StringArray>());
        let arrays = FixedSizeBinaryArray::try_from_iter(rows.clone().map(array)).unwrap();
        let schema = schema("embeddings").unwrap().arrow(2 * VALUES as i32);
        let starts = Arc::new(Float64Array::from_iter_values(rows.clone().map(|row| row as f64)));
        let columns = vec![
            text(|row| format!("a-{row:06}")) as _,
            text(|_| "a".into()) as _,
            starts as _,
            Arc::new(arrays) as _,
            text(|_| "m".into()) as _,
        ];
        RecordBatch::try_new(schema, columns).unwrap()
    }

    /// What is read of a file: all arrays, whether from its bytes, and the rows of its blocks.
    fn read(path: &Path) -> (Vec<u8>, bool, Vec<Range<usize>>) {
        let arrays = Arrays::of(TableReader::open(schema("embeddings").unwrap(), path).unwrap()).unwrap();
        let (mut buffer, mut all) = (ArrayBuffer::default(), Vec::new());
        (0..arrays.blocks()).for_each(|block| all.extend_from_slice(arrays.read(block, &mut buffer).unwrap()));
        (all, arrays.plain.is_some(), (0..arrays.blocks()).map(|block| arrays.rows(block)).collect())
    }

    /// A file as another program may write it.
    fn foreign(path: &Path, change: impl Fn(WriterPropertiesBuilder) -> WriterPropertiesBuilder) {
        let keys = [("chorus.table", "embeddings/1".to_owned()), (SHAPE_KEY, VALUES.to_string())];
        let metadata = keys.map(|(key, value)| KeyValue::new(key.to_owned(), value)).to_vec();
        let properties = change(WriterProperties::builder().set_key_value_metadata(Some(metadata))).build();
        let batch = rows(0..1000);
        let mut writer = ArrowWriter::try_new(File::create(path).unwrap(), batch.schema(), Some(properties)).unwrap();
        writer.write(&batch).unwrap();
        writer.close().unwrap();
    }

    #[test]
    fn arrays_come_from_the_bytes_of_a_file_over_all_its_row_groups() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("part-000.parquet");
        let mut writer = TableWriter::new(schema("embeddings").unwrap(), &[VALUES], File::create(&path).unwrap()).unwrap();
        // 16 MiB a group are 27,962 arrays of 600 bytes.
        (0..60).for_each(|i| writer.write(&rows(i * 500..(i + 1) * 500)).unwrap());
        writer.finish().unwrap();
        let (found, is_plain, blocks) = read(&path);
        assert!(is_plain && found == (0..30_000).flat_map(array).collect::<Vec<u8>>());
        assert!(blocks.windows(2).all(|pair| pair[0].end == pair[1].start) && blocks.len() > 200);
        assert!(blocks.iter().any(|rows| rows.end == 27_962), "a block ends with its group: {blocks:?}");
    }

    #[test]
    fn other_pages_encodings_and_compressions_give_the_same_arrays() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("part-000.parquet");
        let wanted: Vec<u8> = (0..1000).flat_map(array).collect();
        let small = |p: WriterPropertiesBuilder| {
            p.set_dictionary_enabled(false)
                .set_data_page_row_count_limit(7)
                .set_write_batch_size(7)
                .set_max_row_group_row_count(Some(300))
        };
        foreign(&path, small);
        let (found, is_plain, _) = read(&path);
        assert!(is_plain && found == wanted, "pages of several rows");
        foreign(&path, |p| small(p).set_compression(Compression::ZSTD(ZstdLevel::default())));
        let (found, is_plain, _) = read(&path);
        assert!(!is_plain && found == wanted, "compressed");
        foreign(&path, |p| p.set_writer_version(WriterVersion::PARQUET_2_0).set_dictionary_enabled(true));
        let (found, is_plain, _) = read(&path);
        assert!(!is_plain && found == wanted, "with a dictionary");
    }

    #[test]
    fn a_file_that_was_cut_off_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("part-000.parquet");
        foreign(&path, |p| p.set_dictionary_enabled(false));
        let arrays = Arrays::of(TableReader::open(schema("embeddings").unwrap(), &path).unwrap()).unwrap();
        File::options().write(true).open(&path).unwrap().set_len(1000).unwrap();
        let error = arrays.read(0, &mut ArrayBuffer::default()).unwrap_err().to_string();
        // The file stays open: its name is in the message all the same.
        assert!(error.contains("part-000.parquet"), "{error}");
    }
}
