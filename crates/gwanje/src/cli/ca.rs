//! `gwanje ca …`: makes the site's certificate authority, and what it issues and revokes.
//!
//! It works on the data directory and needs no running tower. A running `gwanje up` sees what
//! changed within a second and tells the broker.

use std::process::ExitCode;

use fleet_types::DeviceSn;
use serde_json::json;

use super::args;
use crate::{
    ca::{self, Ca, CaDir, book::Entry},
    config::Config,
    terminal::say,
    tower::audit,
};

/// Does what was asked and prints the outcome.
pub(super) fn run(config: &Config, command: args::Ca) -> anyhow::Result<ExitCode> {
    match command {
        args::Ca::Init { name, days, host } => {
            let ca = Ca::init(config, &name, days, &host)?;
            let dir = config.data_dir.join("ca");
            say(&format!("The authority {name:?} is made in {}.", dir.display()));
            say(&format!("Keep a copy of {} in a safe place.", dir.join("ca.key").display()));
            for entry in &ca.book().issued {
                say(&line(entry)?);
            }
            leave(config, "certificate.authority", &ca.book().issued)?;
            let hosts: Vec<_> = ca.book().hosts.iter().map(String::as_str).collect();
            say(&format!("The broker's certificate names {}.", hosts.join(", ")));
            say("Next: set mqtt.tls.listen or mqtt.tls.certificate_listen, and start `gwanje up`.");
        }
        args::Ca::Issue { sn, days, out } => {
            let sn = DeviceSn::new(&sn)?;
            let out = out.unwrap_or_else(|| config.data_dir.join("ca-issued").join(sn.as_str()));
            let entry = Ca::open(config)?.issue(&sn, days, &out)?;
            leave(config, "certificate.issue", std::slice::from_ref(&entry))?;
            say(&line(&entry)?);
            say(&format!("Its certificate, its key and ca.crt are in {}.", out.display()));
            say("Bring them to the device by a safe way, then delete the key here.");
        }
        args::Ca::Revoke { what } => {
            let revoked = Ca::open(config)?.revoke(&what)?;
            leave(config, "certificate.revoke", &revoked)?;
            for entry in revoked {
                say(&line(&entry)?);
            }
            say("A running `gwanje up` tells the broker within a second.");
        }
        args::Ca::List { json } => {
            for entry in CaDir::of(config).read_book()?.issued {
                if json {
                    say(&json!(entry).to_string());
                } else {
                    say(&line(&entry)?);
                }
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Leaves what was done for the audit; a tower that runs takes it up within seconds, another at its
/// start.
fn leave(config: &Config, action: &str, entries: &[Entry]) -> anyhow::Result<()> {
    let user = rustix::process::getuid().as_raw();
    for entry in entries {
        let mut left = audit::own(action).with("name", entry.name.clone());
        left.actor = format!("cli:{user}");
        left.sn = DeviceSn::new(&entry.name).ok().filter(|_| entry.role == ca::book::Role::Device);
        audit::leave(&config.data_dir, &left.with("serial", entry.serial.to_string()))?;
    }
    Ok(())
}

fn line(entry: &Entry) -> anyhow::Result<String> {
    let now_s = ca::now_s()?;
    let role = match entry.role {
        ca::book::Role::Authority => "authority",
        ca::book::Role::Server => "broker",
        ca::book::Role::Tower => "tower",
        ca::book::Role::Device => "device",
    };
    let left_days = entry.not_after_s.saturating_sub(now_s) / fleet_links::pki::DAY_S;
    let state = match entry.revoked_s {
        Some(_) => "revoked".to_owned(),
        None if entry.is_good(now_s) => format!("good for {left_days} days"),
        None => "expired".to_owned(),
    };
    Ok(format!("{role:<10} {:<24} {}  {state}", entry.name, entry.serial))
}
