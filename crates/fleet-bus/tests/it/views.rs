//! What readers elsewhere see.

use fleet_bus::wire::views::{
    AlarmStatus, BatteryState, DeviceState, DeviceTelemetry, DeviceTopology, NavSatFix,
};
use fleet_types::{
    AlarmId, Reason, WallMs,
    alarm::{AlarmSource, AlarmState, AlarmStatus as AlarmSample, Priority},
    topic::{DeviceOsd, DeviceTopology as TopologySample},
};
use tokio::time::timeout;
use uuid::Uuid;

use crate::fleet::{LONG, Tower, by_address, client, domain, local, loopback, report, sn, until};

#[tokio::test]
async fn a_reader_elsewhere_sees_what_is_known_and_what_comes() {
    local(async {
        let config = loopback(domain());
        let tower = Tower::start(config.clone());
        let osd = tower.bus.writer::<DeviceOsd>();
        osd.try_write(report("AIR1", 1)).unwrap();
        let client = client(&config).await;
        let mut telemetry = client.reader::<DeviceTelemetry>();
        let mut fixes = client.reader::<NavSatFix>();
        let mut batteries = client.reader::<BatteryState>();
        let seen = timeout(LONG, telemetry.next()).await.unwrap().unwrap().view;
        assert_eq!((seen.sn.as_str(), seen.gateway_sn.as_str()), ("AIR1", "DOCK1"));
        assert_eq!(seen.device_class, "aircraft");
        assert_eq!((seen.latitude_deg, seen.longitude_deg, seen.height_m), (37.5, 126.9, 81.25));
        assert_eq!((seen.mode_code, seen.satellites, seen.report_count), (5, 21, 1));
        assert_eq!((seen.heading_deg, seen.battery_percent), (-90.0, 77.0));
        assert!(seen.wind_speed_mps.is_nan(), "what is not known is not a number");
        let fix = timeout(LONG, fixes.next()).await.unwrap().unwrap().view;
        assert_eq!(fix.header.frame_id, "AIR1");
        assert_eq!((fix.header.stamp.sec, fix.header.stamp.nanosec), (1_700_000_000, 123_000_000));
        assert_eq!((fix.latitude, fix.altitude, fix.status.status), (37.5, 81.25, 2));
        let battery = timeout(LONG, batteries.next()).await.unwrap().unwrap().view;
        assert_eq!((battery.percentage, battery.voltage, battery.present), (0.77, 22.95, true));
        osd.try_write(report("AIR1", 2)).unwrap();
        // A reader that is new may be sent what is current twice.
        let next = async { while telemetry.next().await.unwrap().view.report_count != 2 {} };
        timeout(LONG, next).await.expect("what comes");
    })
    .await;
}

#[tokio::test]
async fn nothing_is_written_while_nobody_reads() {
    local(async {
        let config = loopback(domain());
        let tower = Tower::start(config.clone());
        let osd = tower.bus.writer::<DeviceOsd>();
        let telemetry = |tower: &Tower| {
            let views = tower.look.stats().views;
            views.into_iter().find(|view| view.topic == "rt/gwanje/device_telemetry")
        };
        osd.try_write(report("AIR1", 1)).unwrap();
        let seen = client(&config).await;
        let mut samples = seen.reader::<DeviceTelemetry>();
        timeout(LONG, samples.next()).await.unwrap().unwrap();
        assert_eq!(telemetry(&tower).unwrap().readers, 1);
        drop(samples);
        drop(seen);
        // Its participant ended without a word, as when it is killed; its lease is over in 100 s. Who
        // asks in the meantime is counted besides it.
        let written = telemetry(&tower).unwrap().written;
        assert!(written >= 1);
        assert_eq!(tower.bus.stats()["DeviceOsd"].full, 0);
    })
    .await;
}

#[tokio::test]
async fn a_late_reader_is_told_what_still_goes_on() {
    local(async {
        let config = by_address(domain());
        let tower = Tower::start(config.clone());
        let alarms = tower.bus.writer::<AlarmSample>();
        let alarm = |number: u128, state| AlarmSample {
            alarm_id: AlarmId(Uuid::from_u128(number)),
            sn: Some(sn("DOCK1")),
            source: AlarmSource::Fault,
            priority: Priority::High,
            state,
            reason: Reason::new("frozen", "The dock repeats itself."),
            cause: "frozen".to_owned(),
            in_flood: false,
            raised_ms: WallMs(5),
            raised_count: 1,
            cleared_ms: None,
            acknowledged: None,
            shelved: None,
        };
        alarms.try_write(alarm(1, AlarmState::Raised)).unwrap();
        alarms.try_write(alarm(2, AlarmState::Raised)).unwrap();
        alarms.try_write(alarm(1, AlarmState::Cleared)).unwrap();
        let topologies = tower.bus.writer::<TopologySample>();
        let children = vec![sn("AIR1"), sn("AIR2")];
        let topology = TopologySample { gateway_sn: sn("DOCK1"), children, received_ms: WallMs(9) };
        topologies.try_write(topology).unwrap();
        // Found by address, not by multicast.
        let client = client(&config).await;
        let mut seen = client.reader::<AlarmStatus>();
        let first = timeout(LONG, seen.next()).await.unwrap().unwrap().view;
        assert_eq!(first.alarm_id, Uuid::from_u128(2).to_string(), "the other one is over");
        assert_eq!((first.priority.as_str(), first.state.as_str()), ("high", "raised"));
        assert_eq!((first.sn.as_str(), first.cleared_ms), ("DOCK1", -1));
        let mut seen = client.reader::<DeviceTopology>();
        let topology = timeout(LONG, seen.next()).await.unwrap().unwrap().view;
        assert_eq!(topology.children, ["AIR1", "AIR2"]);
    })
    .await;
}

#[tokio::test]
async fn topics_of_others_are_listed() {
    local(async {
        let config = loopback(domain());
        let _tower = Tower::start(config.clone());
        let client = client(&config).await;
        let _reader = client.reader::<DeviceState>();
        until("every topic is known", async || {
            let topics = client.topics().await.unwrap();
            let state = topics.iter().find(|it| it.topic == "rt/gwanje/device_state");
            let command = topics.iter().find(|it| it.topic == "rt/gwanje/command");
            topics.len() == 9
                && state.is_some_and(|it| {
                    it.type_name == "gwanje::msg::dds_::DeviceState_" && it.writers == 1
                })
                && command.is_some_and(|it| it.readers == 1 && it.writers == 0)
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn another_tag_is_another_world() {
    local(async {
        let ours = loopback(domain());
        let tower = Tower::start(ours.clone());
        tower.bus.writer::<DeviceOsd>().try_write(report("AIR1", 1)).unwrap();
        let tagged =
            fleet_bus::wire::WireConfig { domain_tag: "elsewhere".to_owned(), ..ours.clone() };
        let stranger = client(&tagged).await;
        let _unseen = stranger.reader::<DeviceTelemetry>();
        let friend = client(&ours).await;
        let mut seen = friend.reader::<DeviceTelemetry>();
        timeout(LONG, seen.next()).await.unwrap().unwrap();
        assert!(
            stranger.topics().await.unwrap().is_empty(),
            "the stranger heard us as soon, or never"
        );
    })
    .await;
}
