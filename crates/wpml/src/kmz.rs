//! The package around a mission: a ZIP, opened with suspicion. It refuses to unpack anything it does
//! not need. Read next: `read`.

use std::io::{Cursor, Read, Write};

use zip::{ZipArchive, ZipWriter, write::SimpleFileOptions};

use crate::error::WpmlError;
use crate::mission::Mission;

/// What a person edits.
pub const TEMPLATE_ENTRY: &str = "wpmz/template.kml";
/// What the dock flies.
pub const WAYLINES_ENTRY: &str = "wpmz/waylines.wpml";

/// How much of a package is accepted. The defaults hold DJI's largest mapping missions many times.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of the KMZ itself.
    pub package_bytes: usize,
    /// ZIP entries.
    pub entries: usize,
    /// Bytes one XML entry may unpack to.
    pub entry_bytes: u64,
    /// Bytes all entries together may unpack to, by their own declaration.
    pub total_bytes: u64,
    /// Unpacked to packed, for entries that unpack to more than 1 MiB.
    pub ratio: u64,
    /// Waypoints of the whole mission.
    pub waypoints: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            package_bytes: 32 << 20,
            entries: 4096,
            entry_bytes: 64 << 20,
            total_bytes: 256 << 20,
            ratio: 200,
            waypoints: 65_535,
        }
    }
}

const RATIO_FREE_BYTES: u64 = 1 << 20;

impl Mission {
    /// Reads the mission a dock would fly from a KMZ, within [`Limits::default`].
    ///
    /// # Errors
    /// Any [`WpmlError`] of reading.
    pub fn from_kmz(bytes: &[u8]) -> Result<Self, WpmlError> {
        Self::from_kmz_within(bytes, &Limits::default())
    }

    /// Reads the mission a dock would fly from a KMZ.
    ///
    /// # Errors
    /// Any [`WpmlError`] of reading.
    pub fn from_kmz_within(bytes: &[u8], limits: &Limits) -> Result<Self, WpmlError> {
        let mut archive = open(bytes, limits)?;
        Self::from_waylines_xml(&unpack_text(&mut archive, WAYLINES_ENTRY, limits)?, limits)
    }

    /// Writes a KMZ with `template.kml` and `waylines.wpml`. The same mission gives the same bytes.
    ///
    /// # Errors
    /// [`WpmlError::Unwritable`] for values no file may hold, [`WpmlError::Write`] if packing fails.
    pub fn to_kmz(&self) -> Result<Vec<u8>, WpmlError> {
        let template = self.to_template_xml()?;
        let waylines = self.to_waylines_xml()?;
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, text) in [(TEMPLATE_ENTRY, template), (WAYLINES_ENTRY, waylines)] {
            writer.start_file(name, SimpleFileOptions::default()).map_err(WpmlError::Write)?;
            writer.write_all(text.as_bytes()).map_err(WpmlError::WriteText)?;
        }
        Ok(writer.finish().map_err(WpmlError::Write)?.into_inner())
    }
}

type Archive<'a> = ZipArchive<Cursor<&'a [u8]>>;

/// The texts of a package.
pub(crate) struct Texts {
    pub(crate) waylines: String,
    pub(crate) template: Option<String>,
}

/// Unpacks both texts of a package.
pub(crate) fn texts(bytes: &[u8], limits: &Limits) -> Result<Texts, WpmlError> {
    let mut archive = open(bytes, limits)?;
    let waylines = unpack_text(&mut archive, WAYLINES_ENTRY, limits)?;
    let template = match unpack_text(&mut archive, TEMPLATE_ENTRY, limits) {
        Err(WpmlError::EntryMissing { .. }) => None,
        text => Some(text?),
    };
    Ok(Texts { waylines, template })
}

fn open<'a>(bytes: &'a [u8], limits: &Limits) -> Result<Archive<'a>, WpmlError> {
    if bytes.len() > limits.package_bytes {
        let (bytes, limit) = (bytes.len(), limits.package_bytes);
        return Err(WpmlError::PackageTooLarge { bytes, limit });
    }
    let mut archive = ZipArchive::new(Cursor::new(bytes)).map_err(WpmlError::NotZip)?;
    check_directory(&mut archive, limits)?;
    Ok(archive)
}

fn unpack_text(
    archive: &mut Archive<'_>,
    name: &'static str,
    limits: &Limits,
) -> Result<String, WpmlError> {
    let bytes = unpack(archive, name, limits)?;
    String::from_utf8(bytes).map_err(|_| WpmlError::NotUtf8 { entry: name.to_owned() })
}

fn check_directory(archive: &mut Archive<'_>, limits: &Limits) -> Result<(), WpmlError> {
    if archive.len() > limits.entries {
        return Err(WpmlError::TooManyEntries { entries: archive.len(), limit: limits.entries });
    }
    // Two entries of one name: one reader would check the first, another fly the second.
    if archive.has_duplicate_names() {
        return Err(WpmlError::DuplicateEntry);
    }
    let mut total = 0u64;
    for index in 0..archive.len() {
        let entry = archive
            .by_index_raw(index)
            .map_err(|source| WpmlError::EntryBroken { name: format!("#{index}"), source })?;
        let name = entry
            .name()
            .map_err(|source| WpmlError::EntryBroken { name: format!("#{index}"), source })?
            .into_owned();
        if leaves_package(&name) || entry.is_symlink() {
            return Err(WpmlError::PathTraversal { name });
        }
        let ratio = entry.size() / entry.compressed_size().max(1);
        if entry.size() > RATIO_FREE_BYTES && ratio > limits.ratio {
            return Err(WpmlError::RatioTooHigh { name, ratio, limit: limits.ratio });
        }
        total = total.saturating_add(entry.size());
    }
    if total > limits.total_bytes {
        return Err(WpmlError::TotalTooLarge { bytes: total, limit: limits.total_bytes });
    }
    Ok(())
}

fn leaves_package(name: &str) -> bool {
    name.starts_with('/')
        || name.contains('\\')
        || name.contains('\0')
        || name.contains(':')
        || name.split('/').any(|part| part == "..")
}

fn unpack(
    archive: &mut Archive<'_>,
    name: &'static str,
    limits: &Limits,
) -> Result<Vec<u8>, WpmlError> {
    let entry = match archive.by_name(name) {
        Ok(entry) => entry,
        Err(zip::result::ZipError::FileNotFound) => return Err(WpmlError::EntryMissing { name }),
        Err(source) => return Err(WpmlError::EntryBroken { name: name.to_owned(), source }),
    };
    // The declared size is a claim, so the reading itself is bounded as well.
    let packed = entry.compressed_size().max(1);
    let by_ratio = packed.saturating_mul(limits.ratio).max(RATIO_FREE_BYTES);
    let limit = limits.entry_bytes.min(by_ratio);
    let mut bytes = Vec::new();
    entry
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|source| WpmlError::EntryDamaged { name: name.to_owned(), source })?;
    if bytes.len() as u64 > limit {
        return Err(WpmlError::EntryTooLarge { name: name.to_owned(), limit });
    }
    Ok(bytes)
}
