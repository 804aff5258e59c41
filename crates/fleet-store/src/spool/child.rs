//! The child process: requests on standard input, answers on standard output, one thread, blocking.
//!
//! Appends that arrived together share one `fsync`. It ends when its input ends, and writes nothing
//! but answers to its output.

use std::{
    io::{self, BufRead as _, BufReader, Read, Write},
    path::Path,
};

use bytes::{BufMut as _, Bytes, BytesMut};

use super::{
    frame::{Frame, HEADER, PAYLOAD_MAX, Parsed},
    log::{Log, LogError},
};

/// Requests and answers.
pub(super) mod kind {
    /// Append the payload.
    pub(in crate::spool) const APPEND: u8 = b'a';
    /// Give the oldest frame that is wanted.
    pub(in crate::spool) const READ: u8 = b'r';
    /// Frames up to this number are not wanted any more.
    pub(in crate::spool) const FORGET: u8 = b'f';
    /// Answer: done; `seq` and [`super::Standing`].
    pub(in crate::spool) const DONE: u8 = b'D';
    /// Answer: not done; why, after [`super::Standing`].
    pub(in crate::spool) const REFUSED: u8 = b'N';
    /// Answer: a frame that was asked for.
    pub(in crate::spool) const FRAME: u8 = b'F';
    /// Answer: no frame is wanted.
    pub(in crate::spool) const EMPTY: u8 = b'E';
}

/// Room for answers and requests of the parent before it must read.
const BUFFER: usize = 256 << 10;

/// How the log stands, in every answer: frames, bytes, bound.
pub(super) const STANDING: usize = 24;

/// Serves one parent until it closes `requests`.
///
/// # Errors
/// The log cannot be opened, or the parent is gone.
pub fn serve(
    dir: &Path,
    max_bytes: u64,
    requests: impl Read,
    mut answers: impl Write,
) -> Result<(), LogError> {
    let (mut log, found) = Log::open(dir, max_bytes)?;
    let mut requests = BufReader::with_capacity(BUFFER, requests);
    // The first answer says how the log stands; its number tells how much was torn.
    answer(&mut answers, kind::DONE, found.torn_bytes, &log, &[])?;
    answers.flush()?;
    // Numbers of frames that are appended and not yet safe.
    let mut unsafe_yet: Vec<u64> = Vec::new();
    while let Some(request) = next(&mut requests)? {
        if request.kind != kind::APPEND {
            settle(&mut log, &mut unsafe_yet, &mut answers)?;
        }
        match request.kind {
            kind::APPEND => match log.append(request.payload) {
                Ok(seq) => unsafe_yet.push(seq),
                Err(error) => {
                    settle(&mut log, &mut unsafe_yet, &mut answers)?;
                    refuse(&mut answers, &log, &error)?;
                }
            },
            kind::READ => match log.read() {
                Ok(Some((seq, payload))) => answer(&mut answers, kind::FRAME, seq, &log, &payload)?,
                Ok(None) => answer(&mut answers, kind::EMPTY, 0, &log, &[])?,
                Err(error) => refuse(&mut answers, &log, &error)?,
            },
            kind::FORGET => match log.forget(request.seq) {
                Ok(()) => answer(&mut answers, kind::DONE, request.seq, &log, &[])?,
                Err(error) => refuse(&mut answers, &log, &error)?,
            },
            other => {
                let error = io::Error::other(format!("request {other} is not known"));
                refuse(&mut answers, &log, &error.into())?;
            }
        }
        // Nothing more has arrived: make safe what has.
        if requests.buffer().is_empty() {
            settle(&mut log, &mut unsafe_yet, &mut answers)?;
            answers.flush()?;
        }
    }
    settle(&mut log, &mut unsafe_yet, &mut answers)?;
    answers.flush()?;
    Ok(())
}

fn settle(log: &mut Log, unsafe_yet: &mut Vec<u64>, answers: &mut impl Write) -> io::Result<()> {
    if unsafe_yet.is_empty() {
        return Ok(());
    }
    let synced = log.sync();
    for seq in unsafe_yet.drain(..) {
        match &synced {
            Ok(()) => answer(answers, kind::DONE, seq, log, &[])?,
            Err(error) => refuse(answers, log, error)?,
        }
    }
    Ok(())
}

fn refuse(answers: &mut impl Write, log: &Log, error: &LogError) -> io::Result<()> {
    let words = match error {
        LogError::Disk(cause) => format!("{error}: {cause}"),
        LogError::Full { .. } | LogError::TooLarge(_) => error.to_string(),
    };
    answer(answers, kind::REFUSED, 0, log, words.as_bytes())
}

fn answer(answers: &mut impl Write, kind: u8, seq: u64, log: &Log, rest: &[u8]) -> io::Result<()> {
    let mut payload = BytesMut::with_capacity(STANDING + rest.len());
    payload.put_u64(log.len());
    payload.put_u64(log.bytes());
    payload.put_u64(log.max_bytes());
    payload.put_slice(rest);
    answers.write_all(&Frame::new(kind, seq, payload.freeze()).encode())
}

/// The next request; nothing when the parent is gone.
fn next(requests: &mut BufReader<impl Read>) -> io::Result<Option<Frame>> {
    if requests.fill_buf()?.is_empty() {
        return Ok(None);
    }
    let mut bytes = vec![0; HEADER];
    requests.read_exact(&mut bytes)?;
    let length = bytes.first_chunk().map_or(0, |length| u32::from_be_bytes(*length));
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    if length > PAYLOAD_MAX + 9 {
        return Err(io::Error::other("a request is too large"));
    }
    bytes.resize((8 + length).max(HEADER), 0);
    requests.read_exact(&mut bytes[HEADER..])?;
    match Frame::parse(&bytes) {
        Parsed::Whole(frame, _) => Ok(Some(frame)),
        Parsed::Short | Parsed::Bad => Err(io::Error::other("a request is damaged")),
    }
}

/// Takes an answer's standing off its payload.
pub(super) fn split_standing(payload: &mut Bytes) -> Option<[u64; 3]> {
    use bytes::Buf as _;
    (payload.len() >= STANDING).then(|| std::array::from_fn(|_| payload.get_u64()))
}
