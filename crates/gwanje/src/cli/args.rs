//! The words of the command line.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use clap::{Args as ClapArgs, Parser, Subcommand};

use crate::tower::Roles;

const FIRST_STEPS: &str = "\
First steps:
  gwanje demo              see it work: a broker, the tower and 20 simulated docks on this machine;
                           open the address it prints
  gwanje config check      what is configured, and every mistake with its line
  gwanje up                run it for real docks (database, broker and tower)
  gwanje admin create EMAIL  make an account for the console (administrator)
  gwanje dock add SN       enrol a real dock; prints what to type into DJI Pilot 2

Without configuration it listens on this machine only. gwanje.example.toml explains every key.";

const INSPECT_HELP: &str = "\
Each message becomes one line: DRIFT when it differs from DJI's documentation, with every unknown
field or value, wrong type and number out of range, and the meaning of result codes. The summary
counts by firmware and method. Values of unknown fields are never shown.";

/// An open, self-hosted control tower for DJI Dock 2 fleets.
#[derive(Debug, Parser)]
#[command(name = "gwanje", version, about = "Gwanje (관제): the control tower for drone docks and ground robots", after_help = FIRST_STEPS, arg_required_else_help = true)]
pub(super) struct Args {
    /// What to do.
    #[command(subcommand)]
    pub(super) command: Command,
    #[command(flatten)]
    pub(super) settings: Settings,
}

/// Flags that go before the environment and the file.
#[derive(Clone, Debug, ClapArgs)]
pub(super) struct Settings {
    /// Configuration file [default: /etc/gwanje/gwanje.toml or ~/.config/gwanje/gwanje.toml]
    #[arg(long, global = true, env = "GWANJE_CONFIG", value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Where Gwanje keeps its files
    #[arg(long, global = true, value_name = "DIR")]
    pub(super) data_dir: Option<String>,
    /// Log lines for people or one JSON object a line
    #[arg(long, global = true, value_name = "human|json")]
    pub(super) log_format: Option<String>,
    /// error, warn, info, debug, trace, or a filter
    #[arg(long, global = true, value_name = "LEVEL")]
    pub(super) log_level: Option<String>,
    /// Ends this process when that one ends (set by the supervisor)
    #[arg(long, global = true, hide = true, value_name = "PID")]
    pub(super) parent: Option<u32>,
}

/// `gwanje tower`.
#[derive(Clone, Debug, ClapArgs)]
pub(super) struct Tower {
    /// What this process does: link (owns the docks: broker, machines, missions, alarms, what must
    /// last), api (serves the console), or both in one
    #[arg(long, env = "GWANJE_ROLES", value_name = "ROLES", default_value = "link,api")]
    pub(super) roles: Roles,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Show it all on this machine: database, broker, tower, simulated docks, one mission
    Demo(Demo),
    /// Run the database, the broker and the tower, restart what crashes, until Ctrl-C
    Up,
    /// Run the tower alone (a broker must be there)
    Tower(Tower),
    /// Run simulated docks against a broker
    Sim(Sim),
    /// Enrol, list and remove docks of the running tower
    #[command(subcommand)]
    Dock(Dock),
    /// Accounts of people: make the first administrator, disable, set a new password
    #[command(subcommand)]
    Admin(Admin),
    /// The site's certificates: make the authority, issue, revoke, list
    #[command(subcommand)]
    Ca(Ca),
    /// Tokens of programs: make one, shown once; list; revoke
    #[command(subcommand)]
    Token(Token),
    /// Who did what: check that nothing of it was changed, give it out as a file
    #[command(subcommand)]
    Audit(Audit),
    /// Show what the running tower writes to its log, or change it until it restarts
    Log {
        /// A level, or levels by target and device: `info,fleet_links=debug`,
        /// `info,[dock{device.sn=SN}]=trace`
        filter: Option<String>,
    },
    /// Bring the database's schema up to date
    Migrate,
    /// Write everything that is in the database into a file
    Backup(Backup),
    /// Put a backup into the database, which nobody may be using
    Restore(Restore),
    /// Look at what a tower with [dds] shows to other programs, as one of them
    #[command(subcommand)]
    Bus(Bus),
    /// Compare recorded or live messages of devices with the documented protocol
    Inspect(Inspect),
    /// Look at the configuration
    #[command(subcommand)]
    Config(Config),
    /// Keep docks' media (started by `gwanje up`)
    #[command(hide = true)]
    Objects,
    /// Make a small picture of a large one, from standard input to standard output
    #[command(hide = true)]
    Thumbnail,
    /// Keep on disk what the database could not take (started by the tower)
    #[command(hide = true)]
    Spool(Spool),
    /// Become another program under the rules for child processes
    #[command(hide = true)]
    ExecChild(Exec),
}

