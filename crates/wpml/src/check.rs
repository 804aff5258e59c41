//! What a readable mission still has wrong: every check of the documents that a dock or aircraft
//! makes later, made before anything flies.
//!
//! Reading ([`Mission::from_kmz`]) refuses what has no meaning. Here is found what has one and ends
//! badly all the same: each finding says what, where, how to mend it, and which break-off reason of
//! the documents it avoids. It refuses to judge whether a mission is wise, legal or free of obstacles.
//! Read next: `points` for the route, `actions` for what is done on it, `template` for the
//! other file. Source: DJI Cloud API, "WPML", and the `break_reason` of `flighttask_progress`.

mod actions;
mod config;
mod points;
mod rules;
mod template;

use crate::{
    error::{Place, WpmlError},
    kmz::{Limits, TEMPLATE_ENTRY, WAYLINES_ENTRY, texts},
    mission::{DroneInfo, Mission, PayloadInfo, RcLost},
    xml::{Element, Step, Walker},
};
use rules::Rule;

/// Findings that are kept; a file with more is broken in one way many times.
const FINDINGS_MAX: usize = 200;
const CONTAINERS: &[&str] = &["kml", "Document", "Folder"];

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// By the documents it cannot be flown, or breaks off.
    Error,
    /// It can be flown; a person should know.
    Warning,
}

/// The same sentence in two languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Words {
    /// English.
    pub en: String,
    /// Korean.
    pub ko: String,
}

/// Something that is wrong with a mission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// A stable code in snake case.
    pub code: &'static str,
    /// Where.
    pub place: Place,
    /// What is wrong.
    pub what: Words,
    /// How to mend it.
    pub mend: Words,
    /// The `break_reason` with which the documents say that such a flight ends.
    pub break_reason: Option<u16>,
}

/// A mission that could be read, and what is wrong with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Checked {
    /// What would be flown.
    pub mission: Mission,
    /// What was found, in the order of the files; at most 200.
    pub findings: Vec<Finding>,
    /// Findings beyond those.
    pub more: usize,
}

impl Checked {
    /// Whether the documents forbid to fly it.
    #[must_use]
    pub fn is_flyable(&self) -> bool {
        self.more == 0 && self.findings.iter().all(|found| found.severity != Severity::Error)
    }
}

/// What a mission is to fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fit {
    /// The aircraft of the dock.
    pub drone: DroneInfo,
    /// The camera on it.
    pub payload: PayloadInfo,
    /// `exit_wayline_when_rc_lost` of the task: true leaves the wayline when the link is lost.
    pub exits_when_link_lost: Option<bool>,
}

impl Mission {
    /// Reads a KMZ and makes every check of it.
    ///
    /// # Errors
    /// Any [`WpmlError`] of reading: such a file says nothing that could be checked.
    pub fn check_kmz(bytes: &[u8], limits: &Limits) -> Result<Checked, WpmlError> {
        let texts = texts(bytes, limits)?;
        Self::check_texts(&texts.waylines, texts.template.as_deref(), limits)
    }

    /// [`Mission::check_kmz`] of the texts of `waylines.wpml` and `template.kml`.
    ///
    /// # Errors
    /// Any [`WpmlError`] about XML or values.
    pub fn check_texts(
        flown: &str,
        template: Option<&str>,
        limits: &Limits,
    ) -> Result<Checked, WpmlError> {
        let mission = Self::from_waylines_xml(flown, limits)?;
        let mut findings = Findings::default();
        let flown = waylines(flown, &mission, &mut findings)?;
        match template {
            Some(template) => template::check(template, &mission, &flown, &mut findings)?,
            None => {
                let place = Place {
                    entry: TEMPLATE_ENTRY.to_owned(),
                    line: 1,
                    element: "document".to_owned(),
                };
                findings.at(place, &rules::TEMPLATE_MISSING, "", "");
            }
        }
        let Findings { kept, more } = findings;
        Ok(Checked { mission, findings: kept, more })
    }

    /// What does not fit an aircraft, its camera and the task.
    #[must_use]
    pub fn fits(&self, fit: &Fit) -> Vec<Finding> {
        let mut findings = Findings::default();
        let place = |element: &str| Place {
            entry: WAYLINES_ENTRY.to_owned(),
            line: 1,
            element: format!("missionConfig / {element}"),
        };
        if self.drone != fit.drone {
            let (file, ours) = (aircraft_name(self.drone), aircraft_name(fit.drone));
            findings.at(
                place("droneInfo"),
                &rules::OTHER_AIRCRAFT,
                format!("The file is made for {file}, the dock has {ours}."),
                format!("파일은 {file}용이고 도크의 기체는 {ours}입니다."),
            );
        }
        if self.payload.type_id != fit.payload.type_id {
            let (file, ours) = (self.payload.type_id, fit.payload.type_id);
            findings.at(
                place("payloadInfo"),
                &rules::OTHER_PAYLOAD,
                format!("The file is made for camera {file}, the aircraft carries {ours}."),
                format!("파일은 카메라 {file}용이고 기체의 카메라는 {ours}입니다."),
            );
        }
        let exits = matches!(self.rc_lost, RcLost::Execute(_));
        if fit.exits_when_link_lost.is_some_and(|wanted| wanted != exits) {
            findings.at(place("exitOnRCLost"), &rules::LOST_LINK_DIFFERS, "", "");
        }
        findings.kept
    }
}

