//! Firmware: one or two devices at once, with progress.
//!
//! Where the package is hosted is ours to decide. A normal upgrade supersedes a consistency one,
//! which needs no file. Source: `dock2/firmware` page. Next: [`crate::method`].

use crate::check::{CallError, Check, bounded, bounds, required, required_text};
use crate::lenient::{Int, Num};
use crate::macros::{codes, wire, words};
use crate::reply::{JobStatus, ResultCode, Verdict};
use crate::text::Text;

const PAGE: &str = "dock2/firmware";

codes! {
    /// Kind of upgrade.
    pub enum UpgradeKind {
        Consistency = 2 "consistency",
        Normal = 3 "normal",
        /// Newer, unproven.
        Psdk = 4 "psdk",
    }
}

wire! {
    /// `ota_create`.
    pub struct OtaCreate {
        /// The devices, at most two: dock and aircraft.
        devices: Vec<OtaDevice> = "devices" [""];
    }
}

bounds!(OtaCreate, PAGE, "", {
    devices: some each => len 1..=2, "1 or 2 devices";
});

wire! {
    /// A device and the firmware it shall have.
    pub struct OtaDevice {
        /// Serial number.
        sn: Text = "sn" [""];
        /// Version to have.
        product_version: Text = "product_version" [""];
        /// Where to fetch the file.
        file_url: Text = "file_url" [""];
        /// MD5 of the file, in hex.
        md5: Text = "md5" [""];
        /// Size of the file.
        file_size: Int = "file_size" ["B"];
        /// Name of the file.
        file_name: Text = "file_name" [""];
        /// Kind of upgrade.
        firmware_upgrade_type: UpgradeKind = "firmware_upgrade_type" [""];
    }
}

impl Check for OtaDevice {
    fn check(&self) -> Result<(), CallError> {
        required_text(self.sn.as_ref(), "devices[].sn", PAGE)?;
        required_text(self.product_version.as_ref(), "devices[].product_version", PAGE)?;
        required(self.firmware_upgrade_type.as_ref(), "devices[].firmware_upgrade_type", PAGE)?;
        for (text, field) in [
            (&self.sn, "devices[].sn"),
            (&self.product_version, "devices[].product_version"),
            (&self.file_url, "devices[].file_url"),
            (&self.md5, "devices[].md5"),
        ] {
            let len = text.as_ref().map(|text| text.len());
            bounded(len, |&len| len <= 10_240, field, "at most 10240 bytes", PAGE)?;
        }
        bounded(self.file_size, |&size| size > 0, "devices[].file_size", "more than 0 bytes", PAGE)
    }
}

words! {
    /// Step of an upgrade.
    pub enum OtaStep {
        Download = "download_firmware",
        Upgrade = "upgrade_firmware",
    }
}

wire! {
    /// `ota_progress`.
    pub struct OtaProgress {
        /// 0 or a code of [`crate::error_code`].
        result: ResultCode = "result" [""];
        /// Status and progress.
        output: OtaOutput = "output" [""];
    }
}

wire! {
    /// Status and progress of an upgrade.
    pub struct OtaOutput {
        /// Where it stands.
        status: JobStatus = "status" [""];
        /// How far it is.
        progress: OtaProgressStep = "progress" [""];
    }
}

wire! {
    /// How far an upgrade is.
    pub struct OtaProgressStep {
        /// Done, 0 to 100.
        percent: Num = "percent" ["%"];
        /// The step.
        step_key: OtaStep = "step_key" [""];
        /// The step by the name newer devices give it; unproven.
        current_step: Text = "current_step" [""];
    }
}

impl OtaProgress {
    /// What the message means for the upgrade.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let status = self.output.as_ref().and_then(|output| output.status.as_ref());
        crate::reply::verdict(self.result, &self.drift, status)
    }
}
