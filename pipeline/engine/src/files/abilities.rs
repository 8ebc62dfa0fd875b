//! What the file system of a folder can, tried out in a folder of its own that is removed again.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, SystemTime};

use chorus_platform::{names, sync};

use super::claim;
use super::disk::Disk;
use super::file_system::Mode;
use crate::EngineError;

/// One thing that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ability {
    /// What.
    pub name: &'static str,
    /// What was found.
    pub found: String,
    /// What it means for a run, where something is lacking.
    pub advice: Option<&'static str>,
    /// Whether a run cannot lie there.
    pub is_fatal: bool,
}

impl Ability {
    fn new(name: &'static str, found: Result<String, String>, lacking: &'static str, is_fatal: bool) -> Self {
        let advice = found.is_err().then_some(lacking);
        Self { name, is_fatal: is_fatal && advice.is_some(), advice, found: found.unwrap_or_else(|found| found) }
    }
}

/// Tries out what a run needs of the file system on which `folder` lies, or would lie.
///
/// # Errors
/// [`EngineError::Io`] where nothing can be written there.
pub fn abilities(folder: &Path) -> Result<Vec<Ability>, EngineError> {
    let absolute = std::path::absolute(folder).map_err(EngineError::io(folder, "cannot be found"))?;
    let existing = absolute.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("/"));
    let place = tempfile::Builder::new().prefix(".chorus-doctor-").tempdir_in(existing);
    let place = place.map_err(EngineError::io(existing, "cannot be written to"))?;
    let (locks, rename, sync) = (locks(place.path()), rename(place.path()), syncing(place.path()));
    let (links, times, case) = (hard_links(place.path()), time_stamps(place.path()), case(place.path()));
    let clock = clock(place.path());
    let without_locks = "mount it with locks (Lustre: -o flock; NFS: with its lock service), or set run.lock: none";
    Ok(vec![
        Ability::new("locks", locks, without_locks, false),
        Ability::new("rename over a file", rename, "a run cannot lie here", true),
        Ability::new("sync to disk", sync, "what was made may be lost when the machine fails", false),
        Ability::new("hard links", links, "run.base and sweeps copy tables instead of linking them", false),
        Ability::new("time stamps", times, "nothing depends on them but what people see", false),
        Ability::new(
            "clock",
            clock,
            "let a time server set the clocks of both machines; until then, the newest run may be told wrongly",
            false,
        ),
        Ability::new("upper and lower case", case, "names of sites must differ by more than case", false),
    ])
}

fn text(error: std::io::Error) -> String {
    format!("no: {error}")
}

fn file(path: &Path, content: &[u8]) -> Result<File, String> {
    let mut file = File::create(path).map_err(text)?;
    file.write_all(content).map_err(text)?;
    Ok(file)
}

/// Two open files lock each other out, as two processes would.
fn locks(folder: &Path) -> Result<String, String> {
    let path = folder.join("lock");
    let open = || Disk::local().open_lock(&path).map_err(text);
    let (first, second) = (open()?, open()?);
    let lock = |file| claim::locked(file, &path, Mode::Exclusive).map_err(|e| format!("no: {e}"));
    match (lock(&*first)?, lock(&*second)?) {
        (true, false) => Ok("yes".into()),
        _ => Err("no: they keep nobody off".into()),
    }
}

fn rename(folder: &Path) -> Result<String, String> {
    let (old, new) = (folder.join("old"), folder.join("new"));
    file(&old, b"old")?;
    file(&new, b"new")?;
    fs::rename(&new, &old).map_err(text)?;
    match fs::read(&old).map_err(text)?.as_slice() {
        b"new" => Ok("yes".into()),
        _ => Err("no: the old content stayed".into()),
    }
}

fn syncing(folder: &Path) -> Result<String, String> {
    file(&folder.join("synced"), b"x")?.sync_all().map_err(text)?;
    sync::folder(folder).map_err(text)?;
    Ok("yes".into())
}

fn hard_links(folder: &Path) -> Result<String, String> {
    let one = folder.join("one");
    file(&one, b"x")?;
    fs::hard_link(&one, folder.join("two")).map_err(text)?;
    Ok("yes".into())
}

/// How finely times are kept.
fn time_stamps(folder: &Path) -> Result<String, String> {
    let file = file(&folder.join("time"), b"x")?;
    let wanted = SystemTime::UNIX_EPOCH + Duration::new(1_700_000_000, 123_456_789);
    file.set_modified(wanted).map_err(text)?;
    let found = file.metadata().and_then(|meta| meta.modified()).map_err(text)?;
    let off = found.duration_since(wanted).or_else(|_| wanted.duration_since(found)).unwrap_or_default();
    match off.as_nanos() {
        0 => Ok("to the nanosecond".into()),
        n if n < 1_000_000 => Ok("to the millisecond or finer".into()),
        n if n < 1_000_000_000 => Err("to the second".into()),
        _ => Err("coarser than a second".into()),
    }
}

/// Whether what is written gets the time of this machine: a file system on another machine has that one's.
fn clock(folder: &Path) -> Result<String, String> {
    /// Time stamps are kept to two seconds in the coarsest of common file systems.
    const APART: Duration = Duration::from_secs(3);
    let before = SystemTime::now();
    let written = file(&folder.join("now"), b"x")?.metadata().and_then(|meta| meta.modified()).map_err(text)?;
    let off = written.duration_since(before).or_else(|_| before.duration_since(written)).unwrap_or_default();
    if off < APART { Ok("as this machine".into()) } else { Err(format!("{:.0} s apart from this machine's", off.as_secs_f64())) }
}

fn case(folder: &Path) -> Result<String, String> {
    let path = folder.join("case");
    file(&path, b"x")?;
    if names::tells_case_apart(&path) { Ok("told apart".into()) } else { Err("not told apart".into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_tried_out_and_left_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let found = abilities(&dir.path().join("runs/new")).unwrap();
        assert_eq!(found.len(), 7);
        assert!(found.iter().all(|ability| !ability.is_fatal), "{found:?}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
        let lacking = Ability::new("locks", Err("no: none".into()), "advice", true);
        assert_eq!((lacking.advice, lacking.is_fatal), (Some("advice"), true));
    }
}
