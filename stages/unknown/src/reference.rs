//! First pass of the stage `unknown`: from the windows of train and validation to `model/unknown.safetensors`, what all other windows are
//! compared with.

use std::collections::BTreeMap;
use std::path::Path;

use chorus_engine::graph::{Input, Output, Pass, Per};
use chorus_engine::{Config, EngineError, Scan, ScanContext, Unit, UnitContext, Work, WorkError};
use chorus_score::labelled::for_each_labelled;
use chorus_tables::{TableReader, halves};
use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use crate::likeness::Likeness;
use crate::scores::{Measures, Shares, of_logits};
use crate::settings::{ENABLED, UnknownSettings, learns};

/// The file in a model's folder that says what its windows are compared with.
pub const REFERENCE: &str = "unknown.safetensors";
const REFERENCE_FILE: &str = "model/unknown.safetensors";
/// The entry of its metadata that names the network whose embeddings it holds.
const EMBEDDINGS: &str = "embeddings";

/// Refuses a given model that does not say what it learnt.
///
/// # Errors
/// [`EngineError::Model`].
pub fn check(config: &Config) -> Result<(), EngineError> {
    let folder = config.text("model.path").map(Path::new).filter(|_| config.is_on(ENABLED));
    let Some(path) = folder.map(|folder| folder.join(REFERENCE)).filter(|path| !path.is_file()) else { return Ok(()) };
    Err(EngineError::Model {
        path,
        found: "there is no such file, and unknown.enabled compares windows with what it holds of the model's training".to_owned(),
        next: "make it in the run that trained the model, with unknown.enabled: true, and copy the model's folder as a whole; or set \
               unknown.enabled: false"
            .to_owned(),
    })
}

/// The pass.
pub struct UnknownReference;

impl UnknownReference {
    /// What the pass declares of itself; a run that does not ask for it, or does not train, does without.
    pub fn declare(config: &Config) -> Option<Pass> {
        use Input::{Parts, Table};
        let part = |of| Parts { of, by: "training_sets" };
        learns(config).then(|| Pass {
            name: "unknown-reference",
            code_version: 2,
            inputs: vec![Table("training_sets"), part("embeddings"), part("predictions"), part("labels"), Table("classes")],
            outputs: vec![Output::File(REFERENCE_FILE)],
            keys: vec!["unknown.*"],
            // The score, its threshold and what is loud are used on windows, and groups are made of these.
            hints: vec![
                "unknown.enabled",
                "unknown.score",
                "unknown.threshold",
                "unknown.min_rise_db",
                "unknown.groups",
                "unknown.max_windows",
            ],
            ..Pass::new("unknown", Per::Run)
        })
    }
}

impl Work for UnknownReference {
    type Found = ();

    fn scan(&self, _: &ScanContext<'_>) -> Result<Scan<()>, WorkError> {
        Ok(Scan::default())
    }

    fn run(&self, cx: &UnitContext<'_>, (): &()) -> Result<(), WorkError> {
        let settings = cx.settings::<UnknownSettings>()?;
        let (classes, _) = chorus_score::classes::read(cx)?;
        let ([train, validation], made_by) = read(cx, classes.len())?;
        if validation.windows.is_empty() {
            let next = "give validation a share in the section split, or set unknown.enabled: false";
            return Err(format!("there is no window of validation with labels to compare with; {next}").into());
        }
        let groups: Vec<Vec<usize>> = train.windows.iter().map(|window| window.groups.clone()).collect();
        let likeness = Likeness::new(&train.embeddings, train.width, &groups, settings.reference_windows)?;
        let distances = likeness.distances(&validation.embeddings, settings.neighbours);
        let measures: Vec<Measures> =
            validation.windows.iter().zip(distances).map(|(window, found)| window.measures(found)).collect();
        let reference = Reference { likeness, shares: Shares::new(&measures), made_by };
        let (n, m) = (train.windows.len(), validation.windows.len());
        cx.console().say(&format!("{:17} compares with {n} windows of train and {m} of validation", "unknown"));
        cx.write_file(REFERENCE_FILE, &reference.to_bytes()?)?;
        Ok(())
    }
}

/// The windows of one side.
#[derive(Default)]
struct Side {
    width: usize,
    /// `[window, value]`
    embeddings: Vec<f32>,
    windows: Vec<Window>,
}

struct Window {
    /// Its classes; a group of its own where there is none.
    groups: Vec<usize>,
    /// What the logits give.
    logits: (f32, f32),
}

impl Window {
    fn measures(&self, (cosine, distance): (f32, f32)) -> Measures {
        [self.logits.0, self.logits.1, cosine, distance]
    }
}

