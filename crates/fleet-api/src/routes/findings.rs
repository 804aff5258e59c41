//! What is wrong with a wayline file: told when it is uploaded, and whenever somebody asks.

use axum::{
    Json,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use fleet_types::id::WaylineId;
use serde::Serialize;
use utoipa::ToSchema;
use wpml::{Checked, Finding, Limits, Mission, Severity};

use crate::{app::App, extract::InPath, problem::Problem};

/// One thing that is wrong, and how to mend it.
#[derive(Serialize, ToSchema)]
pub(crate) struct WaylineFinding {
    /// `error`: by the documents it cannot be flown, or breaks off. `warning`: a person should know.
    severity: &'static str,
    /// Stable, `snake_case`.
    code: &'static str,
    /// File in the package.
    entry: String,
    /// Line in that file, from 1.
    line: usize,
    /// Path of the element: `Folder 0 / Placemark 3 / executeHeight`.
    element: String,
    /// What is wrong.
    message: String,
    /// The same in Korean.
    message_ko: String,
    /// How to mend it.
    mend: String,
    /// The same in Korean.
    mend_ko: String,
    /// The `break_reason` with which the documents say that such a flight ends.
    break_reason: Option<u16>,
}

impl From<Finding> for WaylineFinding {
    fn from(found: Finding) -> Self {
        Self {
            severity: match found.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            },
            code: found.code,
            entry: found.place.entry,
            line: found.place.line,
            element: found.place.element,
            message: found.what.en,
            message_ko: found.what.ko,
            mend: found.mend.en,
            mend_ko: found.mend.ko,
            break_reason: found.break_reason,
        }
    }
}

/// What was found in a wayline file.
#[derive(Serialize, ToSchema)]
pub(crate) struct WaylineFindings {
    /// Whether nothing found forbids to fly it.
    is_flyable: bool,
    /// In the order of the files; at most 200.
    findings: Vec<WaylineFinding>,
    /// Findings beyond those.
    more: usize,
}

impl From<Checked> for WaylineFindings {
    fn from(checked: Checked) -> Self {
        let is_flyable = checked.is_flyable();
        let findings = checked.findings.into_iter().map(Into::into).collect();
        Self { is_flyable, findings, more: checked.more }
    }
}

/// The refusal of a file that cannot be flown, with everything that was found.
pub(super) fn not_flyable(checked: Checked) -> Problem {
    let errors: Vec<_> =
        checked.findings.iter().filter(|found| found.severity == Severity::Error).collect();
    let first = errors.first().map_or_else(String::new, |found| {
        format!(" First, {}: {} {}", found.place, found.what.en, found.mend.en)
    });
    let count = errors.len() + checked.more;
    let detail = format!(
        "the file can be read, but by DJI's documents it cannot be flown as it is: {count} \
         error(s).{first} Mend the route, or upload it with despite_findings=true"
    );
    let found = WaylineFindings::from(checked);
    Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "wayline_not_flyable", detail)
        .with("findings", &found.findings)
        .with("more", &found.more)
}

/// What is wrong with a kept wayline file, if anything.
#[utoipa::path(
    operation_id = "get_wayline_findings",
    get, path = "/api/v1/waylines/{id}/findings", tag = "waylines",
    params(("id" = String, Path, description = "Wayline id")),
    responses(
        (status = 200, body = WaylineFindings),
        (status = 401, body = Problem, content_type = "application/problem+json"),
        (status = 404, body = Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn show(
    State(app): State<App>,
    InPath(id): InPath<WaylineId>,
) -> Result<Response, Problem> {
    let bytes = app.waylines.bytes(id).ok_or_else(|| {
        Problem::not_found("unknown_wayline", "this wayline file is not kept any more")
    })?;
    // It was checked before it was kept; a file that cannot be read now is a defect.
    let checked =
        Mission::check_kmz(&bytes, &Limits::default()).map_err(|_| Problem::internal())?;
    // A wayline never changes; what is checked does, with the tower's version.
    let cache = [(header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=3600"))];
    Ok((cache, Json(WaylineFindings::from(checked))).into_response())
}
