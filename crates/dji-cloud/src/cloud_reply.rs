//! What the cloud answers to requests, as one enum: read by simulators and observers.
//!
//! All but `config` nest their output beside a result. An answer without a method is told by its
//! keys where they tell. Next: [`crate::encode::request_reply`] for writing them.

use serde_json::value::RawValue;

use crate::config::ConfigReply;
use crate::envelope::DecodeError;
use crate::event::{Keys, guess};
use crate::file::StorageConfigOutput;
use crate::flight_area::FilesOutput;
use crate::macros::wire;
use crate::method_enum::methods;
use crate::organization::{BindStatusOutput, OrganizationBindOutput, OrganizationGetOutput};
use crate::reply::ResultCode;
use crate::wayline::{ProgressGetOutput, ResourceGetOutput};

macro_rules! answers {
    ($($(#[$meta:meta])* $name:ident($output:ty);)*) => {
        $(wire! {
            $(#[$meta])*
            pub struct $name {
                /// 0 is success.
                result: ResultCode = "result" [""];
                /// What was asked for.
                output: $output = "output" [""];
            }
        })*
    };
}

answers! {
    /// Answer to `airport_bind_status`.
    BindStatusReply(BindStatusOutput);
    /// Answer to `airport_organization_get`.
    OrganizationGetReply(OrganizationGetOutput);
    /// Answer to `airport_organization_bind`.
    OrganizationBindReply(OrganizationBindOutput);
    /// Answer to `storage_config_get`.
    StorageConfigReply(StorageConfigOutput);
    /// Answer to `flighttask_resource_get`.
    ResourceGetReply(ResourceGetOutput);
    /// Answer to `flighttask_progress_get`.
    ProgressGetReply(ProgressGetOutput);
    /// Answer to `flight_areas_get` and `offline_map_get`.
    FilesReply(FilesOutput);
}

methods! {
    /// An answer of the cloud.
    pub enum RequestReply {
        /// It has neither result nor output.
        Config(ConfigReply) = "config",
        BindStatus(BindStatusReply) = "airport_bind_status",
        OrganizationGet(OrganizationGetReply) = "airport_organization_get",
        OrganizationBind(OrganizationBindReply) = "airport_organization_bind",
        StorageConfig(Box<StorageConfigReply>) = "storage_config_get",
        ResourceGet(ResourceGetReply) = "flighttask_resource_get",
        ProgressGet(Box<ProgressGetReply>) = "flighttask_progress_get",
        FlightAreasGet(FilesReply) = "flight_areas_get",
        OfflineMapGet(FilesReply) = "offline_map_get",
    }
}

const REPLY_KEYS: &[(&str, &str)] = &[("app_license", "config"), ("ntp_server_host", "config")];

const OUTPUT_KEYS: &[(&str, &str)] = &[
    ("bind_status", "airport_bind_status"),
    ("organization_name", "airport_organization_get"),
    ("err_infos", "airport_organization_bind"),
    ("credentials", "storage_config_get"),
    ("file", "flighttask_resource_get"),
    ("progress", "flighttask_progress_get"),
    ("files", "flight_areas_get"),
];

pub(crate) fn decode_request_reply(
    method: Option<&str>,
    data: Option<&RawValue>,
) -> Result<Option<RequestReply>, DecodeError> {
    let by_keys = || {
        let keys = Keys::of(data?)?;
        guess(&keys, REPLY_KEYS).or_else(|| guess(&keys.under("output")?, OUTPUT_KEYS))
    };
    match method.or_else(by_keys) {
        Some(method) => RequestReply::decode(method, data),
        None => Ok(None),
    }
}
