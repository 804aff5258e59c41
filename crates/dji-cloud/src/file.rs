//! Media: where the dock uploads, and what it uploaded.
//!
//! `storage_config_get` is answered with short-lived credentials; `file_upload_callback` comes per
//! file, is acknowledged, and deduplicated on `object_key`. Source: `dock2/file` page.

use crate::check::{CallError, Check, required_text};
use crate::lenient::{Int, Num};
use crate::macros::{codes, wire, words};
use crate::secret::Secret;
use crate::text::Text;

codes! {
    /// What storage is asked for.
    pub enum StorageModule {
        Media = 0 "media",
        PsdkUi = 1 "psdk_ui",
    }
}

words! {
    /// Kind of object store.
    pub enum StorageProvider {
        Ali = "ali",
        Aws = "aws",
        Minio = "minio",
    }
}

codes! {
    /// What kind of flight a file comes from.
    pub enum FlightType {
        Wayline = 0 "wayline",
        Takeoff = 1 "takeoff",
    }
}

wire! {
    /// `storage_config_get`.
    pub struct StorageConfigRequest {
        /// What storage is asked for.
        module: StorageModule = "module" [""];
    }
}

wire! {
    /// Output of the answer to `storage_config_get`.
    pub struct StorageConfigOutput {
        /// Bucket.
        bucket: Text = "bucket" [""];
        /// Short-lived credentials.
        credentials: StorageCredentials = "credentials" [""];
        /// Address of the object store.
        endpoint: Text = "endpoint" [""];
        /// Kind of object store.
        provider: StorageProvider = "provider" [""];
        /// Region.
        region: Text = "region" [""];
        /// Prefix of every object key; the dock appends the file's name.
        object_key_prefix: Text = "object_key_prefix" [""];
    }
}

wire! {
    /// Short-lived credentials of an object store.
    pub struct StorageCredentials {
        /// Access key.
        access_key_id: Secret = "access_key_id" [""];
        /// Secret key.
        access_key_secret: Secret = "access_key_secret" [""];
        /// Session token.
        security_token: Secret = "security_token" [""];
        /// Life. DJI's examples show both a duration in seconds and a time in ms.
        expire: Int = "expire" ["s"];
    }
}

wire! {
    /// `file_upload_callback`: a file is in the store.
    pub struct FileUploadCallback {
        /// The file.
        file: UploadedFile = "file" [""];
        /// The flight it belongs to.
        flight_task: UploadFlight = "flight_task" [""];
        /// Result; not in the reference, read by DJI's own sample.
        result: Int = "result" [""];
    }
}

wire! {
    /// An uploaded file.
    pub struct UploadedFile {
        /// Key in the bucket: the identity of the file.
        object_key: Text = "object_key" [""];
        /// Path in the business sense.
        path: Text = "path" [""];
        /// Name.
        name: Text = "name" [""];
        /// Where it came from.
        ext: UploadedExt = "ext" [""];
        /// What the camera knew.
        metadata: UploadedMetadata = "metadata" [""];
        /// Identifier of the bucket's platform, `DEFAULT` otherwise.
        cloud_to_cloud_id: Text = "cloud_to_cloud_id" [""];
    }
}

wire! {
    /// Where a file came from.
    pub struct UploadedExt {
        /// The flight.
        flight_id: Text = "flight_id" [""];
        /// Product of the aircraft.
        drone_model_key: Text = "drone_model_key" [""];
        /// Product of the camera.
        payload_model_key: Text = "payload_model_key" [""];
        /// The original file.
        is_original: bool = "is_original" [""];
    }
}

wire! {
    /// What the camera knew.
    pub struct UploadedMetadata {
        /// Yaw of the gimbal; DJI's example shows text.
        gimbal_yaw_degree: Num = "gimbal_yaw_degree" ["°"];
        /// Height over sea.
        absolute_altitude: Num = "absolute_altitude" ["m"];
        /// Height over the take-off point.
        relative_altitude: Num = "relative_altitude" ["m"];
        /// Time, as text in the camera's zone: `2021-05-10 16:04:20`, despite "ISO 8601".
        create_time: Text = "create_time" [""];
        /// Place.
        shoot_position: ShootPosition = "shoot_position" [""];
    }
}

wire! {
    /// Where a picture was taken.
    pub struct ShootPosition {
        /// Latitude.
        lat: Num = "lat" ["°"];
        /// Longitude.
        lng: Num = "lng" ["°"];
    }
}

wire! {
    /// The flight a file belongs to, and how far its upload is.
    pub struct UploadFlight {
        /// Files uploaded.
        uploaded_file_count: Int = "uploaded_file_count" [""];
        /// Files expected.
        expected_file_count: Int = "expected_file_count" [""];
        /// Kind of flight.
        flight_type: FlightType = "flight_type" [""];
    }
}

wire! {
    /// `upload_flighttask_media_prioritize` and `highest_priority_upload_flighttask_media`.
    pub struct MediaPriority {
        /// The flight whose files go first.
        flight_id: Text = "flight_id" [""];
    }
}

impl Check for MediaPriority {
    fn check(&self) -> Result<(), CallError> {
        required_text(self.flight_id.as_ref(), "flight_id", "dock2/file").map(drop)
    }
}
