//! Tables of what several runs made, in a folder of their own beside these runs.

use chorus_engine::graph::Output;
use chorus_engine::{RunDir, Unit};
use chorus_tables::{BatchBuilder, TableWriter, schema};

/// Writes a table that is one batch; `build` gives its columns.
pub(super) fn write(
    folder: &RunDir,
    table: &'static str,
    build: impl FnOnce(BatchBuilder) -> anyhow::Result<BatchBuilder>,
) -> anyhow::Result<()> {
    let mut writer = TableWriter::new(schema(table)?, &[], folder.stage()?)?;
    let batch = build(writer.builder())?.build()?;
    writer.write(&batch)?;
    let (staged, rows) = writer.finish()?;
    let place = folder.path().join(RunDir::output(Output::Table(table), &Unit::Run));
    Ok(staged.finish(Some(rows))?.publish(folder.path(), &place)?)
}
