//! Behaviour of both kinds of topic, seen from outside.

use std::borrow::Cow;

use fleet_types::topic::{Reliability, Topic};

use super::{Bus, Full};

#[derive(Debug, PartialEq)]
struct Latest(&'static str, u32);
#[derive(Debug, PartialEq)]
struct Every(u32);

impl Topic for Latest {
    const NAME: &'static str = "Latest";
    const RELIABILITY: Reliability = Reliability::KeepLatest;
    const TRANSIENT_LOCAL: bool = true;
    fn key(&self) -> Cow<'_, str> {
        self.0.into()
    }
}

impl Topic for Every {
    const NAME: &'static str = "Every";
    const RELIABILITY: Reliability = Reliability::Reliable { depth: 2 };
    const TRANSIENT_LOCAL: bool = false;
    fn key(&self) -> Cow<'_, str> {
        "".into()
    }
}

#[test]
fn keep_latest_coalesces_by_key_and_counts() {
    let bus = Bus::new();
    let writer = bus.writer::<Latest>();
    let mut reader = bus.reader::<Latest>();
    for sample in [Latest("a", 1), Latest("b", 1), Latest("a", 2)] {
        writer.try_write(sample).expect("keep-latest never fails");
    }
    let taken: Vec<_> = reader.try_take(10);
    assert_eq!(taken.iter().map(|s| (s.0, s.1)).collect::<Vec<_>>(), [("a", 2), ("b", 1)]);
    assert_eq!(bus.stats()["Latest"].coalesced, 1);
    assert!(reader.try_take(10).is_empty());
}

#[test]
fn a_late_reader_gets_the_latest_of_every_key_until_disposed() {
    let bus = Bus::new();
    let writer = bus.writer::<Latest>();
    for sample in [Latest("a", 1), Latest("a", 2), Latest("b", 7)] {
        writer.try_write(sample).expect("keep-latest never fails");
    }
    assert_eq!(bus.reader::<Latest>().try_take(10).len(), 2);
    assert_eq!(bus.latest::<Latest>("a").as_deref(), Some(&Latest("a", 2)));
    writer.dispose("a");
    assert_eq!(bus.latest::<Latest>("a"), None);
    let late = bus.reader::<Latest>().try_take(10);
    assert_eq!(late.iter().map(|s| (s.0, s.1)).collect::<Vec<_>>(), [("b", 7)]);
}

#[test]
fn a_full_reliable_reader_refuses_for_all_and_loses_nothing() {
    let bus = Bus::new();
    let writer = bus.writer::<Every>();
    let mut slow = bus.reader::<Every>();
    let mut fast = bus.reader::<Every>();
    writer.try_write(Every(1)).expect("room");
    writer.try_write(Every(2)).expect("room");
    assert_eq!(fast.try_take(10).len(), 2);
    let Err(Full(back)) = writer.try_write(Every(3)) else { panic!("the slow reader is full") };
    assert_eq!(back, Every(3));
    assert!(fast.try_take(10).is_empty(), "refused for one is refused for all");
    assert_eq!(slow.try_take(10).iter().map(|s| s.0).collect::<Vec<_>>(), [1, 2]);
    writer.try_write(back).expect("room again");
}

#[tokio::test]
async fn a_waiting_writer_goes_on_when_the_slow_reader_takes_or_leaves() {
    let bus = Bus::new();
    let writer = bus.writer::<Every>();
    let mut slow = bus.reader::<Every>();
    writer.write(Every(1)).await;
    writer.write(Every(2)).await;
    let waiting = tokio::spawn({
        let writer = writer.clone();
        async move { writer.write(Every(3)).await }
    });
    tokio::task::yield_now().await;
    assert!(!waiting.is_finished());
    assert_eq!(slow.take(1).await[0].0, 1);
    waiting.await.expect("write goes on");
    let stuck = tokio::spawn(async move { writer.write(Every(4)).await });
    tokio::task::yield_now().await;
    drop(slow);
    stuck.await.expect("a reader that left does not block");
}

#[tokio::test]
async fn take_waits_for_the_next_sample() {
    let bus = Bus::new();
    let mut reader = bus.reader::<Every>();
    let taking = tokio::spawn(async move { reader.take(8).await.len() });
    tokio::task::yield_now().await;
    bus.writer::<Every>().write(Every(9)).await;
    assert_eq!(taking.await.expect("taken"), 1);
}
