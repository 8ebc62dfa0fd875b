//! What the stage declares of itself.

use chorus_engine::Config;
use chorus_engine::graph::{BACKBONE, CONTRACT, Input, Output, Pass, Per, Program};

use crate::backbone::program;

/// The stage; a run without a backbone does without.
pub fn embed(config: &Config) -> Option<Pass> {
    let path = config.text(BACKBONE)?;
    Some(Pass {
        // A file that no program can open is refused by the check.
        program: program(path.as_ref()).unwrap_or(Program::Onnx),
        inputs: vec![
            Input::Archive,
            Input::Table("recordings"),
            Input::Table("segments"),
            Input::File(BACKBONE),
            Input::File(CONTRACT),
        ],
        outputs: vec![Output::Table("embeddings")],
        keys: vec!["archive.channel", "device", "embed.*", "segment.window_s", BACKBONE, CONTRACT],
        hints: vec![BACKBONE, CONTRACT, "embed.memory_gib"],
        exploratory: true,
        ..Pass::new("embed", Per::SiteDay)
    })
}
