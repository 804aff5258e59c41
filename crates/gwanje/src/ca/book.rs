//! The book of what the site's authority issued. Pure but for reading and writing its file.

use std::{collections::BTreeSet, fs, path::Path};

use anyhow::Context;
use fleet_links::pki::{Issued, Serial};
use serde::{Deserialize, Serialize};

use crate::data_dir;

/// Largest book read: 100,000 certificates and room to spare.
const BOOK_MAX_BYTES: u64 = 64 << 20;

/// Whose a certificate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// The authority's own.
    Authority,
    /// The broker's.
    Server,
    /// The tower's.
    Tower,
    /// A device's; its name is the serial number.
    Device,
}

/// One certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Serial number, hexadecimal.
    pub serial: String,
    /// Whose.
    pub role: Role,
    /// Common name.
    pub name: String,
    /// First second, since 1970.
    pub not_before_s: u64,
    /// Last second, since 1970.
    pub not_after_s: u64,
    /// When it was revoked, seconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_s: Option<u64>,
}

impl Entry {
    /// Whether it would still be let in.
    #[must_use]
    pub fn is_good(&self, now_s: u64) -> bool {
        self.revoked_s.is_none() && self.not_after_s > now_s
    }
}

/// The book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Book {
    /// The authority's name.
    pub name: String,
    /// Hosts that the broker's certificate names.
    pub hosts: BTreeSet<String>,
    /// Number of the last list of revoked certificates.
    pub list_number: u64,
    /// Everything issued, oldest first.
    pub issued: Vec<Entry>,
}

impl Book {
    /// An empty one.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), hosts: BTreeSet::new(), list_number: 0, issued: vec![] }
    }

    /// Reads one.
    ///
    /// # Errors
    /// When it cannot be read or is none.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let cannot = || format!("cannot read the book of certificates {}", path.display());
        let bytes = fs::metadata(path).with_context(cannot)?.len();
        anyhow::ensure!(bytes <= BOOK_MAX_BYTES, "{} is too large", path.display());
        serde_json::from_slice(&fs::read(path).with_context(cannot)?).with_context(cannot)
    }

    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, path: &Path) -> anyhow::Result<()> {
        let text = serde_json::to_vec_pretty(self)?;
        data_dir::write_private(path, &text)
            .with_context(|| format!("cannot write {}", path.display()))
    }

    /// Enters a certificate.
    pub fn add(&mut self, role: Role, name: &str, issued: &Issued) -> Entry {
        let entry = Entry {
            serial: issued.serial.to_string(),
            role,
            name: name.to_owned(),
            not_before_s: issued.validity.not_before_s,
            not_after_s: issued.validity.not_after_s,
            revoked_s: None,
        };
        self.issued.push(entry.clone());
        entry
    }

    /// The authority's own certificate.
    #[must_use]
    pub fn authority(&self) -> Option<&Entry> {
        self.issued.iter().find(|entry| entry.role == Role::Authority)
    }

    /// The newest of broker or tower.
    #[must_use]
    pub fn current(&self, role: Role) -> Option<&Entry> {
        self.issued.iter().rev().find(|entry| entry.role == role)
    }

    /// What a certificate's end would shut out: for each name the one of its good certificates that
    /// ends last, if that is within `ahead_s`. What was revoked or has ended long ago is nobody's
    /// loss any more.
    #[must_use]
    pub fn ending(&self, now_s: u64, ahead_s: u64) -> Vec<&Entry> {
        let mut last: std::collections::BTreeMap<(Role, &str), &Entry> =
            std::collections::BTreeMap::new();
        for entry in self.issued.iter().filter(|entry| entry.revoked_s.is_none()) {
            let key = match entry.role {
                // Renewed under other names, too: one of each is what counts.
                Role::Authority | Role::Server | Role::Tower => (entry.role, ""),
                Role::Device => (entry.role, entry.name.as_str()),
            };
            let kept = last.entry(key).or_insert(entry);
            if entry.not_after_s > kept.not_after_s {
                *kept = entry;
            }
        }
        let near = |entry: &&Entry| {
            entry.not_after_s <= now_s + ahead_s && entry.not_after_s + ahead_s > now_s
        };
        last.into_values().filter(near).collect()
    }

    /// Marks the good certificates of a device, or one by its serial number. Gives those it marked.
    pub fn revoke(&mut self, what: &str, now_s: u64) -> Vec<Entry> {
        let mut revoked = vec![];
        for entry in &mut self.issued {
            let is_meant = entry.name == what || entry.serial.eq_ignore_ascii_case(what);
            if is_meant && entry.role == Role::Device && entry.is_good(now_s) {
                entry.revoked_s = Some(now_s);
                revoked.push(entry.clone());
            }
        }
        revoked
    }

    /// Everything that is revoked, with its time.
    #[must_use]
    pub fn revoked(&self) -> Vec<(Serial, u64)> {
        let of = |entry: &Entry| Some((Serial::parse(&entry.serial)?, entry.revoked_s?));
        self.issued.iter().filter_map(of).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(role: Role, name: &str, not_after_s: u64) -> Entry {
        let serial = format!("{not_after_s:08X}");
        Entry { serial, role, name: name.into(), not_before_s: 0, not_after_s, revoked_s: None }
    }

    #[test]
    fn only_the_last_certificate_of_each_is_missed() {
        let mut book = Book::new("Site");
        book.issued = vec![
            entry(Role::Authority, "Site", 9_000),
            entry(Role::Server, "old.site", 1_050),
            entry(Role::Server, "new.site", 5_000),
            entry(Role::Device, "D1", 1_050),
            entry(Role::Device, "D2", 1_050),
            entry(Role::Device, "D2", 2_000),
            entry(Role::Device, "D3", 950),
            entry(Role::Device, "D4", 100),
        ];
        let names = |book: &Book| -> Vec<String> {
            book.ending(1_000, 100).iter().map(|entry| entry.name.clone()).collect()
        };
        // D3 has just ended, D4 long ago; D2 and the broker have a later one.
        assert_eq!(names(&book), ["D1", "D3"]);
        assert_eq!(book.revoke("D1", 1_000).len(), 1);
        assert_eq!(names(&book), ["D3"]);
        assert_eq!(book.revoke(&format!("{:08x}", 2_000), 1_000).len(), 1, "by serial number");
        assert_eq!(names(&book), ["D2", "D3"]);
        assert_eq!(book.revoked().len(), 2);
    }
}
