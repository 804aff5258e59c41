//! Five hundred live views at once, most of which do not read what must not be lost: memory stays
//! bounded, and those that read miss nothing.

use std::time::Duration;

use fleet_types::{
    AlarmStatus, Reason,
    alarm::{AlarmState, Priority},
};
use futures_util::{StreamExt, future::join_all};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio_tungstenite::tungstenite::Message;
use uuid::Uuid;

use super::{
    positions::{open, open_narrow},
    streams::{Socket, next},
    support::{Tower, alarm},
};

const READERS: usize = 60;
/// They take one frame where sixteen come.
const SLOW: usize = 40;
const SILENT: usize = 400;
/// Alarms of 32 KiB each: half a megabyte.
const BURST: u128 = 16;
/// Twice what may wait for a client.
const ALARMS: u128 = 512;
/// Each of those that do not read may keep 8 MiB waiting. Together they may, because they wait for
/// the same texts; a copy each would be 3.5 GiB.
const RSS_GROWTH_KB: u64 = 256 << 10;

fn rss_kb() -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = text.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Reads up to the alarm of this number, each in its turn.
async fn read_alarms(socket: &mut Socket, from: u128, to: u128) {
    let mut wanted = from;
    while wanted < to {
        let Message::Text(text) = socket.next().await.unwrap().unwrap() else { continue };
        if text.starts_with("{\"type\":\"alarm\"") {
            assert!(
                text.contains(&Uuid::from_u128(wanted).to_string()),
                "alarm {wanted} is missing"
            );
            wanted += 1;
        }
    }
}

async fn metric(tower: &Tower, name: &str) -> usize {
    let text = tower.get("/metrics").await;
    let text = String::from_utf8(text.body.to_vec()).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("{name} "))).unwrap();
    line.parse().unwrap()
}

#[tokio::test]
async fn five_hundred_clients_of_whom_most_do_not_read_hold_little_and_harm_nobody() {
    // Both ends of every connection are files of this process.
    let most = getrlimit(Resource::Nofile).maximum;
    setrlimit(Resource::Nofile, Rlimit { current: most, maximum: most }).unwrap();
    // Small enough that little waits in the kernel, large enough that those that read are not held up.
    // However busy this machine is, nobody is hung up on for taking nothing: they overflow first.
    let patience = Duration::from_mins(10);
    let tower =
        Tower::with_send_buffer(64 << 10, |config| config.limits.write_timeout = patience).await;
    let mut sockets = Vec::new();
    for number in 0..READERS + SLOW + SILENT {
        let does_read = number >= SLOW + SILENT;
        let mut socket = if does_read { open(&tower).await } else { open_narrow(&tower).await };
        next(&mut socket, "snapshot").await;
        sockets.push(socket);
    }
    assert_eq!(metric(&tower, "gwanje_stream_clients").await, READERS + SLOW + SILENT);
    let mut readers = sockets.split_off(SLOW + SILENT);
    let mut slow = sockets.split_off(SILENT);
    let before_kb = rss_kb();
    let mut most_kb = 0;
    let writer = tower.bus.writer::<AlarmStatus>();
    let mut told = 0;
    while metric(&tower, "gwanje_stream_clients").await > READERS {
        if told >= ALARMS {
            // All is told; those that were cut are on their way out.
            continue;
        }
        for id in told..told + BURST {
            let alarm = AlarmStatus {
                reason: Reason::new("link_down", "x".repeat(32 << 10)),
                ..alarm(id, AlarmState::Cleared, Priority::Low)
            };
            writer.write(alarm).await;
        }
        join_all(readers.iter_mut().map(|socket| read_alarms(socket, told, told + BURST))).await;
        told += BURST;
        most_kb = most_kb.max(rss_kb());
        for socket in &mut slow {
            // A slow one that was cut has nothing to take any more.
            let _ = socket.next().await;
        }
    }
    assert!(metric(&tower, "gwanje_stream_too_slow_total").await > 0);
    let grown_kb = most_kb.saturating_sub(before_kb);
    assert!(grown_kb < RSS_GROWTH_KB, "{grown_kb} KB more with {told} alarms");
    drop(sockets);
}
