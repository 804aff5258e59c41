//! Answers and job progress: result codes, statuses, and what counts as success.
//!
//! Success is only what the documentation calls success: the word `ok` with result 0. A number, an
//! unknown word, `success` where `ok` is meant: none of them is success, none of them is failure
//! either; they are unknown, and whoever waits goes on waiting or asks. Sources: `dock2/cmd`,
//! `dock2/wayline` and topic definition pages. Next: [`crate::method`].

use serde::{Serialize, Serializer};

use crate::drift::Drift;
use crate::leaf::{LeafKind, LeafRef, LeafSpec};
use crate::lenient::{Int, Num, Take, WireValue, whole, whole_text};
use crate::macros::{wire, words};
use crate::text::Text;

/// A result code: 0 is success, everything else is explained by [`crate::error_code`].
///
/// Stricter than [`Int`]: no rounding and no booleans, or `0.4` and `false` would read as success.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResultCode(pub i64);

impl ResultCode {
    /// Success.
    pub const OK: Self = Self(0);

    /// Whether the code says success.
    #[must_use]
    pub const fn is_ok(self) -> bool {
        self.0 == 0
    }
}

impl Serialize for ResultCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0)
    }
}

impl WireValue for ResultCode {
    const EXPECTED: &'static str = "int (result code)";

    fn from_i64(value: i64) -> Take<Self> {
        Take::Exact(Self(value))
    }
    fn from_f64(value: f64) -> Take<Self> {
        whole(value).map_or(Take::Refused, |code| Take::Coerced(Self(code)))
    }
    fn from_text(text: &str) -> Take<Self> {
        whole_text(text).map_or(Take::Refused, |code| Take::Coerced(Self(code)))
    }
    fn describe_leaves(path: &str, unit: &'static str, out: &mut Vec<LeafSpec>) {
        out.push(LeafSpec { key: path.to_owned(), unit, codes: &[], kind: LeafKind::Int });
    }
    fn visit_leaves<F: FnMut(usize, LeafRef<'_>)>(&self, base: usize, f: &mut F) {
        f(base, LeafRef::Int(self.0));
    }
}

words! {
    /// Where a job stands.
    pub enum JobStatus {
        Sent = "sent",
        InProgress = "in_progress",
        Ok = "ok",
        Paused = "paused",
        Rejected = "rejected",
        Failed = "failed",
        Canceled = "canceled",
        Timeout = "timeout",
        PartiallyDone = "partially_done",
    }
}

impl JobStatus {
    /// Whether nothing more will come. An unknown status is not the end.
    #[must_use]
    pub const fn is_terminal(&self) -> bool {
        match self {
            Self::Ok
            | Self::Rejected
            | Self::Failed
            | Self::Canceled
            | Self::Timeout
            | Self::PartiallyDone => true,
            Self::Sent | Self::InProgress | Self::Paused | Self::Other(_) => false,
        }
    }

    /// Whether the job was done in full. Only the documented word `ok` is.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(self, Self::Ok)
    }
}

/// What a reply or progress message says about a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Done, said with the documented word and no error code.
    Succeeded,
    /// Over without success; the code is 0 when the device gave none.
    Failed {
        /// Result code of the device.
        code: i64,
        /// The status, if there was one.
        status: Option<JobStatus>,
    },
    /// Done in part (waylines).
    PartiallyDone,
    /// Still going on, or only accepted.
    Running,
    /// The message says nothing that the documentation explains.
    Unknown,
}

