//! How much memory and time a query may take.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chorus_engine::Memory;
use chorus_platform::memory::resident;

use crate::QueryError;

/// Bytes beside those that the engine counts: the program, and what operators hold for a moment.
const BESIDE: u64 = 1 << 30;

/// What a query may take.
#[derive(Debug, Clone)]
pub struct Limits {
    /// Bytes of memory. Sorts and groups that need more go to temporary files.
    pub memory: u64,
    /// Time until the last row.
    pub timeout: Duration,
    /// Set by somebody else to end the query, such as a handler of ctrl-C.
    pub stop: Arc<AtomicBool>,
}

impl Default for Limits {
    /// The memory of a run that names none, and an hour.
    fn default() -> Self {
        Self { memory: Memory::default().bytes(), timeout: Duration::from_secs(3600), stop: Arc::default() }
    }
}

impl Limits {
    /// Reads a number of bytes with a unit: `2GB`, `500 MB`, `1.5GiB`. Units are those of 1,000, and of 1,024 with an `i`.
    ///
    /// # Errors
    /// [`QueryError::Memory`] when it is none, or below 16 MB.
    pub fn bytes(text: &str) -> Result<u64, QueryError> {
        const SMALLEST: f64 = 16e6;
        let bad = || QueryError::Memory { found: text.to_owned() };
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let unit = match text[end..].trim().to_ascii_lowercase().as_str() {
            "k" | "kb" => 1e3,
            "m" | "mb" => 1e6,
            "g" | "gb" => 1e9,
            "t" | "tb" => 1e12,
            "kib" => f64::from(1 << 10),
            "mib" => f64::from(1 << 20),
            "gib" => f64::from(1 << 30),
            _ => return Err(bad()),
        };
        let bytes = text[..end].parse::<f64>().map_err(|_| bad())? * unit;
        if bytes >= SMALLEST { Ok(bytes as u64) } else { Err(bad()) }
    }

    /// Whether a query that started then may go on.
    ///
    /// # Errors
    /// [`QueryError::Stopped`], [`QueryError::TimedOut`], [`QueryError::OutOfMemory`].
    pub(crate) fn check(&self, start: &Start) -> Result<(), QueryError> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(QueryError::Stopped);
        }
        if start.time.elapsed() > self.timeout {
            return Err(QueryError::TimedOut { seconds: self.timeout.as_secs() });
        }
        // Not all memory goes by the engine's count: texts and lists that one function makes do not.
        if resident().is_some_and(|bytes| bytes.saturating_sub(start.resident) > self.memory + self.memory / 4 + BESIDE) {
            return Err(QueryError::OutOfMemory { megabytes: self.memory / 1_000_000 });
        }
        Ok(())
    }
}

/// When a query began, and what the process held then.
#[derive(Debug)]
pub(crate) struct Start {
    time: Instant,
    /// Bytes of memory.
    resident: u64,
}

impl Start {
    pub(crate) fn now() -> Self {
        Self { time: Instant::now(), resident: resident().unwrap_or(0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [("2GB", 2_000_000_000), ("500 mb", 500_000_000), ("1.5GiB", 1_610_612_736), ("16m", 16_000_000)] {
            assert_eq!(Limits::bytes(text).unwrap(), bytes, "{text}");
        }
        for text in ["", "2", "GB", "1.2.3GB", "-1GB", "2 parsecs", "15MB"] {
            let error = Limits::bytes(text).unwrap_err().to_string();
            assert!(error.contains("such as 4GB"), "{error}");
        }
    }

    #[test]
    fn a_query_ends_at_its_limits() {
        let limits = Limits { timeout: Duration::from_secs(1), ..Limits::default() };
        let now = Start::now();
        assert!(limits.check(&now).is_ok());
        if let Some(before) = now.time.checked_sub(Duration::from_secs(2)) {
            assert!(matches!(limits.check(&Start { time: before, ..now }), Err(QueryError::TimedOut { seconds: 1 })));
        }
        limits.stop.store(true, Ordering::Relaxed);
        assert!(matches!(limits.check(&Start::now()), Err(QueryError::Stopped)));
    }
}
