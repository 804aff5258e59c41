//! What travels on the direct-control link: sticks, heart beats, and the fast pushes.
//!
//! These messages have no `tid`, `bid` or `timestamp`; some carry a `seq` beside `data`.
//!
//! **Axes of the sticks.** The English page calls `x` lateral (positive left) and `y` forward. The
//! Chinese page and DJI's own web console (W = +x, S = -x, D = +y, A = -y) say: `x` forward, `y`
//! right. The fields here are named by the direction so that nobody has to remember, and follow
//! the console. Verify in a simulated mission before a real flight. The English page also prints
//! the bounds of `h` upside down. Source: `dock2/drc` page. Next: [`crate::newer::control`].

use crate::check::bounds;
use crate::lenient::{Int, Num};
use crate::macros::wire;
use crate::reply::ResultCode;
use crate::text::Text;

use super::PAGE;

wire! {
    /// `drone_control`: sticks, to be sent at 5 to 10 Hz; all zero is stop.
    ///
    /// `seq` grows, and starts again at 0 when the axes change.
    pub struct DroneControl {
        /// Number of the command, growing.
        seq: Int = "seq" [""];
        /// Forward positive, -17 to 17.
        forward: Num = "x" ["m/s"];
        /// Right positive, -17 to 17.
        right: Num = "y" ["m/s"];
        /// Up positive, -4 to 5.
        up: Num = "h" ["m/s"];
        /// Turn, clockwise positive, -90 to 90.
        clockwise: Num = "w" ["°/s"];
        /// Send rate, 2 to 10; known only from DJI's SDK.
        freq: Int = "freq" ["Hz"];
        /// Latest tolerated delay, 100 to 1000; known only from DJI's SDK.
        delay_time: Int = "delay_time" ["ms"];
    }
}

bounds!(DroneControl, PAGE, "", {
    seq: some => in 0..=i64::MAX, "0 or more";
    forward: => in -17.0..=17.0, "-17 to 17 m/s (x, forward)";
    right: => in -17.0..=17.0, "-17 to 17 m/s (y, right)";
    up: => in -4.0..=5.0, "-4 to 5 m/s (h, up)";
    clockwise: => in -90.0..=90.0, "-90 to 90 degrees/s (w, clockwise)";
    freq: => in 2..=10, "2 to 10 Hz";
    delay_time: => in 100..=1000, "100 to 1000 ms";
});

impl DroneControl {
    /// Hover: every axis at zero.
    #[must_use]
    pub fn hover(seq: i64) -> Self {
        Self {
            seq: Some(seq),
            forward: Some(0.0),
            right: Some(0.0),
            up: Some(0.0),
            clockwise: Some(0.0),
            ..Self::default()
        }
    }
}

wire! {
    /// `heart_beat`, both ways; the device leaves direct control after 60 s of silence.
    ///
    /// Two shapes are seen: `{timestamp}` with `seq` beside `data` (the page's example, and what is
    /// sent here), and `{ts, seq}` in `data` (DJI's web console). Both are read.
    pub struct HeartBeat {
        /// When it was sent, ms since 1970.
        timestamp: Int = "timestamp" ["ms"];
        /// The same, in the shape of DJI's web console.
        ts: Int = "ts" ["ms"];
        /// Number; the page calls it deprecated here, the one beside `data` counts.
        seq: Int = "seq" [""];
    }
}

bounds!(HeartBeat, PAGE, "", {
    timestamp: some => in 1_000_000_000_000..10_000_000_000_000, "13 digits, ms since 1970";
});

impl HeartBeat {
    /// When it was sent, ms since 1970, in either shape.
    #[must_use]
    pub fn sent_ms(&self) -> Option<i64> {
        self.timestamp.or(self.ts)
    }
}

