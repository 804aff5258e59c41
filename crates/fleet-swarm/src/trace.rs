//! The trace of one run: a hash of everything that happened, and, when asked for, lines to read.

use crate::queue::Ms;

/// Collects what happens.
#[derive(Debug)]
pub struct Trace {
    hash: u64,
    events: u64,
    lines: Option<Vec<String>>,
}

impl Trace {
    /// An empty trace; `readable` keeps the lines.
    #[must_use]
    pub fn new(readable: bool) -> Self {
        Self { hash: 0xCBF2_9CE4_8422_2325, events: 0, lines: readable.then(Vec::new) }
    }

    /// Takes a number into the hash.
    pub fn number(&mut self, number: u64) {
        self.hash = (self.hash ^ number).wrapping_mul(0x2127_599B_F432_5C37).rotate_left(23);
    }

    /// Takes bytes into the hash.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        let mut words = bytes.chunks_exact(8);
        for word in &mut words {
            self.number(u64::from_le_bytes(word.try_into().unwrap_or_default()));
        }
        for byte in words.remainder() {
            self.number(u64::from(*byte));
        }
    }

    /// One more event of the queue.
    pub fn event(&mut self, at: Ms) {
        self.events += 1;
        self.number(at);
    }

    /// A line, made only if somebody reads it.
    pub fn line(&mut self, at: Ms, text: impl FnOnce() -> String) {
        if let Some(lines) = &mut self.lines {
            lines.push(format!("{:>7}.{:03}  {}", at / 1_000, at % 1_000, text()));
        }
    }

    /// Events so far.
    #[must_use]
    pub fn events(&self) -> u64 {
        self.events
    }

    /// The hash so far.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// The lines, if they were kept.
    #[must_use]
    pub fn lines(&self) -> &[String] {
        self.lines.as_deref().unwrap_or_default()
    }
}
