//! Behaviour of both kinds of topic, seen from outside.

use std::borrow::Cow;

use fleet_types::topic::{Reliability, Topic};

use super::{Bus, Full, TopicEvent};

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

/// Worth something for so many milliseconds, and wanted every 20 ms.
#[derive(Debug, PartialEq)]
struct Timed(&'static str, u64);

impl Topic for Timed {
    const NAME: &'static str = "Timed";
    const RELIABILITY: Reliability = Reliability::KeepLatest;
    const TRANSIENT_LOCAL: bool = true;
    const DEADLINE_MS: Option<u64> = Some(20);
    fn lifespan_ms(&self) -> Option<u64> {
        Some(self.1)
    }
    fn key(&self) -> Cow<'_, str> {
        self.0.into()
    }
}

const LONG_MS: u64 = 3_600_000;

#[tokio::test]
async fn a_sample_says_who_wrote_it_and_which_it_is() {
    let bus = Bus::new();
    let (one, other) = (bus.writer::<Every>(), bus.writer::<Every>());
    let mut reader = bus.reader::<Every>();
    one.try_write(Every(1)).expect("room");
    one.clone().try_write(Every(2)).expect("room");
    let taken = reader.take_with_info(8).await;
    other.try_write(Every(3)).expect("room");
    let last = reader.take_with_info(8).await;
    let said = taken.iter().chain(&last).map(|it| (it.sample.0, it.info.writer, it.info.sequence));
    let expect = [(1, one.id(), 1), (2, one.id(), 2), (3, other.id(), 1)];
    assert_eq!(said.collect::<Vec<_>>(), expect);
    assert!(taken[0].info.source_ms.0 > 1_600_000_000_000, "by the wall clock");
    assert!(one.try_write(Every(4)).and(one.try_write(Every(5))).is_ok());
    assert!(one.try_write(Every(6)).is_err(), "full");
    reader.take(8).await;
    one.try_write(Every(6)).expect("room");
    assert_eq!(reader.take_with_info(8).await[0].info.sequence, 5, "a refused write is no gap");
}

#[tokio::test]
async fn who_watches_holds_nobody_up_and_what_it_misses_is_counted() {
    let bus = Bus::new();
    let writer = bus.writer::<Every>();
    let mut watcher = bus.watcher::<Every>(3);
    for number in 1..=5 {
        writer.try_write(Every(number)).expect("a watcher is never full");
    }
    let seen = watcher.try_take(8);
    assert_eq!(seen.iter().map(|it| it.0).collect::<Vec<_>>(), [3, 4, 5]);
    assert_eq!((bus.stats()["Every"].missed, bus.stats()["Every"].full), (2, 0));
}

#[tokio::test]
async fn what_is_too_old_is_not_delivered_and_told() {
    let bus = Bus::new();
    let writer = bus.writer::<Timed>();
    let mut events = bus.events::<Timed>();
    let mut reader = bus.reader::<Timed>();
    writer.try_write(Timed("a", 0)).expect("keep-latest never fails");
    writer.try_write(Timed("b", LONG_MS)).expect("keep-latest never fails");
    assert_eq!(reader.try_take(8).iter().map(|it| it.0).collect::<Vec<_>>(), ["b"]);
    let TopicEvent::Expired { key, info } = events.next().await else { panic!("expired") };
    assert_eq!((&*key, info.sequence), ("a", 1));
    assert_eq!(bus.stats()["Timed"].expired, 1);
    let late = bus.reader::<Timed>().try_take(8);
    assert_eq!(late.iter().map(|it| it.0).collect::<Vec<_>>(), ["b"], "nor to who comes late");
}

#[tokio::test]
async fn a_missed_deadline_is_told_once_until_the_key_is_written_again() {
    let bus = Bus::new();
    let writer = bus.writer::<Timed>();
    let mut events = bus.events::<Timed>();
    let mut late = async || {
        let event = events.next().await;
        let TopicEvent::DeadlineMissed { key, last } = event else { panic!("{event:?}") };
        (key.to_string(), last.sequence)
    };
    writer.try_write(Timed("a", LONG_MS)).expect("keep-latest never fails");
    assert_eq!(late().await, ("a".to_owned(), 1));
    writer.try_write(Timed("b", LONG_MS)).expect("keep-latest never fails");
    assert_eq!(late().await, ("b".to_owned(), 2), "not a again");
    writer.try_write(Timed("a", LONG_MS)).expect("keep-latest never fails");
    assert_eq!(late().await, ("a".to_owned(), 3));
    assert_eq!(bus.stats()["Timed"].overdue, 3);
}

#[tokio::test]
async fn a_component_that_panics_is_not_alive_any_more() {
    let bus = Bus::new();
    let mut events = bus.events::<Latest>();
    let stays = bus.writer::<Latest>();
    let lost = bus.writer::<Latest>();
    let (id, clone) = (lost.id(), lost.clone());
    let component = tokio::spawn(async move {
        clone.try_write(Latest("a", 1)).expect("keep-latest never fails");
        panic!("planted");
    });
    assert!(component.await.is_err());
    assert_eq!(bus.stats()["Latest"].writers, 2, "a clone of it lives");
    drop(lost);
    assert_eq!(events.next().await, TopicEvent::WriterGone { writer: id, is_last: false });
    let id = stays.id();
    stays.dispose("a");
    drop(stays);
    assert_eq!(events.next().await, TopicEvent::Disposed { key: "a".into() });
    assert_eq!(events.next().await, TopicEvent::WriterGone { writer: id, is_last: true });
}

#[tokio::test]
async fn what_waits_of_a_disposed_key_is_gone_too() {
    let bus = Bus::new();
    let writer = bus.writer::<Latest>();
    let mut reader = bus.reader::<Latest>();
    writer.try_write(Latest("a", 1)).expect("keep-latest never fails");
    writer.try_write(Latest("b", 1)).expect("keep-latest never fails");
    writer.dispose("a");
    assert_eq!(reader.try_take(8).iter().map(|it| it.0).collect::<Vec<_>>(), ["b"]);
}

#[tokio::test]
async fn a_listener_that_does_not_keep_up_is_told_how_much_it_lost() {
    let bus = Bus::new();
    let mut events = bus.events::<Every>();
    for _ in 0..1030 {
        drop(bus.writer::<Every>());
    }
    assert_eq!(events.next().await, TopicEvent::Lost(6));
    assert!(matches!(events.next().await, TopicEvent::WriterGone { is_last: true, .. }));
}
