//! What can be wrong with a package, always with the place where it is wrong. Read next: `kmz`.

use std::fmt;

/// Where in a package something was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// ZIP entry.
    pub entry: String,
    /// Line in that entry, from 1.
    pub line: usize,
    /// Element path, such as `Folder 0 / Placemark 3 / executeHeight`.
    pub element: String,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} line {}: {}", self.entry, self.line, self.element)
    }
}

/// Why a mission package was refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WpmlError {
    /// The bytes are no ZIP archive at all.
    #[error("the package is not a ZIP archive (a KMZ is one)")]
    NotZip(#[source] zip::result::ZipError),
    /// The package as a whole is larger than allowed.
    #[error("the package has {bytes} bytes; at most {limit} are accepted")]
    PackageTooLarge {
        /// Size of the package.
        bytes: usize,
        /// Limit in bytes.
        limit: usize,
    },
    /// More ZIP entries than allowed.
    #[error("the package has {entries} entries; at most {limit} are accepted")]
    TooManyEntries {
        /// Entries found.
        entries: usize,
        /// Limit.
        limit: usize,
    },
    /// The same name stands twice in the archive, so that readers may disagree on what it holds.
    #[error("the package holds the same entry name twice")]
    DuplicateEntry,
    /// An entry name that leaves the package.
    #[error("entry {name:?} points outside the package")]
    PathTraversal {
        /// Name as written in the archive.
        name: String,
    },
    /// An entry that is needed and absent.
    #[error("entry {name} is missing")]
    EntryMissing {
        /// Name of the entry.
        name: &'static str,
    },
    /// An entry that cannot be unpacked.
    #[error("entry {name} cannot be unpacked")]
    EntryBroken {
        /// Name of the entry.
        name: String,
        /// What the archive reader said.
        #[source]
        source: zip::result::ZipError,
    },
    /// An entry whose data ends early or fails its checksum.
    #[error("entry {name} is damaged")]
    EntryDamaged {
        /// Name of the entry.
        name: String,
        /// What reading it said.
        #[source]
        source: std::io::Error,
    },
    /// An entry that would unpack to more than allowed.
    #[error("entry {name} unpacks to more than {limit} bytes")]
    EntryTooLarge {
        /// Name of the entry.
        name: String,
        /// Limit in bytes.
        limit: u64,
    },
    /// All entries together would unpack to more than allowed.
    #[error("the package unpacks to {bytes} bytes; at most {limit} are accepted")]
    TotalTooLarge {
        /// Declared sum.
        bytes: u64,
        /// Limit in bytes.
        limit: u64,
    },
    /// An entry compressed so hard that it looks like a bomb.
    #[error("entry {name} is compressed {ratio} to 1; at most {limit} to 1 is accepted")]
    RatioTooHigh {
        /// Name of the entry.
        name: String,
        /// Ratio found.
        ratio: u64,
        /// Limit.
        limit: u64,
    },
    /// Text that is not UTF-8.
    #[error("entry {entry} is not UTF-8 text")]
    NotUtf8 {
        /// ZIP entry.
        entry: String,
    },
    /// XML that is not well-formed.
    #[error("{place}: not well-formed XML: {reason}")]
    BadXml {
        /// Where.
        place: Place,
        /// What the XML reader said.
        reason: String,
    },
    /// A document type definition; none is needed, and it can be used to attack readers.
    #[error("{place}: a document type definition (DTD) is not accepted")]
    Dtd {
        /// Where.
        place: Place,
    },
    /// A required element is absent.
    #[error("{place}: required element {element} is missing")]
    ElementMissing {
        /// Where it should be.
        place: Place,
        /// Its local name.
        element: &'static str,
    },
    /// An element's text is not what the element needs.
    #[error("{place}: {value:?} is not {expected}")]
    BadValue {
        /// Where.
        place: Place,
        /// The text found, shortened.
        value: String,
        /// What is needed, in words.
        expected: &'static str,
    },
    /// Waypoint indexes must count 0, 1, 2, ….
    #[error("{place}: waypoint index {found} where {expected} must follow")]
    IndexGap {
        /// Where.
        place: Place,
        /// Index found.
        found: u32,
        /// Index needed.
        expected: u32,
    },
    /// Two waylines of one mission share an id.
    #[error("{place}: wayline id {id} is used twice")]
    DuplicateWayline {
        /// Where.
        place: Place,
        /// The id.
        id: u16,
    },
    /// More waypoints than a mission may have.
    #[error("{place}: more than {limit} waypoints")]
    TooManyWaypoints {
        /// Where the limit was passed.
        place: Place,
        /// Limit for the whole mission.
        limit: usize,
    },
    /// Elements nested or repeated beyond reason.
    #[error("{place}: elements are nested or repeated beyond reason")]
    TooComplex {
        /// Where.
        place: Place,
    },
    /// The package could not be written.
    #[error("the package cannot be written")]
    Write(#[source] zip::result::ZipError),
    /// The package could not be written.
    #[error("the package's text cannot be written")]
    WriteText(#[source] std::io::Error),
    /// A mission to be written holds something no file may hold.
    #[error("the mission cannot be written: {reason}")]
    Unwritable {
        /// What is wrong, in words.
        reason: String,
    },
}
