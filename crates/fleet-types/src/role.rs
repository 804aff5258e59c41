//! What a person may decide.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Roles, least first. Each may what those before it may.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Looks.
    Viewer,
    /// Flies missions and commands docks.
    Operator,
    /// Answers for a site: decides to fly in spite of weather and wear.
    Supervisor,
    /// Answers for the tower.
    Admin,
}
