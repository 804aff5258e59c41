//! A file descriptor that is written without ever waiting for its reader.
//!
//! `poll(POLLOUT)` says whether a write of one page will fit; where the kernel can, the write
//! itself is also told not to wait (`RWF_NOWAIT`), since another process may share the pipe. The
//! descriptor's own flags are left alone: they are shared with whoever started us.

use std::{
    collections::VecDeque,
    io::{self, IoSlice},
    os::fd::{AsFd, OwnedFd},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::{Errno, ReadWriteFlags},
};
use tokio::sync::Notify;

/// A write of at most this much goes into a pipe whole or not at all (`PIPE_BUF`).
const CHUNK: usize = 4096;

/// What became of lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OutletStats {
    /// Bytes written.
    pub written_bytes: u64,
    /// Lines dropped because the reader lagged or went away.
    pub dropped_lines: u64,
    /// Bytes waiting.
    pub queued_bytes: usize,
}

/// A bounded queue of lines before one descriptor.
pub struct Outlet {
    fd: OwnedFd,
    capacity: usize,
    queue: Mutex<Queue>,
    more: Notify,
    /// The kernel refused `RWF_NOWAIT` for this kind of file.
    plain_writes: AtomicBool,
}

#[derive(Default)]
struct Queue {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
    /// Bytes of the first line already written.
    begun: usize,
    written: u64,
    dropped: u64,
    reported: u64,
}

impl Outlet {
    /// An outlet on standard error.
    ///
    /// # Errors
    /// When the process has no standard error.
    pub fn stderr(capacity: usize) -> io::Result<Self> {
        Ok(Self::new(io::stderr().as_fd().try_clone_to_owned()?, capacity))
    }

    /// An outlet on any descriptor; `capacity` bytes are kept for a reader that lags.
    #[must_use]
    pub fn new(fd: OwnedFd, capacity: usize) -> Self {
        let (queue, more) = (Mutex::default(), Notify::new());
        Self { fd, capacity, queue, more, plain_writes: AtomicBool::new(false) }
    }

    /// Whether a person may be looking.
    #[must_use]
    pub fn is_terminal(&self) -> bool {
        std::io::IsTerminal::is_terminal(&self.fd)
    }

    /// Queues a line and writes what can be written now. When full, the new line is dropped.
    pub fn push(&self, line: Vec<u8>) {
        let mut queue = self.lock();
        if queue.bytes + line.len() > self.capacity {
            queue.dropped += 1;
        } else if !line.is_empty() {
            queue.bytes += line.len();
            queue.lines.push_back(line);
        }
        if self.write_some(&mut queue) > 0 {
            self.more.notify_one();
        }
    }

    /// Writes what can be written now; gives the bytes left.
    pub fn drain(&self) -> usize {
        self.write_some(&mut self.lock())
    }

    /// Waits until something is left in the queue.
    pub async fn waiting(&self) {
        self.more.notified().await;
    }

    /// Writes until nothing is left, the reader is gone, or `until` has come.
    pub fn flush(&self, until: Instant) {
        while self.drain() > 0 {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || !self.writable(left.as_millis().try_into().unwrap_or(i64::MAX)) {
                return;
            }
        }
    }

