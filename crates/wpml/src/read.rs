//! `wpmz/waylines.wpml` → [`Mission`]. Elements it does not know are skipped; what it needs and does
//! not find, or cannot understand, is an error with its place. Read next: `xml`.

use std::str::FromStr;

use crate::error::{Place, WpmlError};
use crate::kmz::{Limits, WAYLINES_ENTRY};
use crate::mission::{
    Action, ActionGroup, ActionKind, DroneInfo, FinishAction, FlyToMode, HeightMode,
    LostLinkAction, Mission, PayloadInfo, RcLost, Trigger, Wayline, Waypoint,
};
use crate::xml::{Element, Step, Walker, shorten};

const CONTAINERS: &[&str] = &["kml", "Document", "Folder"];
/// Waylines of one mission; a 3D mapping mission has 5.
const MAX_WAYLINES: usize = 1_000;

impl Mission {
    /// Reads the text of a `waylines.wpml`.
    ///
    /// # Errors
    /// Any [`WpmlError`] about XML or values.
    pub fn from_waylines_xml(text: &str, limits: &Limits) -> Result<Self, WpmlError> {
        let mut walker = Walker::new(text, WAYLINES_ENTRY, CONTAINERS);
        let mut config = None;
        let mut waylines: Vec<Wayline> = Vec::new();
        let mut left = limits.waypoints;
        loop {
            match walker.step()? {
                Step::Open { name, offset } if name == "Folder" => {
                    if waylines.len() >= MAX_WAYLINES {
                        return Err(WpmlError::TooComplex { place: walker.place(offset, name) });
                    }
                    let wayline = folder(&mut walker, waylines.len(), offset, &mut left, limits)?;
                    if waylines.iter().any(|known| known.id == wayline.id) {
                        let place = walker.place(offset, format!("Folder {}", waylines.len()));
                        return Err(WpmlError::DuplicateWayline { place, id: wayline.id });
                    }
                    waylines.push(wayline);
                }
                Step::Whole(element) if element.name == "missionConfig" => config = Some(element),
                Step::Open { .. } | Step::Close | Step::Whole(_) => {}
                Step::End => break,
            }
        }
        let whole = Scope { walker: &walker, path: "Document".to_owned() };
        let Some(config) = config else { return Err(whole.missing(0, "missionConfig")) };
        if waylines.is_empty() {
            return Err(whole.missing(0, "Folder"));
        }
        mission(&walker, &config, waylines)
    }
}

fn mission(
    walker: &Walker<'_>,
    config: &Element,
    waylines: Vec<Wayline>,
) -> Result<Mission, WpmlError> {
    let scope = Scope { walker, path: "missionConfig".to_owned() };
    let drone = scope.element(config, "droneInfo")?;
    let payload = scope.element(config, "payloadInfo")?;
    Ok(Mission {
        fly_to_mode: scope.choice(config, "flyToWaylineMode", fly_to_mode, FLY_TO)?,
        finish_action: scope.choice(config, "finishAction", finish_action, FINISH)?,
        rc_lost: rc_lost(&scope, config)?,
        security_height_m: scope.non_negative(config, "takeOffSecurityHeight")?,
        transitional_speed_mps: scope.non_negative(config, "globalTransitionalSpeed")?,
        rth_height_m: scope.optional(config, "globalRTHHeight", Scope::non_negative)?,
        drone: DroneInfo {
            type_id: scope.integer(drone, "droneEnumValue")?,
            sub_type: scope.optional(drone, "droneSubEnumValue", Scope::integer)?.unwrap_or(0),
        },
        payload: PayloadInfo {
            type_id: scope.integer(payload, "payloadEnumValue")?,
            position: scope.optional(payload, "payloadPositionIndex", Scope::integer)?.unwrap_or(0),
        },
        waylines,
    })
}

const FLY_TO: &str = "safely or pointToPoint";
fn fly_to_mode(text: &str) -> Option<FlyToMode> {
    match text {
        "safely" => Some(FlyToMode::Safely),
        "pointToPoint" => Some(FlyToMode::PointToPoint),
        _ => None,
    }
}

const FINISH: &str = "goHome, noAction, autoLand or gotoFirstWaypoint";
fn finish_action(text: &str) -> Option<FinishAction> {
    match text {
        "goHome" => Some(FinishAction::GoHome),
        "noAction" => Some(FinishAction::NoAction),
        "autoLand" => Some(FinishAction::AutoLand),
        "gotoFirstWaypoint" => Some(FinishAction::GotoFirstWaypoint),
        _ => None,
    }
}

