//! `gwanje token …`: tokens of programs, through the running tower's Unix socket.

use std::process::ExitCode;

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::args;
use crate::{client::ApiClient, config::Config, terminal::say};

const PATH: &str = "/api/v1/tokens";

/// Does what was asked and prints the outcome.
pub(super) async fn run(config: &Config, command: args::Token) -> anyhow::Result<ExitCode> {
    let client = ApiClient::new(config)?;
    match command {
        args::Token::Create { name, right, site, days } => {
            let site_ids = if site.is_empty() { Value::Null } else { json!(site) };
            let body = json!({
                "name": name, "permissions": right, "site_ids": site_ids, "expires_in_days": days,
            });
            let made = client.post(PATH, &body).await?.ok()?;
            let token = made["token"].as_str().context("the tower gives no token")?;
            say(token);
            say("It is shown only now. A program sends it as Authorization: Bearer TOKEN.");
        }
        args::Token::List => list(&client).await?,
        args::Token::Revoke { what } => {
            let answer = client.get(PATH).await?.ok()?;
            let tokens = answer["tokens"].as_array().map(Vec::as_slice).unwrap_or_default();
            let is_it = |token: &&Value| {
                token["revoked_ms"].is_null()
                    && [&token["name"], &token["token_id"]].contains(&&json!(what))
            };
            let Some(found) = tokens.iter().find(is_it) else {
                bail!("no token {what} works; `gwanje token list` shows those there are");
            };
            let id = found["token_id"].as_str().context("the tower names no token")?;
            let answer = client.delete(&format!("{PATH}/{id}")).await?;
            answer.ok()?;
            say(&format!("{what} is revoked; it is refused from now on."));
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn list(client: &ApiClient) -> anyhow::Result<()> {
    let answer = client.get(PATH).await?.ok()?;
    let now_ms = answer["server_time_ms"].as_i64().unwrap_or_default();
    let tokens = answer["tokens"].as_array().map(Vec::as_slice).unwrap_or_default();
    if tokens.is_empty() {
        say("There are no tokens yet: gwanje token create NAME --right view");
    }
    for token in tokens {
        let text = |name: &str| token[name].as_str().unwrap_or_default().to_owned();
        let list = |name: &str| {
            let items = token[name].as_array().into_iter().flatten();
            items.filter_map(Value::as_str).collect::<Vec<_>>().join(",")
        };
        let left_days = (token["expires_ms"].as_i64().unwrap_or_default() - now_ms) / 86_400_000;
        let state = match (token["revoked_ms"].is_null(), left_days < 0) {
            (false, _) => "revoked".to_owned(),
            (true, true) => "expired".to_owned(),
            (true, false) => format!("good for {left_days} days"),
        };
        let sites =
            if token["site_ids"].is_null() { "every site".to_owned() } else { list("site_ids") };
        let (name, prefix, by) = (text("name"), text("prefix"), text("made_by"));
        say(&format!("{name:<24} {prefix}…  {}  {sites}  {by}  {state}", list("permissions")));
    }
    Ok(())
}