pub(crate) fn verdict(
    result: Option<ResultCode>,
    drift: &Drift,
    status: Option<&JobStatus>,
) -> Verdict {
    // A result that cannot be read is not a result that is missing.
    if drift.faults().iter().any(|fault| fault.key == "result" && !fault.kept) {
        return Verdict::Unknown;
    }
    let code = result.map_or(0, |result| result.0);
    match status {
        Some(JobStatus::Ok) if code == 0 => Verdict::Succeeded,
        Some(JobStatus::PartiallyDone) => Verdict::PartiallyDone,
        Some(
            status @ (JobStatus::Rejected
            | JobStatus::Failed
            | JobStatus::Canceled
            | JobStatus::Timeout),
        ) => Verdict::Failed { code, status: Some(status.clone()) },
        // A code beside a word that says otherwise: the code is the documented failure.
        Some(status) if code != 0 => Verdict::Failed { code, status: Some(status.clone()) },
        Some(JobStatus::Sent | JobStatus::InProgress | JobStatus::Paused) => Verdict::Running,
        None if code != 0 => Verdict::Failed { code, status: None },
        Some(JobStatus::Other(_) | JobStatus::Ok) | None => Verdict::Unknown,
    }
}

wire! {
    /// Answer of a device to a service call, and of the cloud to an event.
    ///
    /// One type for all methods, because a fifth of DJI's own answers name none: what three
    /// methods add stands beside what all have.
    pub struct Reply {
        /// 0 is success; everything else is a code of [`crate::error_code`].
        result: ResultCode = "result" [""];
        /// More, for some methods.
        output: ReplyOutput = "output" [""];
        /// The logs there are (`fileupload_list` only).
        files: Vec<crate::log::DeviceLogs> = "files" [""];
        /// The licence that was switched (`unlock_license_switch` only).
        license_id: Int = "license_id" [""];
        /// Whose licences (`unlock_license_list` only).
        device_model_domain: crate::flysafe::LicenseDomain = "device_model_domain" [""];
        /// The aircraft has the licences that FlySafe approved (`unlock_license_list` only).
        consistence: bool = "consistence" [""];
        /// The licences (`unlock_license_list` only).
        licenses: Vec<crate::flysafe::License> = "licenses" [""];
    }
}

wire! {
    /// The part of an answer that some methods add.
    pub struct ReplyOutput {
        /// Where the job stands that the call started.
        status: JobStatus = "status" [""];
        /// Sequence number (direct control).
        seq: Int = "seq" [""];
    }
}

/// What the answer to a service call means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Result 0. For a job, progress will follow; the status says where it stands.
    Accepted(Option<JobStatus>),
    /// A result code, or a status that refuses.
    Rejected {
        /// Result code of the device; 0 when only the status refused.
        code: i64,
        /// The status, if there was one.
        status: Option<JobStatus>,
    },
    /// No result code: the documentation does not explain such an answer.
    Unknown,
}

impl Reply {
    /// What the answer means. Without a result code it means nothing.
    #[must_use]
    pub fn answer(&self) -> Answer {
        let status = self.output.as_ref().and_then(|output| output.status.clone());
        match (self.result.map(|result| result.0), &status) {
            (
                Some(code),
                Some(
                    JobStatus::Rejected
                    | JobStatus::Failed
                    | JobStatus::Canceled
                    | JobStatus::Timeout,
                ),
            ) => Answer::Rejected { code, status },
            (Some(0), _) => Answer::Accepted(status),
            (Some(code), _) => Answer::Rejected { code, status },
            (None, _) => Answer::Unknown,
        }
    }
}

wire! {
    /// Progress of a remote-debug job (`cover_open`, `device_reboot`, …).
    pub struct JobProgress {
        /// 0 or a code of [`crate::error_code`].
        result: ResultCode = "result" [""];
        /// Status and progress.
        output: JobOutput = "output" [""];
    }
}

wire! {
    /// Status and progress of a remote-debug job.
    pub struct JobOutput {
        /// Where the job stands.
        status: JobStatus = "status" [""];
        /// How far it is.
        progress: JobStep = "progress" [""];
    }
}

wire! {
    /// How far a remote-debug job is.
    pub struct JobStep {
        /// Done, 0 to 100.
        percent: Num = "percent" ["%"];
        /// Step by name. The page's list was pasted from another method: any word may come.
        step_key: Text = "step_key" [""];
        /// Result of the step, undocumented for Dock 2.
        step_result: ResultCode = "step_result" [""];
    }
}

