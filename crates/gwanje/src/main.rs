//! The `gwanje` program; everything is in the library beside it. Read next: [`gwanje::cli`].

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Small things that live for a moment, and many that stay. It starts no thread.
#[global_allocator]
static MEMORY: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    gwanje::cli::main()
}
