//! `gwanje dock …`: talks to the running tower through its Unix socket.

use std::process::ExitCode;

use fleet_types::DeviceSn;
use serde_json::{Value, json};

use super::args;
use crate::terminal::say;
use crate::{client::ApiClient, config::Config};

/// Does what was asked and prints the outcome.
pub(super) async fn run(config: &Config, command: args::Dock) -> anyhow::Result<ExitCode> {
    let client = ApiClient::new(config)?;
    match command {
        args::Dock::Add { sn, name } => add(&client, &sn, name).await?,
        args::Dock::List => list(&client).await?,
        args::Dock::Remove { sn } => {
            let sn = DeviceSn::new(&sn)?;
            client.delete(&format!("/api/v1/docks/{sn}")).await?.ok()?;
            say(&format!("{sn} is removed; its login no longer works."));
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn add(client: &ApiClient, sn: &str, name: Option<String>) -> anyhow::Result<()> {
    let sn = DeviceSn::new(sn)?;
    let mut body = json!({ "sn": sn });
    if let Some(name) = name {
        body["name"] = name.into();
    }
    let enrolled = client.post("/api/v1/docks", &body).await?.ok()?;
    say(&format!("{sn} is enrolled. Its password is shown only now.\n"));
    say("Type this into DJI Pilot 2 (Cloud Service, Other Platforms):");
    let pairs = enrolled["pilot2"].as_array().map(Vec::as_slice).unwrap_or_default();
    let width = pairs.iter().filter_map(|pair| pair["field"].as_str()).map(str::len).max();
    for pair in pairs {
        let (field, value) = (text(&pair["field"]), text(&pair["value"]));
        say(&format!("  {field:<width$}  {value}", width = width.unwrap_or(0)));
    }
    if pairs.is_empty() {
        let mqtt = &enrolled["mqtt"];
        for key in ["host", "port", "tls", "username", "password"] {
            say(&format!("  {key:<10}  {}", text(&mqtt[key])));
        }
    }
    for next in enrolled["next"].as_array().into_iter().flatten() {
        say(&format!("\n{}", text(next)));
    }
    Ok(())
}

async fn list(client: &ApiClient) -> anyhow::Result<()> {
    let answer = client.get("/api/v1/devices").await?.ok()?;
    let devices = answer["devices"].as_array().map(Vec::as_slice).unwrap_or_default();
    let docks: Vec<_> = devices.iter().filter(|device| device["class"] == "dock").collect();
    if docks.is_empty() {
        say("No dock is enrolled yet: gwanje dock add SN");
    }
    for dock in docks {
        let why = text(&dock["reason"]["message"]);
        let line = format!(
            "{:<20} {:<12} {:<14} {} {}",
            text(&dock["sn"]),
            text(&dock["connection"]),
            text(&dock["activity"]),
            text(&dock["name"]),
            if why.is_empty() { String::new() } else { format!("({why})") }
        );
        say(line.trim_end());
    }
    Ok(())
}

/// A value in words; what came over the network must not steer the terminal.
fn text(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    };
    text.chars().filter(|c| !c.is_control()).take(500).collect()
}
