//! The site's certificate authority on disk: its key, the book of what it issued, and the list of
//! what it revoked.
//!
//! How certificates are made is `fleet_links::pki`'s knowledge; here is what has to be kept. One
//! process at a time writes the book (a lock), and every file with a key is its owner's alone from
//! its first byte on. It refuses to forget: what was issued stays in the book, or it could not be
//! revoked. Read next: [`book`] for the book, `cli/ca.rs` for the command line.

pub mod book;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, bail, ensure};
use fleet_links::{
    mosquitto::{CA_FILE, CRL_FILE, SERVER_CERT, SERVER_KEY},
    pki::{Authority, DAY_S, Issued, Validity},
};
use fleet_types::DeviceSn;

use crate::{
    config::{Config, Mqtt},
    data_dir,
};
use book::{Book, Entry, Role};

/// Certificates are renewed, and alarmed, so long before their end.
pub const AHEAD_S: u64 = 30 * DAY_S;
/// Days of the certificates of broker and tower, which are renewed by themselves.
const OWN_DAYS: u32 = 397;
const KEY_FILE: &str = "ca.key";
const BOOK_FILE: &str = "issued.json";
const TOWER_CERT: &str = "tower.crt";
const TOWER_KEY: &str = "tower.key";

/// Where the authority is, and what is where in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CaDir(PathBuf);

impl CaDir {
    /// The one of this configuration.
    #[must_use]
    pub fn of(config: &Config) -> Self {
        Self(config.data_dir.join("ca"))
    }

    /// Whether an authority was made here.
    #[must_use]
    pub fn exists(&self) -> bool {
        self.book_file().exists()
    }

    /// The authority's certificate.
    #[must_use]
    pub fn certificate(&self) -> PathBuf {
        self.0.join(CA_FILE)
    }

    /// The list of revoked certificates.
    #[must_use]
    pub fn revocations(&self) -> PathBuf {
        self.0.join(CRL_FILE)
    }

    /// The broker's certificate and key.
    #[must_use]
    pub fn server(&self) -> (PathBuf, PathBuf) {
        (self.0.join(SERVER_CERT), self.0.join(SERVER_KEY))
    }

    /// The tower's certificate and key.
    #[must_use]
    pub fn tower(&self) -> (PathBuf, PathBuf) {
        (self.0.join(TOWER_CERT), self.0.join(TOWER_KEY))
    }

    /// The book of what was issued.
    #[must_use]
    pub fn book_file(&self) -> PathBuf {
        self.0.join(BOOK_FILE)
    }

    /// Reads the book without taking it.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn read_book(&self) -> anyhow::Result<Book> {
        Book::read(&self.book_file())
    }
}

/// The authority, taken for writing.
pub struct Ca {
    dir: CaDir,
    book: Book,
    authority: Authority,
    _lock: data_dir::Lock,
}

/// Seconds since 1970.
///
/// # Errors
/// When the clock stands before 1970.
pub fn now_s() -> anyhow::Result<u64> {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    Ok(since.context("the clock of this machine stands before 1970")?.as_secs())
}

impl Ca {
    /// Makes the authority, and certificates for broker and tower.
    ///
    /// # Errors
    /// When there is one already, or its files cannot be written.
    pub fn init(config: &Config, name: &str, days: u32, hosts: &[String]) -> anyhow::Result<Self> {
        let dir = CaDir::of(config);
        ensure!(
            !dir.exists(),
            "{} has an authority already: every certificate it issued would become worthless; to \
             begin anew, move that directory away first",
            dir.0.display()
        );
        data_dir::ensure(&config.data_dir)?;
        data_dir::private_dir(&dir.0)?;
        let lock = data_dir::lock_file(&dir.0.join("lock"))?;
        let (authority, own) = Authority::create(name, Validity::days(now_s()?, days))?;
        let mut book = Book::new(name);
        book.add(Role::Authority, name, &own);
        data_dir::write_private(&dir.0.join(KEY_FILE), own.key.expose().as_bytes())?;
        data_dir::write_private(&dir.certificate(), own.certificate.as_bytes())?;
        let mut ca = Self { dir, book, authority, _lock: lock };
        ca.keep()?;
        ca.renew(config, hosts)?;
        Ok(ca)
    }

