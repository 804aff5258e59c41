//! Builds the crate again when the built console changed, and only then: the console's files are
//! part of the binary. While no console is built, its sources' folder is watched, because cargo
//! takes a watched path that does not exist for one that always changed.

use std::path::Path;

fn main() {
    let dist = Path::new("../../web/dist");
    let watched = if dist.exists() { "../../web/dist" } else { "../../web" };
    println!("cargo:rerun-if-changed={watched}");
    println!("cargo:rerun-if-changed=build.rs");
}
