//! A flight's telemetry as files that other programs read: CSV, GeoJSON, KML, GPX.
//!
//! Pure, and a portion of rows at a time: a file is never whole in memory. GeoJSON and KML say the line
//! first and what was measured on it after, so the rows come twice. Heights are over the ellipsoid;
//! KML and GPX would rather have them over the sea, and say that they are not.

use std::fmt::Write as _;

use fleet_types::{DeviceSn, MissionStatus, WallMs, flight::TelemetryRow};
use serde_json::json;

/// Which file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    Csv,
    GeoJson,
    Kml,
    Gpx,
}

/// Which time the rows come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    First,
    Second,
}

impl Format {
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Csv, Self::GeoJson, Self::Kml, Self::Gpx].into_iter().find(|one| one.name() == name)
    }

    /// Its name, and the end of the file's.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::GeoJson => "geojson",
            Self::Kml => "kml",
            Self::Gpx => "gpx",
        }
    }

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8",
            Self::GeoJson => "application/geo+json",
            Self::Kml => "application/vnd.google-earth.kml+xml",
            Self::Gpx => "application/gpx+xml",
        }
    }
}

const CSV_HEAD: &str = "time,epoch_ms,latitude_deg,longitude_deg,height_ellipsoid_m,\
    height_above_take_off_m,heading_deg,horizontal_speed_mps,vertical_speed_mps,wind_speed_mps,\
    home_distance_m,battery_percent,mode_code,gps_count,rtk_count,sdr_quality\r\n";

/// Writes one file.
pub(crate) struct Writer {
    format: Format,
    name: String,
    about: String,
    sn: DeviceSn,
    mission: serde_json::Value,
    /// Whether something of this list was written.
    is_begun: bool,
}

impl Writer {
    pub(crate) fn new(format: Format, mission: &MissionStatus, sn: &DeviceSn) -> Self {
        let about = json!({
            "mission_id": mission.mission_id, "dock": mission.sn, "aircraft": sn,
            "wayline": mission.wayline_name, "verdict": mission.verdict,
            "heights": "metres over the WGS84 ellipsoid",
        });
        let name = format!("{} {}", mission.wayline_name, iso(mission.accepted_ms));
        let text = format!(
            "Dock {}, aircraft {sn}, mission {}. Heights are metres over the WGS84 ellipsoid, not over \
             the sea.",
            mission.sn, mission.mission_id
        );
        Self { format, name, about: text, sn: sn.clone(), mission: about, is_begun: false }
    }

