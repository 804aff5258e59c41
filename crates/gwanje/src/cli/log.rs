//! `gwanje log [FILTER]`: what the running tower writes to its log.

use std::process::ExitCode;

use serde_json::json;

use crate::{client::ApiClient, config::Config, terminal::say};

const PATH: &str = "/api/v1/system/log";

/// Changes the filter when one is given, and prints the one in force.
pub(super) async fn run(config: &Config, filter: Option<String>) -> anyhow::Result<ExitCode> {
    let client = ApiClient::new(config)?;
    let state = match filter {
        None => client.get(PATH).await?.ok()?,
        Some(filter) => client.put(PATH, &json!({ "filter": filter })).await?.ok()?,
    };
    let text = |key: &str| state[key].as_str().unwrap_or_default().to_owned();
    say(&format!("filter          {}", text("filter")));
    say(&format!("after a restart {}", text("configured")));
    say(&format!("dropped lines   {}", state["dropped_lines"]));
    Ok(ExitCode::SUCCESS)
}
