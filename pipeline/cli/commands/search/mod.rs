//! `chorus search`: the windows that are most similar to examples.

mod clip;
mod examples;

use std::collections::BTreeSet;
use std::process::ExitCode;

use chorus_query::{Answer, Tables};
use chorus_report::review::Piece;
use chorus_search::{Combine, Embeddings, Examples, Query, nearest_table};

use super::answers::Destination;
use super::{freshness, windows};
use crate::args::{ExampleArgs, SearchArgs};
use crate::output;

/// Why a clip is in the sheet.
const REASON: &str = "nearest";

/// The windows that arguments name, with their vectors; those of sound files are in no table.
pub(super) fn examples(embeddings: &Embeddings, args: &ExampleArgs, fresh: bool) -> anyhow::Result<Examples> {
    if !args.clip.is_empty() {
        let vectors = args.clip.iter().map(|file| clip::embed_clip(embeddings, file, args.at)).collect::<anyhow::Result<_>>()?;
        return Ok(Examples { places: BTreeSet::new(), vectors });
    }
    let runs = embeddings.runs().to_vec();
    let several = runs.len() > 1;
    let tables = Tables::of(runs);
    let (sql, params) = examples::sql(args, several)?;
    let tables = tables.with_params(params);
    freshness::check(tables.runs(), &tables.reads(&sql)?, fresh)?;
    let spans = examples::spans(&tables, &sql, args)?;
    Ok(embeddings.examples(&spans, args.examples as usize)?)
}

pub(crate) fn run(args: &SearchArgs) -> anyhow::Result<ExitCode> {
    let folders = args.runs.folders()?;
    let destination = Destination::of(&args.answer, &folders)?;
    let filter = args.windows.filter()?;
    let runs = windows::open(&args.runs, &["embeddings", "recordings"], args.fresh.fresh)?;
    let embeddings = Embeddings::open(runs)?;
    let Examples { places, vectors } = examples(&embeddings, &args.examples, args.fresh.fresh)?;
    if vectors.len() < places.len() {
        output::notes(&[format!(
            "{} of {} examples are compared, evenly spread; --examples compares more",
            vectors.len(),
            places.len()
        )]);
    }
    let query = Query::new(&vectors, if args.mean { Combine::Mean } else { Combine::Highest })?;
    let without = if args.with_examples { BTreeSet::new() } else { places };
    let found = embeddings.nearest(&query, &filter, args.top as usize, &without)?;
    windows::zeros(found.zeros);
    let described = windows::describe(&embeddings, &found.hits)?;
    if args.clips.clips.is_some() {
        let class = args.ask.as_ref().or(args.examples.class.as_ref()).map_or("", String::as_str);
        let wanted = described.iter().zip(&found.hits).map(|(window, hit)| windows::piece(window, hit, class, REASON));
        windows::clips(&args.clips, &embeddings, &wanted.collect::<anyhow::Result<Vec<Piece>>>()?)?;
    }
    destination.write(Answer::of_batch(nearest_table(&embeddings, &found.hits, &described)), Some(0))?;
    Ok(ExitCode::SUCCESS)
}
