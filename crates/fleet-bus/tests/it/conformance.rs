//! The same samples by the local path and by the wire: what a reader gets is the same, where the
//! quality of service promises it.

use std::collections::BTreeMap;

use fleet_bus::{
    Bus,
    wire::views::{AlarmStatus, DeviceTelemetry, DeviceTopology, Places, Published},
};
use fleet_types::{
    AlarmId, Reason, WallMs,
    alarm::{AlarmSource, AlarmState, AlarmStatus as AlarmSample, Priority},
    topic::DeviceTopology as TopologySample,
};
use tokio::time::timeout;
use uuid::Uuid;

use crate::fleet::{LONG, Tower, client, domain, local, loopback, report, sn, until};

/// Written before it is waited for: less than a reader's history.
const BURST: usize = 32;
const SAMPLES: u32 = 320;

/// Readers of both paths, in step.
async fn both<V: Published + std::fmt::Debug>(
    samples: impl Iterator<Item = V::Sample>,
) -> (Vec<V>, Vec<V>)
where
    V::Sample: Clone,
{
    let config = loopback(domain());
    let tower = Tower::start(config.clone());
    let client = client(&config).await;
    let mut by_wire = client.reader::<V>();
    until("the reader is known", async || {
        tower.look.stats().views.iter().any(|view| view.topic == V::TOPIC && view.readers == 1)
    })
    .await;
    let alone = Bus::new();
    let mut by_bus = alone.reader::<V::Sample>();
    let (near, far) = (alone.writer(), tower.bus.writer());
    let (mut local, mut wired, mut places) = (Vec::new(), Vec::new(), Places::default());
    let samples: Vec<_> = samples.collect();
    for burst in samples.chunks(BURST) {
        for sample in burst {
            near.try_write(sample.clone()).ok().unwrap();
            far.try_write(sample.clone()).ok().unwrap();
        }
        let taken = by_bus.try_take(usize::MAX);
        local.extend(taken.iter().filter_map(|sample| V::of(sample, &mut places)));
        // Until the last one came, by its own path; the wire may have coalesced others.
        let last = local.last().unwrap().clone();
        loop {
            let seen = timeout(LONG, by_wire.next()).await.unwrap().unwrap().view;
            let is_last = format!("{seen:?}") == format!("{last:?}");
            wired.push(seen);
            if is_last {
                break;
            }
        }
    }
    (local, wired)
}

fn shown<V: std::fmt::Debug>(views: &[V]) -> Vec<String> {
    views.iter().map(|view| format!("{view:?}")).collect()
}

/// The last of each key.
fn newest<V: std::fmt::Debug>(views: &[V], key: impl Fn(&V) -> String) -> BTreeMap<String, String> {
    views.iter().map(|view| (key(view), format!("{view:?}"))).collect()
}

#[tokio::test]
async fn changes_are_the_same_sequence() {
    local(async {
        let alarm = |number: u32| AlarmSample {
            alarm_id: AlarmId(Uuid::from_u128(u128::from(number % 7))),
            sn: Some(sn("DOCK1")),
            source: AlarmSource::Tower,
            priority: Priority::Low,
            state: if number.is_multiple_of(3) { AlarmState::Cleared } else { AlarmState::Raised },
            reason: Reason::new("x", format!("sample {number}")),
            cause: String::new(),
            in_flood: false,
            raised_ms: WallMs(number.into()),
            raised_count: number,
            cleared_ms: None,
            acknowledged: None,
            shelved: None,
        };
        let (near, far) = both::<AlarmStatus>((0..SAMPLES).map(alarm)).await;
        assert_eq!(near.len(), usize::try_from(SAMPLES).unwrap());
        assert_eq!(shown(&far), shown(&near));
    })
    .await;
}

#[tokio::test]
async fn states_end_the_same_for_every_key() {
    local(async {
        let topology = |number: u32| TopologySample {
            gateway_sn: sn(&format!("DOCK{}", number % 9)),
            children: vec![sn(&format!("AIR{number}"))],
            received_ms: WallMs(number.into()),
        };
        let (near, far) = both::<DeviceTopology>((0..SAMPLES).map(topology)).await;
        let key = |view: &DeviceTopology| view.gateway_sn.clone();
        assert_eq!(newest(&far, key), newest(&near, key));
        assert_eq!(newest(&near, key).len(), 9);
    })
    .await;
}

#[tokio::test]
async fn telemetry_comes_in_order_and_ends_with_the_newest() {
    local(async {
        let reports = (0..SAMPLES).map(|number| report("AIR1", number.into()));
        let (near, far) = both::<DeviceTelemetry>(reports).await;
        let counts = |views: &[DeviceTelemetry]| -> Vec<u64> {
            views.iter().map(|view| view.report_count).collect()
        };
        let (near, far) = (counts(&near), counts(&far));
        assert!(far.is_sorted() && near.is_sorted(), "{far:?}");
        assert_eq!(far.last(), near.last());
        assert_eq!(near.last(), Some(&u64::from(SAMPLES - 1)));
    })
    .await;
}
