//! Handing a request to the machine that owns it, once, and waiting for its first word.
//!
//! The key is looked up and reserved under one lock before anything leaves. A request that left is
//! never sent again, whatever the caller does: without an answer its outcome is unknown.

use std::{sync::Arc, time::Duration};

use axum::http::StatusCode;
use fleet_bus::Writer;
use fleet_types::{DeviceSn, IdempotencyKey, topic::Topic};
use ring::digest;
use serde::Serialize;
use tokio::time::timeout;

use crate::{
    hub::{Fingerprint, HubHandle, Keyed, Ledger, Record, View},
    problem::Problem,
};

/// How long the caller waits for the machine's first word.
const FIRST_WORD: Duration = Duration::from_secs(2);
/// How long a full bus is waited for. Then the request was not sent, for certain.
pub(crate) const HAND_OVER: Duration = Duration::from_secs(1);

/// A digest of everything a request asks for.
pub(crate) fn fingerprint(asked: &impl Serialize) -> Result<Fingerprint, Problem> {
    let text = serde_json::to_vec(asked).map_err(|_| Problem::internal())?;
    let digest = digest::digest(&digest::SHA256, &text);
    digest.as_ref().try_into().map_err(|_| Problem::internal())
}

/// What the machine said, and whether this call or an earlier one with the same key caused it.
#[derive(Debug)]
pub(crate) enum Outcome<R> {
    Caused(Arc<R>),
    Repeated(Arc<R>),
}

/// One kind of request: where its records are, and where it is written.
pub(crate) struct Desk<'a, R: Record, T: Topic> {
    pub(crate) hub: &'a HubHandle,
    pub(crate) ledger: fn(&mut View) -> &mut Ledger<R>,
    pub(crate) writer: &'a Writer<T>,
    /// Path under which its records are found.
    pub(crate) path: &'static str,
}

/// Who asks for what, under which key.
pub(crate) struct Ask<'a, Id> {
    pub(crate) id: Id,
    pub(crate) sn: &'a DeviceSn,
    pub(crate) key: &'a IdempotencyKey,
    pub(crate) fingerprint: Fingerprint,
}

impl<R: Record<Id: std::fmt::Display>, T: Topic> Desk<'_, R, T> {
    /// Sends the request unless its key is known, and waits for the machine's first word.
    pub(crate) async fn submit(
        &self,
        ask: Ask<'_, R::Id>,
        same: impl Fn(&R) -> bool,
        request: impl FnOnce() -> Result<T, Problem>,
    ) -> Result<Outcome<R>, Problem> {
        let Ask { id, sn, key, fingerprint } = ask;
        let keyed = (self.ledger)(&mut self.hub.view()).reserve(sn, key, id, fingerprint, same);
        match keyed {
            Keyed::Known(record) => return Ok(Outcome::Repeated(record)),
            Keyed::Conflict => return Err(conflict()),
            Keyed::Waiting => {
                let first = self.first_word(sn, key).await;
                return first.map(Outcome::Repeated).ok_or_else(|| self.no_owner(None));
            }
            Keyed::Reserved => {}
        }
        let mut reservation = Reservation { desk: self, sn, key, left: false };
        if timeout(HAND_OVER, self.writer.write(request()?)).await.is_err() {
            return Err(queue_full());
        }
        reservation.left = true;
        let first = self.first_word(sn, key).await;
        first.map(Outcome::Caused).ok_or_else(|| self.no_owner(Some(id)))
    }

    async fn first_word(&self, sn: &DeviceSn, key: &IdempotencyKey) -> Option<Arc<R>> {
        wait_for(self.hub, |view| (self.ledger)(view).by_key(sn, key)).await
    }

    /// Nobody answered. That says nothing about whether it was done.
    fn no_owner(&self, id: Option<R::Id>) -> Problem {
        let place = id.map_or_else(|| self.path.to_owned(), |id| format!("{}/{id}", self.path));
        no_owner(&place)
    }
}

/// The problem of a request that left and was not answered.
pub(crate) fn no_owner(look_at: &str) -> Problem {
    let detail = format!(
        "the request was passed on, but nobody who owns the device answered within {} s: the \
         outcome is unknown. Look at {look_at}, at the device and at GET /readyz before you ask \
         again; with the same idempotency_key it is not sent twice",
        FIRST_WORD.as_secs()
    );
    Problem::new(StatusCode::GATEWAY_TIMEOUT, "no_owner", detail).with("look_at", &look_at)
}

/// The problem of a request that found the bus full: it did not leave.
pub(crate) fn queue_full() -> Problem {
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "queue_full",
        "the tower has more requests than it can take; this one was not sent. Try again",
    )
}

fn conflict() -> Problem {
    Problem::new(
        StatusCode::CONFLICT,
        "idempotency_conflict",
        "this idempotency_key was used for another request to the same device; nothing was sent. \
         Use a fresh key for each intended action",
    )
}

/// Waits, for a moment, until the picture shows what `pick` looks for.
pub(crate) async fn wait_for<R>(
    hub: &HubHandle,
    pick: impl Fn(&mut View) -> Option<R>,
) -> Option<R> {
    let mut changes = hub.changes();
    let found = async {
        loop {
            changes.mark_unchanged();
            let found = pick(&mut hub.view());
            if found.is_some() {
                return found;
            }
            // An error means the hub has ended: nothing will be heard any more.
            changes.changed().await.ok()?;
        }
    };
    timeout(FIRST_WORD, found).await.ok().flatten()
}

/// Gives the key back when the request did not leave, the caller's hanging up included.
struct Reservation<'a, 'b, R: Record, T: Topic> {
    desk: &'b Desk<'a, R, T>,
    sn: &'b DeviceSn,
    key: &'b IdempotencyKey,
    left: bool,
}

impl<R: Record, T: Topic> Drop for Reservation<'_, '_, R, T> {
    fn drop(&mut self) {
        if !self.left {
            (self.desk.ledger)(&mut self.desk.hub.view()).release(self.sn, self.key);
        }
    }
}
