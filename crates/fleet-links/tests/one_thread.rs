//! One process is one OS thread.
fn main() {}
