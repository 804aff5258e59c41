//! `gwanje migrate`, `gwanje backup`, `gwanje restore`: the database from the command line.
//!
//! An embedded database that is not running is started for the time being; one that `gwanje up` runs
//! is used as it is, but never restored into. Backups are PostgreSQL's own (`pg_dump`, custom
//! format), made by its own programs as child processes. Passwords go through the environment of
//! those, never through an argument list. It refuses to overwrite a file or a filled database unless
//! told to.

mod archive;

use std::{
    path::{Path, PathBuf},
    process::{ExitCode, Stdio},
    time::Duration,
};

use anyhow::{Context, bail};
use fleet_store::{
    Database, DatabaseConfig, DatabaseState, Target, Tls,
    migrate::{self, MIGRATIONS, MigrateError},
};
use tokio::{process::Command, time::timeout};

use crate::{
    children::{postgres, stack::Stack},
    config::{Config, DatabaseMode},
    data_dir, database,
    terminal::say,
    tower::recovery::make_ready,
};

/// A fresh cluster on a slow machine.
const ANSWERS_WITHIN: Duration = Duration::from_secs(60);

/// Brings the schema up to date.
///
/// # Errors
/// When the database does not answer, or is of no use as it is.
pub(super) async fn migrate(config: Config) -> anyhow::Result<ExitCode> {
    let mut used = Used::open(config).await?;
    let is_embedded = used.config.database.mode == DatabaseMode::Embedded;
    let done = async {
        let before = migrate::check(&used.database).await;
        make_ready(&used.database, is_embedded, true).await?;
        say(match before {
            Ok(()) => "The schema was up to date already.",
            Err(_) => "The schema is up to date now.",
        });
        anyhow::Ok(())
    };
    let done = done.await;
    used.close().await;
    done.map(|()| ExitCode::SUCCESS)
}

/// Writes everything into a file.
///
/// # Errors
/// When the file is there, the database does not answer, or `pg_dump` fails.
pub(super) async fn backup(config: Config, file: &Path, force: bool) -> anyhow::Result<ExitCode> {
    if file.exists() && !force {
        bail!("{} exists; choose another name, or overwrite it with --force", file.display());
    }
    let mut used = Used::open(config).await?;
    let done = async {
        migrate::check(&used.database).await.context("nothing was backed up")?;
        archive::write(&used.client("pg_dump")?, file).await
    };
    let done = done.await;
    used.close().await;
    done?;
    let bytes = std::fs::metadata(file).map_or(0, |meta| meta.len());
    say(&format!("Backed up to {} ({bytes} bytes).", file.display()));
    Ok(ExitCode::SUCCESS)
}

/// Puts a backup into the database.
///
/// # Errors
/// When the database is in use or holds something, the backup is newer than this program or is not
/// one, or `pg_restore` fails: then the database is as it was.
pub(super) async fn restore(
    config: Config,
    file: &Path,
    replace: bool,
) -> anyhow::Result<ExitCode> {
    let listed = std::fs::File::open(file).map(|_| ());
    listed.with_context(|| format!("cannot read {}", file.display()))?;
    let mut used = Used::open_alone(config).await?;
    let done = restore_into(&used, file, replace).await;
    used.close().await;
    done?;
    say(&format!("Restored from {}.", file.display()));
    Ok(ExitCode::SUCCESS)
}

async fn restore_into(used: &Used, file: &Path, replace: bool) -> anyhow::Result<()> {
    let client = used.client("pg_restore")?;
    archive::check_version(&client, file).await?;
    let is_empty = match migrate::check(&used.database).await {
        Err(MigrateError::Behind { missing, .. }) => missing == MIGRATIONS.len(),
        Ok(()) | Err(MigrateError::Newer { .. } | MigrateError::Gap { .. }) => false,
        Err(error @ (MigrateError::Failed { .. } | MigrateError::Store(_))) => {
            return Err(error.into());
        }
    };
    if !is_empty && !replace {
        bail!("the database is not empty; --replace puts the backup in the place of what is there");
    }
    let is_embedded = used.config.database.mode == DatabaseMode::Embedded;
    if is_embedded {
        migrate::bootstrap_embedded(&used.database).await.context("the roles of the database")?;
    }
    archive::read(&client, file, !is_empty).await?;
    // An older backup is brought up to date; the program knows every step since.
    make_ready(&used.database, is_embedded, true).await
}

