//! What a client sees, tick by tick.

use super::*;
use crate::positions::Measured;

fn sn(n: usize) -> DeviceSn {
    DeviceSn::new(&format!("SIM{n}")).unwrap()
}

fn record(place: Option<(f64, f64)>, class: DeviceClass) -> Record {
    let measured = Measured {
        latitude_deg: place.map(|place| place.0),
        longitude_deg: place.map(|place| place.1),
        heard_ms: Some(WallMs(1000)),
        ..Measured::default()
    };
    Record::new(class, None, None, &measured)
}

/// One tick in which these devices are at these places (latitude, longitude).
fn tick(table: &mut Table, devices: &[(usize, (f64, f64))]) {
    for (n, place) in devices {
        table.touch(&sn(*n));
        let slots = table.begin_tick();
        slots.into_iter().for_each(|slot| {
            table.put(slot, record(Some(*place), DeviceClass::Aircraft));
        });
    }
    table.finish_tick();
}

#[derive(Debug, PartialEq)]
struct Seen {
    flags: u16,
    missed: u16,
    slots: Vec<u16>,
}

fn frames(sight: &mut Sight, table: &Table) -> Vec<Seen> {
    let mut seen = Vec::new();
    while sight.is_due() {
        let Some(frame) = sight.next_frame(table, WallMs(2000)) else { continue };
        let word = |at: usize| u16::from_le_bytes([frame[at], frame[at + 1]]);
        let records = frame[HEADER_BYTES..].chunks(RECORD_BYTES);
        let slots: Vec<_> =
            records.map(|record| u16::from_le_bytes([record[0], record[1]])).collect();
        assert_eq!(usize::from(word(20)), slots.len());
        seen.push(Seen { flags: word(4), missed: word(22), slots });
    }
    seen
}

/// The slots of the one frame that a tick brings, or nothing.
fn told(sight: &mut Sight, table: &Table) -> Vec<u16> {
    sight.on_tick(table);
    let mut frames = frames(sight, table);
    assert!(frames.len() <= 1);
    frames.pop().map_or_else(Vec::new, |seen| {
        assert_eq!(seen.flags, 0);
        seen.slots
    })
}

fn boxed(edges: [f64; 4]) -> Wanted {
    Wanted { bbox: Bbox::new(edges), ..Wanted::default() }
}

fn full(slots: Vec<u16>) -> Vec<Seen> {
    vec![Seen { flags: FULL, missed: 0, slots }]
}

#[test]
fn nothing_is_told_before_it_is_asked_for() {
    let (mut table, mut sight) = (Table::default(), Sight::default());
    tick(&mut table, &[(1, (37.0, 127.0))]);
    sight.on_tick(&table);
    assert!(!sight.is_due());
}

#[test]
fn a_view_is_told_whole_and_then_by_its_changes() {
    let (mut table, mut sight) = (Table::default(), Sight::default());
    tick(&mut table, &[(0, (37.0, 127.0)), (1, (50.0, 8.0)), (2, (37.5, 127.5))]);
    sight.look(&table, boxed([126.0, 36.0, 128.0, 38.0]));
    assert_eq!(frames(&mut sight, &table), full(vec![0, 2]));
    assert_eq!(told(&mut sight, &table), [0; 0], "the same tick again");
    tick(&mut table, &[(1, (51.0, 8.0)), (2, (37.6, 127.5))]);
    assert_eq!(told(&mut sight, &table), [2]);
    tick(&mut table, &[]);
    assert_eq!(told(&mut sight, &table), [0; 0]);
    sight.look(&table, boxed([7.0, 49.0, 9.0, 52.0]));
    assert_eq!(frames(&mut sight, &table), full(vec![1]));
    sight.look(&table, boxed([0.0, 0.0, 1.0, 1.0]));
    assert_eq!(frames(&mut sight, &table), full(vec![]), "an empty view is told too");
}

