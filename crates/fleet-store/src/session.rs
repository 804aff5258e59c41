//! One session, used by one caller.
//!
//! Statements of one connection interleave, so a transaction needs the connection to itself, and a
//! caller whose future is dropped half-way must take the connection with it: only
//! [`Session::release`] gives it back. Statements are sent with their types (one round trip, no
//! prepared statement that a pooler could forget). Every wait is bounded.

use std::{sync::Arc, time::Duration};

use tokio::sync::OwnedSemaphorePermit;
use tokio_postgres::{
    Client, Row,
    types::{ToSql, Type},
};
use uuid::Uuid;

use crate::{database::Shared, error::StoreError};

/// How much longer than the server's own limit we wait for its verdict.
const GRACE: Duration = Duration::from_secs(3);

/// A parameter and its type.
pub(crate) type Param<'a> = (&'a (dyn ToSql + Sync), Type);

/// An exclusive session with the database.
pub struct Session {
    client: Client,
    shared: Arc<Shared>,
    /// Given up after the client: a closed session makes room for another.
    _permit: OwnedSemaphorePermit,
}

impl Session {
    pub(crate) fn new(client: Client, permit: OwnedSemaphorePermit, shared: Arc<Shared>) -> Self {
        Self { client, shared, _permit: permit }
    }

    /// Gives the session back for others to use. Only when nothing is left open in it.
    pub fn release(self) {
        self.shared.put_idle(self.client);
    }

    /// The driver's client, for what this type does not offer. Bound the wait with
    /// [`Self::bounded`].
    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Waits for an answer of the database, within the configured limit.
    pub(crate) async fn bounded<T>(
        &self,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, StoreError> {
        self.bounded_by(self.shared.config.limits.statement + GRACE, answer).await
    }

    /// Waits for an answer of the database no longer than `limit`.
    pub(crate) async fn bounded_by<T>(
        &self,
        limit: Duration,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, StoreError> {
        let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        let answer = tokio::time::timeout(limit, answer).await;
        let answer = answer.map_err(|_| StoreError::Timeout { limit_ms })?;
        answer.map_err(|error| {
            let error = StoreError::from(error);
            if matches!(error, StoreError::Broken { .. }) {
                self.shared.suspicion.notify_one();
            }
            error
        })
    }

    /// Rows of one statement.
    pub(crate) async fn query(
        &self,
        sql: &str,
        params: &[Param<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        self.bounded(self.client.query_typed(sql, params)).await
    }

    /// Rows of one statement, as a person may see them: under the policies of `authenticated` with
    /// their claims. Without a person, as the tower does. Where the role does not exist (a plain
    /// PostgreSQL that is not ours) the caller's own filter stands alone.
    pub(crate) async fn query_for(
        &self,
        person: Option<Uuid>,
        sql: &str,
        params: &[Param<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        let Some(person) = person else { return self.query(sql, params).await };
        // An id is all that is put in: nothing in it needs quoting.
        let begin = format!(
            "begin read only;
             select set_config('request.jwt.claims',
                               '{{\"sub\":\"{person}\",\"role\":\"authenticated\"}}', true),
                    set_config('role', rolname, true)
             from pg_catalog.pg_roles where rolname = 'authenticated'"
        );
        self.batch(&begin).await?;
        let rows = self.query(sql, params).await?;
        self.batch("commit").await?;
        Ok(rows)
    }

    /// Number of rows that one statement changed.
    pub(crate) async fn execute(&self, sql: &str, params: &[Param<'_>]) -> Result<u64, StoreError> {
        self.bounded(self.client.execute_typed(sql, params)).await
    }

    /// Runs statements without parameters, as one text.
    ///
    /// # Errors
    /// The database's refusal, or that it did not answer.
    pub async fn batch(&self, sql: &str) -> Result<(), StoreError> {
        self.bounded(self.client.batch_execute(sql)).await
    }
}
