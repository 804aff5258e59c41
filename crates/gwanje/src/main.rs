//! The `gwanje` program; everything is in the library beside it. Read next: [`gwanje::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    gwanje::cli::main()
}
