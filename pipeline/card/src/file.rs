//! Files of models from strangers: YAML of bounded size and depth.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use chorus_text::look_through;
use serde::de::DeserializeOwned;

/// The largest file that is read, bytes. Decisions for 10,000 classes at 100 sites are smaller.
const MOST_BYTES: u64 = 256 << 20;
/// Mappings and lists that may lie within each other. A calibration in `decisions.yaml` has 6; parameters of methods to come have room.
const DEEPEST: usize = 16;

/// Reads a file.
///
/// # Errors
/// In words, what is wrong with it.
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<T, String> {
    parse(&text(path, MOST_BYTES)?)
}

/// The text of a file of at most so many bytes.
fn text(path: &Path, most: u64) -> Result<String, String> {
    let mut text = String::new();
    // One byte more than is allowed tells that there are more. The size that the system states may be that of a pipe.
    let file = File::open(path).map_err(|e| e.to_string())?;
    let read = file.take(most + 1).read_to_string(&mut text).map_err(|e| e.to_string())?;
    if read as u64 > most { Err(format!("it has more than {most} bytes")) } else { Ok(text) }
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, String> {
    look_through(text, DEEPEST).map_err(|refused| refused.to_string())?;
    serde_yaml::from_str(text).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_yaml::Value;

    #[test]
    fn a_file_costs_no_more_than_it_says() {
        let laughs =
            (1..30).fold("a0: &a0 [x, x]\n".to_owned(), |text, i| text + &format!("a{i}: &a{i} [*a{}, *a{}]\n", i - 1, i - 1));
        assert!(parse::<Value>(&laughs).unwrap_err().contains("line 2: found an alias"));
        let nested = |levels: usize| parse::<Value>(&format!("{}{}", "[".repeat(levels), "]".repeat(levels)));
        assert!(nested(17).unwrap_err().contains("more than 16 levels") && nested(16).is_ok() && nested(1 << 20).is_err());
        assert_eq!(parse::<Vec<u8>>("[1, 2]").unwrap(), [1, 2]);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("model.yaml");
        std::fs::write(&path, "a: 1234\n").unwrap();
        assert_eq!(
            (text(&path, 7).unwrap_err(), text(&path, 8).unwrap()),
            ("it has more than 7 bytes".into(), "a: 1234\n".into())
        );
        // What never ends is not read to its end.
        assert!(text(Path::new("/dev/zero"), 1 << 20).unwrap_err().contains("more than"));
    }
}