/// The windows of train and validation with labels, and the network that made their embeddings.
fn read(cx: &UnitContext<'_>, classes: usize) -> Result<([Side; 2], Option<String>), WorkError> {
    let mut found: Vec<(TableReader, usize, usize, Vec<usize>)> = Vec::new();
    for_each_labelled(cx, "embeddings", classes, |window| {
        if window.labels.iter().any(Option::is_some) {
            let mut groups: Vec<usize> = (0..classes).filter(|&class| window.labels[class] == Some(1)).collect();
            if groups.is_empty() {
                groups.push(classes);
            }
            found.push((window.reader.clone(), window.row, usize::from(window.subset == "validation"), groups));
        }
        Ok(())
    })?;
    let units: BTreeMap<_, Unit> = cx.partitions("embeddings")?.into_iter().map(|p| (p.path.clone(), p.unit)).collect();
    let predictions: BTreeMap<Unit, _> = cx.partitions("predictions")?.into_iter().map(|p| (p.unit.clone(), p)).collect();
    let (mut sides, mut made_by) = ([Side::default(), Side::default()], None);
    for own in found.chunk_by(|a, b| a.0.path() == b.0.path()) {
        let reader = &own[0].0;
        let unit = units.get(reader.path()).ok_or("a part of the table embeddings has no unit")?;
        let predictions = predictions.get(unit).ok_or_else(|| format!("{unit} has embeddings and no predictions"))?;
        let logits = cx.read_partition("predictions", predictions, &["logit"])?;
        let logits = logits.f32("logit")?;
        if logits.len() != reader.rows() * classes {
            return Err(format!("{unit}: predictions and embeddings hold different windows; run predict again").into());
        }
        let rows: Vec<usize> = own.iter().map(|(_, row, ..)| *row).collect();
        let batch = reader.rows_at(&rows, &["embedding", "model_id"])?;
        let (arrays, networks) = (batch.arrays("embedding")?, batch.utf8("model_id")?);
        made_by.get_or_insert_with(|| networks.value(0).to_owned());
        for (place, (_, row, side, groups)) in own.iter().enumerate() {
            let side = &mut sides[*side];
            side.embeddings.extend(halves(arrays.value(place)));
            side.width = arrays.value(place).len() / 2;
            let logits = of_logits(logits.values()[row * classes..(row + 1) * classes].iter().copied());
            side.windows.push(Window { groups: groups.clone(), logits });
        }
    }
    Ok((sides, made_by))
}

/// What windows are compared with.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reference {
    pub likeness: Likeness,
    pub shares: Shares,
    /// The network whose embeddings these are; `None` in a file of a version that did not record it.
    pub made_by: Option<String>,
}

/// Names of the tensors of the shares, in the order of the scores.
const SHARES: [&str; 4] = ["validation.max_logit", "validation.energy", "validation.knn", "validation.mahalanobis"];

impl Reference {
    fn to_bytes(&self) -> Result<Vec<u8>, WorkError> {
        let Likeness { width, reference, centre, whitening, means } = &self.likeness;
        let of_width = |values: &Vec<f32>| vec![values.len() / width, *width];
        let mut tensors = vec![
            ("reference", of_width(reference), reference),
            ("centre", vec![*width], centre),
            ("whitening", of_width(whitening), whitening),
            ("means", of_width(means), means),
            ("validation.means", vec![self.shares.means.len()], &self.shares.means),
        ];
        tensors.extend(SHARES.into_iter().zip(&self.shares.measured).map(|(name, values)| (name, vec![values.len()], values)));
        let bytes: Vec<Vec<u8>> =
            tensors.iter().map(|(.., values)| values.iter().flat_map(|value| value.to_le_bytes()).collect()).collect();
        let views = tensors
            .into_iter()
            .zip(&bytes)
            .map(|((name, shape, _), bytes)| Ok((name, TensorView::new(Dtype::F32, shape, bytes)?)));
        let note = self.made_by.as_ref().map(|network| [(EMBEDDINGS.to_owned(), network.clone())].into());
        Ok(safetensors::serialize(views.collect::<Result<Vec<_>, safetensors::SafeTensorError>>()?, note)?)
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, WorkError> {
        let tensors = SafeTensors::deserialize(bytes)?;
        let note = SafeTensors::read_metadata(bytes)?.1.metadata().clone();
        let values = |name: &str| -> Result<Vec<f32>, WorkError> {
            let tensor = tensors.tensor(name)?;
            Ok(tensor.data().as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four)).collect())
        };
        let centre = values("centre")?;
        let mut measured: [Vec<f32>; 4] = Default::default();
        for (name, own) in SHARES.into_iter().zip(&mut measured) {
            *own = values(name)?;
        }
        Ok(Self {
            likeness: Likeness {
                width: centre.len(),
                reference: values("reference")?,
                centre,
                whitening: values("whitening")?,
                means: values("means")?,
            },
            shares: Shares { measured, means: values("validation.means")? },
            made_by: note.and_then(|mut note| note.remove(EMBEDDINGS)),
        })
    }

    /// Refuses embeddings that another network made: distances between the two say nothing.
    pub(crate) fn check(&self, network: &str) -> Result<(), String> {
        match &self.made_by {
            Some(known) if known != network => Err(format!(
                "the embeddings are those of {network}, and {REFERENCE} of the model holds those of {known}; make both with one \
                 configuration (backbone.path, predict.embeddings)"
            )),
            _ => Ok(()),
        }
    }
}

