//! Uploads in parts: a folder each, a file a part, put together without ever being in memory.
//!
//! Parts stay until the whole is in its place, so that a crash, or a disk that is full, costs nothing
//! but the copy. Whoever completes twice, because an answer was lost, is answered twice. An upload
//! that nobody touched for a day is thrown away.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use md5::{Digest as _, Md5};

use crate::{
    files::{Files, Found, Incoming, StoreError, UPLOADS, full, set_etag},
    keys::{hex, unhex},
    name::{owner_of, path_of},
};

/// Uploads that one dock may have open.
const UPLOADS_MAX: usize = 64;
/// Parts of one upload, as S3 has it.
pub(crate) const PARTS_MAX: i32 = 10_000;
/// How long an upload may lie untouched.
pub const FORGOTTEN_AFTER: Duration = Duration::from_hours(24);
/// Copied before others get their turn.
const STEP: u64 = 8 << 20;
/// The file that names the upload's key.
const KEY: &str = "key";
/// The file that they are put together in.
const WHOLE: &str = "whole";

/// An upload that is under way.
#[derive(Clone, Debug)]
pub(crate) struct Upload {
    pub(crate) key: String,
    is_closing: bool,
}

/// A part that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) number: i32,
    pub(crate) md5: String,
    pub(crate) size: u64,
    pub(crate) modified: SystemTime,
    path: PathBuf,
}

impl Files {
    /// Takes up the uploads of an earlier process.
    pub(crate) fn find_uploads(&self) -> io::Result<()> {
        for dir in fs::read_dir(self.root.join(UPLOADS))? {
            let dir = dir?.path();
            let id = dir.file_name().and_then(|name| name.to_str()).map(str::to_owned);
            let key = fs::read_to_string(dir.join(KEY)).ok();
            match id.zip(key).filter(|(_, key)| path_of(&self.root, key).is_some()) {
                Some((id, key)) => {
                    let bytes: u64 = parts_in(&dir)?.iter().map(|part| part.size).sum();
                    let mut state = self.lock();
                    state.add(owner_of(&key), bytes);
                    state.uploads.insert(id, Upload { key, is_closing: false });
                }
                // Begun and never named: its client has no answer.
                None => fs::remove_dir_all(&dir)?,
            }
        }
        Ok(())
    }

    /// Begins an upload; its id.
    pub(crate) fn begin_upload(&self, key: &str) -> Result<String, StoreError> {
        path_of(&self.root, key).ok_or(StoreError::BadKey)?;
        self.has_room(owner_of(key), 0)?;
        let is_of_owner = |upload: &&Upload| owner_of(&upload.key) == owner_of(key);
        if self.lock().uploads.values().filter(is_of_owner).count() >= UPLOADS_MAX {
            return Err(StoreError::TooManyUploads);
        }
        let mut random = [0_u8; 16];
        getrandom::fill(&mut random).map_err(io::Error::other)?;
        let id = hex(&random);
        let dir = self.upload_dir(&id);
        fs::create_dir(&dir).map_err(full)?;
        fs::write(dir.join(KEY), key).map_err(full)?;
        let upload = Upload { key: key.to_owned(), is_closing: false };
        self.lock().uploads.insert(id.clone(), upload);
        Ok(id)
    }

    /// Keeps a part, in the place of one of the same number; its MD5.
    pub(crate) fn keep_part(
        &self,
        id: &str,
        key: &str,
        number: i32,
        part: Incoming<'_>,
    ) -> Result<String, StoreError> {
        self.check_upload(id, key)?;
        let dir = self.upload_dir(id);
        let before: Vec<Part> =
            parts_in(&dir)?.into_iter().filter(|part| part.number == number).collect();
        let md5 = hex(&part.md5());
        part.keep_as(&dir.join(format!("{number:05}.{md5}")))?;
        for old in before {
            // The same bytes again took the place of the old file by themselves.
            if old.md5 != md5 {
                fs::remove_file(&old.path)?;
            }
            self.lock().take(owner_of(key), old.size);
        }
        Ok(md5)
    }

    /// Parts that are there, by number.
    pub(crate) fn parts(&self, id: &str, key: &str) -> Result<Vec<Part>, StoreError> {
        self.check_upload(id, key)?;
        Ok(parts_in(&self.upload_dir(id))?)
    }

    /// Puts the named parts together; the object's `ETag`. Gives others their turn on the way.
    pub(crate) async fn complete(
        &self,
        id: &str,
        key: &str,
        named: &[(i32, String)],
    ) -> Result<String, StoreError> {
        let etag = etag_of(named)?;
        if let Err(error) = self.check_upload(id, key) {
            // The answer to the first time may have been lost.
            return match self.open_object(key) {
                Ok((_, Found { etag: there, .. })) if there == etag => Ok(etag),
                Ok(_) | Err(_) => Err(error),
            };
        }
        let parts = chosen(parts_in(&self.upload_dir(id))?, named)?;
        let total: u64 = parts.iter().map(|part| part.size).sum();
        // For a while it lies on the disk twice; the quota counts it once.
        let owner = owner_of(key);
        self.lock().take(owner, total);
        let room = self.has_room(owner, total);
        self.lock().add(owner, total);
        room?;
        self.set_closing(id, true);
        let done = self.put_together(id, key, &parts, &etag).await;
        if done.is_err() {
            // On a full disk, half a copy stands in everybody's way.
            let _ = fs::remove_file(self.upload_dir(id).join(WHOLE));
            self.set_closing(id, false);
            return done.map(|()| etag);
        }
        self.end_upload(id, key, total)?;
        Ok(etag)
    }

