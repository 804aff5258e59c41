//! [`Mission`] → `template.kml` and `waylines.wpml`. It writes what a dock requires and nothing
//! optional; numbers are written so that reading gives the same number. Read next: `read`.

use std::fmt::Write as _;

use quick_xml::escape::escape;

use crate::NAMESPACE;
use crate::error::WpmlError;
use crate::mission::{
    Action, ActionGroup, ActionKind, FinishAction, FlyToMode, HeightMode, LostLinkAction, Mission,
    RcLost, Trigger, Wayline, Waypoint,
};

impl Mission {
    /// The text of `wpmz/waylines.wpml`.
    ///
    /// # Errors
    /// [`WpmlError::Unwritable`] for values no file may hold.
    pub fn to_waylines_xml(&self) -> Result<String, WpmlError> {
        self.check_writable()?;
        let mut out = Xml::begin();
        self.write_config(&mut out, true);
        for wayline in &self.waylines {
            write_wayline(&mut out, wayline);
        }
        Ok(out.finish())
    }

    /// The text of `wpmz/template.kml`, a waypoint template with the same points.
    ///
    /// # Errors
    /// [`WpmlError::Unwritable`] for values no file may hold.
    pub fn to_template_xml(&self) -> Result<String, WpmlError> {
        self.check_writable()?;
        let mut out = Xml::begin();
        self.write_config(&mut out, false);
        if let Some(wayline) = self.waylines.first() {
            write_template(&mut out, self, wayline);
        }
        Ok(out.finish())
    }

    fn write_config(&self, out: &mut Xml, waylines: bool) {
        out.open("missionConfig");
        let fly_to = match self.fly_to_mode {
            FlyToMode::Safely => "safely",
            FlyToMode::PointToPoint => "pointToPoint",
        };
        out.leaf("flyToWaylineMode", fly_to);
        let finish = match self.finish_action {
            FinishAction::GoHome => "goHome",
            FinishAction::NoAction => "noAction",
            FinishAction::AutoLand => "autoLand",
            FinishAction::GotoFirstWaypoint => "gotoFirstWaypoint",
        };
        out.leaf("finishAction", finish);
        match self.rc_lost {
            RcLost::Continue => out.leaf("exitOnRCLost", "goContinue"),
            RcLost::Execute(action) => {
                out.leaf("exitOnRCLost", "executeLostAction");
                let action = match action {
                    LostLinkAction::GoBack => "goBack",
                    LostLinkAction::Landing => "landing",
                    LostLinkAction::Hover => "hover",
                };
                out.leaf("executeRCLostAction", action);
            }
        }
        out.leaf("takeOffSecurityHeight", self.security_height_m);
        out.leaf("globalTransitionalSpeed", self.transitional_speed_mps);
        if let Some(height_m) = self.rth_height_m.filter(|_| waylines) {
            out.leaf("globalRTHHeight", height_m);
        }
        out.open("droneInfo");
        out.leaf("droneEnumValue", self.drone.type_id);
        out.leaf("droneSubEnumValue", self.drone.sub_type);
        out.close("droneInfo");
        out.open("payloadInfo");
        out.leaf("payloadEnumValue", self.payload.type_id);
        out.leaf("payloadPositionIndex", self.payload.position);
        out.close("payloadInfo");
        out.close("missionConfig");
    }

