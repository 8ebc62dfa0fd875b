//! Stage `predict` for heads: from the table `embeddings` to the table `predictions`.

use std::sync::OnceLock;

use chorus_engine::graph::MODEL_CARD;
use chorus_engine::{EngineError, Scan, ScanContext, Unit, UnitContext, Work, WorkError, mean_id};
use chorus_score::predictions::{SEGMENT_COLUMNS, Scores, Windows, models};
use chorus_tables::halves;

use crate::context::{Around, Context};
use crate::examples::{self, shape};
use crate::given::{GivenHead, read};
use crate::methods::Head;

/// Bytes of a row on disk, about.
const BYTES_PER_ROW: u64 = 12;

/// The stage.
pub struct Predict;

/// The head, or several for the same classes whose mean score counts; read with the first unit that is made.
#[derive(Default)]
pub struct Loaded(OnceLock<Result<Model, String>>);

struct Model {
    model_id: String,
    /// The backbone on whose embeddings they are.
    backbone: String,
    classes: Vec<String>,
    heads: Vec<Box<dyn Head>>,
    width: usize,
}

impl Model {
    fn load(cx: &UnitContext<'_>) -> Result<Self, WorkError> {
        let files = models(cx)?;
        let given = files.iter().map(|(card, weights)| read(card, weights)).collect::<Result<Vec<_>, _>>()?;
        let first = given.first().map(|given| given.card.clone()).ok_or("there is no model")?;
        for (other, (path, _)) in given.iter().zip(&files).skip(1) {
            cx.check_ensemble(&first, &other.card, path)?;
        }
        Ok(Self {
            model_id: mean_id(given.iter().map(|given| given.card.model_id.clone()).collect()),
            backbone: first.backbone.map(|backbone| backbone.id).unwrap_or_default(),
            classes: first.classes,
            width: usize::try_from(first.embedding)?,
            heads: given.into_iter().map(|GivenHead { head, .. }| head).collect(),
        })
    }
}

impl Work for Predict {
    type Found = Loaded;

    fn scan(&self, _: &ScanContext<'_>) -> Result<Scan<Loaded>, WorkError> {
        Ok(Scan::default())
    }

    fn bytes_needed(&self, cx: &ScanContext<'_>, units: &[&Unit]) -> Result<u64, WorkError> {
        let Some(card) = cx.model_file(MODEL_CARD)? else { return Ok(0) };
        let classes = chorus_card::Card::read(&card)?.classes.len() as u64;
        let mut windows = 0;
        for partition in cx.partitions("segments")?.iter().filter(|p| units.contains(&&p.unit)) {
            windows += cx.open("segments", partition)?.rows() as u64;
        }
        Ok(windows * classes * BYTES_PER_ROW)
    }

    fn run(&self, cx: &UnitContext<'_>, loaded: &Loaded) -> Result<(), WorkError> {
        let model = loaded.0.get_or_init(|| Model::load(cx).map_err(|e| e.to_string())).as_ref().map_err(String::clone)?;
        let segments = cx.read("segments", SEGMENT_COLUMNS)?.ok_or("the unit has no segments")?;
        let windows = Windows {
            segments: &segments,
            classes: &model.classes,
            model_id: &model.model_id,
            min_score: cx.value("predict.min_score")?,
        };
        let (ids, wanted) = (segments.utf8("segment_id")?, segments.rows());
        let mut sink = cx.sink("predictions", &[])?;
        let context = Context { weight: cx.value("head.context")?, reach_s: cx.value("head.context_s")? };
        let mut around = Around::new(context, model.classes.len());
        let (recordings, starts) = (segments.utf8("recording_id")?, segments.f64("start_s")?);
        let (recording, start_s) = (|row: usize| recordings.value(row), |row: usize| starts.value(row));
        let mut first = 0;
        let given = examples::Given::of(cx);
        if let Some(reader) = cx.reader(given.table)? {
            let [positions, width] = shape(&reader);
            for batch in reader.batches(&["segment_id", given.column, "model_id"])? {
                if cx.stopping() {
                    return Err(EngineError::Stopped.into());
                }
                let batch = batch?;
                let (own, arrays, backbones) = (batch.utf8("segment_id")?, batch.arrays(given.column)?, batch.utf8("model_id")?);
                if let Some(other) = backbones.iter().flatten().find(|id| *id != model.backbone) {
                    let found =
                        format!("embeddings are those of the backbone {other}, expected {}; run embed again", model.backbone);
                    return Err(found.into());
                }
                if width != model.width {
                    return Err(format!("embeddings have {width} values, expected {}; run embed again", model.width).into());
                }
                let is_same = (0..batch.rows()).all(|i| first + i < wanted && ids.value(first + i) == own.value(i));
                if !is_same {
                    return Err("embeddings hold other windows than segments; run embed again".into());
                }
                let embeddings: Vec<f32> = arrays.iter().flatten().flat_map(halves).collect();
                let models: Vec<Vec<f32>> =
                    model.heads.iter().map(|head| model.logits(&**head, &embeddings, positions * width)).collect();
                if let Some((row, scores)) = around.add(Scores::mean_of(&models), recording, start_s) {
                    windows.write(&mut sink, row, &scores)?;
                }
                first += batch.rows();
            }
        }
        if first != wanted {
            return Err(format!("found embeddings of {first} windows, expected {wanted} as in segments; run embed again").into());
        }
        if let Some((row, scores)) = around.rest(recording, start_s) {
            windows.write(&mut sink, row, &scores)?;
        }
        Ok(sink.finish()?)
    }
}

impl Model {
    /// Logits `[window, class]` of embeddings of so many numbers.
    fn logits(&self, head: &dyn Head, embeddings: &[f32], length: usize) -> Vec<f32> {
        let classes = self.classes.len();
        let mut logits = vec![0.0; embeddings.len() / length * classes];
        for (embedding, logits) in embeddings.chunks_exact(length).zip(logits.chunks_exact_mut(classes)) {
            head.logits(embedding, logits);
        }
        logits
    }
}
