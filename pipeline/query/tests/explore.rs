#![allow(clippy::unwrap_used, missing_docs)]
use polars::prelude::*;
use polars::sql::SQLContext;

#[test]
fn explore() {
    let text = std::fs::read_to_string("/tmp/scratch/raw.sql").unwrap();
    for sql in text.split("\n;\n").map(str::trim).filter(|s| !s.is_empty()) {
        let df = df!("site" => ["a","a","b","c","c","c"], "x" => [1i64,2,3,4,5,6], "y" => [1.5f64,2.5,0.5,3.5,4.5,5.5]).unwrap();
        let u = df!("site" => ["a","b","c","d"], "g" => [Some("p"), None, Some("q"), Some("q")]).unwrap();
        let mut c = SQLContext::new();
        c.register("t", df.lazy());
        c.register("u", u.lazy());
        println!("=== {}", sql.replace('\n', " "));
        let r = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            c.execute(sql).and_then(|l| l.collect_with_engine(Engine::Streaming)).map(|r| r.unwrap_single())
        }));
        match r {
            Ok(Ok(df)) => {
                for i in 0..df.height() {
                    println!(
                        "{}",
                        df.columns().iter().map(|c| c.get(i).unwrap().to_string().replace('"', "")).collect::<Vec<_>>().join("|")
                    );
                }
            }
            Ok(Err(e)) => println!("ERR {}", e.to_string().split("\n").next().unwrap()),
            Err(_) => println!("PANIC"),
        }
    }
}
