//! The log on disk: segments of frames in one directory. Blocks; for the child process only.
//!
//! A segment is named after the number of its first frame. Only the last one is written to. What
//! cannot be read in an older segment ends that segment, not the log.

use std::{
    collections::VecDeque,
    fs::{self, File},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

use bytes::Bytes;

use super::frame::{Frame, HEADER, PAYLOAD_MAX, Parsed};

/// A segment that is larger is closed.
const SEGMENT_MAX: u64 = 8 << 20;
/// Kind of a frame on disk.
const ON_DISK: u8 = b'B';

/// What was found at the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// Whole frames.
    pub frames: u64,
    /// Bytes after the last whole frame of a segment: torn by a crash, or spoilt.
    pub torn_bytes: u64,
}

/// Why the log could not be used.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// It is as large as it may be.
    #[error("the spool is full: {bytes} of {max} bytes")]
    Full {
        /// Size, bytes.
        bytes: u64,
        /// Bound, bytes.
        max: u64,
    },
    /// The payload is larger than any batch.
    #[error("a batch of {0} bytes is too large for the spool")]
    TooLarge(usize),
    /// The disk did not do it; nothing was appended.
    #[error("the disk refused")]
    Disk(#[from] io::Error),
}

struct Segment {
    path: PathBuf,
    first: u64,
    /// One past the last frame.
    end: u64,
    bytes: u64,
}

/// An append-only log with bounded size.
pub struct Log {
    dir: PathBuf,
    max_bytes: u64,
    segments: VecDeque<Segment>,
    writing: Option<File>,
    /// Number of the next frame.
    next: u64,
    /// Number of the oldest frame that is still wanted.
    wanted: u64,
    reading: Option<Reading>,
}

/// Where the next frame is read.
struct Reading {
    file: File,
    /// Number of the segment's first frame.
    segment: u64,
    at: u64,
    next: u64,
}

impl Log {
    /// Opens the log of `dir`, which is made if need be; cuts a torn tail off.
    ///
    /// # Errors
    /// [`LogError::Disk`].
    pub fn open(dir: &Path, max_bytes: u64) -> Result<(Self, Found), LogError> {
        fs::create_dir_all(dir)?;
        let mut found = Found::default();
        let mut segments = VecDeque::new();
        for (first, path) in segment_files(dir)? {
            let scanned = scan(&path, first)?;
            found.frames += scanned.end - first;
            found.torn_bytes += scanned.torn;
            if scanned.torn > 0 {
                let file = File::options().write(true).open(&path)?;
                file.set_len(scanned.bytes)?;
                file.sync_all()?;
            }
            segments.push_back(Segment { path, first, end: scanned.end, bytes: scanned.bytes });
        }
        let next = segments.back().map_or(1, |last: &Segment| last.end);
        let wanted = segments.front().map_or(next, |oldest: &Segment| oldest.first);
        let dir = dir.to_owned();
        let log = Self { dir, max_bytes, segments, writing: None, next, wanted, reading: None };
        Ok((log, found))
    }

    /// Size on disk, bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// Bound of [`Self::bytes`].
    #[must_use]
    pub fn max_bytes(&self) -> u64 {
        self.max_bytes
    }