#[test]
fn a_device_that_leaves_is_told_once_more() {
    let (mut table, mut sight) = (Table::default(), Sight::default());
    tick(&mut table, &[(0, (37.0, 127.0))]);
    sight.look(&table, boxed([126.0, 36.0, 128.0, 38.0]));
    assert_eq!(frames(&mut sight, &table), full(vec![0]));
    tick(&mut table, &[(0, (37.0, 129.0))]);
    assert_eq!(told(&mut sight, &table), [0]);
    tick(&mut table, &[(0, (37.0, 130.0))]);
    assert_eq!(told(&mut sight, &table), [0; 0]);
    tick(&mut table, &[(0, (37.0, 127.0))]);
    assert_eq!(told(&mut sight, &table), [0]);
    // Its slot falls silent when it is removed; what comes back is another one.
    table.remove(&sn(0));
    tick(&mut table, &[(0, (37.0, 127.0))]);
    assert_eq!(told(&mut sight, &table), [1]);
}

#[test]
fn one_that_lags_is_told_each_device_once_and_how_much_it_missed() {
    let (mut table, mut sight) = (Table::default(), Sight::default());
    tick(&mut table, &[(0, (1.0, 1.0)), (1, (1.0, 1.0)), (2, (1.0, 1.0))]);
    sight.look(&table, Wanted::default());
    assert_eq!(frames(&mut sight, &table), full(vec![0, 1, 2]));
    for devices in [[0, 2], [0, 2], [0, 0]] {
        tick(&mut table, &devices.map(|n| (n, (2.0, 2.0))));
    }
    sight.on_tick(&table);
    let expect = Seen { flags: 0, missed: 2, slots: vec![0, 2] };
    assert_eq!(frames(&mut sight, &table), [expect]);
    assert_eq!((sight.take_missed(), sight.take_missed()), (2, 0));
    tick(&mut table, &[(1, (2.0, 2.0))]);
    assert_eq!(told(&mut sight, &table), [1]);
}

#[test]
fn a_large_fleet_comes_in_frames_and_nobody_is_lost_when_ticks_pass_between_them() {
    const FLEET: usize = 2 * MAX_RECORDS + 10;
    let (mut table, mut sight) = (Table::default(), Sight::default());
    let everyone = |latitude: f64| (0..FLEET).map(|n| (n, (latitude, 1.0))).collect::<Vec<_>>();
    tick(&mut table, &everyone(1.0));
    sight.look(&table, Wanted::default());
    let whole = frames(&mut sight, &table);
    let flags: Vec<_> = whole.iter().map(|seen| (seen.flags, seen.slots.len())).collect();
    assert_eq!(flags, [(FULL | MORE, MAX_RECORDS), (MORE, MAX_RECORDS), (0, 10)]);

    tick(&mut table, &everyone(2.0));
    sight.on_tick(&table);
    let first = sight.next_frame(&table, WallMs(0)).unwrap();
    assert_eq!(first.len(), HEADER_BYTES + MAX_RECORDS * RECORD_BYTES);
    // Before the client takes the next frame, the first and the last device move again.
    tick(&mut table, &[(0, (3.0, 1.0)), (FLEET - 1, (3.0, 1.0))]);
    sight.on_tick(&table);
    let rest = frames(&mut sight, &table);
    let told_rest: usize = rest.iter().map(|seen| seen.slots.len()).sum();
    assert_eq!(told_rest, FLEET - MAX_RECORDS - 1, "the last one comes with the next tick");
    let last = u16::try_from(FLEET - 1).unwrap();
    assert_eq!(told(&mut sight, &table), [0, last]);
}