    /// What stands before all rows.
    pub(crate) fn begin(&self) -> String {
        let (name, about) = (xml(&self.name), xml(&self.about));
        match self.format {
            Format::Csv => CSV_HEAD.to_owned(),
            Format::GeoJson => format!(
                "{{\"type\":\"FeatureCollection\",\"features\":[\n{{\"type\":\"Feature\",\
                 \"properties\":{},\"geometry\":{{\"type\":\"LineString\",\"coordinates\":[",
                self.mission
            ),
            Format::Kml => format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
                 <kml xmlns=\"http://www.opengis.net/kml/2.2\" \
                 xmlns:gx=\"http://www.google.com/kml/ext/2.2\">\n<Placemark>\n\
                 <name>{name}</name>\n<description>{about}</description>\n<gx:Track>\n\
                 <altitudeMode>absolute</altitudeMode>\n"
            ),
            Format::Gpx => format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
                 <gpx version=\"1.1\" creator=\"Gwanje\" xmlns=\"http://www.topografix.com/GPX/1/1\">\n\
                 <trk>\n<name>{name}</name>\n<desc>{about}</desc>\n<trkseg>\n"
            ),
        }
    }

    /// These rows.
    pub(crate) fn rows(&mut self, phase: Phase, rows: &[TelemetryRow]) -> String {
        let mut text = String::with_capacity(rows.len() * 160);
        for row in rows {
            let place = row.longitude_deg.zip(row.latitude_deg);
            // Writing to a String cannot fail.
            let _ = match (self.format, phase, place) {
                (Format::Csv, _, _) => csv(&mut text, row),
                (_, _, None) => Ok(()),
                (Format::GeoJson, Phase::First, Some(at)) => self.corner(&mut text, at, row),
                (Format::GeoJson, Phase::Second, Some(at)) => self.feature(&mut text, at, row),
                (Format::Kml, Phase::First, Some(_)) => {
                    writeln!(text, "<when>{}</when>", iso(row.at_ms))
                }
                (Format::Kml, Phase::Second, Some((lon, lat))) => {
                    let height = row.height_m.unwrap_or_default();
                    writeln!(text, "<gx:coord>{lon} {lat} {height}</gx:coord>")
                }
                (Format::Gpx, _, Some(at)) => gpx(&mut text, at, row),
            };
        }
        text
    }

    /// What stands behind all rows of this time.
    pub(crate) fn end(&mut self, phase: Phase) -> String {
        match (self.format, phase) {
            (Format::Csv, _) | (Format::Kml, Phase::First) => String::new(),
            (Format::GeoJson, Phase::First) => {
                self.is_begun = false;
                "]}}".to_owned()
            }
            (Format::GeoJson, Phase::Second) => "\n]}\n".to_owned(),
            (Format::Kml, Phase::Second) => "</gx:Track>\n</Placemark>\n</kml>\n".to_owned(),
            (Format::Gpx, _) => "</trkseg>\n</trk>\n</gpx>\n".to_owned(),
        }
    }

    /// Whether the rows come once more.
    pub(crate) fn after(&self, phase: Phase) -> Option<Phase> {
        match (self.format, phase) {
            (Format::GeoJson | Format::Kml, Phase::First) => Some(Phase::Second),
            (Format::GeoJson | Format::Kml, Phase::Second) | (Format::Csv | Format::Gpx, _) => None,
        }
    }

    fn corner(
        &mut self,
        text: &mut String,
        (lon, lat): (f64, f64),
        row: &TelemetryRow,
    ) -> std::fmt::Result {
        let comma = if std::mem::replace(&mut self.is_begun, true) { "," } else { "" };
        match row.height_m {
            Some(height) => write!(text, "{comma}[{lon},{lat},{height}]"),
            None => write!(text, "{comma}[{lon},{lat}]"),
        }
    }

    fn feature(
        &self,
        text: &mut String,
        (lon, lat): (f64, f64),
        row: &TelemetryRow,
    ) -> std::fmt::Result {
        let feature = json!({
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": match row.height_m {
                Some(height) => json!([lon, lat, height]),
                None => json!([lon, lat]),
            }},
            "properties": {
                "sn": self.sn, "time": iso(row.at_ms), "height_above_take_off_m": row.elevation_m,
                "heading_deg": row.heading_deg, "horizontal_speed_mps": row.horizontal_speed_mps,
                "vertical_speed_mps": row.vertical_speed_mps, "wind_speed_mps": row.wind_speed_mps,
                "battery_percent": row.battery_percent, "mode_code": row.mode_code,
            },
        });
        write!(text, ",\n{feature}")
    }
}

fn csv(text: &mut String, row: &TelemetryRow) -> std::fmt::Result {
    fn cell<T: std::fmt::Display>(text: &mut String, value: Option<T>) -> std::fmt::Result {
        match value {
            Some(value) => write!(text, ",{value}"),
            None => text.write_char(','),
        }
    }
    write!(text, "{},{}", iso(row.at_ms), row.at_ms.0)?;
    cell(text, row.latitude_deg)?;
    cell(text, row.longitude_deg)?;
    cell(text, row.height_m)?;
    cell(text, row.elevation_m)?;
    cell(text, row.heading_deg)?;
    cell(text, row.horizontal_speed_mps)?;
    cell(text, row.vertical_speed_mps)?;
    cell(text, row.wind_speed_mps)?;
    cell(text, row.home_distance_m)?;
    cell(text, row.battery_percent)?;
    cell(text, row.mode_code)?;
    cell(text, row.gps_count)?;
    cell(text, row.rtk_count)?;
    cell(text, row.sdr_quality)?;
    text.write_str("\r\n")
}

fn gpx(text: &mut String, (lon, lat): (f64, f64), row: &TelemetryRow) -> std::fmt::Result {
    write!(text, "<trkpt lat=\"{lat}\" lon=\"{lon}\">")?;
    if let Some(height) = row.height_m {
        write!(text, "<ele>{height}</ele>")?;
    }
    writeln!(text, "<time>{}</time></trkpt>", iso(row.at_ms))
}

/// Text inside XML, without what XML cannot hold at all.
fn xml(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            letter if letter.is_control() => out.push(' '),
            letter => out.push(letter),
        }
    }
    out
}

/// `2026-12-01T00:00:00.123Z`. Days by Howard Hinnant's `civil_from_days`.
fn iso(at: WallMs) -> String {
    let (days, ms) = (at.0.div_euclid(86_400_000), at.0.rem_euclid(86_400_000));
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let part = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * part + 2) / 5 + 1;
    let month = if part < 10 { part + 3 } else { part - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute) = (ms / 3_600_000, ms / 60_000 % 60);
    let (second, rest) = (ms / 1_000 % 60, ms % 1_000);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{rest:03}Z")
}

