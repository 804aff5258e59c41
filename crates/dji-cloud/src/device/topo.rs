//! `update_topo`: which devices stand behind a gateway.
//!
//! Two shapes are documented: the device page gives `domain` (a string) and `thing_version`, the
//! topic definition gives `version` and no domain. Devices also send type and subtype as strings.
//! All of it is read. An empty `sub_devices` means that the aircraft is offline, not the dock.
//! Secrets in the message are kept out of `Debug`. Source: `dock2/device` page.

use crate::lenient::Int;
use crate::macros::wire;
use crate::secret::Secret;
use crate::text::Text;

wire! {
    /// A gateway and what stands behind it.
    pub struct UpdateTopo {
        /// Namespace of the gateway: 3 for docks. Documented as a string.
        domain: Text = "domain" [""];
        /// Product type of the gateway.
        kind: Int = "type" [""];
        /// Product subtype of the gateway.
        sub_type: Int = "sub_type" [""];
        /// Key of the device.
        device_secret: Secret = "device_secret" [""];
        /// Nonce that goes with the key.
        nonce: Secret = "nonce" [""];
        /// Version of the thing model.
        thing_version: Text = "thing_version" [""];
        /// Version, in the other shape.
        version: Text = "version" [""];
        /// Devices behind the gateway; empty when the aircraft is offline.
        sub_devices: Vec<SubDeviceTopo> = "sub_devices" [""];
    }
}

wire! {
    /// A device behind a gateway.
    pub struct SubDeviceTopo {
        /// Serial number.
        sn: Text = "sn" [""];
        /// Namespace: 0 for aircraft. Documented as a string.
        domain: Text = "domain" [""];
        /// Product type.
        kind: Int = "type" [""];
        /// Product subtype.
        sub_type: Int = "sub_type" [""];
        /// Channel to the gateway, `A` or `B`.
        index: Text = "index" [""];
        /// Key of the device.
        device_secret: Secret = "device_secret" [""];
        /// Nonce that goes with the key.
        nonce: Secret = "nonce" [""];
        /// Version of the thing model.
        thing_version: Text = "thing_version" [""];
        /// Version, in the other shape.
        version: Text = "version" [""];
    }
}

/// A product of DJI's, `{domain}-{type}-{sub_type}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ModelKey {
    /// 0 aircraft, 2 remote controller, 3 dock.
    pub domain: i64,
    /// Product type.
    pub kind: i64,
    /// Product subtype.
    pub sub_type: i64,
}

impl ModelKey {
    /// Dock 2.
    pub const DOCK_2: Self = Self { domain: 3, kind: 2, sub_type: 0 };
    /// Matrice 3D.
    pub const M3D: Self = Self { domain: 0, kind: 91, sub_type: 0 };
    /// Matrice 3TD.
    pub const M3TD: Self = Self { domain: 0, kind: 91, sub_type: 1 };

    /// Reads `3-2-0`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '-').map(|part| part.parse().ok());
        Some(Self { domain: parts.next()??, kind: parts.next()??, sub_type: parts.next()?? })
    }

    /// The product's name, if it is one of those known here. Dock 3 and its aircraft are newer
    /// than the documentation this crate follows.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        Some(match (self.domain, self.kind, self.sub_type) {
            (3, 1, 0) => "DJI Dock",
            (3, 2, 0) => "DJI Dock 2",
            (3, 3, 0) => "DJI Dock 3",
            (0, 67, 0) => "Matrice 30",
            (0, 67, 1) => "Matrice 30T",
            (0, 91, 0) => "Matrice 3D",
            (0, 91, 1) => "Matrice 3TD",
            (0, 100, 0) => "Matrice 4D",
            (0, 100, 1) => "Matrice 4TD",
            (2, 144, 0) => "DJI RC Pro",
            (2, 174, 0) => "DJI RC Plus 2",
            (_, _, _) => return None,
        })
    }
}

impl core::fmt::Display for ModelKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{}-{}-{}", self.domain, self.kind, self.sub_type)
    }
}

fn model_key(domain: Option<&Text>, kind: Option<i64>, sub_type: Option<i64>) -> Option<ModelKey> {
    Some(ModelKey { domain: domain?.trim().parse().ok()?, kind: kind?, sub_type: sub_type? })
}

impl UpdateTopo {
    /// The gateway's product, when the shape gives its domain.
    #[must_use]
    pub fn model_key(&self) -> Option<ModelKey> {
        model_key(self.domain.as_ref(), self.kind, self.sub_type)
    }

    /// Devices behind the gateway; empty when the aircraft is offline.
    #[must_use]
    pub fn sub_devices(&self) -> &[SubDeviceTopo] {
        self.sub_devices.as_deref().unwrap_or_default()
    }
}

impl SubDeviceTopo {
    /// The device's product, when the shape gives its domain.
    #[must_use]
    pub fn model_key(&self) -> Option<ModelKey> {
        model_key(self.domain.as_ref(), self.kind, self.sub_type)
    }
}
