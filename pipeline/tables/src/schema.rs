//! Schemas: from the YAML files of `data-schemas/` to Arrow.

use std::sync::{Arc, LazyLock};

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use serde::Deserialize;

use crate::TableError;

/// Metadata key that holds the shape of the arrays in a fixed-size binary column, such as `128,376`.
pub const SHAPE_KEY: &str = "chorus.shape";

/// The commands that gather what several runs made into tables of their own. They stand in place of a stage in the schemas of these tables.
pub const GATHERING: [&str; 2] = ["sweep", "self-train"];

macro_rules! embed {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../../data-schemas/", $name, ".yaml")))),*]
    };
}

/// The embedded files, in the order in which a run makes the tables.
const FILES: &[(&str, &str)] = embed![
    "recordings",
    "segments",
    "annotations",
    "reviews",
    "labels",
    "held_out_labels",
    "chosen_labels",
    "classes",
    "taxa",
    "splits",
    "split_classes",
    "training_sets",
    "features",
    "soundscape",
    "speech",
    "pseudo_labels",
    "pretraining_log",
    "distillation_log",
    "training_log",
    "training_mixing",
    "head_trials",
    "predictions",
    "embeddings",
    "embedding_maps",
    "backbone_scores",
    "metrics",
    "reliability",
    "confusions",
    "false_alarms",
    "curves",
    "thresholds",
    "calibration",
    "unknown",
    "unknown_sounds",
    "open_set_metrics",
    "detections",
    "plausibility",
    "activity_parts",
    "night_parts",
    "activity",
    "sun_activity",
    "nights",
    "phenology",
    "accumulation",
    "self_training_rounds",
    "sweep_metrics",
    "sweep_open_set",
    "sweep_summary",
];

static TABLES: LazyLock<Result<Vec<TableSchema>, String>> =
    LazyLock::new(|| FILES.iter().map(|(name, text)| TableSchema::parse(name, text).map_err(|e| e.to_string())).collect());

/// Every table's schema, in the order in which a run makes them.
///
/// # Panics
/// When an embedded schema is malformed, which a test rules out.
pub fn all() -> &'static [TableSchema] {
    match &*TABLES {
        Ok(tables) => tables,
        Err(detail) => panic!("{detail}"),
    }
}

/// The schema of one table.
///
/// # Errors
/// [`TableError::UnknownTable`] when there is none of that name.
pub fn schema(name: &str) -> Result<&'static TableSchema, TableError> {
    all().iter().find(|t| t.name == name).ok_or_else(|| TableError::UnknownTable {
        name: name.to_owned(),
        known: all().iter().map(|t| t.name.as_str()).collect::<Vec<_>>().join(", "),
    })
}

/// The arguments that give a command a configuration which nobody knows by name.
pub const ANY_CONFIG: &str = "-c FILE";

/// What one table holds: the parsed form of its YAML file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableSchema {
    /// Name of the table, a plural noun.
    #[serde(rename = "table")]
    pub name: String,
    /// Raised by hand whenever the meaning of a column changes.
    pub version: u32,
    /// The stage that writes the table; one of [`GATHERING`] for what is gathered from several runs.
    pub stage: String,
    /// What a run has to have so that it makes the table, where not every run does; such as `labels (annotate.format)`.
    pub needs: Option<String>,
    /// Whether the table is kept in Hive partitions by [`crate::PARTITIONS`].
    pub partitioned: bool,
    /// One sentence for people.
    pub about: String,
    /// Columns that identify a row. Each file is strictly sorted by them.
    pub key: Vec<String>,
    /// The columns, in order.
    pub columns: Vec<Column>,
}

/// One column of a table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Column {
    /// Name, with its unit as suffix where it has one.
    pub name: String,
    /// Type of the values.
    #[serde(rename = "type")]
    pub kind: ColumnType,
    /// Unit of the values.
    pub unit: Option<String>,
    /// Whether a value may be missing.
    #[serde(default)]
    pub nullable: bool,
    /// Smallest value allowed.
    pub min: Option<f64>,
    /// Largest value allowed.
    pub max: Option<f64>,
    /// The only texts allowed; empty when any is.
    #[serde(default)]
    pub allowed: Vec<String>,
    /// Meaning, for people.
    pub about: String,
}

/// The types that polars, DuckDB and pyarrow all read alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ColumnType {
    /// True or false.
    Bool,
    /// Signed 32-bit integer.
    I32,
    /// Signed 64-bit integer: all counts, so that no difference of two wraps round.
    I64,
    /// 32-bit float, finite.
    F32,
    /// 64-bit float, finite.
    F64,
    /// Text.
    Utf8,
    /// Day without a zone.
    Date32,
    /// Instant, microseconds since 1970 in UTC.
    TimestampUsUtc,
    /// Clock reading without a zone, microseconds since 1970.
    TimestampUsLocal,
    /// Bytes of equal length in every row; the file's metadata says their shape.
    FixedBinary,
}

impl ColumnType {
    const ALL: [Self; 10] = [
        Self::Bool,
        Self::I32,
        Self::I64,
        Self::F32,
        Self::F64,
        Self::Utf8,
        Self::Date32,
        Self::TimestampUsUtc,
        Self::TimestampUsLocal,
        Self::FixedBinary,
    ];

