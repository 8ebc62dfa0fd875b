//! A class more for a trained model, from a few examples: a row of weights more for its last layer. The other rows stay as they are, and
//! with them the scores of the other classes.

use std::collections::BTreeMap;

use safetensors::SafeTensors;
use safetensors::tensor::{Dtype, TensorView};

use crate::examples::Examples;
use crate::methods::{ClassWeight, Fitting, METHODS, MethodSettings};
use crate::{HeadError, weights};

/// Names of the tensors of the last layer, in heads and in networks.
const WEIGHT: &str = "head.weight";
const BIAS: &str = "head.bias";

/// The weights of one class.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// One for each value of an embedding.
    pub weight: Vec<f32>,
    /// What is added.
    pub bias: f32,
}

/// Fits a class by logistic regression: embeddings in which it calls against others, `[window, value]` both. Both sides count alike.
/// `strength` is as in `head.strengths`.
///
/// # Errors
/// [`HeadError::Examples`] where one side is empty; [`HeadError::Fit`].
pub fn fit_class(examples: &[Vec<f32>], others: &[Vec<f32>], strength: f64) -> Result<Row, HeadError> {
    let width = examples.first().map_or(0, Vec::len);
    if examples.is_empty() || others.is_empty() {
        return Err(HeadError::Examples {
            found: format!("{} examples and {} other windows", examples.len(), others.len()),
            expected: "at least one of each",
            next: "name more examples, or a run with windows of train",
        });
    }
    let all: Vec<&Vec<f32>> = examples.iter().chain(others).collect();
    if let Some(other) = all.iter().find(|row| row.len() != width) {
        return Err(HeadError::Weights {
            found: format!("an embedding of {} values", other.len()),
            expected: format!("{width} values"),
        });
    }
    let material = Examples {
        width,
        positions: 1,
        classes: 1,
        embeddings: all.iter().flat_map(|row| row.iter().copied()).collect(),
        labels: (0..all.len()).map(|row| Some(row < examples.len())).collect(),
        groups: vec![0; all.len()],
    };
    let options = MethodSettings::default();
    let fitting = Fitting { options: &options, class_weight: ClassWeight::Balanced, unlabelled_weight: 0.0, seed: 0 };
    let logistic = METHODS.iter().find(|method| method.name() == "logistic").and_then(|method| method.fit());
    let failed = || HeadError::Fit { method: "logistic", found: "it gave no head".to_owned() };
    let heads = logistic.ok_or_else(failed)?.heads(&fitting, &material, &[strength])?;
    let tensors = heads.first().ok_or_else(failed)?.tensors();
    let values = |name| tensors.iter().find(|tensor| tensor.name == name).map(|tensor| tensor.values.clone()).ok_or_else(failed);
    Ok(Row { weight: values(WEIGHT)?, bias: values(BIAS)?[0] })
}

/// The bytes of a model's weights with a class more, which gets this place among the classes. All other numbers stay as they are.
///
/// # Errors
/// [`HeadError::Weights`] for a model whose last layer is not one row of weights for each class.
pub fn with_class(bytes: &[u8], row: &Row, place: usize) -> Result<Vec<u8>, HeadError> {
    let tensors = weights::open(bytes)?;
    let (shape, _) = weights::tensor(&tensors, WEIGHT, &[0, row.weight.len()])?;
    weights::tensor(&tensors, BIAS, &[shape[0]])?;
    let failed =
        |e: safetensors::SafeTensorError| HeadError::Weights { found: e.to_string(), expected: "tensors that fit".into() };
    if place > shape[0] {
        let found = format!("place {place} among {} classes", shape[0]);
        return Err(HeadError::Weights { found, expected: "a place next to a class".to_owned() });
    }
    let more = |name: &str, values: &[f32]| -> Result<Vec<u8>, HeadError> {
        let mut data = tensors.tensor(name).map_err(failed)?.data().to_vec();
        let at = place * values.len() * size_of::<f32>();
        data.splice(at..at, values.iter().flat_map(|value| value.to_le_bytes()));
        Ok(data)
    };
    let grown: BTreeMap<&str, (Vec<usize>, Vec<u8>)> = [
        (WEIGHT, (vec![shape[0] + 1, shape[1]], more(WEIGHT, &row.weight)?)),
        (BIAS, (vec![shape[0] + 1], more(BIAS, &[row.bias])?)),
    ]
    .into();
    let view = |name: &String| -> Result<(String, TensorView<'_>), HeadError> {
        let tensor = match grown.get(name.as_str()) {
            Some((shape, data)) => TensorView::new(Dtype::F32, shape.clone(), data).map_err(failed)?,
            None => tensors.tensor(name).map_err(failed)?,
        };
        Ok((name.clone(), tensor))
    };
    let names: Vec<String> = tensors.names().into_iter().map(|name| name.to_owned()).collect();
    let views = names.iter().map(view).collect::<Result<Vec<_>, _>>()?;
    let note = SafeTensors::read_metadata(bytes).map_err(failed)?.1.metadata().clone();
    safetensors::serialize(views, note).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::weights::{Tensor, to_bytes};

    #[test]
    fn a_class_is_told_from_others_by_a_few_examples() {
        let examples = [vec![1.0, 0.1, 0.0], vec![0.9, -0.1, 0.2], vec![1.1, 0.0, -0.1]];
        let others: Vec<Vec<f32>> =
            (0..50).map(|i| vec![(i % 3) as f32 * 0.1, (i % 7) as f32 * 0.3 - 1.0, (i % 5) as f32 * 0.1]).collect();
        let row = fit_class(&examples, &others, 1.0).unwrap();
        let logit = |x: &[f32]| row.weight.iter().zip(x).map(|(w, x)| w * x).sum::<f32>() + row.bias;
        assert!(examples.iter().all(|x| logit(x) > 0.0) && others.iter().all(|x| logit(x) < 0.0));
        assert!(fit_class(&[], &others, 1.0).is_err() && fit_class(&examples, &[], 1.0).is_err());
        assert!(fit_class(&examples, &[vec![1.0]], 1.0).is_err());
    }

    #[test]
    fn a_row_more_leaves_all_other_numbers_as_they_are() {
        let tensor = |name, shape: &[usize], first: f32| {
            let n: usize = shape.iter().product();
            Tensor { name, shape: shape.to_vec(), values: (0..n).map(|i| first + i as f32).collect() }
        };
        let before =
            to_bytes(&[tensor("features.0", &[2, 2], 0.5), tensor(WEIGHT, &[2, 3], 1.0), tensor(BIAS, &[2], 7.0)]).unwrap();
        let after = with_class(&before, &Row { weight: vec![-1.0, -2.0, -3.0], bias: -4.0 }, 1).unwrap();
        let read = weights::open(&after).unwrap();
        assert_eq!(weights::tensor(&read, WEIGHT, &[3, 3]).unwrap().1, [1.0, 2.0, 3.0, -1.0, -2.0, -3.0, 4.0, 5.0, 6.0]);
        assert_eq!(weights::tensor(&read, BIAS, &[3]).unwrap().1, [7.0, -4.0, 8.0]);
        assert_eq!(
            read.tensor("features.0").unwrap().data(),
            weights::open(&before).unwrap().tensor("features.0").unwrap().data()
        );
        assert!(with_class(&before, &Row { weight: vec![0.0; 4], bias: 0.0 }, 0).is_err(), "another length of embeddings");
        assert!(with_class(&before, &Row { weight: vec![0.0; 3], bias: 0.0 }, 3).is_err(), "no such place");
    }
}
