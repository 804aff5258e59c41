//! `gwanje admin …`: accounts of people, through the running tower's Unix socket.
//!
//! A password is never an argument: it is generated and shown once, or read from standard input.

use std::{io::Read as _, process::ExitCode};

use anyhow::{Context as _, bail};
use fleet_types::{
    Secret,
    people::{Email, SiteRole, check_password},
};
use serde_json::{Value, json};

use super::args;
use crate::{client::ApiClient, config::Config, secret, terminal::say};

/// Longest input that is looked at.
const INPUT_MAX: u64 = 4096;

/// Does what was asked and prints the outcome.
pub(super) async fn run(config: &Config, command: args::Admin) -> anyhow::Result<ExitCode> {
    let client = ApiClient::new(config)?;
    match command {
        args::Admin::Create { email, role, password_stdin } => {
            create(&client, config, &email, role, password_stdin).await?;
        }
        args::Admin::List => list(&client).await?,
        args::Admin::Reset { email, password_stdin } => {
            let (id, email) = find(&client, &email).await?;
            let password = Password::read_or_make(password_stdin)?;
            change(&client, &id, &json!({ "password": password.text.expose() })).await?;
            password.show(&email);
        }
        args::Admin::Disable { email } => {
            let (id, email) = find(&client, &email).await?;
            change(&client, &id, &json!({ "ban_duration": "876000h" })).await?;
            say(&format!("{email} is disabled; its sessions have ended."));
        }
        args::Admin::Enable { email } => {
            let (id, email) = find(&client, &email).await?;
            change(&client, &id, &json!({ "ban_duration": "none" })).await?;
            say(&format!("{email} is enabled."));
        }
    }
    Ok(ExitCode::SUCCESS)
}

struct Password {
    text: Secret,
    is_made: bool,
}

impl Password {
    fn read_or_make(reads: bool) -> anyhow::Result<Self> {
        if !reads {
            return Ok(Self { text: secret::random(12)?, is_made: true });
        }
        let mut text = String::new();
        std::io::stdin().take(INPUT_MAX).read_to_string(&mut text)?;
        let text = Secret::new(text.trim_end_matches(['\r', '\n']));
        check_password(&text)?;
        Ok(Self { text, is_made: false })
    }

    fn show(&self, email: &Email) {
        if self.is_made {
            say(&format!("{email} signs in with the password {}", self.text.expose()));
            say("It is shown only now; its owner changes it in the console.");
        } else {
            say(&format!("{email} signs in with the password that was given."));
        }
    }
}

async fn create(
    client: &ApiClient,
    config: &Config,
    email: &str,
    role: SiteRole,
    password_stdin: bool,
) -> anyhow::Result<()> {
    let email = Email::new(email)?;
    let password = Password::read_or_make(password_stdin)?;
    let body = json!({ "email": email, "password": password.text.expose() });
    let made = client.post("/auth/v1/admin/users", &body).await?.ok()?;
    let id = made["id"].as_str().context("the tower names no account")?;
    let roles = json!({ "roles": [{ "role": role }] });
    client.put(&format!("/api/v1/people/{id}/roles"), &roles).await?.ok()?;
    password.show(&email);
    say(&format!("It is {} of every site. Sign in at {}", role.name(), config.console_address()));
    Ok(())
}

async fn change(client: &ApiClient, id: &str, body: &Value) -> anyhow::Result<()> {
    client.put(&format!("/auth/v1/admin/users/{id}"), body).await?.ok().map(|_| ())
}

async fn find(client: &ApiClient, email: &str) -> anyhow::Result<(String, Email)> {
    let email = Email::new(email)?;
    let people = client.get("/api/v1/people").await?.ok()?;
    let mut people = people["people"].as_array().into_iter().flatten();
    let Some(found) = people.find(|somebody| somebody["email"] == email.as_str()) else {
        bail!("there is no account {email}; `gwanje admin list` shows those there are");
    };
    let id = found["user_id"].as_str().context("the tower names no account")?;
    Ok((id.to_owned(), email))
}

async fn list(client: &ApiClient) -> anyhow::Result<()> {
    let answer = client.get("/api/v1/people").await?.ok()?;
    let people = answer["people"].as_array().map(Vec::as_slice).unwrap_or_default();
    if people.is_empty() {
        say("Nobody has an account yet: gwanje admin create EMAIL");
    }
    for somebody in people {
        let name = somebody["email"].as_str().or_else(|| somebody["user_id"].as_str());
        let roles = somebody["roles"].as_array().into_iter().flatten().map(|given| {
            let role = given["role"].as_str().unwrap_or_default();
            match given["site_id"].as_str() {
                Some(site) => format!("{role} of {site}"),
                None => role.to_owned(),
            }
        });
        let roles = roles.collect::<Vec<_>>().join(", ");
        let roles = if roles.is_empty() { "no rights".to_owned() } else { roles };
        let state = if somebody["is_disabled"] == true { " (disabled)" } else { "" };
        say(&format!("{:<40} {roles}{state}", name.unwrap_or_default()));
    }
    Ok(())
}