    /// What became of lines so far.
    pub fn stats(&self) -> OutletStats {
        let queue = self.lock();
        OutletStats {
            written_bytes: queue.written,
            dropped_lines: queue.dropped,
            queued_bytes: queue.bytes,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_some(&self, queue: &mut Queue) -> usize {
        loop {
            queue.report_drops();
            let Some(line) = queue.lines.front() else { return 0 };
            let rest = &line[queue.begun..];
            let chunk = &rest[..rest.len().min(CHUNK)];
            if !self.writable(0) {
                return queue.bytes;
            }
            match self.write(chunk) {
                Ok(count) => queue.advance(count),
                Err(Errno::AGAIN) => return queue.bytes,
                Err(Errno::INTR) => {}
                // The reader is gone for good; keeping lines for it would only fill memory.
                Err(_) => {
                    queue.abandon();
                    return 0;
                }
            }
        }
    }

    fn writable(&self, wait_ms: i64) -> bool {
        let mut fds = [PollFd::new(&self.fd, PollFlags::OUT)];
        let wait = Timespec { tv_sec: wait_ms / 1000, tv_nsec: (wait_ms % 1000) * 1_000_000 };
        // A reader that is gone shows as an error; the write then says so.
        poll(&mut fds, Some(&wait)).is_ok_and(|ready| ready > 0)
    }

    fn write(&self, chunk: &[u8]) -> rustix::io::Result<usize> {
        if !self.plain_writes.load(Ordering::Relaxed) {
            let slices = [IoSlice::new(chunk)];
            // An offset of -1 means "where the file stands": right for pipes and terminals too.
            match rustix::io::pwritev2(&self.fd, &slices, u64::MAX, ReadWriteFlags::NOWAIT) {
                Err(Errno::OPNOTSUPP | Errno::INVAL | Errno::NOSYS | Errno::SPIPE) => {
                    self.plain_writes.store(true, Ordering::Relaxed);
                }
                done => return done,
            }
        }
        rustix::io::write(&self.fd, chunk)
    }
}

impl Queue {
    fn advance(&mut self, count: usize) {
        self.begun += count;
        self.bytes -= count;
        self.written += count as u64;
        if self.lines.front().is_some_and(|line| line.len() <= self.begun) {
            self.lines.pop_front();
            self.begun = 0;
        }
    }

    /// Once the queue is empty again, says in the log what the log lost.
    fn report_drops(&mut self) {
        let lost = self.dropped - self.reported;
        if lost > 0 && self.lines.is_empty() {
            self.reported = self.dropped;
            let line = format!("{{\"level\":\"WARN\",\"message\":\"{lost} log lines dropped\"}}\n");
            self.bytes += line.len();
            self.lines.push_back(line.into_bytes());
        }
    }

    fn abandon(&mut self) {
        self.dropped += self.lines.len() as u64;
        self.reported = self.dropped;
        self.lines.clear();
        (self.bytes, self.begun) = (0, 0);
    }
}

#[cfg(test)]
mod tests {
    use std::{io::Read, time::Duration};

    use super::*;

    fn pipe() -> (std::io::PipeReader, Outlet) {
        let (reader, writer) = std::io::pipe().unwrap();
        (reader, Outlet::new(writer.into(), 256 << 10))
    }

    #[test]
    fn a_pipe_that_nobody_reads_blocks_nobody() {
        let (mut reader, outlet) = pipe();
        let began = Instant::now();
        for number in 0..20_000 {
            outlet.push(format!("{number:06} {}\n", "x".repeat(90)).into_bytes());
        }
        outlet.flush(Instant::now() + Duration::from_millis(100));
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
        let stats = outlet.stats();
        assert!(stats.dropped_lines > 15_000, "{stats:?}");
        assert!(stats.queued_bytes <= 256 << 10, "{stats:?}");

        // The reader returns: what was kept arrives whole and in order, then the loss is told.
        let mut text = String::new();
        let mut page = vec![0; 65_536];
        while outlet.drain() > 0 || !text.contains("dropped") {
            let count = reader.read(&mut page).unwrap();
            text.push_str(std::str::from_utf8(&page[..count]).unwrap());
        }
        let told = format!("{} log lines dropped", stats.dropped_lines);
        assert!(text.contains(&told), "{told}");
        for (number, line) in text.lines().take_while(|line| line.starts_with('0')).enumerate() {
            assert_eq!(line.len(), 97);
            assert!(line.starts_with(&format!("{number:06}")), "{line}");
        }
    }

    #[test]
    fn a_reader_that_is_gone_costs_nothing() {
        let (reader, outlet) = pipe();
        drop(reader);
        for _ in 0..100 {
            outlet.push(b"line\n".to_vec());
        }
        assert_eq!(outlet.stats().queued_bytes, 0);
        assert_eq!(outlet.stats().dropped_lines, 100);
    }
}
