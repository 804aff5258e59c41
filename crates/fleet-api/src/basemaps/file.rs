//! A map archive on this machine, read in pieces without ever waiting for the disk.
//!
//! `preadv2` with `RWF_NOWAIT` gives what lies in the page cache and refuses the rest; for the rest
//! the kernel is asked to read ahead, and the piece is tried again a moment later (ADR 0012). A file
//! system that knows no such reading gets plain reads of one small piece, with other tasks between.

use std::{
    fs::File,
    io::{self, IoSliceMut, Read as _, Seek as _},
    num::NonZeroU64,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use bytes::Bytes;
use rustix::{
    fs::{Advice, fadvise},
    io::{Errno, ReadWriteFlags, pread, preadv2},
};
use serde::Serialize;
use tokio::time::{Instant, sleep};
use utoipa::ToSchema;

/// Bytes of one read; other tasks get their turn between two.
pub(crate) const PIECE: usize = 64 << 10;
const FIRST_WAIT: Duration = Duration::from_millis(1);
const LONGEST_WAIT: Duration = Duration::from_millis(50);
/// A disk that gives nothing for so long is not waited for by a map.
const PATIENCE: Duration = Duration::from_secs(8);
const MAGIC: &[u8] = b"PMTiles\x03";
/// Length of what a PMTiles archive begins with.
const HEAD: usize = 127;

/// What the tiles of an archive are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TileKind {
    /// Shapes that the console colours itself (Mapbox Vector Tiles).
    Vector,
    /// PNG, JPEG, WebP or AVIF.
    Picture,
}

/// What an archive says of itself at its beginning.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Head {
    pub(crate) tiles: TileKind,
    /// Smallest and largest zoom.
    pub(crate) zooms: [u8; 2],
    /// West, south, east, north, degrees; absent where it states none that make sense.
    pub(crate) bounds: Option<[f64; 4]>,
}

impl Head {
    /// Reads the fixed fields of a PMTiles archive of version 3 (its specification, section 3).
    fn read(bytes: &[u8; HEAD]) -> Result<Self, &'static str> {
        if !bytes.starts_with(MAGIC) {
            return Err("it is not a PMTiles archive of version 3");
        }
        let tiles = match bytes[99] {
            1 => TileKind::Vector,
            2..=5 => TileKind::Picture,
            _ => return Err("its tiles are neither pictures nor vector tiles (MVT)"),
        };
        let degrees = |at: usize| {
            let field = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
            f64::from(i32::from_le_bytes(field)) / 1e7
        };
        let [west, south, east, north] = [102, 106, 110, 114].map(degrees);
        let sound = -180.0 <= west && west < east && east <= 180.0;
        let sound = sound && -90.0 <= south && south < north && north <= 90.0;
        let bounds = sound.then_some([west, south, east, north]);
        Ok(Self { tiles, zooms: [bytes[100], bytes[101]], bounds })
    }
}

/// An open PMTiles archive.
#[derive(Clone, Debug)]
pub struct MapFile {
    file: Arc<File>,
    length: u64,
    etag: Arc<str>,
    head: Head,
    /// The file system refused to read without waiting.
    waits: Arc<AtomicBool>,
}

impl MapFile {
    /// Takes an open archive. Reads its first bytes; to be called before the loop runs.
    ///
    /// # Errors
    /// Those of the file system; [`io::ErrorKind::InvalidData`] for a file that is no PMTiles
    /// archive of version 3, or one of tiles that no map can draw.
    pub fn new(mut file: File) -> io::Result<Self> {
        let meta = file.metadata()?;
        let invalid = |text| io::Error::new(io::ErrorKind::InvalidData, text);
        let mut begin = [0; HEAD];
        if !meta.is_file() || file.read_exact(&mut begin).is_err() {
            return Err(invalid("it is not a PMTiles archive of version 3"));
        }
        let head = Head::read(&begin).map_err(invalid)?;
        file.rewind()?;
        let changed = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
        let changed = changed.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        let etag = format!("\"{changed:x}-{:x}\"", meta.len());
        Ok(Self {
            file: Arc::new(file),
            length: meta.len(),
            etag: etag.into(),
            head,
            waits: Arc::new(AtomicBool::new(false)),
        })
    }

    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    pub(crate) fn head(&self) -> Head {
        self.head
    }

    pub(crate) fn etag(&self) -> &str {
        &self.etag
    }

