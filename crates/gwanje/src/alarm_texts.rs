//! The operator's table of alarm texts, read once from the file that `dji.hms_file` names.
//!
//! It reads no more than the parser takes, and blocks: call it before the event loop has work.
//! Read next: [`dji_cloud::hms_text`].

use std::{fs::File, io::Read as _, path::Path};

use anyhow::Context;
use dji_cloud::hms_text::{BOOK_MAX_BYTES, HmsBook};

/// Reads the table.
///
/// # Errors
/// When the file cannot be read or is no table of alarm texts.
pub fn load(path: &Path) -> anyhow::Result<HmsBook> {
    let file = File::open(path).with_context(|| format!("{} cannot be read", path.display()))?;
    let mut bytes = Vec::new();
    file.take(BOOK_MAX_BYTES as u64 + 1)
        .read_to_end(&mut bytes)
        .with_context(|| format!("{} cannot be read", path.display()))?;
    HmsBook::parse(&bytes).with_context(|| format!("{} holds no alarm texts", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_and_anything_else_is_refused_with_its_path() {
        let dir = std::env::temp_dir().join(format!("gwanje-alarms-{}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let good = dir.join("good.json");
        std::fs::write(&good, r#"{"dock_tip_0x19111800": {"en": "Stop"}}"#).unwrap();
        assert_eq!(load(&good).unwrap().len(), 1);
        let bad = dir.join("bad.json");
        std::fs::write(&bad, "[]").unwrap();
        for path in [&bad, &dir.join("none.json"), &dir] {
            let error = format!("{:#}", load(path).unwrap_err());
            assert!(error.contains(&*path.to_string_lossy()), "{error}");
        }
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
