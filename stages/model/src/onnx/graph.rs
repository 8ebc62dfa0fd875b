//! A graph of ONNX operators on its way to a file.

use prost::Message;
use tch::{Kind, Tensor};

use super::proto::{
    self, AttributeMessage, Constant, Entry, GraphMessage, Length, Model, Node, OperatorSet, Port, Shape, TensorKind,
};
use crate::Result;
use crate::device::HOST;

/// The version of the standard operators (ONNX 1.12), which all programs read that are not older than 2022.
const OPERATORS: i64 = 17;
/// The version of the file format that came with it.
const FORMAT: i64 = 8;

/// Something that an operation gives, an input or a constant, by its name in the graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value(String);

/// The length of a dimension of an input or an output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    /// Any length; dimensions of one name have one length.
    Any(&'static str),
    /// This length.
    Fixed(i64),
}

/// A setting of an operator.
#[derive(Debug, Clone, PartialEq)]
pub enum Attribute {
    /// A whole number.
    Integer(i64),
    /// Several whole numbers.
    Integers(Vec<i64>),
    /// A number.
    Float(f32),
    /// A word.
    Word(&'static str),
}

/// Operations, constants, inputs and outputs, in the order in which they were added.
#[derive(Debug, Default)]
pub struct Graph {
    nodes: Vec<Node>,
    constants: Vec<Constant>,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
}

impl Graph {
    /// Adds an input of float32.
    pub fn input(&mut self, name: &str, shape: &[Dimension]) -> Value {
        self.inputs.push(port(name, shape));
        Value(name.to_owned())
    }

    /// Gives a value of float32 out under a name.
    pub fn output(&mut self, name: &str, value: &Value, shape: &[Dimension]) {
        let node = Node {
            input: vec![value.0.clone()],
            output: vec![name.to_owned()],
            name: format!("output_{name}"),
            op_type: "Identity".to_owned(),
            attribute: Vec::new(),
        };
        self.nodes.push(node);
        self.outputs.push(port(name, shape));
    }

    /// Adds an operator that gives one value.
    pub fn add(&mut self, operator: &str, inputs: &[&Value], attributes: &[(&str, Attribute)]) -> Value {
        let name = format!("{}_{}", operator.to_lowercase(), self.nodes.len());
        self.nodes.push(Node {
            input: inputs.iter().map(|value| value.0.clone()).collect(),
            output: vec![name.clone()],
            name: name.clone(),
            op_type: operator.to_owned(),
            attribute: attributes.iter().map(|(name, attribute)| message(name, attribute)).collect(),
        });
        Value(name)
    }

    /// Adds a constant of float32. The empty shape is that of a single number.
    pub fn floats(&mut self, shape: &[i64], values: &[f32]) -> Value {
        self.constant(shape, proto::element::FLOAT, values.iter().flat_map(|value| value.to_le_bytes()).collect())
    }

    /// Adds a constant list of whole numbers.
    pub fn integers(&mut self, values: &[i64]) -> Value {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(&[values.len() as i64], proto::element::INT64, bytes)
    }

    /// Adds a constant of truth values.
    pub fn truths(&mut self, shape: &[i64], values: &[bool]) -> Value {
        self.constant(shape, proto::element::BOOL, values.iter().map(|&value| u8::from(value)).collect())
    }

    /// Adds a constant with the values of a tensor, as float32.
    ///
    /// # Errors
    /// libtorch's only.
    pub fn weights(&mut self, tensor: &Tensor) -> Result<Value> {
        let flat = tensor.f_to_device(HOST)?.f_to_kind(Kind::Float)?.f_contiguous()?.f_view(-1)?;
        let values = Vec::<f32>::try_from(flat)?;
        Ok(self.floats(&tensor.size(), &values))
    }

    fn constant(&mut self, shape: &[i64], data_type: i32, bytes: Vec<u8>) -> Value {
        let name = format!("constant_{}", self.constants.len());
        self.constants.push(Constant { dims: shape.to_vec(), data_type, name: name.clone(), raw_data: Some(bytes) });
        Value(name)
    }