    /// Frames that are still wanted.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.next - self.wanted
    }

    /// Whether no frame is wanted any more.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Appends a frame; it is safe after [`Self::sync`]. Gives its number.
    ///
    /// # Errors
    /// [`LogError`]; the log is as it was before.
    pub fn append(&mut self, payload: Bytes) -> Result<u64, LogError> {
        if payload.len() > PAYLOAD_MAX {
            return Err(LogError::TooLarge(payload.len()));
        }
        let bytes = self.bytes();
        let frame = Frame::new(ON_DISK, self.next, payload).encode();
        if bytes + frame.len() as u64 > self.max_bytes {
            return Err(LogError::Full { bytes, max: self.max_bytes });
        }
        let is_over = self.segments.back().is_none_or(|last| last.bytes >= SEGMENT_MAX);
        if is_over || self.writing.is_none() {
            self.new_segment()?;
        }
        let (Some(file), Some(segment)) = (&mut self.writing, self.segments.back_mut()) else {
            return Err(io::Error::other("no segment").into());
        };
        if let Err(error) = file.write_all(&frame) {
            // A part may be written: cut it off, or the next frame would follow a torn one.
            file.set_len(segment.bytes)?;
            file.seek(SeekFrom::End(0))?;
            return Err(error.into());
        }
        segment.bytes += frame.len() as u64;
        segment.end += 1;
        self.next += 1;
        Ok(self.next - 1)
    }

    /// Makes everything appended safe.
    ///
    /// # Errors
    /// [`LogError::Disk`]: what was appended since the last time may or may not be safe.
    pub fn sync(&mut self) -> Result<(), LogError> {
        if let Some(file) = &mut self.writing {
            file.sync_data()?;
        }
        Ok(())
    }

    /// The oldest frame that is still wanted; the same until [`Self::forget`].
    ///
    /// # Errors
    /// [`LogError::Disk`].
    pub fn read(&mut self) -> Result<Option<(u64, Bytes)>, LogError> {
        loop {
            let wanted = self.wanted;
            let Some(segment) = self.segments.iter().find(|segment| segment.end > wanted) else {
                self.wanted = self.next;
                return Ok(None);
            };
            let first = segment.first;
            let is_there = |reading: &Reading| reading.segment == first && reading.next <= wanted;
            if !self.reading.as_ref().is_some_and(is_there) {
                let file = File::open(&segment.path)?;
                self.reading = Some(Reading { file, segment: first, at: 0, next: first });
            }
            let end = segment.end;
            let Some(reading) = &mut self.reading else { continue };
            let Some((frame, length)) = read_frame(&mut reading.file, reading.at)? else {
                // Spoilt since it was opened: the rest of this segment is lost, not the log.
                self.wanted = end;
                continue;
            };
            if frame.seq < wanted {
                reading.at += length;
                reading.next = frame.seq + 1;
                continue;
            }
            return Ok(Some((frame.seq, frame.payload)));
        }
    }

    /// Frames up to and with this number are not wanted any more; whole segments of them are
    /// deleted.
    ///
    /// # Errors
    /// [`LogError::Disk`].
    pub fn forget(&mut self, seq: u64) -> Result<(), LogError> {
        self.wanted = self.wanted.max(seq + 1).min(self.next);
        while let Some(oldest) = self.segments.front() {
            if oldest.end > self.wanted {
                break;
            }
            fs::remove_file(&oldest.path)?;
            self.segments.pop_front();
            self.reading = None;
            if self.segments.is_empty() {
                self.writing = None;
            }
        }
        Ok(())
    }

    fn new_segment(&mut self) -> Result<(), LogError> {
        self.sync()?;
        let path = self.dir.join(format!("{:020}.spool", self.next));
        let file = File::options().append(true).create_new(true).open(&path)?;
        File::open(&self.dir)?.sync_all()?;
        self.writing = Some(file);
        let (first, end) = (self.next, self.next);
        self.segments.push_back(Segment { path, first, end, bytes: 0 });
        Ok(())
    }
}

fn segment_files(dir: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(dir)? {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if let Some(first) = name.strip_suffix(".spool").and_then(|digits| digits.parse().ok()) {
            files.push((first, path));
        }
    }
    files.sort();
    // A segment without a frame is one that was opened and never written to.
    files.retain(|(_, path)| {
        let is_empty = fs::metadata(path).is_ok_and(|metadata| metadata.len() == 0);
        !(is_empty && fs::remove_file(path).is_ok())
    });
    Ok(files)
}

struct Scanned {
    end: u64,
    bytes: u64,
    torn: u64,
}

fn scan(path: &Path, first: u64) -> io::Result<Scanned> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let (mut at, mut end) = (0, first);
    while let Some((frame, size)) = read_frame(&mut file, at)? {
        if frame.seq != end {
            break;
        }
        at += size;
        end += 1;
    }
    Ok(Scanned { end, bytes: at, torn: length - at })
}

/// The frame at `at`, and its size; nothing at the end and where no whole frame stands.
fn read_frame(file: &mut File, at: u64) -> io::Result<Option<(Frame, u64)>> {
    file.seek(SeekFrom::Start(at))?;
    let mut bytes = Vec::with_capacity(HEADER);
    io::Read::by_ref(file).take(HEADER as u64).read_to_end(&mut bytes)?;
    let Some(length) = bytes.first_chunk().map(|length| u32::from_be_bytes(*length)) else {
        return Ok(None);
    };
    if u64::from(length) > (PAYLOAD_MAX + 9) as u64 {
        return Ok(None);
    }
    let rest = (u64::from(length) + 8).saturating_sub(bytes.len() as u64);
    io::Read::by_ref(file).take(rest).read_to_end(&mut bytes)?;
    Ok(match Frame::parse(&bytes) {
        Parsed::Whole(frame, size) if frame.kind == ON_DISK => Some((frame, size as u64)),
        Parsed::Whole(..) | Parsed::Short | Parsed::Bad => None,
    })
}
