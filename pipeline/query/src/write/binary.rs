//! Apache Parquet and Apache Arrow files, written as the rows come.

use std::error::Error;
use std::io::{self, Write};

use arrow::ipc::writer::FileWriter;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::file::properties::WriterProperties;

use crate::QueryError;
use crate::rows::Rows;

/// Writes a Parquet file.
pub(crate) fn parquet(rows: Rows, out: &mut (impl Write + Send)) -> Result<(), QueryError> {
    let zstd = Compression::ZSTD(ZstdLevel::default());
    let properties = WriterProperties::builder().set_compression(zstd).build();
    let mut writer = ArrowWriter::try_new(out, rows.schema().clone(), Some(properties)).map_err(failed)?;
    for batch in rows {
        writer.write(&batch?).map_err(failed)?;
    }
    writer.close().map(drop).map_err(failed)
}

/// Writes an Arrow IPC file.
pub(crate) fn arrow(rows: Rows, out: &mut impl Write) -> Result<(), QueryError> {
    let mut writer = FileWriter::try_new(out, rows.schema()).map_err(failed)?;
    for batch in rows {
        writer.write(&batch?).map_err(failed)?;
    }
    writer.finish().map_err(failed)
}

/// The error of the sink behind an error of a writer: a closed pipe is told apart from others.
fn failed(error: impl Error + 'static) -> QueryError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(known) = cause {
        if let Some(sink) = known.downcast_ref::<io::Error>() {
            return QueryError::Write(io::Error::new(sink.kind(), sink.to_string()));
        }
        cause = known.source();
    }
    QueryError::Write(io::Error::other(error.to_string()))
}
