//! Heads beside scikit-learn's; `golden/make.py` made the expected logits.
#![allow(clippy::unwrap_used)]

use chorus_head::Examples;
use chorus_head::methods::{ClassWeight, Fit, Fitting, Head, METHODS, Method, MethodSettings, find};

fn golden() -> (serde_json::Value, Examples) {
    let golden: serde_json::Value = serde_json::from_str(include_str!("golden/heads.json")).unwrap();
    let labels: Vec<Vec<Option<bool>>> = serde_json::from_value(golden["labels"].clone()).unwrap();
    let examples = Examples {
        width: golden["width"].as_u64().unwrap() as usize,
        positions: 1,
        classes: golden["classes"].as_u64().unwrap() as usize,
        embeddings: serde_json::from_value(golden["values"].clone()).unwrap(),
        groups: (0..labels.len()).collect(),
        labels: labels.concat(),
    };
    (golden, examples)
}

fn fitting(options: &MethodSettings, class_weight: ClassWeight) -> Fitting<'_> {
    Fitting { options, class_weight, unlabelled_weight: 0.0, seed: 0 }
}

/// The methods that fit at once; the other one's tests are in stages/model.
fn fitted() -> impl Iterator<Item = (&'static dyn Method, &'static dyn Fit)> {
    METHODS.iter().filter_map(|method| Some((*method, method.fit()?)))
}

fn logits(head: &dyn Head, examples: &Examples) -> Vec<f32> {
    let mut logits = vec![0.0; examples.labels.len()];
    for (window, logits) in logits.chunks_exact_mut(examples.classes).enumerate() {
        head.logits(examples.embedding(window), logits);
    }
    logits
}

#[test]
fn logistic_regression_gives_the_logits_of_scikit_learn() {
    let (golden, examples) = golden();
    let options = MethodSettings::default();
    for (name, class_weight) in [("balanced", ClassWeight::Balanced), ("none", ClassWeight::None)] {
        let heads = find("logistic").unwrap().fit().unwrap();
        let heads = heads.heads(&fitting(&options, class_weight), &examples, &[0.01, 1.0]).unwrap();
        for (head, strength) in heads.iter().zip(["0.01", "1"]) {
            let expected: Vec<Vec<f32>> = serde_json::from_value(golden["logits"][format!("{strength} {name}")].clone()).unwrap();
            let found = logits(&**head, &examples);
            let largest = found.iter().zip(expected.concat()).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(largest < 2e-3, "{strength} {name}: {largest}");
        }
    }
}

#[test]
fn every_method_tells_the_classes_apart_and_its_weights_can_be_read() {
    let (_, examples) = golden();
    let options = MethodSettings::default().with("strengths", &[0.1]).with("prototypes", &[2.0]);
    for (method, fit) in fitted() {
        let settings = fit.settings(&options);
        let head = fit.heads(&fitting(&options, ClassWeight::Balanced), &examples, &settings[..1]).unwrap().remove(0);
        let found = logits(&*head, &examples);
        for class in 0..examples.classes {
            let pairs: Vec<(f32, bool)> = (0..examples.len())
                .filter_map(|w| Some((found[w * examples.classes + class], examples.labels(w)[class]?)))
                .collect();
            let mean = |wanted: bool| {
                let own: Vec<f32> = pairs.iter().filter(|(_, label)| *label == wanted).map(|(logit, _)| *logit).collect();
                own.iter().sum::<f32>() / own.len() as f32
            };
            assert!(mean(true) > mean(false), "{} {class}", method.name());
        }
        let tensors = head.tensors();
        let bytes: Vec<Vec<u8>> =
            tensors.iter().map(|t| t.values.iter().flat_map(|value| value.to_le_bytes()).collect()).collect();
        let views = tensors.iter().zip(&bytes).map(|(t, bytes)| {
            (t.name, safetensors::tensor::TensorView::new(safetensors::tensor::Dtype::F32, t.shape.clone(), bytes).unwrap())
        });
        let file = safetensors::serialize(views, None).unwrap();
        let read = safetensors::SafeTensors::deserialize(&file).unwrap();
        let again = method.read(&read, examples.classes, examples.width).unwrap();
        assert_eq!(logits(&*again, &examples), found, "{}", method.name());
        let other = method.read(&read, examples.classes + 1, examples.width).err().unwrap().to_string();
        assert!(other.contains("expected") && other.contains("copy the model's folder"), "{other}");
    }
    assert!(find("forest").err().unwrap().to_string().contains("logistic, lda, prototypes, gradient"));
}

#[test]
fn a_class_without_positives_is_never_found() {
    let (_, mut examples) = golden();
    examples.labels.iter_mut().skip(1).step_by(3).for_each(|label| *label = Some(false));
    let options = MethodSettings::default().with("strengths", &[0.1]).with("prototypes", &[2.0]);
    for (method, fit) in fitted() {
        let settings = fit.settings(&options);
        let head = fit.heads(&fitting(&options, ClassWeight::Balanced), &examples, &settings[..1]).unwrap().remove(0);
        let found = logits(&*head, &examples);
        assert!(found.iter().skip(1).step_by(3).all(|&logit| logit == -10.0), "{}", method.name());
    }
}

#[test]
fn a_fit_is_the_same_for_any_number_of_threads() {
    let (_, examples) = golden();
    let many: Vec<usize> = (0..600).map(|i| i * 7 % examples.len()).collect();
    let examples = examples.chosen(&many);
    let options = MethodSettings::default();
    let fit = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            fitted()
                .map(|(_, fit)| {
                    fit.heads(&fitting(&options, ClassWeight::Balanced), &examples, &[1.0]).unwrap().remove(0).tensors()
                })
                .collect::<Vec<_>>()
        })
    };
    assert_eq!(fit(1), fit(3));
}