wire! {
    /// `hsi_info_push`: obstacles around the aircraft.
    pub struct HsiInfo {
        /// Obstacle above.
        up_distance: Int = "up_distance" ["mm"];
        /// Obstacle below.
        down_distance: Int = "down_distance" ["mm"];
        /// Upward sensing switched on.
        up_enable: bool = "up_enable" [""];
        /// Upward sensing works.
        up_work: bool = "up_work" [""];
        /// Downward sensing switched on.
        down_enable: bool = "down_enable" [""];
        /// Downward sensing works.
        down_work: bool = "down_work" [""];
        /// Obstacles all around, one value a degree (360).
        around_distance: Vec<Int> = "around_distance" ["mm"];
        /// The same by the name the page's table gives it; the wire says `around_distance`.
        around_distances: Vec<Int> = "around_distances" ["mm"];
        /// Sensing to the left switched on.
        left_enable: bool = "left_enable" [""];
        /// Sensing to the left works.
        left_work: bool = "left_work" [""];
        /// Sensing to the right switched on.
        right_enable: bool = "right_enable" [""];
        /// Sensing to the right works.
        right_work: bool = "right_work" [""];
        /// Forward sensing switched on.
        front_enable: bool = "front_enable" [""];
        /// Forward sensing works.
        front_work: bool = "front_work" [""];
        /// Backward sensing switched on.
        back_enable: bool = "back_enable" [""];
        /// Backward sensing works.
        back_work: bool = "back_work" [""];
        /// Vertical sensing switched on.
        vertical_enable: bool = "vertical_enable" [""];
        /// Vertical sensing works.
        vertical_work: bool = "vertical_work" [""];
        /// Horizontal sensing switched on.
        horizontal_enable: bool = "horizontal_enable" [""];
        /// Horizontal sensing works.
        horizontal_work: bool = "horizontal_work" [""];
    }
}

impl HsiInfo {
    /// Obstacles all around, by either name.
    #[must_use]
    pub fn around_mm(&self) -> Option<&[i64]> {
        self.around_distance.as_deref().or(self.around_distances.as_deref())
    }
}

wire! {
    /// `delay_info_push`: how late picture and commands are.
    pub struct DelayInfo {
        /// Delay of the command link.
        sdr_cmd_delay: Int = "sdr_cmd_delay" ["ms"];
        /// One entry per stream.
        liveview_delay_list: Vec<LiveviewDelay> = "liveview_delay_list" [""];
    }
}

wire! {
    /// Delay of one stream.
    pub struct LiveviewDelay {
        /// The stream, `{sn}/{camera_index}/{video_index}`.
        video_id: Text = "video_id" [""];
        /// Delay.
        liveview_delay_time: Int = "liveview_delay_time" ["ms"];
    }
}

wire! {
    /// `osd_info_push`: the fast telemetry of the direct-control link.
    pub struct OsdInfo {
        /// Heading, 0 north, clockwise positive.
        attitude_head: Num = "attitude_head" ["°"];
        /// Latitude.
        latitude: Num = "latitude" ["°"];
        /// Longitude.
        longitude: Num = "longitude" ["°"];
        /// Height; the page gives "degree" as its unit.
        height: Num = "height" ["m"];
        /// Speed along x.
        speed_x: Num = "speed_x" ["m/s"];
        /// Speed along y.
        speed_y: Num = "speed_y" ["m/s"];
        /// Speed along z.
        speed_z: Num = "speed_z" ["m/s"];
        /// Pitch of the gimbal.
        gimbal_pitch: Num = "gimbal_pitch" ["°"];
        /// Roll of the gimbal.
        gimbal_roll: Num = "gimbal_roll" ["°"];
        /// Yaw of the gimbal.
        gimbal_yaw: Num = "gimbal_yaw" ["°"];
    }
}

wire! {
    /// The answer to a command on the direct-control link.
    pub struct DrcReply {
        /// 0 is success; without authority or with an old `seq` it is not.
        result: ResultCode = "result" [""];
        /// More, for `drone_control`.
        output: DrcReplyOutput = "output" [""];
    }
}

wire! {
    /// The part of an answer that `drone_control` adds.
    pub struct DrcReplyOutput {
        /// Number of the command that is answered.
        seq: Int = "seq" [""];
    }
}