#[derive(Clone, Debug, ClapArgs)]
pub(super) struct Demo {
    /// Simulated docks
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=5000))]
    pub(super) docks: u32,
    /// Stop after this time and print a summary, such as 30s or 2m; without it, run until Ctrl-C
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub(super) run_for: Option<Duration>,
    /// The console's port; another is found when it is taken
    #[arg(long, default_value_t = 8080)]
    pub(super) port: u16,
    /// Keep the demo's files here [default: a fresh directory, removed at the end]
    #[arg(long, value_name = "DIR")]
    pub(super) data: Option<PathBuf>,
    /// Print the summary as one line of JSON, and nothing else on standard output
    #[arg(long)]
    pub(super) json: bool,
    /// How many times faster than life aircraft fly [default: 20 with --for, else 4]
    #[arg(long, value_parser = speed)]
    pub(super) speed: Option<f64>,
    /// The same seed gives the same docks and the same luck
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
    /// What goes wrong; see `gwanje sim --help`
    #[arg(long)]
    pub(super) faults: Option<String>,
    /// Bring the docks up and leave flying to you
    #[arg(long)]
    pub(super) no_flight: bool,
}

#[derive(Clone, Debug, ClapArgs)]
#[command(after_help = fleet_sim::FAULTS_HELP)]
pub(super) struct Sim {
    /// Simulated docks
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=20_000))]
    pub(super) docks: u32,
    /// The same seed gives the same docks and the same luck
    #[arg(long, default_value_t = 1)]
    pub(super) seed: u64,
    /// Where the docks stand
    #[arg(long, default_value = "korea")]
    pub(super) region: String,
    /// How many times faster than life aircraft fly
    #[arg(long, default_value = "1", value_parser = speed)]
    pub(super) speed: f64,
    /// What goes wrong, such as refuse=0.1,lost_reply=0.1 (see below)
    #[arg(long, default_value = "")]
    pub(super) faults: String,
    /// The broker
    #[arg(long, default_value = "127.0.0.1:1883", value_name = "IP:PORT")]
    pub(super) broker: SocketAddr,
    /// File with the docks' passwords: {"SN": "password"}
    #[arg(long, value_name = "FILE")]
    pub(super) credentials: PathBuf,
}

#[derive(Clone, Debug, ClapArgs)]
pub(super) struct Backup {
    /// File to write, in PostgreSQL's custom format
    pub(super) file: PathBuf,
    /// Overwrite the file
    #[arg(long)]
    pub(super) force: bool,
}

#[derive(Clone, Debug, ClapArgs)]
pub(super) struct Restore {
    /// File that `gwanje backup` wrote
    pub(super) file: PathBuf,
    /// Put it in the place of what the database holds
    #[arg(long)]
    pub(super) replace: bool,
}