fn rc_lost(scope: &Scope<'_, '_>, config: &Element) -> Result<RcLost, WpmlError> {
    let exits = scope.choice(
        config,
        "exitOnRCLost",
        |text| match text {
            "goContinue" => Some(false),
            "executeLostAction" => Some(true),
            _ => None,
        },
        "goContinue or executeLostAction",
    )?;
    if !exits {
        return Ok(RcLost::Continue);
    }
    let action = scope.choice(
        config,
        "executeRCLostAction",
        |text| match text {
            "goBack" => Some(LostLinkAction::GoBack),
            "landing" => Some(LostLinkAction::Landing),
            "hover" => Some(LostLinkAction::Hover),
            _ => None,
        },
        "goBack, landing or hover",
    )?;
    Ok(RcLost::Execute(action))
}

fn folder(
    walker: &mut Walker<'_>,
    number: usize,
    offset: usize,
    left: &mut usize,
    limits: &Limits,
) -> Result<Wayline, WpmlError> {
    let path = format!("Folder {number}");
    let mut heads =
        Element { name: path.clone(), text: String::new(), offset, children: Vec::new() };
    let mut waypoints: Vec<Waypoint> = Vec::new();
    let mut nested = 0usize;
    loop {
        match walker.step()? {
            Step::Open { .. } => nested += 1,
            Step::Close if nested > 0 => nested -= 1,
            Step::Close | Step::End => break,
            Step::Whole(element) if element.name == "Placemark" => {
                let path = format!("{path} / Placemark {}", waypoints.len());
                if *left == 0 {
                    let place = walker.place(element.offset, path);
                    return Err(WpmlError::TooManyWaypoints { place, limit: limits.waypoints });
                }
                *left -= 1;
                let scope = Scope { walker, path };
                let point = placemark(&scope, &element, waypoints.len())?;
                waypoints.push(point);
            }
            Step::Whole(element) => {
                // A folder has a handful of settings beside its waypoints.
                if heads.children.len() < 64 {
                    heads.children.push(element);
                }
            }
        }
    }
    let scope = Scope { walker, path };
    if waypoints.is_empty() {
        return Err(scope.missing(offset, "Placemark"));
    }
    let speed_mps = scope.positive(&heads, "autoFlightSpeed")?;
    for point in &mut waypoints {
        if point.speed_mps <= 0.0 {
            point.speed_mps = speed_mps;
        }
    }
    Ok(Wayline {
        id: scope.integer(&heads, "waylineId")?,
        speed_mps,
        height_mode: scope.choice(
            &heads,
            "executeHeightMode",
            |text| match text {
                "WGS84" => Some(HeightMode::Wgs84),
                "relativeToStartPoint" => Some(HeightMode::RelativeToStartPoint),
                "realTimeFollowSurface" => Some(HeightMode::RealTimeFollowSurface),
                _ => None,
            },
            "WGS84, relativeToStartPoint or realTimeFollowSurface",
        )?,
        waypoints,
    })
}

fn placemark(
    scope: &Scope<'_, '_>,
    element: &Element,
    number: usize,
) -> Result<Waypoint, WpmlError> {
    let index = scope.integer(element, "index")?;
    let expected = u32::try_from(number).unwrap_or(u32::MAX);
    if index != expected {
        let place = scope.place(element.offset, "index");
        return Err(WpmlError::IndexGap { place, found: index, expected });
    }
    let point = scope.element(element, "Point")?;
    let (lon, lat) = coordinates(scope, scope.element(point, "coordinates")?)?;
    let action_groups = element
        .children("actionGroup")
        .map(|group| action_group(scope, group))
        .collect::<Result<_, _>>()?;
    Ok(Waypoint {
        index,
        lon,
        lat,
        height_m: scope.number(element, "executeHeight")?,
        speed_mps: scope.optional(element, "waypointSpeed", Scope::non_negative)?.unwrap_or(0.0),
        action_groups,
    })
}

/// `lon,lat` or `lon,lat,height`: the order of KML, not of `takeOffRefPoint`.
fn coordinates(scope: &Scope<'_, '_>, element: &Element) -> Result<(f64, f64), WpmlError> {
    let mut parts = element.text.split(',').map(parse_finite);
    let (Some(Some(lon)), Some(Some(lat))) = (parts.next(), parts.next()) else {
        return Err(scope.bad(element, "a position written as longitude,latitude"));
    };
    if !(-180.0..=180.0).contains(&lon) {
        return Err(scope.bad(element, "a longitude from -180 to 180 before the comma"));
    }
    if !(-90.0..=90.0).contains(&lat) {
        return Err(scope.bad(element, "a latitude from -90 to 90 after the comma"));
    }
    Ok((lon, lat))
}

