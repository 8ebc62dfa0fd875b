//! Where a run lies, or would lie: space, and what the file system can.

use std::path::Path;

use chorus_engine::{Ability, RunDir, abilities, bytes, message};

use super::check::Check;

/// Tries out the file system of a folder.
pub(super) fn checks(folder: &Path, keep_free_gib: f64) -> Vec<Check> {
    let found = match abilities(folder) {
        Ok(found) => found,
        Err(error) => return vec![Check::fail("folder", message(&error), "name another folder for the run (run.path)")],
    };
    let mut checks = vec![match RunDir::new(folder).free_bytes() {
        Ok(free) => space(folder, free, keep_free_gib),
        Err(error) => Check::warn("folder", message(&error), "see to it that the disk does not get full"),
    }];
    checks.extend(file_system(&found));
    checks
}

fn space(folder: &Path, free: u64, keep_free_gib: f64) -> Check {
    let found = format!("{} can be written, {} are free", folder.display(), bytes(free));
    if (free as f64) < keep_free_gib * (1u64 << 30) as f64 {
        let why = format!("units.keep_free_gib keeps {keep_free_gib} GiB free, so nothing can be made");
        return Check::fail("folder", found, format!("{why}: make room, or name another folder for the run (run.path)"));
    }
    Check::ok("folder", found)
}

/// One line for all that is well, and one for each thing that is lacking.
fn file_system(found: &[Ability]) -> Vec<Check> {
    let (lacking, well): (Vec<&Ability>, Vec<&Ability>) = found.iter().partition(|ability| ability.advice.is_some());
    let names: Vec<&str> = well.iter().map(|ability| ability.name).collect();
    let mut checks = vec![Check::ok("file system", format!("has {}", names.join(", ")))];
    checks.extend(lacking.iter().map(|ability| {
        let (name, found, advice) = (ability.name, ability.found.as_str(), ability.advice.unwrap_or_default());
        if ability.is_fatal { Check::fail(name, found, advice) } else { Check::warn(name, found, advice) }
    }));
    checks
}

#[cfg(test)]
mod tests {
    use super::super::check::State;
    use super::*;

    #[test]
    fn a_full_disk_and_a_lacking_ability_are_lines_of_their_own() {
        let folder = Path::new("runs");
        assert_eq!(space(folder, 10 << 30, 5.0).state, State::Ok);
        let full = space(folder, 1 << 30, 5.0);
        assert!(full.state == State::Fail && full.advice.unwrap().contains("keeps 5 GiB"));
        let ability = |name, advice, is_fatal| Ability { name, found: "no".into(), advice, is_fatal };
        let found = [
            ability("locks", Some("mount it with locks"), false),
            ability("hard links", None, false),
            ability("rename over a file", Some("elsewhere"), true),
        ];
        let checks = file_system(&found);
        let states: Vec<State> = checks.iter().map(|check| check.state).collect();
        assert_eq!(states, [State::Ok, State::Warn, State::Fail]);
        assert_eq!(checks[0].found, "has hard links");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_place_that_cannot_be_written_fails() {
        // Not even root makes files there.
        let checks = checks(Path::new("/proc/self"), 0.0);
        assert!(checks.len() == 1 && checks[0].state == State::Fail, "{checks:?}");
    }
}
