//! The store against a real PostgreSQL 15: each test has a private cluster on a Unix socket.

#![allow(clippy::unwrap_used)]

mod audit;
mod cluster;
mod connection;
mod flights;
mod journal;
mod migrations;
mod people;
mod read;
mod recorder;
mod rights;
mod schedules;
mod schema;
mod spool;
mod supabase_cli;
mod waylines;
