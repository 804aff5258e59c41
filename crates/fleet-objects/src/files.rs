//! Objects as files: `objects/{key}` whole, `incoming/` while they arrive, `uploads/` in parts.
//!
//! An object comes into being by a rename, after its bytes and its check are on the disk; nobody ever
//! sees half of one. The MD5 that S3 calls `ETag` is an attribute of the file. What a dock holds is
//! counted against its quota, parts and arriving bytes included. Every call works a bounded time.

use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use bytes::Bytes;
use md5::{Digest as _, Md5};
use rustix::fs::{XattrFlags, fgetxattr, fsetxattr, statvfs};

use crate::{
    keys::hex,
    name::{owner_of, path_of},
    uploads::Upload,
};

const OBJECTS: &str = "objects";
const INCOMING: &str = "incoming";
pub(crate) const UPLOADS: &str = "uploads";
const ETAG: &str = "user.gwanje.etag";
/// Written before it is synced and the disk is looked at again: no sync takes long then.
pub(crate) const SYNC_EVERY: u64 = 32 << 20;
/// Bytes read at a time.
const CHUNK: usize = 128 << 10;

/// How much is taken.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes that one dock may hold.
    pub quota_bytes: u64,
    /// Bytes of the disk that stay free.
    pub free_bytes: u64,
}

/// Why something is not done. Nothing that was stored before is touched by it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such object.
    #[error("there is no such object")]
    NoSuchKey,
    /// There is no such upload, or not of this key.
    #[error("there is no such upload")]
    NoSuchUpload,
    /// A part that is named was not uploaded, or differs, or the order is wrong.
    #[error("part {0} was not uploaded like this, or the parts are not in order")]
    InvalidPart(i32),
    /// Keys like this one are not kept.
    #[error(
        "this key is not kept: it needs a folder, and no empty, `.` or `..` part, control character or backslash"
    )]
    BadKey,
    /// An object stands where a folder would have to be, or the other way round.
    #[error("an object stands where this key needs a folder, or a folder where it needs an object")]
    InTheWay,
    /// The dock holds as much as it may.
    #[error("the quota of {quota} bytes is used up: raise objects.quota_mb, or delete media")]
    Quota {
        /// The quota.
        quota: u64,
    },
    /// The disk has no more room to give.
    #[error("the disk has no room left above objects.free_mb")]
    DiskFull,
    /// More uploads are open than one dock may have.
    #[error("too many uploads are open")]
    TooManyUploads,
    /// The bytes are not those that were announced.
    #[error("the bytes that came are not those that were announced ({0})")]
    Differs(&'static str),
    /// The disk failed.
    #[error("the disk failed")]
    Disk(#[from] io::Error),
}

/// An object that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Key.
    pub key: String,
    /// Size, bytes.
    pub size: u64,
    /// When it came.
    pub modified: SystemTime,
    /// MD5, or for one of parts what S3 makes of theirs; hexadecimal.
    pub etag: String,
}

/// A page of a listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Objects, by key.
    pub objects: Vec<Found>,
    /// Folders that were not entered.
    pub folders: Vec<String>,
    /// After what the next page begins, where there is one.
    pub next: Option<String>,
}

/// The store on the disk.
#[derive(Debug)]
pub struct Files {
    pub(crate) root: PathBuf,
    pub(crate) limits: Limits,
    pub(crate) state: Mutex<State>,
}

/// What is known of the disk without asking it.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// Bytes by owner, those on their way included.
    used: BTreeMap<String, u64>,
    pub(crate) uploads: HashMap<String, Upload>,
    next: u64,
}

impl Files {
    /// Opens or makes a store, throws away what arrived half, and counts what is there.
    ///
    /// # Errors
    /// The file system's.
    pub fn open(root: &Path, limits: Limits) -> io::Result<Self> {
        for dir in [OBJECTS, INCOMING, UPLOADS] {
            fs::create_dir_all(root.join(dir))?;
        }
        for half in fs::read_dir(root.join(INCOMING))? {
            fs::remove_file(half?.path())?;
        }
        let files = Self { root: root.to_owned(), limits, state: Mutex::default() };
        for owner in fs::read_dir(root.join(OBJECTS))? {
            let owner = owner?;
            let bytes = bytes_below(&owner.path())?;
            files.lock().add(&owner.file_name().to_string_lossy(), bytes);
        }
        files.find_uploads()?;
        Ok(files)
    }

