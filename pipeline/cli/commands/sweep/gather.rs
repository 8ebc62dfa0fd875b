//! Writes the metrics of all runs of a sweep to the table `sweep_metrics`, and their mean and spread to `sweep_summary`.

use std::collections::BTreeMap;
use std::path::Path;

use chorus_engine::{Config, RunDir, clear_tmp};
use chorus_frames::Frames;
use chorus_frames::polars::prelude::{DataFrame, DataType, IntoLazy, LazyFrame, NULL, PolarsResult, UnionArgs, col, concat, lit};

use crate::commands::gathered;

/// The table that runs have in which classes are held out.
const OPEN_SET: &str = "open_set_metrics";

/// A run of the sweep.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Made {
    /// Its folder within the sweep's.
    pub(super) name: String,
    pub(super) variant: String,
    pub(super) seed: u64,
    pub(super) fold: Option<String>,
}

impl Made {
    pub(super) fn new(name: String, variant: String, config: &Config) -> Self {
        let fold = match config.text("split.source") {
            Some("leave_one_site_out") => names(config.get("split.site")),
            Some("folds" | "file") => names(config.get("split.fold")),
            _ => None,
        };
        Self { name, variant, seed: config.get("train.seed").as_u64().unwrap_or_default(), fold }
    }
}

/// A name, or several with commas between them.
fn names(value: &serde_yaml::Value) -> Option<String> {
    match value {
        serde_yaml::Value::Null => None,
        serde_yaml::Value::Sequence(names) => Some(names.iter().filter_map(self::names).collect::<Vec<_>>().join(", ")),
        serde_yaml::Value::String(name) => Some(name.clone()),
        number => serde_json::to_string(number).ok(),
    }
}

/// A metric and what it was computed on. Ordered as the tables are: nulls first.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct About {
    pub(super) subset: String,
    pub(super) site: Option<String>,
    pub(super) class: Option<String>,
    pub(super) group: Option<String>,
    pub(super) metric: String,
}

/// Mean and spread of some values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spread {
    pub(super) runs: u64,
    pub(super) mean: Option<f64>,
    /// Standard deviation of the sample.
    pub(super) sd: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
}

impl Spread {
    fn of(values: &[f64]) -> Self {
        let n = values.len() as f64;
        let mean = (!values.is_empty()).then(|| values.iter().sum::<f64>() / n);
        let squares = |mean: f64| values.iter().map(|value| (value - mean).powi(2)).sum::<f64>();
        Self {
            runs: values.len() as u64,
            mean,
            sd: mean.filter(|_| values.len() > 1).map(|mean| (squares(mean) / (n - 1.0)).sqrt()),
            low: values.iter().copied().reduce(f64::min),
            high: values.iter().copied().reduce(f64::max),
        }
    }
}

/// By variant and metric.
pub(super) type Summary = BTreeMap<(String, About), Spread>;

/// Gathers the metrics of some runs into the sweep's tables, and gives the summary.
pub(super) fn gather(sweep: &Path, made: &[Made]) -> anyhow::Result<Summary> {
    let mut sorted: Vec<&Made> = made.iter().collect();
    sorted.sort_by(|a, b| a.name.cmp(&b.name));
    let folder = RunDir::new(sweep);
    let of_all = |table: &str, runs: &[&Made]| -> anyhow::Result<DataFrame> {
        let runs = runs.iter().map(|made| of_run(sweep, made, table)).collect::<anyhow::Result<Vec<_>>>()?;
        Ok(concat(runs, UnionArgs { maintain_order: true, ..UnionArgs::default() })?.collect()?)
    };
    let rows = of_all("metrics", &sorted)?;
    write_metrics(&folder, &rows)?;
    let has_open_set = |made: &&&Made| sweep.join(&made.name).join("tables").join(OPEN_SET).is_dir();
    let open_set: Vec<&Made> = sorted.iter().filter(has_open_set).copied().collect();
    if !open_set.is_empty() {
        write_open_set(&folder, &of_all(OPEN_SET, &open_set)?)?;
    }
    let summary = summarize(rows)?;
    write_summary(&folder, &summary)?;
    clear_tmp(&folder)?;
    Ok(summary)
}

