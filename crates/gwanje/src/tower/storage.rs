//! Where docks upload, and by what: credentials that are made when a dock asks and end by themselves.

use dji_cloud::file::{StorageConfigOutput, StorageCredentials, StorageProvider};
use fleet_objects::{BUCKET, Holder, Issued, MasterKey, REGION};
use fleet_types::{DeviceSn, Now, WallMs};

use crate::{
    config::{Config, ObjectsMode},
    objects,
};

/// What credentials are made of.
pub struct Storage {
    master: MasterKey,
    endpoint: String,
    life_s: u64,
}

impl Storage {
    /// Nothing where nobody keeps media.
    ///
    /// # Errors
    /// When the store's key can neither be read nor made.
    pub fn open(config: &Config) -> anyhow::Result<Option<Self>> {
        match config.objects.mode {
            ObjectsMode::None => Ok(None),
            ObjectsMode::Embedded => Ok(Some(Self {
                master: objects::master_key(config)?,
                endpoint: config.objects_address(),
                life_s: u64::from(config.objects.key_minutes) * 60,
            })),
        }
    }

    /// Credentials of a dock, good below `{sn}/` alone; nothing for one whose serial number cannot be
    /// part of a key.
    #[must_use]
    pub fn of(&self, sn: &DeviceSn, now: Now) -> Option<StorageConfigOutput> {
        let holder = Holder::Dock(sn.as_str().to_owned());
        let issued = self.master.issue(&holder, seconds(now.wall) + self.life_s);
        let Issued { access_key_id, secret_access_key, session_token } = match issued {
            Ok(issued) => issued,
            Err(error) => {
                tracing::warn!(device.sn = %sn, %error, "no credentials for uploads");
                return None;
            }
        };
        Some(StorageConfigOutput {
            bucket: Some(BUCKET.into()),
            region: Some(REGION.into()),
            endpoint: Some(self.endpoint.as_str().into()),
            // What speaks S3 and is not Amazon's.
            provider: Some(StorageProvider::Minio),
            object_key_prefix: Some(sn.as_str().into()),
            credentials: Some(StorageCredentials {
                access_key_id: Some(access_key_id.into()),
                access_key_secret: Some(secret_access_key.into()),
                security_token: Some(session_token.into()),
                expire: i64::try_from(self.life_s).ok(),
                ..StorageCredentials::default()
            }),
            ..StorageConfigOutput::default()
        })
    }
}

fn seconds(wall: WallMs) -> u64 {
    u64::try_from(wall.0 / 1000).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use fleet_types::MonoMs;

    use super::*;

    #[test]
    fn a_dock_gets_what_dji_documents() {
        let master = MasterKey::new("0123456789abcdef").unwrap();
        let endpoint = "http://127.0.0.1:9000".to_owned();
        let storage = Storage { master: master.clone(), endpoint, life_s: 3600 };
        let now = Now { mono: MonoMs(5), wall: WallMs(1_796_000_000_999) };
        let sn = DeviceSn::new("7CTDM1").unwrap();
        let output = storage.of(&sn, now).unwrap();
        let text = serde_json::to_value(&output).unwrap();
        assert_eq!(text["object_key_prefix"], "7CTDM1");
        assert_eq!((&text["bucket"], &text["provider"]), (&"gwanje".into(), &"minio".into()));
        assert_eq!(text["credentials"]["expire"], 3600);
        let id = text["credentials"]["access_key_id"].as_str().unwrap();
        let grant = MasterKey::read(id).unwrap();
        assert_eq!(grant.expires_s, 1_796_003_600);
        assert!(grant.covers("7CTDM1/x.jpg") && !grant.covers("7CTDM2/x.jpg"));
        assert_eq!(text["credentials"]["access_key_secret"], master.secret_of(id));
        assert!(!format!("{output:?}").contains(&master.secret_of(id)));
    }
}