/// A database in use by this command.
pub(super) struct Used {
    config: Config,
    settings: DatabaseConfig,
    database: Database,
    driver: tokio::task::JoinHandle<()>,
    /// Started for this command.
    stack: Option<Stack>,
}

impl Used {
    /// The running database, or an embedded one started for the time being.
    pub(super) async fn open(config: Config) -> anyhow::Result<Self> {
        let stack = match config.database.mode {
            // Where `gwanje up` holds the directory, the database runs already.
            DatabaseMode::Embedded if data_dir::is_held(&config.data_dir) => None,
            DatabaseMode::Embedded => Some(Stack::database_alone(config.clone())?),
            DatabaseMode::External | DatabaseMode::None => None,
        };
        Self::connect(config, stack).await
    }

    /// As [`Self::open`], for a database that nobody else may use meanwhile.
    async fn open_alone(config: Config) -> anyhow::Result<Self> {
        let stack = match config.database.mode {
            DatabaseMode::Embedded => Some(Stack::database_alone(config.clone())?),
            DatabaseMode::External | DatabaseMode::None => None,
        };
        Self::connect(config, stack).await
    }

    async fn connect(config: Config, stack: Option<Stack>) -> anyhow::Result<Self> {
        let settings = database::settings(&config)?;
        let settings = settings.context("database.mode is \"none\": there is no database")?;
        let (database, driver) = Database::new(settings.clone(), database::resolver())?;
        let driver = tokio::spawn(driver.run());
        let mut used = Self { config, settings, database, driver, stack };
        if timeout(ANSWERS_WITHIN, used.database.up()).await.is_err() {
            let state = used.database.state();
            used.close().await;
            match state {
                DatabaseState::Down { error, .. } => bail!("the database does not answer: {error}"),
                DatabaseState::Starting | DatabaseState::Up { .. } => {
                    bail!("the database does not answer")
                }
            }
        }
        Ok(used)
    }

    pub(super) fn database(&self) -> &Database {
        &self.database
    }

    pub(super) async fn close(&mut self) {
        self.driver.abort();
        if let Some(stack) = self.stack.take() {
            stack.stop().await;
        }
    }

    /// One of PostgreSQL's own programs, told where the database is.
    fn client(&self, program: &str) -> anyhow::Result<Client> {
        let bin = postgres::newest_bin().with_context(|| {
            format!("{program} is not installed: `apt-get install postgresql-client`")
        })?;
        let settings = &self.settings;
        let mut env = vec![
            ("PGPORT", settings.port.to_string()),
            ("PGUSER", settings.user.clone()),
            ("PGPASSWORD", settings.password.expose().to_owned()),
            ("PGDATABASE", settings.database.clone()),
            ("PGAPPNAME", "gwanje".to_owned()),
            ("PGCONNECT_TIMEOUT", "15".to_owned()),
        ];
        env.push(match &settings.target {
            Target::Socket { dir } => ("PGHOST", dir.to_string_lossy().into_owned()),
            Target::Host { name } => ("PGHOST", name.clone()),
        });
        match &settings.tls {
            Tls::Off => env.push(("PGSSLMODE", "disable".to_owned())),
            Tls::Verified { ca_file } => {
                env.push(("PGSSLMODE", "verify-full".to_owned()));
                let authorities = ca_file.as_ref().map_or_else(
                    || "/etc/ssl/certs/ca-certificates.crt".to_owned(),
                    |file| file.to_string_lossy().into_owned(),
                );
                env.push(("PGSSLROOTCERT", authorities));
            }
        }
        Ok(Client { bin, env })
    }
}

/// Where PostgreSQL's programs are and what they are told.
struct Client {
    bin: PathBuf,
    env: Vec<(&'static str, String)>,
}

impl Client {
    /// A program that ends with this one.
    fn command(&self, program: &str) -> anyhow::Result<Command> {
        let exe = std::env::current_exe().context("cannot find this program's own file")?;
        let mut command = Command::new(exe);
        command.arg("exec-child").arg("--parent").arg(std::process::id().to_string()).arg("--");
        command.arg(self.bin.join(program)).env_clear().env("LC_ALL", "C.UTF-8");
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).kill_on_drop(true);
        Ok(command)
    }

    /// What a program says; an error in its own words when it fails.
    async fn output(&self, program: &str, args: &[&str]) -> anyhow::Result<Vec<u8>> {
        let mut command = self.command(program)?;
        let output = command.args(args).output().await?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("{program} failed ({}): {}", output.status, said.trim());
        }
        Ok(output.stdout)
    }
}
