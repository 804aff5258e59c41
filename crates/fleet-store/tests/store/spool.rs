//! The log on disk and the child's protocol: nothing that was acknowledged is lost.

use std::{fs, path::PathBuf};

use bytes::Bytes;
use fleet_store::spool::{Kept, Log, LogError, SpoolClient, child};

struct Dir(PathBuf);

impl Dir {
    fn new() -> Self {
        let name = format!("gwanje-test-spool-{}", uuid::Uuid::new_v4().simple());
        Self(std::env::temp_dir().join(name))
    }

    fn segments(&self) -> Vec<PathBuf> {
        let mut paths: Vec<_> =
            fs::read_dir(&self.0).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn payload(number: u64) -> Bytes {
    Bytes::from(format!("batch {number} {}", "x".repeat(100)))
}

fn drain(log: &mut Log) -> Vec<u64> {
    let mut seen = Vec::new();
    while let Some((seq, bytes)) = log.read().unwrap() {
        assert_eq!(bytes, payload(seq));
        seen.push(seq);
        log.forget(seq).unwrap();
    }
    seen
}

#[test]
fn a_tail_torn_anywhere_loses_the_last_frame_only() {
    let dir = Dir::new();
    let (mut log, _) = Log::open(&dir.0, 1 << 20).unwrap();
    for number in 1..=3 {
        assert_eq!(log.append(payload(number)).unwrap(), number);
    }
    log.sync().unwrap();
    let path = dir.segments().remove(0);
    let whole = fs::read(&path).unwrap();
    let frame = whole.len() / 3;
    for length in 2 * frame..whole.len() {
        for old in dir.segments() {
            fs::remove_file(old).unwrap();
        }
        fs::write(&path, &whole[..length]).unwrap();
        let (mut log, found) = Log::open(&dir.0, 1 << 20).unwrap();
        assert_eq!((found.frames, found.torn_bytes), (2, (length - 2 * frame) as u64), "{length}");
        // What comes next takes the place of what was torn.
        assert_eq!(log.append(payload(3)).unwrap(), 3);
        log.sync().unwrap();
        drop(log);
        let (mut log, found) = Log::open(&dir.0, 1 << 20).unwrap();
        assert_eq!((found.frames, found.torn_bytes), (3, 0));
        assert_eq!(drain(&mut log), [1, 2, 3]);
    }
}

#[test]
fn a_spoilt_segment_does_not_spoil_the_others() {
    let dir = Dir::new();
    let (mut log, _) = Log::open(&dir.0, 1 << 30).unwrap();
    let large = Bytes::from(vec![7; 9 << 20]);
    for _ in 0..3 {
        log.append(large.clone()).unwrap();
    }
    log.sync().unwrap();
    drop(log);
    let paths = dir.segments();
    assert_eq!(paths.len(), 3);
    let mut bytes = fs::read(&paths[1]).unwrap();
    bytes[1000] ^= 1;
    fs::write(&paths[1], bytes).unwrap();
    let (mut log, found) = Log::open(&dir.0, 1 << 30).unwrap();
    assert_eq!(found.frames, 2);
    let mut seen = Vec::new();
    while let Some((seq, _)) = log.read().unwrap() {
        seen.push(seq);
        log.forget(seq).unwrap();
    }
    assert_eq!(seen, [1, 3]);
    assert!(dir.segments().is_empty(), "what was replayed is deleted");
    // Numbers go on.
    assert_eq!(log.append(payload(4)).unwrap(), 4);
}

#[test]
fn it_grows_to_its_bound_and_no_further() {
    let dir = Dir::new();
    let (mut log, _) = Log::open(&dir.0, 1000).unwrap();
    let mut taken = 0;
    let error = loop {
        match log.append(payload(taken + 1)) {
            Ok(seq) => taken = seq,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, LogError::Full { .. }), "{error}");
    assert!(log.bytes() <= 1000 && taken > 5, "{taken}");
    assert_eq!(drain(&mut log), (1..=taken).collect::<Vec<_>>());
    assert_eq!(log.append(payload(taken + 1)).unwrap(), taken + 1);
}

/// The child's code on the other end of two pipes; it blocks, so it runs as this test's own child
/// would: on its own. Here requests are prepared first and answered as one.
#[tokio::test]
async fn the_client_and_the_child_understand_each_other() {
    let dir = Dir::new();
    // Requests are recorded by a client that is answered from a script of the child's own answers.
    let session = |requests: &[u8]| {
        let mut answers = Vec::new();
        child::serve(&dir.0, 1 << 20, requests, &mut answers).unwrap();
        answers
    };
    let hello = session(&[]);
    let (far, near) = tokio::io::duplex(1 << 20);
    let (mut heard, mut tells) = tokio::io::split(far);
    let (answers, requests) = tokio::io::split(near);
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    tells.write_all(&hello).await.unwrap();
    let mut client = SpoolClient::new(requests, answers).await.unwrap();
    assert!(!client.has_more());
    // One request a turn: the child is run on it, its greeting is cut off, its answer passed on.
    let parent = async {
        assert_eq!(client.append(payload(1)).await.unwrap(), Kept::Yes);
        assert_eq!(client.append(payload(2)).await.unwrap(), Kept::Yes);
        assert_eq!(client.standing().0, 2);
        let (seq, bytes) = client.read().await.unwrap().unwrap();
        assert_eq!((seq, bytes), (1, payload(1)));
        client.forget(1).await.unwrap();
        drop(client);
    };
    let child = async {
        let mut buffer = vec![0; 1 << 16];
        loop {
            let count = heard.read(&mut buffer).await.unwrap();
            if count == 0 {
                return;
            }
            let answers = session(&buffer[..count]);
            // The greeting has the length of an answer without payload.
            tells.write_all(&answers[hello.len()..]).await.unwrap();
        }
    };
    tokio::join!(parent, child);
}