#[derive(Clone, Debug, ClapArgs)]
#[command(after_help = INSPECT_HELP)]
pub(super) struct Inspect {
    /// Recording: a line {"topic": …, "payload": …} per message; - reads standard input
    #[arg(value_name = "FILE", required_unless_present = "broker", conflicts_with = "broker")]
    pub(super) file: Option<PathBuf>,
    /// One line of JSON per message and one for the summary
    #[arg(long)]
    pub(super) json: bool,
    /// Exit with 1 when anything was unknown, of a wrong type or out of range
    #[arg(long)]
    pub(super) strict: bool,
    /// Listen to a broker instead; nothing is ever published
    #[arg(long, value_name = "HOST:PORT")]
    pub(super) broker: Option<String>,
    /// Login for the broker
    #[arg(long, requires = "broker")]
    pub(super) username: Option<String>,
    /// File that holds the login's password
    #[arg(long, value_name = "FILE", requires = "username")]
    pub(super) password_file: Option<PathBuf>,
    /// Stop listening after so many messages
    #[arg(long, requires = "broker", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) count: Option<u64>,
    /// Stop listening after this time, such as 30s or 2m; without it, listen until Ctrl-C
    #[arg(long = "for", value_name = "TIME", value_parser = duration, requires = "broker")]
    pub(super) run_for: Option<Duration>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Token {
    /// Make a token and show it once
    Create {
        /// What records call it
        name: String,
        /// What it may: view, stop, fly, … (docs/rights.md); may be given several times
        #[arg(long, required = true, value_name = "RIGHT")]
        right: Vec<String>,
        /// At this site only; may be given several times [default: every site]
        #[arg(long, value_name = "SITE_ID")]
        site: Vec<String>,
        /// Days until it ends
        #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=366))]
        days: u16,
    },
    /// List tokens
    List,
    /// Revoke a token
    Revoke {
        /// Its name or id
        #[arg(value_name = "NAME|ID")]
        what: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Audit {
    /// Check every entry; exits with 1 when one was changed, deleted or put in, and says which
    Verify {
        /// Check an exported file instead of the database
        #[arg(long)]
        file: Option<PathBuf>,
        /// An end that was recorded elsewhere, which must still be in it
        #[arg(long, value_name = "NUMBER:HASH")]
        head: Option<String>,
        /// One line of JSON
        #[arg(long)]
        json: bool,
    },
    /// Write all of it, with the chain
    Export {
        /// File to write, which must not be there yet [default: standard output]
        #[arg(long, value_name = "FILE")]
        out: Option<PathBuf>,
        /// jsonl or csv
        #[arg(long, default_value = "jsonl", value_parser = ["jsonl", "csv"])]
        format: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Dock {
    /// Enrol a dock and print what to type into DJI Pilot 2
    Add {
        /// Its serial number
        sn: String,
        /// A name for people
        #[arg(long)]
        name: Option<String>,
    },
    /// List enrolled docks and how they are
    List,
    /// Remove a dock; its login stops working
    Remove {
        /// Its serial number
        sn: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Admin {
    /// Make an account; its password is generated and shown once
    Create {
        /// E-mail address: the account's name
        email: String,
        /// What it may: viewer, operator, pilot, engineer or administrator
        #[arg(long, default_value = "administrator", value_parser = role)]
        role: fleet_types::people::SiteRole,
        /// Read the password from standard input instead of generating one
        #[arg(long)]
        password_stdin: bool,
    },
    /// List accounts and what they may
    List,
    /// Give an account a new password, generated and shown once; its sessions end
    Reset {
        /// E-mail address
        email: String,
        /// Read the password from standard input instead of generating one
        #[arg(long)]
        password_stdin: bool,
    },
    /// Let nobody sign in to an account; its sessions end
    Disable {
        /// E-mail address
        email: String,
    },
    /// Let its owner sign in to an account again
    Enable {
        /// E-mail address
        email: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum Ca {
    /// Make the site's certificate authority, and certificates for broker and tower
    Init {
        /// Its name, as it stands in every certificate
        #[arg(long, default_value = "Gwanje site CA")]
        name: String,
        /// Days until it ends; nothing it issues lasts longer
        #[arg(long, default_value_t = 3650, value_parser = clap::value_parser!(u32).range(1..=36_500))]
        days: u32,
        /// A name or address by which docks reach the broker, besides the configured ones
        #[arg(long, value_name = "HOST")]
        host: Vec<String>,
    },
    /// Issue a certificate for a device: its name is the serial number
    Issue {
        /// The device's serial number
        sn: String,
        /// Days until it ends
        #[arg(long, default_value_t = 825, value_parser = clap::value_parser!(u32).range(1..=36_500))]
        days: u32,
        /// Directory for the files [default: ca-issued/SN in the data directory]
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Revoke every certificate of a device, or one by its serial number
    Revoke {
        /// The device's serial number, or the certificate's
        #[arg(value_name = "SN|SERIAL")]
        what: String,
    },
    /// List what was issued
    List {
        /// One line of JSON each
        #[arg(long)]
        json: bool,
    },
}

/// As the ROS 2 tools do. Domain, interface and discovery are those of [dds].
#[derive(Debug, Subcommand)]
pub(super) enum Bus {
    /// List topics, their types, and how many write and read them
    Topics {
        /// How long others are looked for
        #[arg(long = "for", value_name = "TIME", value_parser = duration, default_value = "2s")]
        run_for: Duration,
    },
    /// Print samples, one line of JSON each
    Echo(Follow),
    /// Print how many samples come in a second
    Hz(Follow),
}

#[derive(Clone, Debug, ClapArgs)]
pub(super) struct Follow {
    /// Topic: device_telemetry, /gwanje/fix, rt/gwanje/alarm_status
    pub(super) topic: String,
    /// Of this device only
    #[arg(long)]
    pub(super) sn: Option<String>,
    /// Stop after so many samples
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) count: Option<u64>,
    /// Stop after this time, such as 30s or 2m; without it, go on until Ctrl-C
    #[arg(long = "for", value_name = "TIME", value_parser = duration)]
    pub(super) run_for: Option<Duration>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Config {
    /// Print the effective configuration, secrets masked, and every mistake with its line
    Check {
        /// Check this file instead of the usual one
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
    },
}

#[derive(Debug, ClapArgs)]
pub(super) struct Spool {
    /// Where
    #[arg(long)]
    pub(super) dir: PathBuf,
    /// Megabytes at the most
    #[arg(long)]
    pub(super) max_mb: u64,
}

#[derive(Debug, ClapArgs)]
pub(super) struct Exec {
    /// User to become, as root
    #[arg(long)]
    pub(super) uid: Option<u32>,
    /// Group to become, as root
    #[arg(long)]
    pub(super) gid: Option<u32>,
    /// What it gets when its parent dies: TERM or INT
    #[arg(long, default_value = "TERM", value_parser = ["TERM", "INT"])]
    pub(super) death_signal: String,
    /// Program and arguments
    #[arg(last = true, required = true)]
    pub(super) program: Vec<String>,
}

fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err("must end in s, m or h".into()),
    };
    let seconds = digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit));
    match seconds {
        Some(seconds @ 1..=604_800) => Ok(Duration::from_secs(seconds)),
        _ => Err("must be a whole number from 1s to 168h, such as 30s".into()),
    }
}

fn role(text: &str) -> Result<fleet_types::people::SiteRole, String> {
    let known = "must be viewer, operator, pilot, engineer or administrator";
    fleet_types::people::SiteRole::of_name(text).ok_or_else(|| known.into())
}

fn speed(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| (0.1..=100.0).contains(number));
    number.ok_or_else(|| "must be a number from 0.1 to 100".into())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_sound_and_leads_a_newcomer() {
        Args::command().debug_assert();
        let help = Args::command().render_long_help().to_string();
        assert!(help.contains("gwanje demo") && help.contains("First steps"), "{help}");
        assert!(!help.contains("exec-child") && !help.contains("--parent"), "{help}");
    }

    #[test]
    fn times_and_speeds_have_units_and_bounds() {
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("2m"), Ok(Duration::from_secs(120)));
        for wrong in ["", "0s", "s", "5d", "-1s", "9999999999999999999h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        assert!(speed("20").is_ok() && speed("0").is_err() && speed("NaN").is_err());
    }
}