#[cfg(test)]
mod tests {
    use fleet_types::{
        IdempotencyKey, MissionId, MissionPlan, MissionRequest, RequestId, TraceId, id::WaylineId,
        mission::LostLinkAction,
    };
    use uuid::Uuid;

    use super::*;

    fn mission(name: &str) -> MissionStatus {
        let id = Uuid::from_u128(7);
        let request = MissionRequest {
            mission_id: MissionId(id),
            trace_id: TraceId(id),
            request_id: RequestId(id),
            sn: DeviceSn::new("DOCK").unwrap(),
            wayline_id: WaylineId(id),
            wayline_name: name.into(),
            waypoint_count: 3,
            file_url: String::new(),
            file_md5: String::new(),
            rth_altitude_m: 80,
            lost_link_action: LostLinkAction::ReturnHome,
            exit_wayline_when_link_lost: false,
            idempotency_key: IdempotencyKey::new("k").unwrap(),
            expires_in_ms: 30_000,
            issued_by: "operator".into(),
            plan: MissionPlan::default(),
        };
        MissionStatus::taken(WallMs(1_795_564_800_000), &request)
    }

    fn rows() -> Vec<TelemetryRow> {
        let row = |at: i64, lat| TelemetryRow {
            at_ms: WallMs(1_795_564_800_000 + at),
            latitude_deg: lat,
            longitude_deg: Some(127.25),
            height_m: Some(61.5),
            battery_percent: Some(88),
            ..TelemetryRow::default()
        };
        vec![row(0, Some(37.5)), row(500, None), row(1_000, Some(37.501))]
    }

    /// The file, its rows given one at a time.
    fn file(format: Format, name: &str) -> String {
        let mut writer = Writer::new(format, &mission(name), &DeviceSn::new("M3TD").unwrap());
        let mut text = writer.begin();
        let mut phase = Some(Phase::First);
        while let Some(now) = phase {
            for row in rows() {
                text.push_str(&writer.rows(now, &[row]));
            }
            text.push_str(&writer.end(now));
            phase = writer.after(now);
        }
        text
    }

    #[test]
    fn times_are_in_utc() {
        for (ms, text) in [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_399_999, "2000-02-28T23:59:59.999Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_795_564_800_123, "2026-11-25T00:00:00.123Z"),
            (-1, "1969-12-31T23:59:59.999Z"),
        ] {
            assert_eq!(iso(WallMs(ms)), text);
        }
    }

    #[test]
    fn csv_has_a_row_for_each_and_as_many_cells_as_its_head() {
        let text = file(Format::Csv, "quay");
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 4);
        let cells = |line: &str| line.split(',').count();
        assert!(lines.iter().all(|line| cells(line) == cells(lines[0])), "{text}");
        assert_eq!(
            lines[1],
            "2026-11-25T00:00:00.000Z,1795564800000,37.5,127.25,61.5,,,,,,,88,,,,"
        );
    }

    #[test]
    fn geojson_is_a_line_and_a_point_for_each_place() {
        let text = file(Format::GeoJson, "quay \"1\"");
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        let features = value["features"].as_array().unwrap();
        let kinds: Vec<_> = features.iter().map(|one| &one["geometry"]["type"]).collect();
        assert_eq!(kinds, ["LineString", "Point", "Point"]);
        let line = &features[0];
        assert_eq!(
            line["geometry"]["coordinates"],
            json!([[127.25, 37.5, 61.5], [127.25, 37.501, 61.5]])
        );
        assert_eq!(line["properties"]["wayline"], "quay \"1\"");
        assert_eq!(features[2]["properties"]["time"], "2026-11-25T00:00:01.000Z");
        assert_eq!(features[2]["properties"]["battery_percent"], 88);
    }

    #[test]
    fn kml_and_gpx_hold_each_place_with_its_time_and_no_foreign_markup() {
        let hostile = "<b>&\"\u{1}quay";
        let kml = file(Format::Kml, hostile);
        assert_eq!((kml.matches("<when>").count(), kml.matches("<gx:coord>").count()), (2, 2));
        assert!(kml.contains("<gx:coord>127.25 37.501 61.5</gx:coord>"), "{kml}");
        assert!(kml.find("<gx:coord>").unwrap() > kml.rfind("<when>").unwrap(), "{kml}");
        let gpx = file(Format::Gpx, hostile);
        assert!(gpx.contains("<trkpt lat=\"37.5\" lon=\"127.25\"><ele>61.5</ele>"), "{gpx}");
        for text in [&kml, &gpx] {
            assert!(text.contains("&lt;b&gt;&amp;&quot; quay"), "{text}");
            assert!(text.contains("2026-11-25T00:00:00.000Z"), "{text}");
        }
    }
}