fn aircraft_name(drone: DroneInfo) -> String {
    match (drone.type_id, drone.sub_type) {
        (91, 0) => "Matrice 3D".to_owned(),
        (91, 1) => "Matrice 3TD".to_owned(),
        (type_id, sub_type) => format!("{type_id}/{sub_type}"),
    }
}

/// Findings so far.
#[derive(Debug, Default)]
struct Findings {
    kept: Vec<Finding>,
    more: usize,
}

impl Findings {
    /// Notes one; empty words mean those of the rule.
    fn at(&mut self, place: Place, rule: &Rule, en: impl Into<String>, ko: impl Into<String>) {
        let or = |text: String, rule: &str| if text.is_empty() { rule.to_owned() } else { text };
        self.kept.push(Finding {
            severity: rule.severity,
            code: rule.code,
            place,
            what: Words { en: or(en.into(), rule.what.0), ko: or(ko.into(), rule.what.1) },
            mend: Words { en: rule.mend.0.to_owned(), ko: rule.mend.1.to_owned() },
            break_reason: rule.break_reason,
        });
    }
}

/// Where in a file a check is, and what it found.
struct Spot<'s, 'w> {
    walker: &'s Walker<'w>,
    findings: &'s mut Findings,
    path: String,
}

impl Spot<'_, '_> {
    /// Notes a finding at an element.
    fn note(&mut self, offset: usize, element: &str, rule: &Rule, words: (String, String)) {
        if self.findings.kept.len() >= FINDINGS_MAX {
            self.findings.more += 1;
            return;
        }
        let path = match element {
            "" => self.path.clone(),
            element => format!("{} / {element}", self.path),
        };
        let place = self.walker.place(offset, path);
        self.findings.at(place, rule, words.0, words.1);
    }

    /// Notes a finding in the rule's own words.
    fn plain(&mut self, offset: usize, element: &str, rule: &Rule) {
        self.note(offset, element, rule, (String::new(), String::new()));
    }
}

/// The number in a child, if it has one.
fn number(parent: &Element, name: &str) -> Option<f64> {
    parent.child(name)?.text.trim().parse::<f64>().ok().filter(|number| number.is_finite())
}

fn text<'e>(parent: &'e Element, name: &str) -> Option<&'e str> {
    parent.child(name).map(|child| child.text.trim())
}

fn offset(parent: &Element, name: &str) -> usize {
    parent.child(name).map_or(parent.offset, |child| child.offset)
}

/// What the template is compared with.
struct Flown {
    template_ids: Vec<u32>,
}

/// Checks `waylines.wpml`, which was read before.
fn waylines(text: &str, mission: &Mission, findings: &mut Findings) -> Result<Flown, WpmlError> {
    let mut walker = Walker::new(text, WAYLINES_ENTRY, CONTAINERS);
    let mut template_ids = Vec::new();
    let mut number = 0;
    loop {
        match walker.step()? {
            Step::Open { name, offset } if name == "Folder" => {
                let folder = points::Folder::read(&mut walker, number, offset)?;
                let mut spot = Spot { walker: &walker, findings, path: format!("Folder {number}") };
                template_ids.extend(folder.check(mission, &mut spot));
                // The documents want group ids unique in a whole file; aircraft miss them only within a
                // route, and what plans five routes at once may count anew in each.
                let mut groups = actions::Groups::default();
                for start in folder.heads.children("startActionGroup") {
                    groups.check(start, None, &mut spot);
                }
                let (path, last) = (spot.path.clone(), folder.points.len().saturating_sub(1));
                for (index, point) in folder.points.iter().enumerate() {
                    spot.path = format!("{path} / Placemark {index}");
                    for group in point.children("actionGroup") {
                        groups.check(group, Some(last), &mut spot);
                    }
                }
                number += 1;
            }
            Step::Whole(element) if element.name == "missionConfig" => {
                let path = "missionConfig".to_owned();
                config::check(&element, &mut Spot { walker: &walker, findings, path });
            }
            Step::Open { .. } | Step::Close | Step::Whole(_) => {}
            Step::End => return Ok(Flown { template_ids }),
        }
    }
}
