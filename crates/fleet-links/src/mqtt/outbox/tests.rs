//! Every fate exactly once, every bound, every refusal.

use super::*;

const LIMITS: OutboxLimits = OutboxLimits { commands: 2, counters: 2, plain: 2, publish_bytes: 64 };
const T0: MonoMs = MonoMs(1_000);

fn id(n: u32) -> CommandId {
    format!("{n:032x}").parse().unwrap()
}

fn command(n: u32, expires_ms: u64) -> CommandPublish {
    CommandPublish {
        command_id: id(n),
        topic: format!("t/{n}"),
        payload: Bytes::from_static(b"x"),
        expires: MonoMs(expires_ms),
    }
}

fn up() -> Outbox {
    let mut outbox = Outbox::new(LIMITS);
    outbox.connected(None, None);
    outbox
}

fn fates(reports: &[FateReport]) -> Vec<(CommandId, SendFate)> {
    reports.iter().map(|report| (report.command_id, report.fate)).collect()
}

#[test]
fn a_command_is_refused_while_the_broker_is_away() {
    let mut outbox = Outbox::new(LIMITS);
    assert_eq!(outbox.offer_command(T0, command(1, 9_000)), Err(SendRefused::LinkDown));
    outbox.connected(None, None);
    assert_eq!(outbox.feed(T0).0, None);
}

#[test]
fn a_counter_action_waits_for_the_broker_goes_first_and_expires() {
    let mut outbox = Outbox::new(LIMITS);
    outbox.offer_counter(T0, command(1, 9_000)).unwrap();
    outbox.offer_counter(T0, command(2, 2_000)).unwrap();
    assert_eq!(outbox.waiting_deadline(), Some(MonoMs(2_000)));
    assert_eq!(fates(&outbox.expire(MonoMs(2_000))), [(id(2), SendFate::Expired)]);
    outbox.connected(None, None);
    outbox.offer_command(T0, command(3, 9_000)).unwrap();
    assert_eq!(outbox.feed(T0).0.unwrap().topic, "t/1");
    assert_eq!(outbox.feed(T0).0, None, "one at a time");
    outbox.written(T0, 1);
    assert_eq!(outbox.feed(T0).0.unwrap().topic, "t/3");
}

#[test]
fn a_full_command_queue_does_not_refuse_a_counter_action() {
    let mut outbox = up();
    outbox.offer_command(T0, command(1, 9_000)).unwrap();
    outbox.offer_command(T0, command(2, 9_000)).unwrap();
    assert_eq!(outbox.offer_command(T0, command(3, 9_000)), Err(SendRefused::QueueFull));
    outbox.offer_counter(T0, command(4, 9_000)).unwrap();
    outbox.release(Class::Command);
    outbox.offer_command(T0, command(5, 9_000)).unwrap();
}

#[test]
fn every_command_has_exactly_one_last_fate_when_the_connection_breaks() {
    let mut outbox = up();
    outbox.offer_command(T0, command(1, 9_000)).unwrap();
    outbox.offer_command(T0, command(2, 9_000)).unwrap();
    outbox.feed(T0);
    let sent = outbox.written(T0, 7).unwrap();
    assert_eq!((sent.fate, sent.last), (SendFate::Sent, None));
    outbox.offer_counter(T0, command(3, 9_000)).unwrap();
    outbox.feed(T0);
    let reports = outbox.disconnected(false);
    assert_eq!(
        fates(&reports),
        [(id(3), SendFate::Lost), (id(1), SendFate::Lost), (id(2), SendFate::NotSent)]
    );
    assert!(reports.iter().all(|report| report.last.is_some()));
    assert_eq!(outbox.disconnected(false), []);
    outbox.connected(None, None);
    assert_eq!(outbox.feed(T0), (None, vec![]));
}

#[test]
fn what_the_library_never_pulled_was_not_sent() {
    let mut outbox = up();
    outbox.offer_command(T0, command(1, 9_000)).unwrap();
    outbox.feed(T0);
    assert_eq!(fates(&outbox.disconnected(true)), [(id(1), SendFate::NotSent)]);
    outbox.offer_counter(T0, command(2, 9_000)).unwrap();
    outbox.connected(None, None);
    outbox.feed(T0);
    assert_eq!(outbox.disconnected(true), [], "a counter-action waits on");
    outbox.connected(None, None);
    assert_eq!(outbox.feed(T0).0.unwrap().topic, "t/2");
}

#[test]
fn the_broker_says_what_became_of_it() {
    let check = |code: u8, fate: SendFate| {
        let mut outbox = up();
        outbox.offer_command(T0, command(1, 9_000)).unwrap();
        outbox.feed(T0);
        outbox.written(T0, 3);
        assert_eq!(outbox.acknowledged(T0, 3, code).unwrap().fate, fate);
        assert_eq!(outbox.acknowledged(T0, 3, code), None);
    };
    check(0x00, SendFate::Delivered);
    check(0x10, SendFate::NoSubscriber);
    check(0x87, SendFate::Refused { code: 0x87 });
}