    /// Throws an upload away.
    pub(crate) fn abort(&self, id: &str, key: &str) -> Result<(), StoreError> {
        self.check_upload(id, key)?;
        self.end_upload(id, key, 0)
    }

    /// Throws away the uploads that nobody has touched since; how many.
    ///
    /// # Errors
    /// The file system's.
    pub fn forget_uploads(&self, untouched_since: SystemTime) -> io::Result<usize> {
        let open: Vec<_> = {
            let state = self.lock();
            let idle = state.uploads.iter().filter(|(_, upload)| !upload.is_closing);
            idle.map(|(id, upload)| (id.clone(), upload.key.clone())).collect()
        };
        let mut forgotten = 0;
        for (id, key) in open {
            if fs::metadata(self.upload_dir(&id))?.modified()? < untouched_since {
                self.end_upload(&id, &key, 0).map_err(io::Error::other)?;
                forgotten += 1;
            }
        }
        Ok(forgotten)
    }

    async fn put_together(
        &self,
        id: &str,
        key: &str,
        parts: &[Part],
        etag: &str,
    ) -> Result<(), StoreError> {
        let whole = self.upload_dir(id).join(WHOLE);
        let mut to = File::create(&whole).map_err(full)?;
        let mut unsynced = 0;
        for part in parts {
            let from = File::open(&part.path)?;
            let mut left = part.size;
            while left > 0 {
                let step = left.min(STEP);
                let copied = io::copy(&mut (&from).take(step), &mut to).map_err(full)?;
                if copied == 0 {
                    return Err(StoreError::Disk(io::ErrorKind::UnexpectedEof.into()));
                }
                left -= copied;
                unsynced += copied;
                if unsynced >= crate::files::SYNC_EVERY {
                    unsynced = 0;
                    to.sync_data().map_err(full)?;
                }
                tokio::task::yield_now().await;
            }
        }
        set_etag(&to, etag);
        to.sync_all().map_err(full)?;
        self.put_in_place(&whole, key)
    }

    /// Its folder goes, and what it held beyond `kept` bytes is free again.
    fn end_upload(&self, id: &str, key: &str, kept: u64) -> Result<(), StoreError> {
        let dir = self.upload_dir(id);
        let bytes: u64 = parts_in(&dir)?.iter().map(|part| part.size).sum();
        fs::remove_dir_all(&dir)?;
        let mut state = self.lock();
        state.uploads.remove(id);
        state.take(owner_of(key), bytes.saturating_sub(kept));
        Ok(())
    }

    fn check_upload(&self, id: &str, key: &str) -> Result<(), StoreError> {
        let state = self.lock();
        let upload = state.uploads.get(id).filter(|upload| upload.key == key && !upload.is_closing);
        upload.map(drop).ok_or(StoreError::NoSuchUpload)
    }

    fn set_closing(&self, id: &str, is_closing: bool) {
        if let Some(upload) = self.lock().uploads.get_mut(id) {
            upload.is_closing = is_closing;
        }
    }

    /// Only of ids that are known: they are our own hexadecimal.
    fn upload_dir(&self, id: &str) -> PathBuf {
        self.root.join(UPLOADS).join(id)
    }
}

/// What S3 calls the `ETag` of an object of these parts.
fn etag_of(named: &[(i32, String)]) -> Result<String, StoreError> {
    let mut all = Md5::new();
    for (number, md5) in named {
        let bytes = unhex(md5).filter(|bytes| bytes.len() == 16);
        all.update(bytes.ok_or(StoreError::InvalidPart(*number))?);
    }
    Ok(format!("{}-{}", hex(&all.finalize()), named.len()))
}

fn chosen(there: Vec<Part>, named: &[(i32, String)]) -> Result<Vec<Part>, StoreError> {
    if named.is_empty() {
        return Err(StoreError::InvalidPart(0));
    }
    let mut before = 0;
    named
        .iter()
        .map(|(number, md5)| {
            let is_in_order = *number > before;
            before = *number;
            let part = there.iter().find(|part| part.number == *number && part.md5 == *md5);
            part.filter(|_| is_in_order).cloned().ok_or(StoreError::InvalidPart(*number))
        })
        .collect()
}

fn parts_in(dir: &Path) -> io::Result<Vec<Part>> {
    let mut parts = Vec::new();
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let name = entry.file_name();
        let Some((number, md5)) = name.to_str().and_then(|name| name.split_once('.')) else {
            continue;
        };
        let Ok(number) = number.parse() else { continue };
        let meta = entry.metadata()?;
        parts.push(Part {
            number,
            md5: md5.to_owned(),
            size: meta.len(),
            modified: meta.modified()?,
            path: entry.path(),
        });
    }
    parts.sort_unstable_by_key(|part| part.number);
    Ok(parts)
}
