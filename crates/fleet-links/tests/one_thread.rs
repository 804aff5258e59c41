//! One process is one OS thread: the link against a real Mosquitto, without the test harness,
//! whose own threads would hide ours.

#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    clippy::print_stdout,
    reason = "a test without the harness"
)]

#[path = "links/support.rs"]
#[allow(dead_code)]
mod support;

use support::{Broker, Link, command};

fn threads() -> String {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux");
    let line = status.lines().find(|line| line.starts_with("Threads:")).expect("Linux");
    line.split_whitespace().nth(1).unwrap_or_default().to_owned()
}

async fn fly() {
    let mut broker = Broker::start().await;
    let mut config = broker.config();
    // A name, so that resolving is part of it; nobody answers for the first.
    for host in ["no-such-host.invalid", "localhost"] {
        let port = broker.port;
        config.brokers.insert(0, format!("{host}:{port}").parse().expect("an address"));
    }
    config.brokers.swap(0, 1);
    let mut link = Link::start(config);
    link.all(true).await;
    assert_eq!(threads(), "1", "after connecting");
    let mut dock = broker.device("D1", &["thing/product/D1/services"]).await;
    for n in 0..2000 {
        link.handle.send_command(command(n, "thing/product/D1/services", 60_000)).expect("room");
        dock.receive().await;
        dock.publish("thing/product/D1/osd", vec![b'x'; 2000]).await;
        link.message().await;
    }
    assert_eq!(threads(), "1", "under load");
    broker.kill();
    link.all(false).await;
    assert_eq!(threads(), "1", "without a broker");
    broker.restart().await;
    link.all(true).await;
    link.handle.shutdown();
    link.rest().await;
    assert_eq!(threads(), "1", "at the end");
}

fn main() {
    // Whoever lists tests wants to see this one too.
    if std::env::args().any(|arg| arg == "--list") {
        println!("one_thread: test");
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(fly());
    println!("one_thread: ok, Threads: 1 throughout");
}