    /// Bytes that an owner holds.
    #[must_use]
    pub fn used(&self, owner: &str) -> u64 {
        self.lock().used.get(owner).copied().unwrap_or_default()
    }

    /// Begins an object; `announced` bytes are looked for now, so that what cannot end well does not
    /// begin.
    pub(crate) fn begin(&self, key: &str, announced: u64) -> Result<Incoming<'_>, StoreError> {
        path_of(&self.root.join(OBJECTS), key).ok_or(StoreError::BadKey)?;
        let owner = owner_of(key).to_owned();
        self.has_room(&owner, announced)?;
        let number = {
            let mut state = self.lock();
            state.next += 1;
            state.next
        };
        let path = self.root.join(INCOMING).join(number.to_string());
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path)?;
        Ok(Incoming {
            files: self,
            owner,
            path,
            file,
            written: 0,
            unsynced: 0,
            md5: Md5::new(),
            is_settled: false,
        })
    }

    /// Opens an object.
    ///
    /// # Errors
    /// [`StoreError::NoSuchKey`], [`StoreError::Disk`].
    pub fn open_object(&self, key: &str) -> Result<(File, Found), StoreError> {
        let path = path_of(&self.root.join(OBJECTS), key).ok_or(StoreError::NoSuchKey)?;
        let file = File::open(path).map_err(no_such_key)?;
        let meta = file.metadata()?;
        if !meta.is_file() {
            return Err(StoreError::NoSuchKey);
        }
        let found = found(key.to_owned(), &file, &meta);
        Ok((file, found))
    }

    /// Deletes an object; one that is not there is as good as deleted.
    ///
    /// # Errors
    /// [`StoreError::Disk`].
    pub fn delete(&self, key: &str) -> Result<(), StoreError> {
        let root = self.root.join(OBJECTS);
        let Some(path) = path_of(&root, key) else { return Ok(()) };
        let Ok(meta) = fs::symlink_metadata(&path) else { return Ok(()) };
        if !meta.is_file() {
            return Ok(());
        }
        fs::remove_file(&path)?;
        self.lock().take(owner_of(key), meta.len());
        // Folders that hold nothing any more would be listed.
        let mut folder = path.parent();
        while let Some(dir) = folder.filter(|dir| *dir != root) {
            if fs::remove_dir(dir).is_err() {
                break;
            }
            folder = dir.parent();
        }
        Ok(())
    }

    /// Objects whose keys begin with `prefix` and come after `after`, at most `max`; with
    /// `by_folder`, those below a further slash are one entry.
    ///
    /// # Errors
    /// [`StoreError::Disk`].
    pub fn list(
        &self,
        prefix: &str,
        after: Option<&str>,
        by_folder: bool,
        max: usize,
    ) -> Result<Listing, StoreError> {
        let folder = prefix.rfind('/').map_or("", |at| &prefix[..=at]);
        let is_kept = folder.is_empty() || path_of(&self.root, &format!("{folder}x")).is_some();
        let mut walk = Walk {
            root: &self.root.join(OBJECTS),
            prefix,
            after,
            by_folder,
            max,
            page: Listing::default(),
            last: None,
        };
        if is_kept {
            walk.folder(folder)?;
        }
        Ok(walk.page)
    }

    /// Whether so many bytes more fit.
    pub(crate) fn has_room(&self, owner: &str, bytes: u64) -> Result<(), StoreError> {
        let quota = self.limits.quota_bytes;
        if self.used(owner).saturating_add(bytes) > quota {
            return Err(StoreError::Quota { quota });
        }
        let disk = statvfs(&self.root).map_err(io::Error::from)?;
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        if free < self.limits.free_bytes.saturating_add(bytes) {
            return Err(StoreError::DiskFull);
        }
        Ok(())
    }

    /// Puts a synced file where its key is.
    pub(crate) fn put_in_place(&self, from: &Path, key: &str) -> Result<(), StoreError> {
        let to = path_of(&self.root.join(OBJECTS), key).ok_or(StoreError::BadKey)?;
        let folder = to.parent().ok_or(StoreError::BadKey)?;
        fs::create_dir_all(folder).map_err(in_the_way)?;
        let before = fs::symlink_metadata(&to).ok();
        if before.as_ref().is_some_and(|meta| !meta.is_file()) {
            return Err(StoreError::InTheWay);
        }
        fs::rename(from, &to).map_err(in_the_way)?;
        if let Some(before) = before {
            self.lock().take(owner_of(key), before.len());
        }
        // The name must last as the bytes do: up to the folder that was there from the beginning.
        for dir in folder.ancestors().take_while(|dir| dir.starts_with(self.root.join(OBJECTS))) {
            File::open(dir)?.sync_all()?;
        }
        Ok(())
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    pub(crate) fn add(&mut self, owner: &str, bytes: u64) {
        *self.used.entry(owner.to_owned()).or_default() += bytes;
    }

    pub(crate) fn take(&mut self, owner: &str, bytes: u64) {
        if let Some(used) = self.used.get_mut(owner) {
            *used = used.saturating_sub(bytes);
        }
    }
}