    /// The Arrow type; `width` is the length in bytes of a [`ColumnType::FixedBinary`] value.
    pub fn arrow(self, width: i32) -> DataType {
        match self {
            Self::Bool => DataType::Boolean,
            Self::I32 => DataType::Int32,
            Self::I64 => DataType::Int64,
            Self::F32 => DataType::Float32,
            Self::F64 => DataType::Float64,
            Self::Utf8 => DataType::Utf8,
            Self::Date32 => DataType::Date32,
            Self::TimestampUsUtc => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            Self::TimestampUsLocal => DataType::Timestamp(TimeUnit::Microsecond, None),
            Self::FixedBinary => DataType::FixedSizeBinary(width),
        }
    }

    /// The name of an Arrow type as the YAML files spell it; Arrow's own name for a type that no column has.
    pub fn name_of(kind: &DataType) -> String {
        let known = Self::ALL.iter().find(|known| known.arrow(0) == *kind);
        known.map_or_else(|| kind.to_string(), |known| known.name().to_owned())
    }

    /// The name as the YAML files spell it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::Utf8 => "utf8",
            Self::Date32 => "date32",
            Self::TimestampUsUtc => "timestamp_us_utc",
            Self::TimestampUsLocal => "timestamp_us_local",
            Self::FixedBinary => "fixed_binary",
        }
    }
}

impl TableSchema {
    fn parse(file: &str, text: &str) -> Result<Self, TableError> {
        let bad = |detail: String| TableError::BadSchema { table: file.to_owned(), detail };
        let schema: Self = serde_yaml::from_str(text).map_err(|e| bad(e.to_string()))?;
        if schema.name != file {
            return Err(bad(format!("it calls itself {}", schema.name)));
        }
        for name in &schema.key {
            schema.column(name).map_err(|_| bad(format!("its key names `{name}`, which is no column")))?;
        }
        for (i, column) in schema.columns.iter().enumerate() {
            if schema.columns[..i].iter().any(|c| c.name == column.name) {
                return Err(bad(format!("column {} stands twice", column.name)));
            }
            if schema.partitioned && crate::PARTITIONS.contains(&column.name.as_str()) {
                return Err(bad(format!("column {} is a partition and lives in the path only", column.name)));
            }
        }
        Ok(schema)
    }

    /// The column of that name.
    ///
    /// # Errors
    /// [`TableError::UnknownColumn`].
    pub fn column(&self, name: &str) -> Result<&Column, TableError> {
        self.columns
            .iter()
            .find(|c| c.name == name)
            .ok_or_else(|| TableError::UnknownColumn { table: self.name.clone(), column: name.to_owned() })
    }

    /// The Arrow schema; `width` is the length in bytes of fixed-size binary values (0 where there are none).
    pub fn arrow(&self, width: i32) -> SchemaRef {
        let fields = self.columns.iter().map(|c| Field::new(&c.name, c.kind.arrow(width), c.nullable));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    }

    /// The command that makes the table, whatever of the stages before it is stale. `config` are the arguments that give it the run's
    /// configuration, such as [`ANY_CONFIG`].
    pub fn command(&self, config: &str) -> String {
        let stage = &self.stage;
        if self.is_gathered() { format!("chorus {stage}") } else { format!("chorus run {stage} --with-upstream {config}") }
    }

    /// Whether a command gathers the table from several runs.
    pub fn is_gathered(&self) -> bool {
        GATHERING.contains(&self.stage.as_str())
    }

    /// Name and version as footers and fingerprints carry them, such as `segments/1`.
    pub fn id(&self) -> String {
        format!("{}/{}", self.name, self.version)
    }

    /// Whether the table holds arrays as fixed-size binary.
    pub fn has_arrays(&self) -> bool {
        self.columns.iter().any(|c| c.kind == ColumnType::FixedBinary)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_folder_is_embedded_and_parses() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data-schemas");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|e| e.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
            .collect();
        files.sort();
        let mut tables: Vec<String> = all().iter().map(|t| t.name.clone()).collect();
        tables.sort();
        assert_eq!(files, tables);
    }

    #[test]
    fn no_column_is_unsigned_and_every_count_says_its_smallest_value() {
        for (table, column) in all().iter().flat_map(|table| table.columns.iter().map(move |column| (&table.name, column))) {
            let name = format!("{table}.{}", column.name);
            assert!(!column.kind.arrow(0).is_unsigned_integer(), "{name}");
            assert!(column.kind != ColumnType::I64 || column.min.is_some_and(|min| min >= 0.0), "{name}");
        }
        for kind in ["u8", "u16", "u32", "u64"] {
            let column = format!("{{name: n, type: {kind}, about: x}}");
            let text = format!("{{table: t, version: 1, stage: s, partitioned: false, about: x, key: [], columns: [{column}]}}");
            let error = TableSchema::parse("t", &text).unwrap_err().to_string();
            assert!(error.contains(&format!("unknown variant `{kind}`")), "{error}");
        }
    }

    #[test]
    fn a_schema_with_a_partition_as_column_is_refused() {
        let text = "{table: t, version: 1, stage: s, partitioned: true, about: x, key: [site], columns: [{name: site, type: utf8, about: x}]}";
        assert!(TableSchema::parse("t", text).unwrap_err().to_string().contains("lives in the path only"));
    }
}
