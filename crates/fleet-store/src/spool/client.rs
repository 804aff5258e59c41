//! The tower's end of the spool: asks, waits for the answer, never blocks the loop.

use std::{io, pin::Pin};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

use super::{
    child::{kind, split_standing},
    frame::{Frame, Parsed},
};

/// Telemetry is refused when the log is this full, in eighths.
const TELEMETRY_EIGHTHS: u64 = 6;

/// The child is gone, or does not speak our language.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The pipe broke.
    #[error("the spool process is gone: {0}")]
    Gone(#[source] io::Error),
    /// It answered something else.
    #[error("the spool process answered {0:?}")]
    Strange(char),
    /// Damaged bytes.
    #[error("an answer of the spool process is damaged")]
    Damaged,
}

/// Whether a batch is on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is, and safe.
    Yes,
    /// It is not.
    No {
        /// The child's words.
        why: String,
    },
}

/// A connection to a spool process.
pub struct SpoolClient {
    requests: Pin<Box<dyn AsyncWrite + Send>>,
    answers: Pin<Box<dyn AsyncRead + Send>>,
    buffer: BytesMut,
    frames: u64,
    bytes: u64,
    max_bytes: u64,
}

impl SpoolClient {
    /// Speaks to a child over its standard input and output; waits for its first word.
    ///
    /// # Errors
    /// [`SpoolError`] when it says nothing or something else: its own log tells why.
    pub async fn new(
        requests: impl AsyncWrite + Send + 'static,
        answers: impl AsyncRead + Send + 'static,
    ) -> Result<Self, SpoolError> {
        let mut client = Self {
            requests: Box::pin(requests),
            answers: Box::pin(answers),
            buffer: BytesMut::new(),
            frames: 0,
            bytes: 0,
            max_bytes: 0,
        };
        let hello = client.answer().await?;
        if hello.kind != kind::DONE {
            return Err(strange(&hello));
        }
        if hello.seq > 0 {
            tracing::warn!(bytes = hello.seq, "the spool's tail was torn by a crash and cut off");
        }
        if client.frames > 0 {
            tracing::info!(batches = client.frames, "the spool holds batches to be replayed");
        }
        Ok(client)
    }

    /// Whether batches wait in it.
    #[must_use]
    pub fn has_more(&self) -> bool {
        self.frames > 0
    }

    /// Batches and bytes in it, and its bound in bytes.
    #[must_use]
    pub fn standing(&self) -> (u64, u64, u64) {
        (self.frames, self.bytes, self.max_bytes)
    }

    /// Whether telemetry may still go in; the rest is for what must not be lost.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.bytes < self.max_bytes / 8 * TELEMETRY_EIGHTHS
    }

    /// Appends a batch; it is safe when this says so.
    ///
    /// # Errors
    /// [`SpoolError`]; whether the batch is in is not known.
    pub async fn append(&mut self, payload: Bytes) -> Result<Kept, SpoolError> {
        let answer = self.ask(kind::APPEND, 0, payload).await?;
        match answer.kind {
            kind::DONE => Ok(Kept::Yes),
            kind::REFUSED => Ok(Kept::No { why: words(&answer) }),
            _ => Err(strange(&answer)),
        }
    }

    /// The oldest batch and its number.
    ///
    /// # Errors
    /// [`SpoolError`].
    pub async fn read(&mut self) -> Result<Option<(u64, Bytes)>, SpoolError> {
        let answer = self.ask(kind::READ, 0, Bytes::new()).await?;
        match answer.kind {
            kind::FRAME => Ok(Some((answer.seq, answer.payload))),
            kind::EMPTY => Ok(None),
            kind::REFUSED => Err(SpoolError::Gone(io::Error::other(words(&answer)))),
            _ => Err(strange(&answer)),
        }
    }

    /// Batches up to this number are in the database.
    ///
    /// # Errors
    /// [`SpoolError`].
    pub async fn forget(&mut self, seq: u64) -> Result<(), SpoolError> {
        let answer = self.ask(kind::FORGET, seq, Bytes::new()).await?;
        match answer.kind {
            kind::DONE => Ok(()),
            kind::REFUSED => Err(SpoolError::Gone(io::Error::other(words(&answer)))),
            _ => Err(strange(&answer)),
        }
    }

    async fn ask(&mut self, kind: u8, seq: u64, payload: Bytes) -> Result<Frame, SpoolError> {
        let request = Frame::new(kind, seq, payload).encode();
        self.requests.write_all(&request).await.map_err(SpoolError::Gone)?;
        self.requests.flush().await.map_err(SpoolError::Gone)?;
        self.answer().await
    }

    async fn answer(&mut self) -> Result<Frame, SpoolError> {
        loop {
            match Frame::parse(&self.buffer) {
                Parsed::Whole(mut frame, size) => {
                    let _ = self.buffer.split_to(size);
                    let standing = split_standing(&mut frame.payload);
                    let [frames, bytes, max_bytes] = standing.ok_or(SpoolError::Damaged)?;
                    (self.frames, self.bytes, self.max_bytes) = (frames, bytes, max_bytes);
                    return Ok(frame);
                }
                Parsed::Bad => return Err(SpoolError::Damaged),
                Parsed::Short => {
                    let read = self.answers.read_buf(&mut self.buffer).await;
                    if read.map_err(SpoolError::Gone)? == 0 {
                        return Err(SpoolError::Gone(io::ErrorKind::UnexpectedEof.into()));
                    }
                }
            }
        }
    }
}

fn strange(answer: &Frame) -> SpoolError {
    SpoolError::Strange(char::from(answer.kind))
}

fn words(answer: &Frame) -> String {
    String::from_utf8_lossy(&answer.payload).into_owned()
}