/// An object on its way. Dropped before [`Incoming::keep`], it leaves nothing behind.
pub(crate) struct Incoming<'a> {
    files: &'a Files,
    owner: String,
    path: PathBuf,
    file: File,
    pub(crate) written: u64,
    unsynced: u64,
    md5: Md5,
    is_settled: bool,
}

impl Incoming<'_> {
    pub(crate) fn write(&mut self, chunk: &[u8]) -> Result<(), StoreError> {
        let bytes = chunk.len() as u64;
        let quota = self.files.limits.quota_bytes;
        {
            let mut state = self.files.lock();
            if state.used.get(&self.owner).copied().unwrap_or_default() + bytes > quota {
                return Err(StoreError::Quota { quota });
            }
            state.add(&self.owner, bytes);
        }
        self.written += bytes;
        self.unsynced += bytes;
        self.file.write_all(chunk).map_err(full)?;
        self.md5.update(chunk);
        if self.unsynced >= SYNC_EVERY {
            self.unsynced = 0;
            self.file.sync_data().map_err(full)?;
            self.files.has_room(&self.owner, 0)?;
        }
        Ok(())
    }

    /// MD5 of what was written.
    pub(crate) fn md5(&self) -> [u8; 16] {
        self.md5.clone().finalize().into()
    }

    /// Makes it the object of a key; its `ETag`.
    pub(crate) fn keep(mut self, key: &str) -> Result<String, StoreError> {
        let etag = hex(&self.md5());
        set_etag(&self.file, &etag);
        self.file.sync_all().map_err(full)?;
        self.files.put_in_place(&self.path, key)?;
        self.is_settled = true;
        Ok(etag)
    }

    /// Makes it a part; where it was until now.
    pub(crate) fn keep_as(mut self, to: &Path) -> Result<u64, StoreError> {
        self.file.sync_all().map_err(full)?;
        fs::rename(&self.path, to)?;
        self.is_settled = true;
        Ok(self.written)
    }
}

impl Drop for Incoming<'_> {
    fn drop(&mut self) {
        if !self.is_settled {
            self.files.lock().take(&self.owner, self.written);
            if let Err(error) = fs::remove_file(&self.path) {
                tracing::warn!(%error, "half an object could not be thrown away");
            }
        }
    }
}

/// The bytes of an object, or some of them, in chunks.
pub(crate) struct Chunks {
    file: File,
    left: u64,
}

impl Chunks {
    pub(crate) fn new(mut file: File, from: u64, length: u64) -> io::Result<Self> {
        file.seek(SeekFrom::Start(from))?;
        Ok(Self { file, left: length })
    }
}

impl Iterator for Chunks {
    type Item = io::Result<Bytes>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.left == 0 {
            return None;
        }
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(CHUNK);
        let mut chunk = vec![0; most];
        match self.file.read(&mut chunk) {
            Ok(0) => {
                self.left = 0;
                Some(Err(io::ErrorKind::UnexpectedEof.into()))
            }
            Ok(read) => {
                chunk.truncate(read);
                self.left -= read as u64;
                Some(Ok(chunk.into()))
            }
            Err(error) => {
                self.left = 0;
                Some(Err(error))
            }
        }
    }
}

/// A walk through folders in the order of keys.
struct Walk<'a> {
    root: &'a Path,
    prefix: &'a str,
    after: Option<&'a str>,
    by_folder: bool,
    max: usize,
    page: Listing,
    last: Option<String>,
}