/// A table of one run, with the columns that say which run it is.
fn of_run(sweep: &Path, made: &Made, table: &str) -> anyhow::Result<LazyFrame> {
    let table = Frames::open(sweep.join(&made.name))?.table(table)?;
    Ok(table.with_columns([
        lit(made.name.clone()).alias("run"),
        lit(made.variant.clone()).alias("variant"),
        lit(made.seed).cast(DataType::UInt64).alias("seed"),
        made.fold.clone().map_or(lit(NULL), lit).cast(DataType::String).alias("fold"),
    ]))
}

/// Mean and spread over the runs of each variant. Undefined values are left out.
///
/// The values of a group stand in the order of the runs, and [`Spread::of`] adds them up in this order: the last digits of a sum
/// depend on it.
fn summarize(rows: DataFrame) -> anyhow::Result<Summary> {
    let keys = ["variant", "subset", "site", "class", "group", "metric"];
    let groups = rows.lazy().group_by(keys.map(col)).agg([col("value").drop_nulls()]).collect()?;
    let texts = keys.into_iter().map(|key| groups.column(key)?.str()).collect::<PolarsResult<Vec<_>>>()?;
    let values = groups.column("value")?.list()?;
    let group = |row: usize| -> PolarsResult<((String, About), Spread)> {
        let [variant, subset, site, class, group, metric] = std::array::from_fn(|key| texts[key].get(row).map(str::to_owned));
        let (subset, metric) = (subset.unwrap_or_default(), metric.unwrap_or_default());
        let values: Vec<f64> = match values.get_as_series(row) {
            Some(values) => values.f64()?.into_no_null_iter().collect(),
            None => Vec::new(),
        };
        Ok(((variant.unwrap_or_default(), About { subset, site, class, group, metric }), Spread::of(&values)))
    };
    Ok((0..groups.height()).map(group).collect::<PolarsResult<_>>()?)
}

fn write_metrics(sweep: &RunDir, rows: &DataFrame) -> anyhow::Result<()> {
    gathered::write(sweep, "sweep_metrics", |mut batch| {
        for name in ["run", "variant", "fold", "model_id", "subset", "site", "class", "group", "metric"] {
            batch = batch.column(name, rows.column(name)?.str()?.iter());
        }
        Ok(batch
            .column("seed", rows.column("seed")?.u64()?.iter())
            .column("value", rows.column("value")?.f64()?.iter())
            .column("support", rows.column("support")?.i64()?.iter()))
    })
}

fn write_open_set(sweep: &RunDir, rows: &DataFrame) -> anyhow::Result<()> {
    gathered::write(sweep, "sweep_open_set", |mut batch| {
        for name in ["run", "variant", "fold", "class", "score", "metric"] {
            batch = batch.column(name, rows.column(name)?.str()?.iter());
        }
        for name in ["windows_held_out", "windows_known"] {
            batch = batch.column(name, rows.column(name)?.i64()?.iter());
        }
        Ok(batch.column("seed", rows.column("seed")?.u64()?.iter()).column("value", rows.column("value")?.f64()?.iter()))
    })
}

fn write_summary(sweep: &RunDir, summary: &Summary) -> anyhow::Result<()> {
    let (about, spread) = (|| summary.keys().map(|(_, about)| about), || summary.values());
    gathered::write(sweep, "sweep_summary", |batch| {
        Ok(batch
            .column("variant", summary.keys().map(|(variant, _)| variant))
            .column("subset", about().map(|a| &a.subset))
            .column("site", about().map(|a| a.site.as_ref()))
            .column("class", about().map(|a| a.class.as_ref()))
            .column("group", about().map(|a| a.group.as_ref()))
            .column("metric", about().map(|a| &a.metric))
            .column("runs", spread().map(|s| s.runs))
            .column("mean", spread().map(|s| s.mean))
            .column("sd", spread().map(|s| s.sd))
            .column("low", spread().map(|s| s.low))
            .column("high", spread().map(|s| s.high)))
    })
}

