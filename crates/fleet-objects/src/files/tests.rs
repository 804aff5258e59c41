//! The store on a disk of its own: what it keeps, bounds and refuses.

use super::*;

const MB: u64 = 1 << 20;

/// A directory of its own, gone at the end.
struct Dir(PathBuf);

impl Dir {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("gw-objects-{}-{name}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn open(&self, quota_bytes: u64) -> Files {
        Files::open(&self.0, Limits { quota_bytes, free_bytes: 0 }).unwrap()
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn put(files: &Files, key: &str, bytes: &[u8]) -> Result<String, StoreError> {
    let mut incoming = files.begin(key, bytes.len() as u64)?;
    incoming.write(bytes)?;
    incoming.keep(key)
}

fn read(files: &Files, key: &str) -> Vec<u8> {
    let (file, found) = files.open_object(key).unwrap();
    Chunks::new(file, 0, found.size).unwrap().map(Result::unwrap).collect::<Vec<_>>().concat()
}

fn keys(files: &Files, prefix: &str, after: Option<&str>, by_folder: bool, max: usize) -> Listing {
    files.list(prefix, after, by_folder, max).unwrap()
}

#[test]
fn an_object_lasts_and_is_counted() {
    let dir = Dir::new("lasts");
    let files = dir.open(MB);
    let etag = put(&files, "A1/f/one.jpg", b"hello world").unwrap();
    assert_eq!(etag, "5eb63bbbe01eeed093cb22bb8f5acdc3");
    put(&files, "A1/f/one.jpg", b"hello").unwrap();
    assert_eq!((files.used("A1"), files.used("A2")), (5, 0));
    let again = dir.open(MB);
    assert_eq!((again.used("A1"), read(&again, "A1/f/one.jpg")), (5, b"hello".to_vec()));
    assert_eq!(
        again.open_object("A1/f/one.jpg").unwrap().1.etag,
        "5d41402abc4b2a76b9719d911017c592"
    );
    again.delete("A1/f/one.jpg").unwrap();
    again.delete("A1/f/one.jpg").unwrap();
    assert!(matches!(again.open_object("A1/f/one.jpg"), Err(StoreError::NoSuchKey)));
    assert_eq!(again.used("A1"), 0);
    assert!(!dir.0.join("objects/A1").exists());
}

#[test]
fn what_is_broken_off_leaves_nothing_and_the_old_object_stays() {
    let dir = Dir::new("broken");
    let files = dir.open(MB);
    put(&files, "A1/one", b"old").unwrap();
    let mut incoming = files.begin("A1/one", 100).unwrap();
    incoming.write(b"half").unwrap();
    assert_eq!(files.used("A1"), 7);
    drop(incoming);
    assert_eq!((files.used("A1"), read(&files, "A1/one")), (3, b"old".to_vec()));
    assert_eq!(fs::read_dir(dir.0.join("incoming")).unwrap().count(), 0);
    // What a crash left is thrown away by the next start.
    fs::write(dir.0.join("incoming/7"), b"half").unwrap();
    assert_eq!(dir.open(MB).used("A1"), 3);
    assert_eq!(fs::read_dir(dir.0.join("incoming")).unwrap().count(), 0);
}

#[test]
fn a_quota_is_kept_by_announcement_and_by_count() {
    let dir = Dir::new("quota");
    let files = dir.open(10);
    put(&files, "A1/one", b"12345678").unwrap();
    assert!(matches!(files.begin("A1/two", 3), Err(StoreError::Quota { quota: 10 })));
    // One that lies about its size.
    let mut liar = files.begin("A1/two", 1).unwrap();
    assert!(matches!(liar.write(b"123"), Err(StoreError::Quota { .. })));
    drop(liar);
    put(&files, "A2/one", b"1234567890").unwrap();
    assert_eq!((files.used("A1"), files.used("A2")), (8, 10));
    assert_eq!(read(&files, "A1/one"), b"12345678");
}

#[test]
fn the_floor_of_the_disk_is_kept() {
    let dir = Dir::new("floor");
    let limits = Limits { quota_bytes: u64::MAX, free_bytes: u64::MAX / 2 };
    let files = Files::open(&dir.0, limits).unwrap();
    assert!(matches!(files.begin("A1/one", 1), Err(StoreError::DiskFull)));
    assert!(matches!(files.begin_upload("A1/one"), Err(StoreError::DiskFull)));
}

#[test]
fn an_object_in_the_way_is_said_to_be() {
    let dir = Dir::new("way");
    let files = dir.open(MB);
    put(&files, "A1/one", b"x").unwrap();
    assert!(matches!(put(&files, "A1/one/two", b"x"), Err(StoreError::InTheWay)));
    put(&files, "A1/f/two", b"x").unwrap();
    assert!(matches!(put(&files, "A1/f", b"x"), Err(StoreError::InTheWay)));
    assert!(matches!(put(&files, "A1/../x", b"x"), Err(StoreError::BadKey)));
    assert_eq!(files.used("A1"), 2);
}

#[test]
fn a_listing_goes_page_by_page_in_the_order_of_keys() {
    let dir = Dir::new("list");
    let files = dir.open(MB);
    // "a-b" comes before "a/…", though the folder's name alone is shorter.
    let all = ["A1/a-b", "A1/a/1", "A1/a/2", "A1/a/deep/x", "A1/b", "A12/z"];
    for key in all {
        put(&files, key, b"x").unwrap();
    }
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = keys(&files, "A1/", after.as_deref(), false, 2);
        seen.extend(page.objects.into_iter().map(|found| found.key));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(seen, all[..5]);
    let mut entries = Vec::new();
    let mut after = None;
    loop {
        let page = keys(&files, "A1/", after.as_deref(), true, 1);
        entries.extend(page.objects.into_iter().map(|found| found.key));
        entries.extend(page.folders);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(entries, ["A1/a-b", "A1/a/", "A1/b"]);
    let only = keys(&files, "A1/a/d", None, false, 10);
    assert_eq!(only.objects.len(), 1);
    assert_eq!(keys(&files, "A1/../", None, false, 10), Listing::default());
    assert_eq!(keys(&files, "B1/", None, false, 10), Listing::default());
}

fn part(files: &Files, id: &str, key: &str, number: i32, bytes: &[u8]) -> String {
    let mut incoming = files.begin(key, bytes.len() as u64).unwrap();
    incoming.write(bytes).unwrap();
    files.keep_part(id, key, number, incoming).unwrap()
}

#[tokio::test(flavor = "current_thread")]
async fn parts_become_one_object_once() {
    let dir = Dir::new("parts");
    let files = dir.open(MB);
    let key = "A1/f/long.mp4";
    let id = files.begin_upload(key).unwrap();
    let first = part(&files, &id, key, 1, b"wrong");
    let again = part(&files, &id, key, 1, b"hello ");
    let last = part(&files, &id, key, 7, b"world");
    part(&files, &id, key, 9, b"not wanted");
    assert_eq!(files.used("A1"), 21);
    // A restart knows it still.
    let files = dir.open(MB);
    assert_eq!((files.used("A1"), files.parts(&id, key).unwrap().len()), (21, 3));
    for wrong in [vec![(1, first)], vec![(7, last.clone()), (1, again.clone())], vec![]] {
        let error = files.complete(&id, key, &wrong).await.unwrap_err();
        assert!(matches!(error, StoreError::InvalidPart(_)), "{error}");
    }
    let named = [(1, again), (7, last)];
    assert!(matches!(files.complete(&id, "A1/other", &named).await, Err(StoreError::NoSuchUpload)));
    let etag = files.complete(&id, key, &named).await.unwrap();
    assert!(etag.ends_with("-2"), "{etag}");
    assert_eq!((read(&files, key), files.used("A1")), (b"hello world".to_vec(), 11));
    // The answer was lost: the same question again gets the same one.
    assert_eq!(files.complete(&id, key, &named).await.unwrap(), etag);
    assert_eq!(fs::read_dir(dir.0.join(UPLOADS)).unwrap().count(), 0);
    let other = [named[0].clone()];
    assert!(matches!(files.complete(&id, key, &other).await, Err(StoreError::NoSuchUpload)));
}

#[test]
fn uploads_that_are_given_up_or_forgotten_give_their_room_back() {
    let dir = Dir::new("forgotten");
    let files = dir.open(MB);
    let (one, two) = (files.begin_upload("A1/one").unwrap(), files.begin_upload("A1/two").unwrap());
    part(&files, &one, "A1/one", 1, b"12345");
    part(&files, &two, "A1/two", 1, b"12345");
    assert_eq!(files.used("A1"), 10);
    assert!(matches!(files.abort(&one, "A1/two"), Err(StoreError::NoSuchUpload)));
    files.abort(&one, "A1/one").unwrap();
    assert_eq!(files.used("A1"), 5);
    assert_eq!(files.forget_uploads(SystemTime::UNIX_EPOCH).unwrap(), 0);
    let later = SystemTime::now() + std::time::Duration::from_secs(5);
    assert_eq!(files.forget_uploads(later).unwrap(), 1);
    assert_eq!(files.used("A1"), 0);
    assert_eq!(fs::read_dir(dir.0.join(UPLOADS)).unwrap().count(), 0);
    let open: Vec<_> = (0..64).map(|n| files.begin_upload(&format!("A1/{n}")).unwrap()).collect();
    assert_eq!(open.len(), 64);
    assert!(matches!(files.begin_upload("A1/more"), Err(StoreError::TooManyUploads)));
    files.begin_upload("A2/one").unwrap();
}
