//! Object keys as file names: what is refused here never reaches the file system.

use std::path::{Path, PathBuf};

/// Bytes of a key, as S3 has it.
const KEY_MAX: usize = 1024;
/// Bytes between two slashes: what every file system takes.
const PART_MAX: usize = 255;

/// Where an object of this key lies below `root`; nothing for a key that is not kept: empty ones,
/// ones with `.`, `..` or nothing between slashes, with control characters or backslashes, too long.
pub(crate) fn path_of(root: &Path, key: &str) -> Option<PathBuf> {
    let is_kept = |part: &str| {
        !part.is_empty()
            && part.len() <= PART_MAX
            && part != "."
            && part != ".."
            && !part.chars().any(|c| c.is_control() || c == '\\')
    };
    let is_whole = key.len() <= KEY_MAX && key.contains('/') && key.split('/').all(is_kept);
    is_whole.then(|| root.join(key))
}

/// What counts together for the quota: a dock's serial number, which a key begins with.
pub(crate) fn owner_of(key: &str) -> &str {
    key.split('/').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_its_folder() {
        let root = Path::new("/data");
        for key in [
            "",
            "/",
            "a",
            "/etc/passwd",
            "a/../b",
            "a/..",
            "../a/b",
            "a/./b",
            "a//b",
            "a/b/",
            "a/b\\..\\c",
            "a/b\0c",
            "a/b\nc",
        ] {
            assert_eq!(path_of(root, key), None, "{key:?}");
        }
        assert_eq!(path_of(root, &format!("a/{}", "x".repeat(256))), None);
        assert_eq!(path_of(root, &"a/".repeat(600)), None);
        assert_eq!(path_of(root, "A1/f/사진 1.jpg").unwrap(), Path::new("/data/A1/f/사진 1.jpg"));
        assert_eq!(path_of(root, "A1/..x/...").unwrap(), Path::new("/data/A1/..x/..."));
    }
}