    /// Takes the authority that [`Self::init`] made.
    ///
    /// # Errors
    /// When there is none, or its files cannot be read.
    pub fn open(config: &Config) -> anyhow::Result<Self> {
        let dir = CaDir::of(config);
        if !dir.exists() {
            bail!("{} has no certificate authority yet: run `gwanje ca init`", dir.0.display());
        }
        let lock = data_dir::lock_file(&dir.0.join("lock"))?;
        let book = dir.read_book()?;
        let key_file = dir.0.join(KEY_FILE);
        let key = data_dir::read_secret(&key_file)
            .with_context(|| format!("cannot read {}", key_file.display()))?;
        let own = book.authority().context("the book of certificates lacks the authority")?;
        let authority = Authority::open(&book.name, &key, own.not_after_s)?;
        Ok(Self { dir, book, authority, _lock: lock })
    }

    /// What was issued.
    #[must_use]
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// Makes the certificates of broker and tower anew when they are missing, about to end, or not
    /// for these hosts (besides those of the configuration). Says which.
    ///
    /// # Errors
    /// When they cannot be made or written.
    pub fn renew(&mut self, config: &Config, more: &[String]) -> anyhow::Result<Vec<Role>> {
        let now_s = now_s()?;
        let mut hosts = hosts(config);
        hosts.extend(self.book.hosts.iter().cloned());
        hosts.extend(more.iter().cloned());
        let mut renewed = vec![];
        let is_good = |book: &Book, role, files: &(PathBuf, PathBuf)| {
            let current = book.current(role);
            current.is_some_and(|entry| entry.not_after_s > now_s + AHEAD_S)
                && files.0.exists()
                && files.1.exists()
        };
        let server = self.dir.server();
        if !is_good(&self.book, Role::Server, &server) || hosts != self.book.hosts {
            let list: Vec<_> = hosts.iter().cloned().collect();
            let issued = self.authority.server(&list, Validity::days(now_s, OWN_DAYS))?;
            self.book.hosts = hosts;
            self.hand_out(Role::Server, &list[0], &issued, &server)?;
            renewed.push(Role::Server);
        }
        let tower = self.dir.tower();
        if !is_good(&self.book, Role::Tower, &tower) {
            let name = Mqtt::TOWER_USER;
            let issued = self.authority.client(name, Validity::days(now_s, OWN_DAYS))?;
            self.hand_out(Role::Tower, name, &issued, &tower)?;
            renewed.push(Role::Tower);
        }
        Ok(renewed)
    }

    /// A certificate for a device, written into `out` with its key and the authority's certificate.
    /// Earlier ones of that device stay good until their end.
    ///
    /// # Errors
    /// When the name is not a device's, or files cannot be written.
    pub fn issue(&mut self, sn: &DeviceSn, days: u32, out: &Path) -> anyhow::Result<Entry> {
        ensure!(
            sn.as_str() != Mqtt::TOWER_USER,
            "{sn} is the tower's own name; whoever has that certificate may command every dock"
        );
        let issued = self.authority.device(sn, Validity::days(now_s()?, days))?;
        data_dir::private_dir(out)?;
        let files = (out.join(format!("{sn}.crt")), out.join(format!("{sn}.key")));
        let entry = self.hand_out(Role::Device, sn.as_str(), &issued, &files)?;
        let authority = fs::read(self.dir.certificate())?;
        data_dir::write_private(&out.join(CA_FILE), &authority)?;
        Ok(entry)
    }

    /// Revokes every good certificate of this name, or the one with this serial number. Says which.
    ///
    /// # Errors
    /// When there is none, or the list cannot be written.
    pub fn revoke(&mut self, what: &str) -> anyhow::Result<Vec<Entry>> {
        let revoked = self.book.revoke(what, now_s()?);
        ensure!(
            !revoked.is_empty(),
            "no device's certificate that is still good has the name or serial number {what:?}; see `gwanje ca list`"
        );
        self.keep()?;
        Ok(revoked)
    }