    fn check_writable(&self) -> Result<(), WpmlError> {
        let fail = |reason: String| Err(WpmlError::Unwritable { reason });
        if self.waylines.is_empty() {
            return fail("it has no wayline".to_owned());
        }
        let heads = [self.security_height_m, self.transitional_speed_mps];
        if heads.iter().chain(&self.rth_height_m).any(|n| !n.is_finite() || *n < 0.0) {
            return fail("a height or speed of the mission is negative or not a number".to_owned());
        }
        for wayline in &self.waylines {
            if self.waylines.iter().filter(|other| other.id == wayline.id).count() > 1 {
                return fail(format!("wayline id {} is used twice", wayline.id));
            }
            if wayline.waypoints.is_empty() {
                return fail(format!("wayline {} has no waypoint", wayline.id));
            }
            if !wayline.speed_mps.is_finite() || wayline.speed_mps <= 0.0 {
                return fail(format!("wayline {} has no speed above 0", wayline.id));
            }
            for (expected, point) in wayline.waypoints.iter().enumerate() {
                let good = point.index as usize == expected
                    && (-180.0..=180.0).contains(&point.lon)
                    && (-90.0..=90.0).contains(&point.lat)
                    && point.height_m.is_finite()
                    && point.speed_mps.is_finite()
                    && point.speed_mps > 0.0;
                if !good {
                    return fail(format!(
                        "wayline {} waypoint {expected} has a wrong index, position, height or speed",
                        wayline.id
                    ));
                }
            }
        }
        Ok(())
    }
}

fn write_wayline(out: &mut Xml, wayline: &Wayline) {
    out.raw_open("Folder");
    out.leaf("templateId", 0);
    out.leaf("executeHeightMode", height_mode(wayline.height_mode));
    out.leaf("waylineId", wayline.id);
    out.leaf("autoFlightSpeed", wayline.speed_mps);
    for point in &wayline.waypoints {
        out.raw_open("Placemark");
        write_point(out, point);
        out.leaf("index", point.index);
        out.leaf("executeHeight", point.height_m);
        out.leaf("waypointSpeed", point.speed_mps);
        out.open("waypointHeadingParam");
        out.leaf("waypointHeadingMode", "followWayline");
        out.close("waypointHeadingParam");
        out.open("waypointTurnParam");
        out.leaf("waypointTurnMode", "toPointAndStopWithDiscontinuityCurvature");
        out.leaf("waypointTurnDampingDist", 0);
        out.close("waypointTurnParam");
        out.leaf("useStraightLine", 1);
        for group in &point.action_groups {
            write_group(out, group);
        }
        out.raw_close("Placemark");
    }
    out.raw_close("Folder");
}

fn write_template(out: &mut Xml, mission: &Mission, wayline: &Wayline) {
    out.raw_open("Folder");
    out.leaf("templateType", "waypoint");
    out.leaf("templateId", 0);
    out.open("waylineCoordinateSysParam");
    out.leaf("coordinateMode", "WGS84");
    out.leaf("heightMode", height_mode(wayline.height_mode));
    out.close("waylineCoordinateSysParam");
    out.leaf("autoFlightSpeed", wayline.speed_mps);
    out.leaf("globalWaypointTurnMode", "toPointAndStopWithDiscontinuityCurvature");
    out.leaf("gimbalPitchMode", "manual");
    out.leaf("globalHeight", wayline.waypoints.first().map_or(0.0, |point| point.height_m));
    out.open("globalWaypointHeadingParam");
    out.leaf("waypointHeadingMode", "followWayline");
    out.close("globalWaypointHeadingParam");
    for point in &wayline.waypoints {
        out.raw_open("Placemark");
        write_point(out, point);
        out.leaf("index", point.index);
        out.leaf("useGlobalHeight", 0);
        out.leaf("height", point.height_m);
        out.leaf("useGlobalSpeed", 0);
        out.leaf("waypointSpeed", point.speed_mps);
        out.leaf("useGlobalHeadingParam", 1);
        out.leaf("useGlobalTurnParam", 1);
        for group in &point.action_groups {
            write_group(out, group);
        }
        out.raw_close("Placemark");
    }
    out.open("payloadParam");
    out.leaf("payloadPositionIndex", mission.payload.position);
    out.close("payloadParam");
    out.raw_close("Folder");
}

fn write_point(out: &mut Xml, point: &Waypoint) {
    out.raw_open("Point");
    out.raw_leaf("coordinates", &format!("{},{}", point.lon, point.lat));
    out.raw_close("Point");
}

fn height_mode(mode: HeightMode) -> &'static str {
    match mode {
        HeightMode::Wgs84 => "WGS84",
        HeightMode::RelativeToStartPoint => "relativeToStartPoint",
        HeightMode::RealTimeFollowSurface => "realTimeFollowSurface",
    }
}