fn action_group(scope: &Scope<'_, '_>, element: &Element) -> Result<ActionGroup, WpmlError> {
    let trigger_element = scope.element(element, "actionTrigger")?;
    let kind = scope.element(trigger_element, "actionTriggerType")?;
    let trigger = match kind.text.trim() {
        "reachPoint" => Trigger::ReachPoint,
        "betweenAdjacentPoints" => Trigger::BetweenAdjacentPoints,
        "multipleTiming" => {
            Trigger::EverySeconds(scope.positive(trigger_element, "actionTriggerParam")?)
        }
        "multipleDistance" => {
            Trigger::EveryMetres(scope.positive(trigger_element, "actionTriggerParam")?)
        }
        other => Trigger::Other(other.to_owned()),
    };
    let actions = element
        .children("action")
        .map(|action| {
            Ok(Action { id: scope.integer(action, "actionId")?, kind: action_kind(scope, action)? })
        })
        .collect::<Result<_, WpmlError>>()?;
    Ok(ActionGroup {
        id: scope.integer(element, "actionGroupId")?,
        start_index: scope.integer(element, "actionGroupStartIndex")?,
        end_index: scope.integer(element, "actionGroupEndIndex")?,
        trigger,
        actions,
    })
}

fn action_kind(scope: &Scope<'_, '_>, action: &Element) -> Result<ActionKind, WpmlError> {
    let name = scope.element(action, "actionActuatorFunc")?.text.trim();
    let params = || scope.element(action, "actionActuatorFuncParam");
    Ok(match name {
        "takePhoto" => ActionKind::TakePhoto,
        "startRecord" => ActionKind::StartRecord,
        "stopRecord" => ActionKind::StopRecord,
        "hover" => ActionKind::Hover { seconds: scope.positive(params()?, "hoverTime")? },
        "gimbalRotate" => {
            ActionKind::GimbalPitch { degrees: scope.number(params()?, "gimbalPitchRotateAngle")? }
        }
        "rotateYaw" => {
            ActionKind::RotateYaw { degrees: scope.number(params()?, "aircraftHeading")? }
        }
        other => ActionKind::Other(other.to_owned()),
    })
}

fn parse_finite(text: &str) -> Option<f64> {
    text.trim().parse::<f64>().ok().filter(|number| number.is_finite())
}

/// Where we are, for error messages.
struct Scope<'w, 't> {
    walker: &'w Walker<'t>,
    path: String,
}

impl Scope<'_, '_> {
    fn place(&self, offset: usize, element: &str) -> Place {
        self.walker.place(offset, format!("{} / {element}", self.path))
    }

    fn missing(&self, offset: usize, element: &'static str) -> WpmlError {
        let place = self.walker.place(offset, self.path.clone());
        WpmlError::ElementMissing { place, element }
    }

    fn bad(&self, element: &Element, expected: &'static str) -> WpmlError {
        let place = self.place(element.offset, &element.name);
        WpmlError::BadValue { place, value: shorten(&element.text), expected }
    }

    fn element<'e>(
        &self,
        parent: &'e Element,
        name: &'static str,
    ) -> Result<&'e Element, WpmlError> {
        parent.child(name).ok_or_else(|| self.missing(parent.offset, name))
    }

    fn optional<T>(
        &self,
        parent: &Element,
        name: &'static str,
        read: impl Fn(&Self, &Element, &'static str) -> Result<T, WpmlError>,
    ) -> Result<Option<T>, WpmlError> {
        match parent.child(name) {
            Some(_) => read(self, parent, name).map(Some),
            None => Ok(None),
        }
    }

    fn choice<T>(
        &self,
        parent: &Element,
        name: &'static str,
        read: impl Fn(&str) -> Option<T>,
        expected: &'static str,
    ) -> Result<T, WpmlError> {
        let element = self.element(parent, name)?;
        read(element.text.trim()).ok_or_else(|| self.bad(element, expected))
    }

    fn number(&self, parent: &Element, name: &'static str) -> Result<f64, WpmlError> {
        let element = self.element(parent, name)?;
        parse_finite(&element.text).ok_or_else(|| self.bad(element, "a number"))
    }

    fn non_negative(&self, parent: &Element, name: &'static str) -> Result<f64, WpmlError> {
        let element = self.element(parent, name)?;
        parse_finite(&element.text)
            .filter(|number| *number >= 0.0)
            .ok_or_else(|| self.bad(element, "a number of 0 or more"))
    }

    fn positive(&self, parent: &Element, name: &'static str) -> Result<f64, WpmlError> {
        let element = self.element(parent, name)?;
        parse_finite(&element.text)
            .filter(|number| *number > 0.0)
            .ok_or_else(|| self.bad(element, "a number above 0"))
    }

    fn integer<T: FromStr>(&self, parent: &Element, name: &'static str) -> Result<T, WpmlError> {
        let element = self.element(parent, name)?;
        element.text.trim().parse().map_err(|_| self.bad(element, "a whole number in range"))
    }
}
