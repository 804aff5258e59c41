//! Logs of dock and aircraft: list them, have them uploaded, cancel.
//!
//! There is cancel, no pause. Modules are strings on the wire, `"0"` aircraft and `"3"` dock, where
//! the page's table says numbers: [`LogModule`] reads both and writes strings. Times are ms though
//! the page says seconds; [`as_epoch_ms`] tells by their size. Source: `dock2/log` page.

use serde::{Serialize, Serializer};

use crate::check::{CallError, Check, bounds};
use crate::drift::{DriftItem, DriftSink};
use crate::file::{StorageCredentials, StorageProvider};
use crate::leaf::{LeafKind, LeafRef, LeafSpec};
use crate::lenient::{Int, Take, WireValue, whole, whole_text};
use crate::macros::{wire, words};
use crate::reply::{JobStatus, ResultCode, Verdict};
use crate::text::Text;

const PAGE: &str = "dock2/log";

/// Whose log it is: a number in the page's table, a string on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogModule {
    /// `"0"`: the aircraft.
    Aircraft,
    /// `"3"`: the dock.
    Dock,
    /// A module the documentation does not list.
    Other(i64),
}

impl LogModule {
    /// The module for a number.
    #[must_use]
    pub const fn from_code(code: i64) -> Self {
        match code {
            0 => Self::Aircraft,
            3 => Self::Dock,
            other => Self::Other(other),
        }
    }

    /// The number.
    #[must_use]
    pub const fn code(self) -> i64 {
        match self {
            Self::Aircraft => 0,
            Self::Dock => 3,
            Self::Other(code) => code,
        }
    }
}

impl Serialize for LogModule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.code())
    }
}

impl WireValue for LogModule {
    const EXPECTED: &'static str = "string (enum)";

    fn from_i64(value: i64) -> Take<Self> {
        Take::Coerced(Self::from_code(value))
    }
    fn from_f64(value: f64) -> Take<Self> {
        whole(value).map_or(Take::Refused, |code| Take::Coerced(Self::from_code(code)))
    }
    fn from_text(text: &str) -> Take<Self> {
        whole_text(text).map_or(Take::Refused, |code| Take::Exact(Self::from_code(code)))
    }
    fn describe_leaves(path: &str, unit: &'static str, out: &mut Vec<LeafSpec>) {
        let codes = &[(0, "aircraft"), (3, "dock")];
        out.push(LeafSpec { key: path.to_owned(), unit, codes, kind: LeafKind::Int });
    }
    fn visit_leaves<F: FnMut(usize, LeafRef<'_>)>(&self, base: usize, f: &mut F) {
        f(base, LeafRef::Int(self.code()));
    }
    fn has_drift(&self) -> bool {
        matches!(self, Self::Other(_))
    }
    fn walk_drift(&self, path: &mut String, sink: &mut DriftSink<'_>) {
        if self.has_drift() {
            sink(path, DriftItem::UnknownCode(LeafRef::Int(self.code())));
        }
    }
}

/// A time of a log in ms since 1970, whether the device meant seconds (as the page says) or ms (as
/// its example shows): before the year 5138, ten or eleven digits are seconds.
#[must_use]
pub const fn as_epoch_ms(time: i64) -> i64 {
    if time.unsigned_abs() < 100_000_000_000 { time.saturating_mul(1000) } else { time }
}

wire! {
    /// `fileupload_list`: which logs are there?
    pub struct LogListRequest {
        /// Whose logs.
        module_list: Vec<LogModule> = "module_list" [""];
    }
}

bounds!(LogListRequest, PAGE, "", { module_list: some => len 1..=2, "1 or 2 modules"; });

wire! {
    /// The logs of one device, in the answer to `fileupload_list`.
    pub struct DeviceLogs {
        /// Serial number.
        device_sn: Text = "device_sn" [""];
        /// 0 or a code of [`crate::error_code`].
        result: ResultCode = "result" [""];
        /// Whose logs.
        module: LogModule = "module" [""];
        /// The logs.
        list: Vec<LogEntry> = "list" [""];
    }
}

wire! {
    /// One log.
    pub struct LogEntry {
        /// Its number.
        boot_index: Int = "boot_index" [""];
        /// Begin; see [`as_epoch_ms`].
        start_time: Int = "start_time" ["ms"];
        /// End; see [`as_epoch_ms`].
        end_time: Int = "end_time" ["ms"];
        /// Size.
        size: Int = "size" ["B"];
    }
}

