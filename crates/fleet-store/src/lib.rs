//! Everything that must last: the database, and what is written to it and read from it.
//!
//! [`Database`] connects to PostgreSQL 15 or newer, ours or Supabase, and says whether it is there;
//! [`migrate`] brings the schema up to date; [`journal`] puts commands on record before they leave; [`recorder`] writes telemetry and what
//! happens in batches, through the [`spool`] while the database is away; [`people`] keeps accounts and roles; [`tokens`] those of programs, and sites; [`audit`] keeps who did what; [`upkeep`] makes and drops
//! days and rolls minutes up; [`read`] asks; [`waylines`] keeps the files of flights, [`schedules`] what is flown again and again.
//! The crate decides nothing about aircraft, starts no task and no thread: the futures it gives
//! ([`Driver::run`], [`journal::Writer::run`], …) are run by the binary. SQL lies in
//! `supabase/migrations`. Read next: `docs/adr/0003-always-postgres.md`.

pub mod audit;
mod backoff;
mod config;
mod connect;
mod database;
mod driver;
mod error;
pub mod journal;
mod json;
pub mod migrate;
pub mod people;
pub mod read;
pub mod recorder;
pub mod schedules;
mod session;
pub mod spool;
mod sql;
mod tls;
pub mod tokens;
pub mod upkeep;
pub mod waylines;

pub use config::{ConfigError, DatabaseConfig, Limits, Target, Tls};
pub use connect::{Resolve, ResolveFuture};
pub use database::{Database, DatabaseState};
pub use driver::Driver;
pub use error::StoreError;
pub use session::Session;
