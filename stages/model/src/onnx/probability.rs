//! From logits to calibrated probabilities in a graph.

use chorus_score::calibration::{Curves, Form, LEAST_MARGIN};

use super::graph::{Attribute, Graph, Value};

/// The probabilities `[batch, class]` of logits `[batch, class]`, NaN for classes without a curve; `None` where no class has one.
pub(super) fn probabilities(graph: &mut Graph, logits: &Value, classes: &[String], curves: &Curves) -> Option<Value> {
    let forms: Vec<Option<Form>> = classes.iter().map(|class| curves.get(class).and_then(|curve| curve.form())).collect();
    if forms.iter().all(Option::is_none) {
        return None;
    }
    let wide = [1, classes.len() as i64];
    let mut found = logistic(graph, logits, &forms);
    if forms.iter().any(|form| matches!(form, Some(Form::Lines { .. }))) {
        let lines = lines(graph, logits, &forms);
        let are_lines: Vec<bool> = forms.iter().map(|form| matches!(form, Some(Form::Lines { .. }))).collect();
        let are_lines = graph.truths(&wide, &are_lines);
        found = graph.add("Where", &[&are_lines, &lines, &found], &[]);
    }
    if forms.iter().any(Option::is_none) {
        let are_known = graph.truths(&wide, &forms.iter().map(Option::is_some).collect::<Vec<_>>());
        let unknown = graph.floats(&[], &[f32::NAN]);
        found = graph.add("Where", &[&are_known, &found, &unknown], &[]);
    }
    Some(found)
}

/// Logistic curves; whatever for the other classes.
fn logistic(graph: &mut Graph, logits: &Value, forms: &[Option<Form>]) -> Value {
    let of = |form: &Option<Form>| match form {
        Some(Form::Logistic { slope, intercept }) => (*slope as f32, *intercept as f32),
        _ => (0.0, 0.0),
    };
    let (slopes, intercepts): (Vec<f32>, Vec<f32>) = forms.iter().map(of).unzip();
    let wide = [1, forms.len() as i64];
    let most = ((1.0 - LEAST_MARGIN) / LEAST_MARGIN).ln() as f32;
    let (low, high) = (graph.floats(&[], &[-most]), graph.floats(&[], &[most]));
    let bounded = graph.add("Clip", &[logits, &low, &high], &[]);
    let (slopes, intercepts) = (graph.floats(&wide, &slopes), graph.floats(&wide, &intercepts));
    let steeper = graph.add("Mul", &[&bounded, &slopes], &[]);
    let shifted = graph.add("Add", &[&steeper, &intercepts], &[]);
    graph.add("Sigmoid", &[&shifted], &[])
}

/// Curves of straight lines; whatever for the other classes. Each line adds its rise for the part of it that lies below the score.
fn lines(graph: &mut Graph, logits: &Value, forms: &[Option<Form>]) -> Value {
    let points = |form: &Option<Form>| -> Vec<(f64, f64)> {
        match form {
            Some(Form::Lines { scores, probabilities }) => scores.iter().copied().zip(probabilities.iter().copied()).collect(),
            _ => Vec::new(),
        }
    };
    let curves: Vec<Vec<(f64, f64)>> = forms.iter().map(points).collect();
    let most = curves.iter().map(|points| points.len().saturating_sub(1)).max().unwrap_or(0).max(1);
    let (mut starts, mut ends, mut rises) = (Vec::new(), Vec::new(), Vec::new());
    for points in &curves {
        for line in 0..most {
            let (start, end, rise) = match (points.get(line), points.get(line + 1)) {
                (Some(&(x0, y0)), Some(&(x1, y1))) => (x0, x1, (y1 - y0) / (x1 - x0)),
                _ => (0.0, 0.0, 0.0),
            };
            starts.push(start as f32);
            ends.push(end as f32);
            rises.push(rise as f32);
        }
    }
    let first: Vec<f32> = curves.iter().map(|points| points.first().map_or(0.0, |point| point.1 as f32)).collect();
    let shape = [forms.len() as i64, most as i64];
    let (starts, ends, rises) = (graph.floats(&shape, &starts), graph.floats(&shape, &ends), graph.floats(&shape, &rises));
    let (last, first) = (graph.integers(&[2]), graph.floats(&[1, forms.len() as i64], &first));
    let scores = graph.add("Sigmoid", &[logits], &[]);
    let scores = graph.add("Unsqueeze", &[&scores, &last], &[]);
    let from_start = graph.add("Max", &[&scores, &starts], &[]);
    let to_end = graph.add("Min", &[&from_start, &ends], &[]);
    let lengths = graph.add("Sub", &[&to_end, &starts], &[]);
    let parts = graph.add("Mul", &[&lengths, &rises], &[]);
    let sums = graph.add("ReduceSum", &[&parts, &last], &[("keepdims", Attribute::Integer(0))]);
    graph.add("Add", &[&sums, &first], &[])
}
