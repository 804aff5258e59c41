//! What waits for one WebSocket client: a bounded queue of frames that must not be lost.
//!
//! Telemetry does not wait here: a client fetches the latest when it is ready (see
//! [`crate::stream`]). A client that lets 4,096 frames, or 8 MiB, pile up is cut, so that it neither
//! holds memory nor believes an old picture; the others do not notice.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tokio::sync::Notify;

use super::events::Told;

/// Frames a client may lag behind before it is cut.
pub(crate) const MAX_FRAMES: usize = 4096;
/// The same in bytes of text. Clients share the texts; one alone must still not hold more.
const MAX_BYTES: usize = 8 << 20;

#[derive(Default)]
struct Inner {
    frames: VecDeque<Told>,
    bytes: usize,
    too_slow: bool,
}

#[derive(Default)]
pub(crate) struct Outbox {
    inner: Mutex<Inner>,
    filled: Notify,
    overflowed: Notify,
}

impl Outbox {
    /// Queues a frame; on overflow empties the queue and says so once and for all.
    pub(crate) fn push(&self, frame: Told) {
        let mut inner = self.inner();
        if inner.too_slow {
            return;
        }
        if inner.frames.len() >= MAX_FRAMES || inner.bytes + frame.text.len() > MAX_BYTES {
            inner.too_slow = true;
            inner.frames = VecDeque::new();
            inner.bytes = 0;
            self.overflowed.notify_one();
            return;
        }
        inner.bytes += frame.text.len();
        inner.frames.push_back(frame);
        self.filled.notify_one();
    }

    /// Forgets what waits.
    pub(crate) fn clear(&self) {
        let mut inner = self.inner();
        inner.frames.clear();
        inner.bytes = 0;
    }

    /// Frames that wait.
    pub(crate) fn len(&self) -> usize {
        self.inner().frames.len()
    }

    /// Waits for frames and takes up to `max`. Cancel-safe.
    pub(crate) async fn take(&self, max: usize) -> Vec<Told> {
        loop {
            let taken: Vec<_> = {
                let mut inner = self.inner();
                let count = inner.frames.len().min(max);
                let taken: Vec<_> = inner.frames.drain(..count).collect();
                inner.bytes -= taken.iter().map(|frame| frame.text.len()).sum::<usize>();
                taken
            };
            if !taken.is_empty() {
                return taken;
            }
            self.filled.notified().await;
        }
    }

    /// Waits until the client is too slow.
    pub(crate) async fn overflowed(&self) {
        while !self.inner().too_slow {
            self.overflowed.notified().await;
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use axum::extract::ws::Utf8Bytes;

    use super::{super::events::About, *};

    fn told(text: Utf8Bytes) -> Told {
        Told { seq: 1, about: About::Everybody, text }
    }

    #[tokio::test]
    async fn a_full_outbox_frees_its_memory_and_stays_closed() {
        let outbox = Outbox::default();
        for _ in 0..MAX_FRAMES {
            outbox.push(told(Utf8Bytes::from_static("x")));
        }
        assert!(!outbox.inner().too_slow);
        outbox.push(told(Utf8Bytes::from_static("x")));
        outbox.overflowed().await;
        outbox.push(told(Utf8Bytes::from_static("x")));
        assert_eq!(outbox.inner().frames.capacity(), 0);
    }

    #[tokio::test]
    async fn a_few_huge_frames_are_too_much_as_well() {
        let outbox = Outbox::default();
        let huge = Utf8Bytes::from("x".repeat(MAX_BYTES / 4));
        for _ in 0..4 {
            outbox.push(told(huge.clone()));
        }
        assert_eq!(outbox.take(1).await.len(), 1);
        outbox.push(told(huge.clone()));
        assert!(!outbox.inner().too_slow, "what was taken counts no more");
        outbox.push(told(huge));
        outbox.overflowed().await;
    }

    #[tokio::test]
    async fn frames_come_in_order_and_in_portions() {
        let outbox = Outbox::default();
        for text in ["a", "b", "c"] {
            outbox.push(told(Utf8Bytes::from_static(text)));
        }
        let texts = |told: Vec<Told>| told.into_iter().map(|told| told.text).collect::<Vec<_>>();
        assert_eq!(texts(outbox.take(2).await), ["a", "b"]);
        assert_eq!(texts(outbox.take(2).await), ["c"]);
    }
}
