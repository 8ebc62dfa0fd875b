//! What the stages declare of themselves.

use chorus_engine::Config;
use chorus_engine::graph::{BACKBONE, BACKBONE_CLASSES, CONTRACT, Input, Output, Pass, Per, Program};

use crate::backbone::program;

/// The key that names the file of a backbone for voices.
pub(crate) const VOICE: &str = "privacy.backbone";
/// The key that names its contract.
pub(crate) const VOICE_CONTRACT: &str = "privacy.contract";

/// The stage embed; a run without a backbone does without.
pub fn embed(config: &Config) -> Option<Pass> {
    let path = config.text(BACKBONE)?;
    let mut pass = Pass {
        // A file that no program can open is refused by the check.
        program: program(path.as_ref()).unwrap_or(Program::Onnx),
        code_version: 2,
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
    };
    if config.is_on("embed.map") {
        pass.outputs.push(Output::Table("embedding_maps"));
    }
    if !config.get("embed.min_score").is_null() {
        pass.inputs.push(Input::File(BACKBONE_CLASSES));
        pass.outputs.push(Output::Table("backbone_scores"));
        pass.keys.push(BACKBONE_CLASSES);
        pass.hints.push(BACKBONE_CLASSES);
    }
    Some(pass)
}

/// The stage speech; a run without a backbone for voices does without.
pub fn speech(config: &Config) -> Option<Pass> {
    let path = config.text(VOICE)?;
    Some(Pass {
        program: program(path.as_ref()).unwrap_or(Program::Onnx),
        code_version: 2,
        inputs: vec![Input::Archive, Input::Table("recordings"), Input::File(VOICE), Input::File(VOICE_CONTRACT)],
        outputs: vec![Output::Table("speech")],
        keys: vec!["archive.channel", "device", VOICE, VOICE_CONTRACT],
        hints: vec![VOICE, VOICE_CONTRACT],
        exploratory: true,
        ..Pass::new("speech", Per::SiteDay)
    })
}
