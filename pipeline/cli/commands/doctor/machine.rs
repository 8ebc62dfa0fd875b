//! The machine: clock, processor, memory, graphics cards.

use chorus_engine::{bytes, counted};
use chorus_platform::machine::{has_nvidia_driver, processors};
use chorus_platform::memory;
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::check::Check;

/// A clock that shows a year before the first or from the second on was never set.
const YEARS: (i16, i16) = (2026, 2100);
/// Less memory than this is too little for a training with the default settings, bytes.
const LITTLE: u64 = 4 << 30;

/// All of it. `cuda_devices` are those that libtorch can use, where it was asked.
pub(super) fn checks(cuda_devices: Option<i64>) -> Vec<Check> {
    let may_use = std::thread::available_parallelism().map_or(1, usize::from);
    vec![
        clock(Timestamp::now()),
        processor(may_use, processors(), &instructions()),
        of_memory(memory::machine(), memory::container()),
        gpu(has_nvidia_driver(), cuda_devices),
        Check::ok("sound", "chorus decodes all formats itself; ffmpeg is not needed"),
    ]
}

fn clock(now: Timestamp) -> Check {
    let found = now.strftime("%Y-%m-%d %H:%M UTC").to_string();
    if (YEARS.0..YEARS.1).contains(&TimeZone::UTC.to_datetime(now).year()) {
        Check::ok("clock", found)
    } else {
        Check::fail(
            "clock",
            found,
            "set the date: files would get wrong times, and object stores refuse who comes at another time",
        )
    }
}

/// The instructions that make features, training and prediction fast.
#[derive(Debug, Default)]
struct Instructions {
    /// Those that this processor has.
    found: Vec<&'static str>,
    /// Those that it lacks, and that most processors of its kind have.
    lacking: Option<&'static str>,
}

#[cfg(target_arch = "x86_64")]
fn instructions() -> Instructions {
    use std::arch::is_x86_feature_detected;
    let has_avx2 = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
    let known =
        [("AVX2", has_avx2), ("AVX-512", is_x86_feature_detected!("avx512f")), ("bf16", is_x86_feature_detected!("avx512bf16"))];
    let found = known.into_iter().filter_map(|(name, has)| has.then_some(name)).collect();
    Instructions { found, lacking: (!has_avx2).then_some("AVX2") }
}

/// Every processor of this kind has them.
#[cfg(target_arch = "aarch64")]
fn instructions() -> Instructions {
    Instructions { found: vec!["NEON"], lacking: None }
}

/// No instructions are used that not every processor of this kind has.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn instructions() -> Instructions {
    Instructions::default()
}

fn processor(may_use: usize, all: Option<usize>, instructions: &Instructions) -> Check {
    let cores = match all.filter(|all| *all > may_use) {
        Some(all) => format!("{may_use} of {all} cores may be used here"),
        None => counted(may_use, "core"),
    };
    if let Some(lacking) = instructions.lacking {
        let advice = "all works, some times slower than with these instructions";
        return Check::warn("processor", format!("{cores}, without {lacking}"), advice);
    }
    let found: Vec<&str> = [cores.as_str()].into_iter().chain(instructions.found.iter().copied()).collect();
    Check::ok("processor", found.join(", "))
}

fn of_memory(memory: Option<u64>, limit: Option<u64>) -> Check {
    let Some(memory) = memory else { return Check::ok("memory", "not known on this system") };
    let limited = if limit == Some(memory) { " (limit of this container or job)" } else { "" };
    let found = format!("{}{limited}", bytes(memory));
    if memory < LITTLE {
        let advice =
            "for training, lower train.batch_size; run with fewer threads (-j); run.memory_gib says how much a run may take";
        return Check::warn("memory", found, advice);
    }
    Check::ok("memory", found)
}

fn gpu(has_driver: bool, cuda_devices: Option<i64>) -> Check {
    const NAME: &str = "GPU";
    match (has_driver, cuda_devices) {
        (_, Some(devices)) if devices > 0 => Check::ok(NAME, format!("libtorch can use {devices}")),
        (false, _) => Check::ok(NAME, "no NVIDIA driver; the processor computes"),
        (true, None) => {
            Check::warn(NAME, "an NVIDIA driver, and no libtorch that could use it", "`chorus torch cuda --wheel FILE` gets one")
        }
        (true, Some(_)) => Check::warn(NAME, "an NVIDIA driver, and libtorch sees no device", "see docs/howto/gpu.md"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::State;
    use super::*;

    #[test]
    fn a_clock_that_was_never_set_fails() {
        let at = |time: &str| clock(time.parse().unwrap());
        assert_eq!(at("1970-01-01T00:10:00Z").state, State::Fail);
        let set = at("2027-03-01T12:00:00Z");
        assert_eq!((set.state, set.found.as_str()), (State::Ok, "2027-03-01 12:00 UTC"));
    }

    #[test]
    fn limits_are_told() {
        let has = |found: &[&'static str]| Instructions { found: found.to_vec(), lacking: None };
        assert_eq!(processor(2, Some(64), &has(&["AVX2"])).found, "2 of 64 cores may be used here, AVX2");
        assert_eq!(processor(8, None, &has(&["AVX2", "bf16"])).found, "8 cores, AVX2, bf16");
        let old = processor(1, Some(1), &Instructions { lacking: Some("AVX2"), ..Instructions::default() });
        assert_eq!((old.state, old.found.as_str()), (State::Warn, "1 core, without AVX2"));
        let other = processor(1, Some(1), &Instructions::default());
        assert_eq!((other.state, other.found.as_str()), (State::Ok, "1 core"), "a kind of processor without such instructions");
        assert_eq!(of_memory(Some(8 << 30), Some(8 << 30)).found, "8.0 GiB (limit of this container or job)");
        assert_eq!(of_memory(Some(8 << 30), None).found, "8.0 GiB");
        assert_eq!(of_memory(Some(2 << 30), None).state, State::Warn);
    }

    #[test]
    fn a_driver_without_a_libtorch_that_uses_it_is_told() {
        let states = [(false, None), (false, Some(0)), (true, None), (true, Some(0)), (true, Some(2))];
        let found = states.map(|(driver, devices)| gpu(driver, devices).state);
        assert_eq!(found, [State::Ok, State::Ok, State::Warn, State::Warn, State::Ok]);
    }
}
