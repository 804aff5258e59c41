//! What every world of a process shares: field tables, the wayline file, what the site tells docks.

use std::sync::Arc;

use bytes::Bytes;
use fleet_core::dock::{Schemas, SiteConfig};
use fleet_sim::{DockIdentity, KnownFile, demo_mission, identities};
use md5::{Digest, Md5};

/// Shared, read-only things; made once.
#[derive(Clone)]
pub struct Kit {
    /// Field tables of the device classes.
    pub schemas: Schemas,
    /// What the site tells every dock.
    pub site: Arc<SiteConfig>,
    /// The wayline file.
    pub kmz: Bytes,
    /// The same, read.
    pub file: Arc<KnownFile>,
    /// Its MD5, lower-case hex.
    pub md5: String,
    /// Where every dock stands, so that one file fits them all.
    place: DockIdentity,
}

impl Kit {
    /// Makes the tables and the file.
    ///
    /// # Panics
    /// If the demo mission cannot be written, which its own tests rule out.
    #[must_use]
    pub fn new() -> Self {
        let place = identities(1, 0).remove(0);
        let mut mission = demo_mission(&place);
        for wayline in &mut mission.waylines {
            wayline.waypoints.truncate(3);
        }
        let kmz = mission.to_kmz().expect("a valid mission can be written");
        let kmz = Bytes::from(kmz);
        let file = KnownFile::read(kmz.clone()).expect("what was written can be read");
        let md5 = Md5::digest(&kmz).iter().map(|byte| format!("{byte:02x}")).collect();
        Self {
            schemas: Schemas::new(),
            site: Arc::new(SiteConfig {
                ntp_server_host: "tower.site".to_owned(),
                ntp_server_port: 123,
                organization_id: "gwanje".to_owned(),
                organization_name: "Gwanje".to_owned(),
                ..SiteConfig::default()
            }),
            kmz,
            file: Arc::new(file),
            md5,
            place,
        }
    }

    /// The docks of a world.
    #[must_use]
    pub fn identities(&self, count: usize, seed: u64) -> Vec<DockIdentity> {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        let mut docks = identities(count, seed);
        for dock in &mut docks {
            (dock.lat, dock.lon, dock.height_m) =
                (self.place.lat, self.place.lon, self.place.height_m);
        }
        docks
    }
}

impl Default for Kit {
    fn default() -> Self {
        Self::new()
    }
}
