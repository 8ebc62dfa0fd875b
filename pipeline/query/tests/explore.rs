#![allow(clippy::unwrap_used)]
mod common;
use chorus_query::{Format, Tables};
use common::*;

#[test]
fn explore() {
    let run = Run::small();
    let text = std::fs::read_to_string("/tmp/scratch/q.sql").unwrap();
    for sql in text.split("\n;\n").map(str::trim).filter(|s| !s.is_empty()) {
        let t = std::time::Instant::now();
        let r = Tables::open(&run.path).and_then(|t| t.sql(sql));
        let dt = t.elapsed();
        eprintln!("=== {sql}   [{dt:?}]");
        match r {
            Ok(a) => eprintln!("{}", written(&a, Format::Table)),
            Err(e) => eprintln!("ERR {e}"),
        }
    }
}