    /// Up to [`PIECE`] bytes from `offset`; empty only at the end of the file.
    pub(crate) async fn read(&self, offset: u64, most: u64) -> io::Result<Bytes> {
        let most = usize::try_from(most).unwrap_or(PIECE).min(PIECE);
        let mut buffer = vec![0; most];
        let begun = Instant::now();
        let mut wait = FIRST_WAIT;
        loop {
            match self.try_read(&mut buffer, offset) {
                Ok(count) => {
                    buffer.truncate(count);
                    return Ok(buffer.into());
                }
                Err(Errno::AGAIN) if begun.elapsed() < PATIENCE => {
                    // Only asks: the pages come while other tasks run.
                    let length = NonZeroU64::new(most as u64);
                    let _ = fadvise(&*self.file, offset, length, Advice::WillNeed);
                    sleep(wait).await;
                    wait = (wait * 2).min(LONGEST_WAIT);
                }
                Err(Errno::AGAIN) => return Err(io::ErrorKind::TimedOut.into()),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn try_read(&self, buffer: &mut [u8], offset: u64) -> Result<usize, Errno> {
        if !self.waits.load(Ordering::Relaxed) {
            let read = preadv2(
                &*self.file,
                &mut [IoSliceMut::new(buffer)],
                offset,
                ReadWriteFlags::NOWAIT,
            );
            match read {
                Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::INVAL) => {
                    self.waits.store(true, Ordering::Relaxed);
                    tracing::warn!(
                        "the file system of a basemap cannot read without waiting; \
                         put the file on a local disk (ext4, xfs)"
                    );
                }
                other => return other,
            }
        }
        pread(&*self.file, buffer, offset)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn archive(name: &str, content: &[u8]) -> io::Result<MapFile> {
        let name = format!("gwanje-basemap-{}-{name}", std::process::id());
        let path = std::env::temp_dir().join(name);
        File::create(&path).unwrap().write_all(content).unwrap();
        let file = File::open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        MapFile::new(file)
    }

    #[tokio::test]
    async fn an_archive_is_read_in_pieces_to_its_end() {
        let mut content = head(2).to_vec();
        content.extend((0..200_000_u32).map(|n| u8::try_from(n % 251).unwrap()));
        let file = archive("pieces", &content).unwrap();
        let mut read = Vec::new();
        while (read.len() as u64) < file.length() {
            let piece = file.read(read.len() as u64, u64::MAX).await.unwrap();
            assert!((1..=PIECE).contains(&piece.len()));
            read.extend_from_slice(&piece);
        }
        assert_eq!(read, content);
        assert_eq!(file.read(5, 3).await.unwrap(), content[5..8]);
        assert!(file.read(file.length(), 10).await.unwrap().is_empty());
        // The plain way gives the same.
        file.waits.store(true, Ordering::Relaxed);
        assert_eq!(file.read(70_000, 9).await.unwrap(), content[70_000..70_009]);
    }

    /// The beginning of an archive with this number for its kind of tiles.
    fn head(kind: u8) -> [u8; HEAD] {
        let mut head = [0; HEAD];
        head[..8].copy_from_slice(MAGIC);
        head[99..102].copy_from_slice(&[kind, 6, 11]);
        for (at, degrees) in [(102, 124.5), (106, 33.0), (110, 132.0), (114, 38.75)] {
            let field = ((degrees * 1e7) as i32).to_le_bytes();
            head[at..at + 4].copy_from_slice(&field);
        }
        head
    }

    #[test]
    fn an_archive_says_what_it_holds() {
        let vector = archive("vector", &head(1)).unwrap().head();
        let bounds = Some([124.5, 33.0, 132.0, 38.75]);
        assert_eq!(vector, Head { tiles: TileKind::Vector, zooms: [6, 11], bounds });
        assert_eq!(archive("picture", &head(4)).unwrap().head().tiles, TileKind::Picture);
        let mut nowhere = head(2);
        nowhere[102..118].fill(0);
        assert_eq!(archive("nowhere", &nowhere).unwrap().head().bounds, None);
    }

    #[test]
    fn another_file_is_refused() {
        let old = [&b"PMTiles\x02 old"[..], &[0; HEAD]].concat();
        for content in [&b""[..], b"PMTiles", &old, b"<html>", &head(0), &head(2)[..HEAD - 1]] {
            let error = archive("other", content).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidData, "{content:?}");
        }
    }
}