fn write_group(out: &mut Xml, group: &ActionGroup) {
    out.open("actionGroup");
    out.leaf("actionGroupId", group.id);
    out.leaf("actionGroupStartIndex", group.start_index);
    out.leaf("actionGroupEndIndex", group.end_index);
    out.leaf("actionGroupMode", "sequence");
    out.open("actionTrigger");
    let (name, param) = match &group.trigger {
        Trigger::ReachPoint => ("reachPoint", None),
        Trigger::BetweenAdjacentPoints => ("betweenAdjacentPoints", None),
        Trigger::EverySeconds(seconds) => ("multipleTiming", Some(*seconds)),
        Trigger::EveryMetres(metres) => ("multipleDistance", Some(*metres)),
        Trigger::Other(name) => (name.as_str(), None),
    };
    out.leaf("actionTriggerType", name);
    if let Some(param) = param {
        out.leaf("actionTriggerParam", param);
    }
    out.close("actionTrigger");
    for action in &group.actions {
        write_action(out, action);
    }
    out.close("actionGroup");
}

fn write_action(out: &mut Xml, action: &Action) {
    out.open("action");
    out.leaf("actionId", action.id);
    let name = match &action.kind {
        ActionKind::TakePhoto => "takePhoto",
        ActionKind::StartRecord => "startRecord",
        ActionKind::StopRecord => "stopRecord",
        ActionKind::Hover { .. } => "hover",
        ActionKind::GimbalPitch { .. } => "gimbalRotate",
        ActionKind::RotateYaw { .. } => "rotateYaw",
        ActionKind::Other(name) => name,
    };
    out.leaf("actionActuatorFunc", name);
    out.open("actionActuatorFuncParam");
    match &action.kind {
        ActionKind::TakePhoto | ActionKind::StartRecord | ActionKind::StopRecord => {
            out.leaf("payloadPositionIndex", 0);
        }
        ActionKind::Hover { seconds } => out.leaf("hoverTime", seconds),
        ActionKind::GimbalPitch { degrees } => {
            out.leaf("gimbalRotateMode", "absoluteAngle");
            out.leaf("gimbalPitchRotateEnable", 1);
            out.leaf("gimbalPitchRotateAngle", degrees);
            out.leaf("payloadPositionIndex", 0);
        }
        ActionKind::RotateYaw { degrees } => {
            out.leaf("aircraftHeading", degrees);
            out.leaf("aircraftPathMode", "clockwise");
        }
        ActionKind::Other(_) => {}
    }
    out.close("actionActuatorFuncParam");
    out.close("action");
}

/// Text of one XML file under construction; element names are ours, text is escaped.
struct Xml {
    out: String,
}

impl Xml {
    fn begin() -> Self {
        let out = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<kml xmlns=\"http://www.opengis.net/kml/2.2\" \
             xmlns:wpml=\"{NAMESPACE}\">\n<Document>\n"
        );
        Self { out }
    }

    fn finish(mut self) -> String {
        self.out.push_str("</Document>\n</kml>\n");
        self.out
    }

    fn open(&mut self, name: &str) {
        self.line(format_args!("<wpml:{name}>"));
    }

    fn close(&mut self, name: &str) {
        self.line(format_args!("</wpml:{name}>"));
    }

    fn leaf(&mut self, name: &str, value: impl std::fmt::Display) {
        let text = value.to_string();
        self.line(format_args!("<wpml:{name}>{}</wpml:{name}>", escape(&text)));
    }

    fn raw_open(&mut self, name: &str) {
        self.line(format_args!("<{name}>"));
    }

    fn raw_close(&mut self, name: &str) {
        self.line(format_args!("</{name}>"));
    }

    fn raw_leaf(&mut self, name: &str, text: &str) {
        self.line(format_args!("<{name}>{}</{name}>", escape(text)));
    }

    fn line(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a String does not fail.
        let _ = writeln!(self.out, "{text}");
    }
}
