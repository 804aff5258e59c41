//! The tower process: it waits to be wired to its components.

use crate::{children, config::Config};

/// Runs the tower until it is asked to stop.
///
/// # Errors
/// When signals cannot be listened for.
pub async fn run(config: Config) -> anyhow::Result<()> {
    tracing::info!(listen = %config.api.listen, "tower started");
    children::shutdown_signal()?.await;
    Ok(())
}