#[cfg(test)]
mod tests {
    use chorus_frames::polars::df;

    use super::*;

    #[test]
    fn the_spread_is_that_of_the_sample_and_null_where_there_is_none() {
        let spread = Spread::of(&[0.2, 0.4, 0.9]);
        assert_eq!((spread.runs, spread.low, spread.high), (3, Some(0.2), Some(0.9)));
        assert!((spread.mean.unwrap() - 0.5).abs() < 1e-12);
        // ((0.09 + 0.01 + 0.16) / 2) ^ 0.5
        assert!((spread.sd.unwrap() - 0.13_f64.sqrt()).abs() < 1e-12);
        let one = Spread::of(&[0.3]);
        assert_eq!((one.runs, one.mean, one.sd), (1, Some(0.3), None));
        let none = Spread::of(&[]);
        assert_eq!((none.runs, none.mean, none.low, none.high), (0, None, None, None));
    }

    #[test]
    fn undefined_values_count_in_no_mean_and_variants_stay_apart() {
        let none = [None::<&str>; 4];
        let rows = df!(
            "variant" => ["x", "x", "y", "z"],
            "subset" => ["test"; 4],
            "site" => none,
            "class" => none,
            "group" => none,
            "metric" => ["f1_fixed"; 4],
            "value" => [Some(0.5), None, Some(1.0), None],
        );
        let summary = summarize(rows.unwrap()).unwrap();
        let found: Vec<_> = summary.iter().map(|((variant, _), spread)| (variant.as_str(), spread.runs, spread.mean)).collect();
        assert_eq!(found, [("x", 1, Some(0.5)), ("y", 1, Some(1.0)), ("z", 0, None)]);
    }

    #[test]
    fn a_group_has_its_values_in_their_order_and_nulls_come_first() {
        // Groups whose rows alternate. Their sum depends on the order: 1e17 + 3 has no place for the 3.
        let values: Vec<f64> = (0..3_000).map(|i| if i % 7 == 0 { 1e17 } else { f64::from(i) }).collect();
        let sites: Vec<Option<&str>> = (0..3_000).map(|i| [Some("B"), None, Some("A")][i % 3]).collect();
        let none = vec![None::<&str>; 3_000];
        let rows = df!(
            "variant" => vec!["all"; 3_000],
            "subset" => vec!["test"; 3_000],
            "site" => &sites,
            "class" => &none,
            "group" => &none,
            "metric" => vec!["f1_fixed"; 3_000],
            "value" => &values,
        );
        let summary = summarize(rows.unwrap()).unwrap();
        let wanted = [None, Some("A"), Some("B")].map(|site| {
            let own: Vec<f64> = sites.iter().zip(&values).filter(|(of, _)| **of == site).map(|(_, value)| *value).collect();
            (site.map(str::to_owned), Spread::of(&own))
        });
        let found: Vec<_> = summary.into_iter().map(|((_, about), spread)| (about.site, spread)).collect();
        assert_eq!(found, wanted);
    }

    #[test]
    fn the_fold_is_what_was_test() {
        let fold = |sets: &[&str]| {
            let sets: Vec<String> = sets.iter().map(|s| (*s).to_owned()).chain(["annotate.format=folders".into()]).collect();
            Made::new(
                "a".into(),
                "all".into(),
                &Config::from_text("", "c", "c", &sets, crate::declarations::declarations()).unwrap(),
            )
            .fold
        };
        assert_eq!(fold(&["split.source=folds", "split.fold=2"]), Some("2".into()));
        assert_eq!(fold(&["split.source=leave_one_site_out", "split.site=[A, B]"]), Some("A, B".into()));
        assert_eq!(fold(&["split.fold=2"]), None);
    }
}
