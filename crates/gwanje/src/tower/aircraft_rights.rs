//! Keeps the broker's access file in step with which aircraft a dock speaks for.
//!
//! The file is written here and read again by the broker when the supervisor sees that it changed
//! (`children/reload.rs`); nobody is disconnected. Changes are gathered for a moment: when a whole
//! fleet comes up, thousands come at once. Read next: [`fleet_links::mosquitto::AircraftDocks`].

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, chown},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use fleet_links::mosquitto::{AIRCRAFT_FILE, AircraftDocks};
use fleet_types::DeviceSn;
use tokio::{sync::mpsc, time::Instant};

use super::fleet::Fleet;
use crate::data_dir;

/// How long changes are gathered before they are written.
const GATHER: Duration = Duration::from_millis(100);
/// After a failed write.
const RETRY: Duration = Duration::from_secs(2);
const BATCH: usize = 64;

/// Which dock may publish for which aircraft, as the broker's file says.
pub struct AircraftRights {
    file: PathBuf,
    docks: Mutex<AircraftDocks>,
}

impl AircraftRights {
    /// What the file in the broker's directory says; nothing when there is none.
    #[must_use]
    pub fn open(broker_dir: &Path) -> Self {
        let file = broker_dir.join(AIRCRAFT_FILE);
        let text = fs::read_to_string(&file).unwrap_or_default();
        Self { file, docks: Mutex::new(AircraftDocks::parse(&text)) }
    }

    fn change(&self, how: impl FnOnce(&mut AircraftDocks) -> bool) -> bool {
        how(&mut self.docks.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes a removed dock's aircraft from it.
    pub fn forget(&self, dock: &DeviceSn) {
        if self.change(|docks| docks.forget(dock)) {
            self.write();
        }
    }

    fn pair(&self, dock: &DeviceSn, aircraft: &[DeviceSn]) -> bool {
        self.change(|docks| docks.pair(dock, aircraft))
    }

    fn write(&self) -> bool {
        let text = self.docks.lock().unwrap_or_else(PoisonError::into_inner).text();
        let written = data_dir::write_private(&self.file, text.as_bytes()).and_then(|()| {
            // The broker's user owns its directory, and must be able to read what is in it.
            let dir = fs::metadata(self.file.parent().unwrap_or(Path::new("/")))?;
            let own = fs::metadata(&self.file)?;
            if dir.uid() == own.uid() {
                return Ok(());
            }
            chown(&self.file, Some(dir.uid()), Some(dir.gid()))
        });
        if let Err(error) = &written {
            tracing::error!(file = %self.file.display(), %error, "the broker is not told which aircraft belong to which dock");
        }
        written.is_ok()
    }
}

/// Follows which aircraft belong to which dock: for routing, and for the broker's rights.
pub async fn follow(
    fleet: Arc<Fleet>,
    rights: Option<Arc<AircraftRights>>,
    mut children: mpsc::UnboundedReceiver<(DeviceSn, Vec<DeviceSn>)>,
) {
    let mut due: Option<Instant> = None;
    let mut batch = Vec::with_capacity(BATCH);
    loop {
        let timer = async {
            match due {
                Some(at) => tokio::time::sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = timer => {
                let failed = rights.as_ref().is_some_and(|rights| !rights.write());
                due = failed.then(|| Instant::now() + RETRY);
            }
            count = children.recv_many(&mut batch, BATCH) => {
                if count == 0 {
                    return;
                }
                for (dock, aircraft) in batch.drain(..) {
                    fleet.set_children(&dock, &aircraft);
                    if rights.as_ref().is_some_and(|rights| rights.pair(&dock, &aircraft)) {
                        due = due.or_else(|| Some(Instant::now() + GATHER));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_outlive_the_tower_and_go_with_the_dock() {
        let dir = data_dir::TempDir::new().unwrap();
        let sn = |text: &str| DeviceSn::new(text).unwrap();
        let rights = AircraftRights::open(dir.path());
        assert!(rights.pair(&sn("D1"), &[sn("A1")]) && !rights.pair(&sn("D1"), &[sn("A1")]));
        assert!(rights.write());
        let again = AircraftRights::open(dir.path());
        assert!(!again.pair(&sn("D1"), &[sn("A1")]), "it was read");
        again.forget(&sn("D1"));
        assert!(AircraftRights::open(dir.path()).pair(&sn("D1"), &[sn("A1")]), "it was taken");
    }
}