impl Walk<'_> {
    /// True when the page is full.
    fn folder(&mut self, folder: &str) -> Result<bool, StoreError> {
        let entries = match fs::read_dir(self.root.join(folder)) {
            Ok(entries) => entries,
            Err(error) if is_absent(&error) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let mut names = Vec::new();
        for entry in entries {
            let entry = entry?;
            // A name that is no text was not put there by us.
            if let Ok(name) = entry.file_name().into_string() {
                let slash = if entry.file_type()?.is_dir() { "/" } else { "" };
                names.push(format!("{folder}{name}{slash}"));
            }
        }
        names.sort_unstable();
        for key in names {
            let is_full = if key.ends_with('/') { self.sub(&key)? } else { self.object(key)? };
            if is_full {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn sub(&mut self, folder: &str) -> Result<bool, StoreError> {
        let is_inside = folder.starts_with(self.prefix);
        if !is_inside && !self.prefix.starts_with(folder) {
            return Ok(false);
        }
        // Every key in it begins with it.
        if self.after.is_some_and(|after| folder <= after && !after.starts_with(folder)) {
            return Ok(false);
        }
        if !(is_inside && self.by_folder) {
            return self.folder(folder);
        }
        if self.after.is_some_and(|after| after.starts_with(folder)) {
            return Ok(false);
        }
        if self.is_full() {
            return Ok(true);
        }
        self.last = Some(folder.to_owned());
        self.page.folders.push(folder.to_owned());
        Ok(false)
    }

    fn object(&mut self, key: String) -> Result<bool, StoreError> {
        if !key.starts_with(self.prefix) || self.after.is_some_and(|after| key.as_str() <= after) {
            return Ok(false);
        }
        if self.is_full() {
            return Ok(true);
        }
        let file = match File::open(self.root.join(&key)) {
            Ok(file) => file,
            Err(error) if is_absent(&error) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let meta = file.metadata()?;
        self.last = Some(key.clone());
        self.page.objects.push(found(key, &file, &meta));
        Ok(false)
    }

    fn is_full(&mut self) -> bool {
        let is_full = self.page.objects.len() + self.page.folders.len() >= self.max;
        if is_full {
            self.page.next = self.last.clone().or_else(|| Some(String::new()));
        }
        is_full
    }
}

pub(crate) fn set_etag(file: &File, etag: &str) {
    // A file system without attributes: size and time tell two versions apart as well.
    if let Err(error) = fsetxattr(file, ETAG, etag.as_bytes(), XattrFlags::empty()) {
        tracing::debug!(%error, "no attribute on this file system");
    }
}

fn found(key: String, file: &File, meta: &fs::Metadata) -> Found {
    let mut buffer = [0_u8; 64];
    let read = fgetxattr(file, ETAG, &mut buffer).ok();
    let etag = read.and_then(|read| String::from_utf8(buffer.get(..read)?.to_vec()).ok());
    let etag = etag
        .unwrap_or_else(|| format!("{:x}-{:x}-{:x}", meta.len(), meta.mtime(), meta.mtime_nsec()));
    let modified = meta.modified().unwrap_or(SystemTime::UNIX_EPOCH);
    Found { key, size: meta.len(), modified, etag }
}

fn bytes_below(path: &Path) -> io::Result<u64> {
    let meta = fs::symlink_metadata(path)?;
    if !meta.is_dir() {
        return Ok(meta.len());
    }
    fs::read_dir(path)?.try_fold(0, |bytes, entry| Ok(bytes + bytes_below(&entry?.path())?))
}

fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

fn no_such_key(error: io::Error) -> StoreError {
    if is_absent(&error) { StoreError::NoSuchKey } else { error.into() }
}

fn in_the_way(error: io::Error) -> StoreError {
    use io::ErrorKind::{AlreadyExists, IsADirectory, NotADirectory};
    let is_it = matches!(error.kind(), AlreadyExists | IsADirectory | NotADirectory);
    if is_it { StoreError::InTheWay } else { full(error) }
}

pub(crate) fn full(error: io::Error) -> StoreError {
    use io::ErrorKind::{QuotaExceeded, StorageFull};
    let is_it = matches!(error.kind(), StorageFull | QuotaExceeded);
    if is_it { StoreError::DiskFull } else { error.into() }
}

#[cfg(test)]
mod tests;
