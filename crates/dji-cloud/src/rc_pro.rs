//! What only the RC Pro has: the pilot lends the cloud the controls.
//!
//! The cloud asks, the pilot's screen shows who, the notification tells what the pilot said. Its
//! live page knows no WHIP. Source: `pilot-to-cloud/rc-pro/drc` page.

use crate::check::bounds;
use crate::macros::{wire, words};
use crate::reply::ResultCode;
use crate::text::Text;

const PAGE: &str = "rc-pro/drc";

words! {
    /// What is lent.
    pub enum ControlKey {
        Flight = "flight",
    }
}

wire! {
    /// `cloud_control_auth_request`: ask for the controls.
    pub struct CloudControlRequest {
        /// Who asks.
        user_id: Text = "user_id" [""];
        /// The name the pilot sees.
        user_callsign: Text = "user_callsign" [""];
        /// What is asked for: exactly `flight`.
        control_keys: Vec<ControlKey> = "control_keys" [""];
    }
}

bounds!(CloudControlRequest, PAGE, "", {
    user_id: text;
    user_callsign: text;
    control_keys: some => len 1..=1, "exactly [\"flight\"]";
});

wire! {
    /// `cloud_control_release`: give the controls back.
    pub struct CloudControlRelease {
        /// What is given back: exactly `flight`.
        control_keys: Vec<ControlKey> = "control_keys" [""];
    }
}

bounds!(CloudControlRelease, PAGE, "", {
    control_keys: some => len 1..=1, "exactly [\"flight\"]";
});

words! {
    /// What the pilot said.
    pub enum CloudControlStatus {
        Ok = "ok",
        Failed = "failed",
        Canceled = "canceled",
    }
}

wire! {
    /// `cloud_control_auth_notify`.
    pub struct CloudControlNotify {
        /// 0 or a code of [`crate::error_code`].
        result: ResultCode = "result" [""];
        /// What the pilot said.
        output: CloudControlOutput = "output" [""];
    }
}

wire! {
    /// What the pilot said.
    pub struct CloudControlOutput {
        /// The word.
        status: CloudControlStatus = "status" [""];
    }
}