    /// The bytes of a file with this graph, and what is to be said of it, by name.
    pub(super) fn into_file(self, name: &str, about: Vec<(String, String)>) -> Vec<u8> {
        let Self { nodes, constants, inputs, outputs } = self;
        let graph = GraphMessage { node: nodes, name: name.to_owned(), initializer: constants, input: inputs, output: outputs };
        let model = Model {
            ir_version: FORMAT,
            producer_name: "chorus".to_owned(),
            producer_version: env!("CARGO_PKG_VERSION").to_owned(),
            graph: Some(graph),
            opset_import: vec![OperatorSet { domain: Some(String::new()), version: OPERATORS }],
            metadata_props: about.into_iter().map(|(key, value)| Entry { key, value }).collect(),
        };
        model.encode_to_vec()
    }
}

fn port(name: &str, shape: &[Dimension]) -> Port {
    let length = |dimension: &Dimension| match *dimension {
        Dimension::Any(name) => Length { value: None, param: Some(name.to_owned()) },
        Dimension::Fixed(length) => Length { value: Some(length), param: None },
    };
    let shape = Shape { dim: shape.iter().map(length).collect() };
    let tensor = TensorKind { element: proto::element::FLOAT, shape: Some(shape) };
    Port { name: name.to_owned(), kind: Some(proto::Kind { tensor: Some(tensor) }) }
}

fn message(name: &str, attribute: &Attribute) -> AttributeMessage {
    let message = AttributeMessage { name: name.to_owned(), ..AttributeMessage::default() };
    match attribute {
        Attribute::Integer(value) => AttributeMessage { i: Some(*value), kind: proto::attribute::INT, ..message },
        Attribute::Integers(values) => AttributeMessage { ints: values.clone(), kind: proto::attribute::INTS, ..message },
        Attribute::Float(value) => AttributeMessage { f: Some(*value), kind: proto::attribute::FLOAT, ..message },
        Attribute::Word(word) => {
            AttributeMessage { s: Some(word.as_bytes().to_vec()), kind: proto::attribute::STRING, ..message }
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Refuses a file in which an operation takes what is not there yet.
    pub(in crate::onnx) fn checked(bytes: &[u8]) -> Model {
        let model = Model::decode(bytes).unwrap();
        let graph = model.graph.clone().unwrap();
        let names = graph.initializer.iter().map(|c| c.name.clone()).chain(graph.input.iter().map(|port| port.name.clone()));
        let mut known = BTreeSet::new();
        names.for_each(|name| assert!(known.insert(name.clone()), "{name} is there twice"));
        for node in &graph.node {
            node.input.iter().for_each(|name| assert!(known.contains(name), "{} takes {name}, which is not there", node.name));
            node.output.iter().for_each(|name| assert!(known.insert(name.clone()), "{name} is there twice"));
        }
        graph.output.iter().for_each(|port| assert!(known.contains(&port.name), "{}", port.name));
        model
    }

    /// By the wire format of Protocol Buffers.
    #[test]
    fn a_file_has_the_fields_of_the_format() {
        let mut graph = Graph::default();
        let sound = graph.input("x", &[Dimension::Any("n"), Dimension::Fixed(2)]);
        let sum =
            graph.add("ReduceSum", &[&sound], &[("keepdims", Attribute::Integer(0)), ("k", Attribute::Integers(vec![1, 2]))]);
        graph.output("y", &sum, &[Dimension::Any("n")]);
        let bytes = graph.into_file("g", vec![("a".into(), "b".into())]);
        let model = checked(&bytes);
        assert_eq!((model.ir_version, model.opset_import[0].version), (8, 17));
        // IR version 8 in field 1, and the producer in field 2.
        assert!(bytes.starts_with(b"\x08\x08\x12\x06chorus"), "{bytes:?}");
        // keepdims: name in field 1, i = 0 in field 3, and the type INT (2) in field 20; a value of 0 is written too.
        let keepdims = b"\x0a\x08keepdims\x18\x00\xa0\x01\x02";
        assert!(bytes.windows(keepdims.len()).any(|part| part == keepdims), "{bytes:?}");
        // k: each number of field 8 by itself, and the type INTS (7).
        let several = b"\x0a\x01k\x40\x01\x40\x02\xa0\x01\x07";
        assert!(bytes.windows(several.len()).any(|part| part == several), "{bytes:?}");
        assert!(bytes.ends_with(b"\x72\x06\x0a\x01a\x12\x01b"), "{bytes:?}");
    }
}