#[test]
fn boxes_have_edges_and_cross_the_antimeridian() {
    let check = |edges: [f64; 4], place: (f64, f64), inside: bool| {
        let holds = Bbox::new(edges).unwrap().holds(&record(Some(place), DeviceClass::Dock));
        assert_eq!(holds, inside, "{edges:?} {place:?}");
    };
    let korea = [124.0, 33.0, 132.0, 39.0];
    check(korea, (33.0, 124.0), true);
    check(korea, (39.0, 132.0), true);
    check(korea, (39.000_000_1, 132.0), false);
    check(korea, (37.0, 132.000_000_1), false);
    let pacific = [170.0, -10.0, -170.0, 10.0];
    check(pacific, (0.0, 179.9), true);
    check(pacific, (0.0, -180.0), true);
    check(pacific, (0.0, -170.0), true);
    check(pacific, (0.0, 0.0), false);
    // As a map that was turned around the globe says it.
    check([170.0, -10.0, 190.0, 10.0], (0.0, -175.0), true);
    check([-190.0, -10.0, -170.0, 10.0], (0.0, 175.0), true);
    check([-200.0, -10.0, 160.0, 10.0], (0.0, 165.0), true);
    check([530.0, -10.0, 535.0, 10.0], (0.0, 172.0), true);
    check([-180.0, -91.0, 180.0, 91.0], (90.0, 180.0), true);
    for edges in [[0.0, 1.0, 1.0, 0.0], [f64::NAN, 0.0, 1.0, 1.0], [0.0, 0.0, f64::INFINITY, 1.0]] {
        assert_eq!(Bbox::new(edges), None, "{edges:?}");
    }
}

#[test]
fn classes_and_lists_choose_as_well() {
    let (mut table, mut sight) = (Table::default(), Sight::default());
    let classes = [DeviceClass::Dock, DeviceClass::Aircraft, DeviceClass::Robot];
    for (n, class) in classes.into_iter().enumerate() {
        table.touch(&sn(n));
        let slots = table.begin_tick();
        let place = (n != 2).then_some((37.0, 127.0));
        slots.into_iter().for_each(|slot| table.put(slot, record(place, class)));
    }
    table.finish_tick();
    let mut see = |edges: Option<[f64; 4]>, classes: Option<Vec<DeviceClass>>, list: &[usize]| {
        let bbox = edges.and_then(Bbox::new);
        let sns = list.iter().copied().map(sn).collect();
        sight.look(&table, Wanted { id: 0, bbox, classes, sns, scope: Scope::default() });
        frames(&mut sight, &table).remove(0).slots
    };
    assert_eq!(see(None, None, &[]), [0, 1, 2], "one without a position is in the whole world");
    let world = Some([-180.0, -90.0, 180.0, 90.0]);
    assert_eq!(see(world, None, &[]), [0, 1]);
    assert_eq!(see(world, Some(vec![DeviceClass::Dock]), &[]), [0]);
    assert_eq!(see(world, Some(vec![]), &[2, 77]), [2], "the list is seen wherever it is");
    assert_eq!(see(None, Some(vec![DeviceClass::Robot]), &[1]), [1, 2]);
}

#[test]
fn a_listed_device_that_appears_later_is_seen() {
    let (mut table, mut sight) = (Table::default(), Sight::default());
    let wanted = Wanted { classes: Some(vec![]), sns: [sn(5)].into(), ..Wanted::default() };
    sight.look(&table, wanted);
    assert_eq!(frames(&mut sight, &table), full(vec![]));
    tick(&mut table, &[(4, (1.0, 1.0)), (5, (1.0, 1.0))]);
    assert_eq!(told(&mut sight, &table), [1]);
}

#[test]
fn slots_are_not_given_again_while_others_are_left() {
    let mut table = Table::default();
    for n in 0..70_000 {
        table.touch(&sn(n));
        let expect = n % (1 << 16);
        assert_eq!(table.slot(&sn(n)).map(usize::from), Some(expect), "device {n}");
        table.remove(&sn(n));
    }
    assert_eq!(table.entries().len(), 1 << 16);
    assert_eq!(table.take_unannounced(), []);
}
