//! The API over real sockets on loopback: what a caller sees, well-behaved or not.

#![allow(clippy::unwrap_used, reason = "helpers of tests; clippy only knows test functions")]

mod access;
mod audit;
mod basemaps;
mod console;
mod contract;
mod crowd;
mod flights;
mod orders;
mod people;
mod positions;
mod schedules;
mod sites;
mod sockets;
mod streams;
mod supabase;
mod support;
mod tokens;
mod wayline_urls;
mod waylines;