    fn hand_out(
        &mut self,
        role: Role,
        name: &str,
        issued: &Issued,
        files: &(PathBuf, PathBuf),
    ) -> anyhow::Result<Entry> {
        // First the book: a certificate that is in nobody's book could not be revoked.
        let entry = self.book.add(role, name, issued);
        self.keep()?;
        let write = |path: &Path, bytes: &[u8]| {
            data_dir::write_private(path, bytes)
                .with_context(|| format!("cannot write {}", path.display()))
        };
        write(&files.1, issued.key.expose().as_bytes())?;
        write(&files.0, issued.certificate.as_bytes())?;
        Ok(entry)
    }

    /// Writes the book and the list of revoked certificates.
    fn keep(&mut self) -> anyhow::Result<()> {
        self.book.list_number += 1;
        self.book.write(&self.dir.book_file())?;
        let list =
            self.authority.revocations(self.book.list_number, now_s()?, &self.book.revoked())?;
        let path = self.dir.revocations();
        data_dir::write_private(&path, list.as_bytes())
            .with_context(|| format!("cannot write {}", path.display()))
    }
}

/// Names and addresses that docks and tower may use for the broker.
fn hosts(config: &Config) -> BTreeSet<String> {
    let mut hosts: BTreeSet<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
    hosts.extend(config.mqtt.public_host.clone());
    let listens =
        [Some(config.mqtt.listen), config.mqtt.tls.listen, config.mqtt.tls.certificate_listen];
    let named = listens.into_iter().flatten().filter(|address| !address.ip().is_unspecified());
    hosts.extend(named.map(|address| address.ip().to_string()));
    hosts
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn config(dir: &Path) -> Config {
        Config { data_dir: dir.to_owned(), ..Config::defaults(false, None, None) }
    }

    #[test]
    fn the_authority_is_made_once_and_its_keys_are_private() {
        let dir = data_dir::TempDir::new().unwrap();
        let config = config(dir.path());
        assert!(Ca::open(&config).is_err_and(|error| error.to_string().contains("ca init")));
        let ca = Ca::init(&config, "Site", 3650, &["broker.site".into()]).unwrap();
        assert!(ca.book().hosts.contains("broker.site"));
        drop(ca);
        let again = Ca::init(&config, "Site", 3650, &[]).err().unwrap().to_string();
        assert!(again.contains("already"), "{again}");
        let mut keys = 0;
        for file in fs::read_dir(dir.path().join("ca")).unwrap() {
            let file = file.unwrap();
            let mode = file.metadata().unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{}", file.path().display());
            keys += u32::from(file.path().extension().is_some_and(|end| end == "key"));
        }
        assert_eq!(keys, 3);
        let mut ca = Ca::open(&config).unwrap();
        assert_eq!(ca.renew(&config, &[]).unwrap(), [], "nothing is due");
        let added = ca.renew(&config, &["192.0.2.7".into()]).unwrap();
        assert_eq!(added, [Role::Server], "another host needs another certificate");
        fs::remove_file(CaDir::of(&config).tower().1).unwrap();
        assert_eq!(ca.renew(&config, &[]).unwrap(), [Role::Tower], "its key was lost");
    }

    #[test]
    fn a_device_gets_its_certificate_and_loses_it() {
        let dir = data_dir::TempDir::new().unwrap();
        let config = config(dir.path());
        let mut ca = Ca::init(&config, "Site", 3650, &[]).unwrap();
        let (sn, out) = (DeviceSn::new("D1").unwrap(), dir.path().join("out"));
        let entry = ca.issue(&sn, 825, &out).unwrap();
        for name in ["D1.crt", "D1.key", "ca.crt"] {
            assert!(out.join(name).exists(), "{name}");
        }
        let tower = DeviceSn::new(Mqtt::TOWER_USER).unwrap();
        assert!(ca.issue(&tower, 825, &out).is_err());
        assert!(ca.revoke("D2").is_err());
        assert!(ca.revoke(Mqtt::TOWER_USER).is_err(), "the tower's is not a device's");
        let before = fs::read(CaDir::of(&config).revocations()).unwrap();
        assert_eq!(ca.revoke("D1").unwrap()[0].serial, entry.serial);
        assert!(ca.revoke("D1").is_err(), "once is enough");
        assert_ne!(fs::read(CaDir::of(&config).revocations()).unwrap(), before);
        drop(ca);
        let kept = CaDir::of(&config).read_book().unwrap();
        assert_eq!(kept.revoked().len(), 1);
    }
}
