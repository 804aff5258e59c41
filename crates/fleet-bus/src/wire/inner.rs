//! Frames between the processes of one tower: numbered, and opaque here.
//!
//! They are sealed by who sends them and read by who has the key; this carries them, by best effort,
//! and never waits for anybody. The reliable writers of `dust_dds` wait for their slowest reader, and one
//! that was killed stays their reader for 100 s: a process that stopped would cost the others. So what
//! must arrive is numbered, acknowledged and asked for again by those who use this (ADR 0023).

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use dust_dds::infrastructure::error::{DdsError, DdsResult};
use tokio::sync::{Mutex, mpsc};

use super::{
    endpoint::Entities,
    views::{FromApi, FromLink, View},
};

/// Frames that wait for the wire, or from it. Beyond that they are dropped, and their numbers tell.
const WAITING_MAX: usize = 512;
/// Form of the frames; another one is not read.
pub const FRAME_VERSION: u32 = 1;

/// Who writes and who reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The process that owns the docks.
    Link,
    /// A process that shows and asks.
    Api,
}

/// One frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// [`FRAME_VERSION`] of who made it.
    pub version: u32,
    /// The process, by a name that no other start has; unchecked text until its seal was.
    pub sender: String,
    /// Frames of this process, from 1, without gaps.
    pub sequence: u64,
    /// Sealed.
    pub body: Vec<u8>,
}

/// The end of the line that a process holds.
pub struct FrameLine {
    outgoing: mpsc::Sender<Frame>,
    incoming: mpsc::Receiver<(Frame, [u8; 16])>,
    dropped: Arc<AtomicU64>,
}

impl FrameLine {
    /// Hands a frame over without waiting. False when it was dropped: nobody takes it now.
    pub fn send(&self, frame: Frame) -> bool {
        let is_taken = self.outgoing.try_send(frame).is_ok();
        if !is_taken {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        is_taken
    }

    /// The next frame of the other side, with the identity of its writer (RTPS GUID). May be dropped
    /// while it waits. None when the wire is gone.
    pub async fn next(&mut self) -> Option<(Frame, [u8; 16])> {
        self.incoming.recv().await
    }

    /// Frames dropped so far, either way.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// The wire's side of it; outlasts a session.
pub(super) struct Inner {
    pub(super) side: Side,
    outgoing: Arc<Mutex<mpsc::Receiver<Frame>>>,
    incoming: mpsc::Sender<(Frame, [u8; 16])>,
    dropped: Arc<AtomicU64>,
}

impl Inner {
    pub(super) fn new(side: Side) -> (Self, FrameLine) {
        let (outgoing, to_send) = mpsc::channel(WAITING_MAX);
        let (came, incoming) = mpsc::channel(WAITING_MAX);
        let dropped = Arc::<AtomicU64>::default();
        let line = FrameLine { outgoing, incoming, dropped: Arc::clone(&dropped) };
        let outgoing = Arc::new(Mutex::new(to_send));
        (Self { side, outgoing, incoming: came, dropped }, line)
    }

    /// Sends until the session ends.
    pub(super) fn sending(
        &self,
        entities: Entities,
    ) -> impl Future<Output = DdsResult<()>> + use<> {
        let (side, outgoing) = (self.side, Arc::clone(&self.outgoing));
        async move {
            match side {
                Side::Link => send::<FromLink>(entities, outgoing).await,
                Side::Api => send::<FromApi>(entities, outgoing).await,
            }
        }
    }

    /// Receives until the session ends.
    pub(super) fn receiving(
        &self,
        entities: Entities,
    ) -> impl Future<Output = DdsResult<()>> + use<> {
        let (side, to, dropped) = (self.side, self.incoming.clone(), Arc::clone(&self.dropped));
        async move {
            match side {
                Side::Link => receive::<FromApi>(entities, to, dropped).await,
                Side::Api => receive::<FromLink>(entities, to, dropped).await,
            }
        }
    }
}

/// A type of the wire that is a frame.
trait Framed: View {
    fn pack(frame: Frame) -> Self;
    fn unpack(self) -> Frame;
}

macro_rules! framed {
    ($($name:ident)+) => {$(
        impl Framed for $name {
            fn pack(Frame { version, sender, sequence, body }: Frame) -> Self {
                Self { version, sender, sequence, body }
            }
            fn unpack(self) -> Frame {
                let Self { version, sender, sequence, body } = self;
                Frame { version, sender, sequence, body }
            }
        }
    )+};
}

framed! { FromLink FromApi }

async fn send<V: Framed>(
    entities: Entities,
    frames: Arc<Mutex<mpsc::Receiver<Frame>>>,
) -> DdsResult<()> {
    let writer = entities.writer::<V>().await?;
    let mut frames = frames.lock().await;
    while let Some(frame) = frames.recv().await {
        match writer.write(V::pack(frame), None).await {
            Ok(()) => {}
            Err(DdsError::AlreadyDeleted) => return Err(DdsError::AlreadyDeleted),
            // Its number tells.
            Err(error) => tracing::debug!(%error, "a frame did not go out on the wire"),
        }
    }
    std::future::pending().await
}

async fn receive<V: Framed>(
    entities: Entities,
    to: mpsc::Sender<(Frame, [u8; 16])>,
    dropped: Arc<AtomicU64>,
) -> DdsResult<()> {
    let reader = entities.reader::<V>().await?;
    loop {
        for received in reader.take().await? {
            if to.try_send((received.view.unpack(), received.writer)).is_err() {
                dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
        tokio::task::yield_now().await;
    }
}
