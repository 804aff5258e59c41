//! `config`: the dock fetches NTP server and DJI application licence at bring-up.
//!
//! The answer is the one that has neither `result` nor `output`: the fields stand in `data`
//! itself. A wrong licence makes the dock disconnect without a word. Source: `dock2/config` page.

use crate::lenient::Int;
use crate::macros::{wire, words};
use crate::secret::Secret;
use crate::text::Text;

words! {
    /// The form of the answer.
    pub enum ConfigForm {
        Json = "json",
    }
}

words! {
    /// Whose configuration.
    pub enum ConfigScope {
        Product = "product",
    }
}

wire! {
    /// What the dock asks for.
    pub struct ConfigRequest {
        /// The form of the answer.
        config_type: ConfigForm = "config_type" [""];
        /// Whose configuration.
        config_scope: ConfigScope = "config_scope" [""];
    }
}

wire! {
    /// The answer, without `result` and `output`.
    pub struct ConfigReply {
        /// Time server.
        ntp_server_host: Text = "ntp_server_host" [""];
        /// Port of the time server; 123 when absent.
        ntp_server_port: Int = "ntp_server_port" [""];
        /// Application id of the DJI developer site; text, though DJI's example shows a number.
        app_id: Text = "app_id" [""];
        /// Application key.
        app_key: Secret = "app_key" [""];
        /// Application licence.
        app_license: Secret = "app_license" [""];
    }
}
