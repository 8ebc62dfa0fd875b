//! Writes the metrics of all runs of a sweep to the table `sweep_metrics`, and their mean and spread to `sweep_summary`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::Context;
use chorus_engine::atomic::{self, Staged};
use chorus_engine::graph::Output;
use chorus_engine::{Config, RunDir, RunTables, Unit};
use chorus_tables::{BatchBuilder, TableWriter, schema};

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

/// A row of `sweep_metrics`.
#[derive(Debug, Clone, PartialEq)]
struct Row<'a> {
    made: &'a Made,
    model_id: String,
    about: About,
    value: Option<f64>,
    support: u64,
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
    let mut rows = Vec::new();
    for made in sorted {
        rows.extend(read(&sweep.join(&made.name), made)?);
    }
    let summary = summarize(&rows);
    let folder = RunDir::new(sweep);
    write_metrics(&folder, &rows)?;
    write_summary(&folder, &summary)?;
    atomic::clear(&folder.tmp())?;
    Ok(summary)
}

/// The metrics of one run, in their order.
fn read<'a>(run: &Path, made: &'a Made) -> anyhow::Result<Vec<Row<'a>>> {
    let run = RunTables::open(run, |_| Vec::new())?;
    let metrics = run.made_partitions("metrics")?;
    let part = metrics.first().with_context(|| format!("{}: the run has no table metrics", run.path().display()))?;
    let batch = part.read(&["model_id", "subset", "site", "class", "group", "metric", "value", "support"])?;
    let text = |name: &str| batch.texts(name);
    let (model_ids, subsets, metrics) = (text("model_id")?, text("subset")?, text("metric")?);
    let (sites, classes, groups) = (text("site")?, text("class")?, text("group")?);
    let (values, supports) = (batch.f64("value")?, batch.u64("support")?);
    let row = |((i, value), support): ((usize, Option<f64>), Option<u64>)| Row {
        made,
        model_id: model_ids[i].clone().unwrap_or_default(),
        about: About {
            subset: subsets[i].clone().unwrap_or_default(),
            site: sites[i].clone(),
            class: classes[i].clone(),
            group: groups[i].clone(),
            metric: metrics[i].clone().unwrap_or_default(),
        },
        value,
        support: support.unwrap_or_default(),
    };
    Ok(values.iter().enumerate().zip(supports.iter()).map(row).collect())
}

/// Mean and spread over the runs of each variant. Undefined values are left out.
fn summarize(rows: &[Row<'_>]) -> Summary {
    let mut values: BTreeMap<(String, About), Vec<f64>> = BTreeMap::new();
    for row in rows {
        values.entry((row.made.variant.clone(), row.about.clone())).or_default().extend(row.value);
    }
    values.into_iter().map(|(key, values)| (key, Spread::of(&values))).collect()
}

fn write_metrics(sweep: &RunDir, rows: &[Row<'_>]) -> anyhow::Result<()> {
    write(sweep, "sweep_metrics", |batch| {
        batch
            .column("run", rows.iter().map(|r| &r.made.name))
            .column("variant", rows.iter().map(|r| &r.made.variant))
            .column("seed", rows.iter().map(|r| r.made.seed))
            .column("fold", rows.iter().map(|r| r.made.fold.as_ref()))
            .column("model_id", rows.iter().map(|r| &r.model_id))
            .column("subset", rows.iter().map(|r| &r.about.subset))
            .column("site", rows.iter().map(|r| r.about.site.as_ref()))
            .column("class", rows.iter().map(|r| r.about.class.as_ref()))
            .column("group", rows.iter().map(|r| r.about.group.as_ref()))
            .column("metric", rows.iter().map(|r| &r.about.metric))
            .column("value", rows.iter().map(|r| r.value))
            .column("support", rows.iter().map(|r| r.support))
    })
}

fn write_summary(sweep: &RunDir, summary: &Summary) -> anyhow::Result<()> {
    let (about, spread) = (|| summary.keys().map(|(_, about)| about), || summary.values());
    write(sweep, "sweep_summary", |batch| {
        batch
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
            .column("high", spread().map(|s| s.high))
    })
}

fn write(sweep: &RunDir, table: &'static str, build: impl FnOnce(BatchBuilder) -> BatchBuilder) -> anyhow::Result<()> {
    let mut writer = TableWriter::new(schema(table)?, &[], Staged::create(&sweep.tmp())?)?;
    let batch = build(writer.builder()).build()?;
    writer.write(&batch)?;
    let (staged, rows) = writer.finish()?;
    Ok(staged.finish(Some(rows))?.publish(&place(sweep, table))?)
}

fn place(sweep: &RunDir, table: &'static str) -> PathBuf {
    sweep.path().join(RunDir::output(Output::Table(table), &Unit::Run))
}

#[cfg(test)]
mod tests {
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
        let made = |name: &str, variant: &str| Made { name: name.into(), variant: variant.into(), seed: 0, fold: None };
        let runs = [made("a", "x"), made("b", "x"), made("c", "y")];
        let row = |run: usize, value| Row {
            made: &runs[run],
            model_id: String::new(),
            about: About { metric: "f1_fixed".into(), ..About::default() },
            value,
            support: 0,
        };
        let summary = summarize(&[row(0, Some(0.5)), row(1, None), row(2, Some(1.0))]);
        let of = |variant: &str| summary.iter().find(|((v, _), _)| v == variant).map(|(_, spread)| (spread.runs, spread.mean));
        assert_eq!(of("x"), Some((1, Some(0.5))));
        assert_eq!(of("y"), Some((1, Some(1.0))));
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
