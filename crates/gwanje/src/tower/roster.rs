//! Names of docks, kept beside the broker's accounts until a database holds the fleet.
//!
//! Who is enrolled is the broker's to say (it keeps the accounts); this file only adds what people
//! call a dock. It is small and written rarely, without waiting for the disk.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use fleet_types::DeviceSn;

use crate::data_dir;

/// Most characters of a name.
pub const NAME_MAX: usize = 80;
/// Largest file read: 10,000 docks with long names.
const FILE_MAX: u64 = 4 << 20;

/// Names by serial number.
#[derive(Debug)]
pub struct Roster {
    path: PathBuf,
    names: Mutex<BTreeMap<DeviceSn, String>>,
}

impl Roster {
    /// Reads the file; one that is missing is empty, one that cannot be read is an error.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn open(data_dir: &Path) -> io::Result<Self> {
        let path = Self::path(data_dir);
        let names = match std::fs::metadata(&path) {
            Ok(meta) if meta.len() > FILE_MAX => {
                return Err(io::Error::other(format!("{} is too large", path.display())));
            }
            Ok(_) => serde_json::from_slice(&std::fs::read(&path)?).map_err(io::Error::other)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error),
        };
        Ok(Self { path, names: Mutex::new(names) })
    }

    /// Where the names are kept.
    #[must_use]
    pub fn path(dir: &Path) -> PathBuf {
        dir.join(data_dir::DOCK_NAMES)
    }

    /// Writes a whole roster, for docks that are enrolled before the broker starts.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(data_dir: &Path, names: &BTreeMap<DeviceSn, String>) -> io::Result<()> {
        let text = serde_json::to_vec_pretty(names).map_err(io::Error::other)?;
        data_dir::write_private(&Self::path(data_dir), &text)
    }

    /// What people call it, empty without a name.
    #[must_use]
    pub fn name(&self, sn: &DeviceSn) -> String {
        self.lock().get(sn).cloned().unwrap_or_default()
    }

    /// Sets a name, or takes it away when it is empty.
    ///
    /// # Errors
    /// When the file cannot be written; the name then holds until the end of the process.
    pub fn set(&self, sn: &DeviceSn, name: &str) -> io::Result<()> {
        let text = {
            let mut names = self.lock();
            if name.is_empty() {
                names.remove(sn);
            } else {
                names.insert(sn.clone(), name.to_owned());
            }
            serde_json::to_vec_pretty(&*names).map_err(io::Error::other)?
        };
        data_dir::write_private(&self.path, &text)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<DeviceSn, String>> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_last_and_go() {
        let dir = data_dir::TempDir::new().expect("a directory");
        let sn = DeviceSn::new("D1").expect("valid");
        let roster = Roster::open(dir.path()).expect("no file is no names");
        roster.set(&sn, "새만금 1").expect("written");
        assert_eq!(Roster::open(dir.path()).expect("read").name(&sn), "새만금 1");
        roster.set(&sn, "").expect("written");
        assert_eq!(Roster::open(dir.path()).expect("read").name(&sn), "");
        std::fs::write(Roster::path(dir.path()), "{").expect("written");
        assert!(Roster::open(dir.path()).is_err(), "a broken file is not an empty one");
    }
}