wire! {
    /// `fileupload_start`: upload these logs there.
    pub struct LogUploadStart {
        /// Bucket.
        bucket: Text = "bucket" [""];
        /// Region.
        region: Text = "region" [""];
        /// Short-lived credentials.
        credentials: StorageCredentials = "credentials" [""];
        /// Address of the object store.
        endpoint: Text = "endpoint" [""];
        /// Kind of object store.
        provider: StorageProvider = "provider" [""];
        /// The logs.
        params: LogUploadParams = "params" [""];
    }
}

bounds!(LogUploadStart, PAGE, "", {
    bucket: text;
    region: some;
    credentials: some each;
    endpoint: text;
    provider: some;
    params: some each;
});

impl Check for StorageCredentials {
    fn check(&self) -> Result<(), CallError> {
        use crate::check::required;
        required(self.access_key_id.as_ref(), "credentials.access_key_id", PAGE)?;
        required(self.access_key_secret.as_ref(), "credentials.access_key_secret", PAGE)?;
        required(self.expire.as_ref(), "credentials.expire", PAGE).map(drop)
    }
}

wire! {
    /// Logs to upload.
    pub struct LogUploadParams {
        /// One entry per file.
        files: Vec<LogUploadFile> = "files" [""];
    }
}

bounds!(LogUploadParams, PAGE, "params.", { files: some each => len 1..=100, "1 to 100 files"; });

wire! {
    /// A file to be made of logs.
    pub struct LogUploadFile {
        /// Key in the bucket.
        object_key: Text = "object_key" [""];
        /// Whose logs.
        module: LogModule = "module" [""];
        /// The logs.
        list: Vec<LogIndex> = "list" [""];
        /// Serial number; known only from DJI's SDK.
        device_sn: Text = "device_sn" [""];
    }
}

bounds!(LogUploadFile, PAGE, "params.files[].", {
    object_key: text;
    module: some;
    list: some => len 1..=1000, "1 to 1000 logs";
});

wire! {
    /// A log by its number.
    pub struct LogIndex {
        /// The number, from the answer to `fileupload_list`.
        boot_index: Int = "boot_index" [""];
    }
}

words! {
    /// What shall become of an upload.
    pub enum LogUploadOrder {
        Cancel = "cancel",
    }
}

wire! {
    /// `fileupload_update`: cancel an upload.
    pub struct LogUploadUpdate {
        /// What shall become of it.
        status: LogUploadOrder = "status" [""];
        /// Whose logs.
        module_list: Vec<LogModule> = "module_list" [""];
    }
}

bounds!(LogUploadUpdate, PAGE, "", {
    status: some;
    module_list: some => len 1..=2, "1 or 2 modules";
});

wire! {
    /// `fileupload_progress`.
    pub struct LogUploadProgress {
        /// 0 or a code of [`crate::error_code`].
        result: ResultCode = "result" [""];
        /// Status and progress.
        output: LogUploadOutput = "output" [""];
    }
}

wire! {
    /// Status and progress of an upload.
    pub struct LogUploadOutput {
        /// Where the upload stands.
        status: JobStatus = "status" [""];
        /// Its files.
        ext: LogUploadExt = "ext" [""];
    }
}

wire! {
    /// The files of an upload.
    pub struct LogUploadExt {
        /// One entry per file.
        files: Vec<LogFileProgress> = "files" [""];
    }
}

wire! {
    /// One file of an upload.
    pub struct LogFileProgress {
        /// Whose log.
        module: LogModule = "module" [""];
        /// Size.
        size: Int = "size" ["B"];
        /// Serial number.
        device_sn: Text = "device_sn" [""];
        /// Key in the bucket.
        key: Text = "key" [""];
        /// Fingerprint of the file.
        fingerprint: Text = "fingerprint" [""];
        /// How far it is.
        progress: LogFileStep = "progress" [""];
    }
}

wire! {
    /// How far a file is.
    pub struct LogFileStep {
        /// Done, 0 to 100.
        progress: Int = "progress" ["%"];
        /// Steps in all.
        total_step: Int = "total_step" [""];
        /// The step.
        current_step: Int = "current_step" [""];
        /// 0 or a code of [`crate::error_code`].
        result: ResultCode = "result" [""];
        /// Where the file stands.
        status: JobStatus = "status" [""];
        /// When it was done.
        finish_time: Int = "finish_time" ["ms"];
        /// Speed; the page gives no unit.
        upload_rate: Int = "upload_rate" [""];
    }
}

impl LogUploadProgress {
    /// What the message means for the upload.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        let status = self.output.as_ref().and_then(|output| output.status.as_ref());
        crate::reply::verdict(self.result, &self.drift, status)
    }
}
