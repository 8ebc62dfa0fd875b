//! Looks through an ONNX file, before it is given to ONNX Runtime, for tensors that lie in other files: a model from elsewhere must not
//! make this program read files of its choice.
//!
//! An ONNX file is one Protocol Buffers message. Only the fields on the way to tensors are followed: those of `ModelProto`, `GraphProto`,
//! `NodeProto`, `AttributeProto`, `SparseTensorProto`, `FunctionProto` and `TensorProto` in onnx.proto of ONNX 1.20.

/// The messages that hold tensors.
#[derive(Debug, Clone, Copy)]
enum Message {
    Model,
    Graph,
    Node,
    Attribute,
    Sparse,
    Function,
    Tensor,
    TrainingInfo,
}

/// Deeper files are refused: no real one is.
const DEEPEST: usize = 64;

/// Refuses a file that names other files, and one that is no such message.
///
/// # Errors
/// In words, what was found.
pub fn check(bytes: &[u8]) -> Result<(), String> {
    follow(bytes, Message::Model, 0)
}

fn follow(mut bytes: &[u8], message: Message, depth: usize) -> Result<(), String> {
    if depth > DEEPEST {
        return Err("is no ONNX file: its parts are nested too deeply".into());
    }
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        let (field, wire) = (key >> 3, key & 7);
        let content = match wire {
            0 => {
                let value = varint(&mut bytes)?;
                // TensorProto.data_location: 1 is EXTERNAL.
                if matches!(message, Message::Tensor) && field == 14 && value != 0 {
                    return Err(EXTERNAL.into());
                }
                continue;
            }
            1 => take(&mut bytes, 8)?,
            5 => take(&mut bytes, 4)?,
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).map_err(|_| BROKEN)?;
                take(&mut bytes, length)?
            }
            _ => return Err(BROKEN.into()),
        };
        if wire == 2 {
            // TensorProto.external_data.
            if matches!(message, Message::Tensor) && field == 13 {
                return Err(EXTERNAL.into());
            }
            if let Some(part) = part(message, field) {
                follow(content, part, depth + 1)?;
            }
        }
    }
    Ok(())
}

const EXTERNAL: &str = "its tensors lie in other files, which chorus does not read; save the model as one file (onnx.save_model of Python's \
                        onnx does)";
const BROKEN: &str = "is no ONNX file, or only a part of one";

/// What a field of a message holds, where it leads to tensors.
fn part(message: Message, field: u64) -> Option<Message> {
    Some(match (message, field) {
        (Message::Model, 7) | (Message::Attribute, 6 | 11) | (Message::TrainingInfo, 1 | 2) => Message::Graph,
        (Message::Model, 20) => Message::TrainingInfo,
        (Message::Model, 25) => Message::Function,
        (Message::Graph, 1) | (Message::Function, 7) => Message::Node,
        (Message::Graph, 5) | (Message::Attribute, 5 | 10) | (Message::Sparse, 1 | 2) => Message::Tensor,
        (Message::Graph, 15) | (Message::Attribute, 22 | 23) => Message::Sparse,
        (Message::Node, 5) | (Message::Function, 11) => Message::Attribute,
        _ => return None,
    })
}

fn varint(bytes: &mut &[u8]) -> Result<u64, String> {
    let mut value = 0;
    for i in 0..10 {
        let (&byte, rest) = bytes.split_first().ok_or(BROKEN)?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << (7 * i).min(63);
        if byte < 0x80 {
            return Ok(value);
        }
    }
    Err(BROKEN.into())
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Result<&'a [u8], String> {
    let (content, rest) = bytes.split_at_checked(length).ok_or(BROKEN)?;
    *bytes = rest;
    Ok(content)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(number: u8, content: &[u8]) -> Vec<u8> {
        [&[number << 3 | 2, content.len() as u8], content].concat()
    }

    /// A model whose graph holds this tensor, as an initializer or in an attribute of a node.
    fn models(tensor: &[u8]) -> [Vec<u8>; 2] {
        let initializer = field(7, &field(5, tensor));
        let attribute = field(7, &field(1, &field(5, &field(5, tensor))));
        [initializer, attribute]
    }

    #[test]
    fn tensors_in_other_files_are_refused_wherever_they_are() {
        for location in [field(13, &field(1, b"location")), vec![14 << 3, 1]] {
            for model in models(&location) {
                assert!(check(&model).unwrap_err().contains("lie in other files"), "{model:?}");
            }
        }
        for model in models(&field(9, b"raw data")) {
            assert_eq!(check(&model), Ok(()));
        }
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for bytes in [&b"\x3a\x05ab"[..], b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", b"\x3b"] {
            assert!(check(bytes).unwrap_err().contains("is no ONNX file"), "{bytes:?}");
        }
        assert_eq!(check(b""), Ok(()));
        let deep = (0..DEEPEST).fold(Vec::new(), |inner: Vec<u8>, _| {
            let attribute = [vec![6 << 3 | 2, 0x80 | (inner.len() & 0x7f) as u8, (inner.len() >> 7) as u8], inner].concat();
            let node =
                [vec![5 << 3 | 2, 0x80 | (attribute.len() & 0x7f) as u8, (attribute.len() >> 7) as u8], attribute].concat();
            [vec![1 << 3 | 2, 0x80 | (node.len() & 0x7f) as u8, (node.len() >> 7) as u8], node].concat()
        });
        let model = [vec![7 << 3 | 2, 0x80 | (deep.len() & 0x7f) as u8, (deep.len() >> 7) as u8], deep].concat();
        assert!(check(&model).unwrap_err().contains("nested too deeply"));
    }
}