#[test]
fn hardly_any_time_left_goes_out_at_qos_0_and_sent_is_the_last_word() {
    let mut outbox = up();
    outbox.offer_command(T0, command(1, 2_900)).unwrap();
    assert_eq!(outbox.feed(T0).0.unwrap().expiry_s, None);
    assert_eq!(outbox.written(T0, 0).unwrap().last, Some(Class::Command));
    assert_eq!(outbox.disconnected(false), []);
    let check = |left_ms, expect| assert_eq!(message_expiry_s(left_ms), expect, "{left_ms}");
    check(0, None);
    check(1_999, None);
    check(2_000, Some(1));
    check(30_999, Some(29));
    check(u64::MAX, Some(u32::MAX - 1));
}

#[test]
fn limits_are_checked_before_anything_is_taken() {
    let check = |topic: &str, bytes: usize, expires: u64, expect: SendRefused| {
        let mut outbox = up();
        let refused = CommandPublish {
            topic: topic.into(),
            payload: vec![0; bytes].into(),
            ..command(1, expires)
        };
        assert_eq!(outbox.offer_command(T0, refused.clone()), Err(expect));
        assert_eq!(outbox.offer_counter(T0, refused), Err(expect));
    };
    check("a/+", 1, 9_000, SendRefused::BadTopic);
    check("#", 1, 9_000, SendRefused::BadTopic);
    check("", 1, 9_000, SendRefused::BadTopic);
    check("a", 64, 9_000, SendRefused::TooLarge { bytes: 65, max: 64 });
    check("a", 1, 1_000, SendRefused::Expired);
}

#[test]
fn a_brokers_smaller_limit_counts() {
    let mut outbox = Outbox::new(LIMITS);
    let big = CommandPublish { payload: vec![0; 30].into(), ..command(1, 9_000) };
    outbox.offer_counter(T0, big).unwrap();
    outbox.connected(Some(1), Some(42));
    let (wire, reports) = outbox.feed(T0);
    assert_eq!((wire, fates(&reports)), (None, vec![(id(1), SendFate::NotSent)]));
    outbox.offer_command(T0, command(2, 9_000)).unwrap();
    assert!(outbox.feed(T0).0.is_some());
    outbox.written(T0, 1);
    outbox.offer_counter(T0, command(3, 9_000)).unwrap();
    assert_eq!(outbox.feed(T0).0, None, "one on the wire is all this broker takes");
    assert_eq!(outbox.depths(), (1, 1));
    outbox.acknowledged(T0, 1, 0);
    assert!(outbox.feed(T0).0.is_some());
}

#[test]
fn a_stuck_socket_is_noticed_at_the_commands_expiry() {
    let mut outbox = up();
    outbox.offer_command(T0, command(1, 5_000)).unwrap();
    outbox.feed(T0);
    assert!(!outbox.is_stuck(MonoMs(4_999)));
    assert!(outbox.is_stuck(MonoMs(5_000)));
    assert_eq!(outbox.stuck_deadline(), Some(MonoMs(5_000)));
    assert_eq!(outbox.waiting_deadline(), None);
    assert!(outbox.is_writing());
}

#[test]
fn closing_refuses_and_empties_everything() {
    let mut outbox = up();
    outbox.offer_counter(T0, command(1, 9_000)).unwrap();
    outbox.close();
    assert_eq!(outbox.offer_counter(T0, command(2, 9_000)), Err(SendRefused::LinkDown));
    assert_eq!(outbox.feed(T0).0, None);
    assert_eq!(fates(&outbox.disconnected(true)), [(id(1), SendFate::NotSent)]);
}

#[test]
fn replies_are_dropped_and_counted_while_the_broker_is_away() {
    let mut outbox = Outbox::new(LIMITS);
    let reply = Bytes::from_static(b"{}");
    assert_eq!(outbox.offer_plain("r".into(), reply.clone()), Err(SendRefused::LinkDown));
    outbox.connected(None, None);
    outbox.offer_plain("r".into(), reply.clone()).unwrap();
    assert_eq!(outbox.feed(T0).0.unwrap().expiry_s, Some(REPLY_EXPIRY_S));
    outbox.written(T0, 1);
    outbox.offer_plain("r".into(), reply).unwrap();
    outbox.disconnected(false);
    assert_eq!(outbox.plain_counts, PlainCounts { dropped: 2, lost: 1, ..Default::default() });
}

#[test]
fn silence_after_a_written_command_is_a_stuck_line_and_an_answer_to_anything_is_not() {
    let mut outbox = up();
    outbox.offer_command(T0, command(1, 5_000)).unwrap();
    outbox.feed(T0);
    outbox.written(MonoMs(1_001), 1);
    outbox.offer_command(T0, command(2, 9_000)).unwrap();
    outbox.feed(T0);
    outbox.written(MonoMs(1_002), 2);
    assert_eq!(outbox.stuck_deadline(), Some(MonoMs(5_000)));
    assert!(outbox.is_stuck(MonoMs(5_000)) && !outbox.is_stuck(MonoMs(4_999)));
    outbox.acknowledged(MonoMs(1_500), 2, 0);
    assert!(!outbox.is_stuck(MonoMs(99_000)), "the broker lives; the answer may still come");
    outbox.disconnected(false);
    outbox.connected(None, None);
    assert_eq!(outbox.stuck_deadline(), None);
}
