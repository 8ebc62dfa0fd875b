//! `chorus clusters`: groups of what is in an archive, largest first.

use std::process::ExitCode;

use chorus_query::Answer;
use chorus_search::{Embeddings, Grouping, Window, groups_table};

use super::answers::Destination;
use super::windows;
use crate::args::ClustersArgs;

/// The tables that are read.
const TABLES: [&str; 4] = ["embeddings", "recordings", "segments", "labels"];

pub(crate) fn run(args: &ClustersArgs) -> anyhow::Result<ExitCode> {
    let folders = args.runs.folders()?;
    let destination = Destination::of(&args.answer, &folders)?;
    let filter = args.windows.filter()?;
    let embeddings = Embeddings::open(windows::open(&args.runs, &TABLES, args.fresh.fresh)?)?;
    let grouping = Grouping { groups: args.groups as usize, examples: args.examples as usize, seed: args.seed };
    let groups = embeddings.groups(grouping, &filter)?;
    windows::zeros(groups.zeros);
    let examples: Vec<Vec<Window>> =
        groups.groups.iter().map(|group| windows::describe(&embeddings, &group.examples)).collect::<anyhow::Result<_>>()?;
    if args.clips.clips.is_some() {
        let mut pieces = Vec::new();
        for (number, (group, windows)) in groups.groups.iter().zip(&examples).enumerate() {
            let reason = format!("group-{:03}", number + 1);
            for (window, hit) in windows.iter().zip(&group.examples) {
                pieces.push(windows::piece(window, hit, "", &reason)?);
            }
        }
        windows::clips(&args.clips, &embeddings, &pieces)?;
    }
    destination.write(Answer::of_batch(groups_table(&groups, &examples)), Some(0))?;
    Ok(ExitCode::SUCCESS)
}
