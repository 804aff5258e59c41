//! What strangers do to the wire: commands, and datagrams that no program of good will sends.

use std::net::{Ipv4Addr, UdpSocket};

use fleet_bus::wire::views::{Command, DeviceTelemetry};
use fleet_types::topic::DeviceOsd;
use tokio::time::timeout;

use crate::fleet::{LONG, Tower, client, domain, local, loopback, report};

#[tokio::test]
async fn a_command_of_a_stranger_is_refused_and_told() {
    local(async {
        let config = loopback(domain());
        let mut tower = Tower::start(config.clone());
        let stranger = client(&config).await;
        let commands = stranger.writer::<Command>();
        let command =
            Command { sn: "DOCK1".into(), method: "flighttask_execute".into(), data: "{}".into() };
        assert!(commands.write(command).await);
        let refused = timeout(LONG, tower.refused.recv()).await.unwrap().unwrap();
        assert_eq!((refused.sn.as_str(), refused.method.as_str()), ("DOCK1", "flighttask_execute"));
        assert_eq!(tower.look.stats().commands_refused, 1);
        let written = tower.bus.stats().get("Command").map_or(0, |topic| topic.written);
        assert_eq!(written, 0, "nothing of it reaches the bus");
    })
    .await;
}

/// A generator of its own, so that a failure can be repeated.
struct Chance(u64);

impl Chance {
    fn next(&mut self, below: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % below
    }
}

#[tokio::test]
async fn no_datagram_stops_the_wire() {
    local(async {
        let config = loopback(domain());
        let tower = Tower::start(config.clone());
        let osd = tower.bus.writer::<DeviceOsd>();
        osd.try_write(report("AIR1", 1)).unwrap();
        let friend = client(&config).await;
        let mut seen = friend.reader::<DeviceTelemetry>();
        timeout(LONG, seen.next()).await.unwrap().unwrap();
        let _commands = friend.writer::<Command>();
        // What the friend says, heard by whoever is in the group, is what a stranger begins with.
        let heard = overhear(config.domain_id).await;
        let to_ports: Vec<u16> = (0..4).map(|at| 7400 + 250 * config.domain_id + 10 + at).collect();
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let mut chance = Chance(1);
        for _ in 0..20_000 {
            let mut datagram = heard[chance.next(heard.len())].clone();
            for _ in 0..=chance.next(6) {
                let at = 20 + chance.next(datagram.len() - 20);
                datagram[at] = u8::try_from(chance.next(256)).unwrap();
            }
            let port = to_ports[chance.next(to_ports.len())];
            let _ = socket.send_to(&datagram, (Ipv4Addr::LOCALHOST, port));
            if chance.next(64) == 0 {
                tokio::task::yield_now().await;
            }
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        assert_eq!(tower.look.stats().sessions_failed, 0);
        let refused = tower.look.stats().datagrams_refused;
        assert!(refused > 100, "the strange datagrams came: {refused}");
        // It still works, for somebody who comes now.
        let late = client(&config).await;
        let mut seen = late.reader::<DeviceTelemetry>();
        osd.try_write(report("AIR1", 3)).unwrap();
        assert_eq!(timeout(LONG, seen.next()).await.unwrap().unwrap().view.report_count, 3);
    })
    .await;
}

/// Datagrams of real participants: their announcements, and every kind of submessage, as a stranger
/// in the group could send them.
async fn overhear(domain_id: u16) -> Vec<Vec<u8>> {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None).unwrap();
    socket.set_reuse_address(true).unwrap();
    socket.set_reuse_port(true).unwrap();
    socket.set_nonblocking(true).unwrap();
    let port = 7400 + 250 * domain_id;
    socket.bind(&std::net::SocketAddr::from(([239, 255, 0, 1], port)).into()).unwrap();
    let group = Ipv4Addr::new(239, 255, 0, 1);
    socket.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST).unwrap();
    let socket = tokio::net::UdpSocket::from_std(socket.into()).unwrap();
    let mut buffer = vec![0; 65_536];
    let mut heard = Vec::new();
    while heard.len() < 2 {
        let (length, _) = timeout(LONG, socket.recv_from(&mut buffer)).await.unwrap().unwrap();
        heard.push(buffer[..length].to_vec());
    }
    // Each kind of submessage with some body, from the participant that was overheard.
    let header = heard[0][..20].to_vec();
    for kind in [0x06_u8, 0x07, 0x08, 0x0c, 0x0d, 0x0e, 0x0f, 0x12, 0x13, 0x15, 0x16] {
        for entity in [[0, 0, 3, 0xc2], [0, 0, 4, 0xc2], [0, 0, 0, 2], [0, 1, 0, 0xc2]] {
            let mut datagram = header.clone();
            datagram.extend([kind, 1, 44, 0]);
            datagram.extend([0, 0, 16, 0]);
            if matches!(kind, 0x06 | 0x07 | 0x08 | 0x12 | 0x13) {
                datagram.truncate(datagram.len() - 4);
            }
            datagram.extend([0, 0, 0, 0]);
            datagram.extend(entity);
            datagram.extend([0, 0, 0, 0, 1, 0, 0, 0]);
            datagram.resize(20 + 4 + 44, 0);
            heard.push(datagram);
        }
    }
    heard
}
