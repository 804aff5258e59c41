//! Binding a dock and its aircraft to an organisation.
//!
//! The dock asks whether it is bound (`airport_bind_status`); if not, it looks the organisation up
//! by the code typed into Pilot 2 and binds. The answers go out with result and output; one
//! `err_infos` entry per device, 0 for done. Binding codes are secrets.
//! Source: `dock2/organization` page. Next: [`crate::config`].

use crate::lenient::Int;
use crate::macros::wire;
use crate::secret::Secret;
use crate::text::Text;

wire! {
    /// `airport_bind_status`: are these devices bound?
    pub struct BindStatusRequest {
        /// The devices in question, at most two.
        devices: Vec<DeviceSn> = "devices" [""];
    }
}

wire! {
    /// A device by its serial number.
    pub struct DeviceSn {
        /// Serial number.
        sn: Text = "sn" [""];
    }
}

wire! {
    /// Output of the answer to `airport_bind_status`.
    pub struct BindStatusOutput {
        /// One entry per device asked about.
        bind_status: Vec<BindStatus> = "bind_status" [""];
    }
}

wire! {
    /// Whether a device is bound, and where.
    pub struct BindStatus {
        /// Serial number.
        sn: Text = "sn" [""];
        /// Bound to an organisation.
        is_device_bind_organization: bool = "is_device_bind_organization" [""];
        /// The organisation's identifier, as typed into Pilot 2.
        organization_id: Text = "organization_id" [""];
        /// The organisation's name.
        organization_name: Text = "organization_name" [""];
        /// The device's name in the organisation.
        device_callsign: Text = "device_callsign" [""];
    }
}

wire! {
    /// `airport_organization_get`: which organisation is this?
    pub struct OrganizationGetRequest {
        /// Code typed into Pilot 2.
        device_binding_code: Secret = "device_binding_code" [""];
        /// Identifier typed into Pilot 2.
        organization_id: Text = "organization_id" [""];
    }
}

wire! {
    /// Output of the answer to `airport_organization_get`.
    pub struct OrganizationGetOutput {
        /// The organisation's name.
        organization_name: Text = "organization_name" [""];
    }
}

wire! {
    /// `airport_organization_bind`: bind these devices.
    pub struct OrganizationBindRequest {
        /// The devices, at most two.
        bind_devices: Vec<BindDevice> = "bind_devices" [""];
    }
}

wire! {
    /// A device to bind.
    pub struct BindDevice {
        /// Serial number.
        sn: Text = "sn" [""];
        /// Code typed into Pilot 2.
        device_binding_code: Secret = "device_binding_code" [""];
        /// Identifier typed into Pilot 2.
        organization_id: Text = "organization_id" [""];
        /// The device's name in the organisation.
        device_callsign: Text = "device_callsign" [""];
        /// Product, `{domain}-{type}-{sub_type}`.
        device_model_key: Text = "device_model_key" [""];
    }
}

wire! {
    /// Output of the answer to `airport_organization_bind`.
    pub struct OrganizationBindOutput {
        /// One entry per device.
        err_infos: Vec<BindError> = "err_infos" [""];
    }
}

wire! {
    /// What became of binding one device.
    pub struct BindError {
        /// Serial number.
        sn: Text = "sn" [""];
        /// 0 done, 210231 failed, 210232 bound elsewhere.
        err_code: Int = "err_code" [""];
    }
}