/// The bytes of a model's [`REFERENCE`] with a class more, from examples of it, `[window, value]`: they count as known from now on. `before`
/// and `after` are the ids of the model without and with the class. The embeddings of a network carry its id; those of a backbone stay
/// the backbone's. The shares of scores of logits stay those of the windows of validation without the class.
///
/// # Errors
/// In words: bytes that are no such file, or embeddings of another length.
pub fn with_class(bytes: &[u8], examples: &[Vec<f32>], before: &str, after: &str) -> Result<Vec<u8>, String> {
    let known = Reference::from_bytes(bytes).map_err(|e| e.to_string())?;
    let width = known.likeness.width;
    if let Some(other) = examples.iter().find(|row| row.len() != width) {
        return Err(format!("it holds embeddings of {width} values, and those of the examples have {}", other.len()));
    }
    let made_by = known.made_by.map(|network| if network == before { after.to_owned() } else { network });
    let likeness = if examples.is_empty() { known.likeness } else { known.likeness.with_group(&examples.concat()) };
    Reference { likeness, made_by, shares: known.shares }.to_bytes().map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let embeddings = [1.0, 0.0, 0.5, 0.0, 1.0, -0.5, 0.8, 0.1, 0.2, 0.1, 0.7, 0.3];
        let groups = vec![vec![0], vec![1], vec![0], vec![1]];
        let likeness = Likeness::new(&embeddings, 3, &groups, 10).unwrap();
        let shares = Shares::new(&[[1.0, 2.0, 3.0, 4.0], [0.0, 1.0, 2.0, 3.0]]);
        let reference = Reference { likeness, shares, made_by: Some("0123456789abcdef".into()) };
        assert_eq!(Reference::from_bytes(&reference.to_bytes().unwrap()).unwrap(), reference);
        assert!(reference.check("0123456789abcdef").is_ok());
        assert!(reference.check("fedcba9876543210").unwrap_err().contains("holds those of 0123456789abcdef"));
        let older = Reference { made_by: None, ..reference };
        assert_eq!(Reference::from_bytes(&older.to_bytes().unwrap()).unwrap(), older);
        assert!(older.check("fedcba9876543210").is_ok());
        assert!(Reference::from_bytes(b"nothing").is_err());
    }

    #[test]
    fn a_class_more_is_known_and_the_file_names_the_network_with_it() {
        let embeddings = [1.0, 0.0, 0.5, 0.0, 1.0, -0.5, 0.8, 0.1, 0.2, 0.1, 0.7, 0.3];
        let likeness = Likeness::new(&embeddings, 3, &[vec![0], vec![1], vec![0], vec![1]], 10).unwrap();
        let shares = Shares::new(&[[1.0, 2.0, 3.0, 4.0], [0.0, 1.0, 2.0, 3.0]]);
        let reference = Reference { likeness, shares, made_by: Some("network".into()) };
        let example = vec![-1.0, -1.0, -1.0];
        let grown = |reference: &Reference| {
            let bytes = with_class(&reference.to_bytes().unwrap(), std::slice::from_ref(&example), "network", "grown").unwrap();
            Reference::from_bytes(&bytes).unwrap()
        };
        let after = grown(&reference);
        assert!(after.check("grown").is_ok() && after.check("network").is_err());
        assert_eq!(after.shares, reference.shares);
        let nearest = |of: &Reference| of.likeness.distances(&example, 1)[0];
        assert!(nearest(&reference).0 > 0.5 && nearest(&reference).1 > 0.5, "{:?}", nearest(&reference));
        assert!(nearest(&after).0 < 1e-6 && nearest(&after).1 < 1e-3, "{:?}", nearest(&after));
        // A backbone stays the one that it was, and so does what no version wrote down.
        let of_backbone = grown(&Reference { made_by: Some("backbone".into()), ..reference.clone() });
        assert_eq!(of_backbone.made_by.as_deref(), Some("backbone"));
        assert_eq!(grown(&Reference { made_by: None, ..reference.clone() }).made_by, None);
        let refused = with_class(&reference.to_bytes().unwrap(), &[vec![1.0]], "network", "grown").unwrap_err();
        assert!(refused.contains("of 3 values") && refused.contains("have 1"), "{refused}");
        assert!(with_class(b"nothing", &[], "network", "grown").is_err());
    }
}
