//! What keeps the connections alive: polls their wires, and finds out whether the database is there.
//!
//! One future for all connections, to be run as one task. A connection that ends by itself is a
//! suspicion, not a verdict: a new connection decides whether the database is away.

use std::{pin::pin, sync::Arc, time::Duration};

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::{select, sync::mpsc, time::timeout};
use tokio_postgres::Client;
use uuid::Uuid;

use crate::{backoff::Backoff, connect::Wire, database::Shared, error::describe};

/// A network that swallows packets is noticed after this long and a connection's time limit.
const ASK_EVERY: Duration = Duration::from_secs(10);

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

/// Holds one connection that is nobody's but its own, so that the loss of the database is noticed
/// though nobody is using it; asks after it from time to time and whenever somebody has a
/// suspicion. While there is none, tries again with growing pauses.
async fn keep_watch(shared: &Shared) {
    let mut backoff = Backoff::new(Uuid::new_v4().as_u64_pair().0);
    loop {
        match shared.open().await {
            Ok(client) => {
                if !shared.is_up() {
                    tracing::info!(address = %shared.config.address(), "the database answers");
                }
                shared.set_up();
                backoff.reset();
                while is_there(shared, &client).await {}
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

async fn is_there(shared: &Shared, client: &Client) -> bool {
    let _ = timeout(ASK_EVERY, shared.suspicion.notified()).await;
    matches!(timeout(shared.config.limits.connect, client.check_connection()).await, Ok(Ok(())))
}