impl JobProgress {
    /// Where the job stands.
    #[must_use]
    pub fn status(&self) -> Option<&JobStatus> {
        self.output.as_ref()?.status.as_ref()
    }

    /// Done, 0 to 100.
    #[must_use]
    pub fn percent(&self) -> Option<f64> {
        self.output.as_ref()?.progress.as_ref()?.percent
    }

    /// The step by name.
    #[must_use]
    pub fn step_key(&self) -> Option<&str> {
        self.output.as_ref()?.progress.as_ref()?.step_key.as_deref()
    }

    /// What the message means for the job.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        verdict(self.result, &self.drift, self.status())
    }
}

impl crate::wayline::FlighttaskProgress {
    /// What the message means for the flight.
    #[must_use]
    pub fn verdict(&self) -> Verdict {
        verdict(self.result, &self.drift, self.status())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_progress(data: &str, expect: Verdict) {
        let progress: JobProgress = serde_json::from_str(data).unwrap();
        assert_eq!(progress.verdict(), expect, "{data}");
    }

    #[test]
    fn only_the_documented_word_is_success() {
        check_progress(r#"{"result":0,"output":{"status":"ok"}}"#, Verdict::Succeeded);
        check_progress(r#"{"output":{"status":"ok"}}"#, Verdict::Succeeded);
        for data in [
            r#"{"result":0,"output":{"status":"success"}}"#,
            r#"{"result":0,"output":{"status":"OK"}}"#,
            r#"{"result":0,"output":{"status":" ok"}}"#,
            r#"{"result":0,"output":{"status":0}}"#,
            r#"{"result":0,"output":{"status":2}}"#,
            r#"{"result":0,"output":{"status":true}}"#,
            r#"{"result":0,"output":{"status":["ok"]}}"#,
            r#"{"result":0,"output":{"status":null}}"#,
            r#"{"result":0,"output":"ok"}"#,
            r#"{"result":0.4,"output":{"status":"ok"}}"#,
            r#"{"result":false,"output":{"status":"ok"}}"#,
            r#"{"result":"none","output":{"status":"ok"}}"#,
            r#"{"result":0}"#,
            r"{}",
        ] {
            check_progress(data, Verdict::Unknown);
        }
        check_progress(
            r#"{"result":514107,"output":{"status":"ok"}}"#,
            Verdict::Failed { code: 514_107, status: Some(JobStatus::Ok) },
        );
        check_progress(
            r#"{"result":"514107","output":{"status":"in_progress"}}"#,
            Verdict::Failed { code: 514_107, status: Some(JobStatus::InProgress) },
        );
        check_progress(r#"{"result":0,"output":{"status":"in_progress"}}"#, Verdict::Running);
        check_progress(r#"{"output":{"status":"partially_done"}}"#, Verdict::PartiallyDone);
    }

    #[test]
    fn an_answer_without_a_result_means_nothing() {
        let answer = |data: &str| serde_json::from_str::<Reply>(data).unwrap().answer();
        assert_eq!(answer(r#"{"result":0}"#), Answer::Accepted(None));
        assert_eq!(
            answer(r#"{"result":"0","output":{"status":"in_progress"}}"#),
            Answer::Accepted(Some(JobStatus::InProgress))
        );
        assert_eq!(
            answer(r#"{"result":0,"output":{"status":"rejected"}}"#),
            Answer::Rejected { code: 0, status: Some(JobStatus::Rejected) }
        );
        assert_eq!(
            answer(r#"{"result":314000}"#),
            Answer::Rejected { code: 314_000, status: None }
        );
        assert_eq!(answer(r#"{"result":"fine"}"#), Answer::Unknown);
        assert_eq!(answer("{}"), Answer::Unknown);
        assert_eq!(answer("null"), Answer::Unknown);
    }
}
