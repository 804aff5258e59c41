//! What keeps the connections alive: polls their wires, and finds out whether the database is there.
//!
//! One future for all connections, to be run as one task. A connection that ends by itself is a
//! suspicion, not a verdict: a new connection decides whether the database is away.

use std::{pin::pin, sync::Arc};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::{select, sync::mpsc};
use uuid::Uuid;

use crate::{backoff::Backoff, connect::Wire, database::Shared, error::describe};

/// Runs the connections of one [`crate::Database`].
pub struct Driver {
    shared: Arc<Shared>,
    wires: mpsc::Receiver<Wire>,
}

impl Driver {
    pub(crate) fn new(shared: Arc<Shared>, wires: mpsc::Receiver<Wire>) -> Self {
        Self { shared, wires }
    }

    /// Runs for ever; dropping it closes every connection.
    pub async fn run(mut self) {
        let mut watchman = pin!(keep_watch(&self.shared));
        let mut open = FuturesUnordered::new();
        loop {
            select! {
                biased;
                Some(wire) = self.wires.recv() => open.push(wire),
                Some(ended) = open.next(), if !open.is_empty() => {
                    if let Err(error) = ended {
                        tracing::debug!(error = %describe(&error), "a database connection broke");
                        self.shared.suspicion.notify_one();
                    }
                }
                () = &mut watchman => {}
            }
        }
    }
}

/// Connects at the start and whenever somebody has a suspicion; while that fails, tries again with
/// growing pauses. The session it makes is the next caller's.
async fn keep_watch(shared: &Shared) {
    let mut backoff = Backoff::new(Uuid::new_v4().as_u64_pair().0);
    loop {
        match shared.open().await {
            Ok(client) => {
                if !shared.is_up() {
                    tracing::info!(address = %shared.config.address(), "the database answers");
                }
                shared.put_idle(client);
                shared.set_up();
                backoff.reset();
                shared.suspicion.notified().await;
            }
            Err(error) => {
                if shared.is_up() {
                    tracing::error!(address = %shared.config.address(), %error, "lost the database");
                }
                shared.set_down(error.detail());
                tokio::time::sleep(backoff.next()).await;
            }
        }
    }
}
