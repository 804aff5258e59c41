//! UDP under the RTPS implementation: three sockets on the event loop.
//!
//! `dust_dds` writes from inside its one actor, so a send here never waits: what the kernel has no
//! room for is dropped and counted, as UDP is allowed to, and reliable topics repair it. What comes
//! in is checked ([`super::guard`]) before it is handed over. One locator of each kind is announced,
//! because every announced one is sent to. The announcement of the participant is repeated here and
//! not by `dust_dds`, whose history of announcements grows for ever.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use dust_dds::transport::{
    interface::{
        RtpsTransportParticipant, TransportDataReceiver, TransportParticipantFactory, WriteMessage,
    },
    types::{LOCATOR_KIND_UDP_V4, Locator},
};
use socket2::{Domain, SockRef, Socket, Type};
use tokio::net::UdpSocket;

use super::{Discovery, WireConfig, guard, runtime::Tasks};

/// Where RTPS participants meet, by the specification.
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 0, 1);
/// Participants of one host and domain that find ports, and are asked for at a peer without a port.
const PARTICIPANTS_MAX: u16 = 120;
const PARTICIPANTS_ASKED: u16 = 10;
/// The announcement is repeated in this time; who does not hear it for 100 s forgets us.
const ANNOUNCE: Duration = Duration::from_secs(3);
const AGAIN: Duration = Duration::from_millis(50);
const RECEIVE_BUFFER: usize = 4 << 20;
const DATAGRAM_MAX: usize = 65_507;
/// A sample above this goes in fragments.
const FRAGMENT: usize = 60_000;

/// Counters of the sockets since the wire began.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    pub(super) sent: AtomicU64,
    pub(super) received: AtomicU64,
    /// The kernel had no room, or nobody is there.
    pub(super) unsent: AtomicU64,
    /// Not sound.
    pub(super) refused: AtomicU64,
}

/// Well-known ports of a domain, by the RTPS specification.
#[derive(Clone, Copy)]
struct Ports(u16);

impl Ports {
    fn meeting(self) -> u16 {
        7400 + 250 * self.0
    }

    fn discovery(self, participant: u16) -> u16 {
        self.meeting() + 10 + 2 * participant
    }

    fn data(self, participant: u16) -> u16 {
        self.meeting() + 11 + 2 * participant
    }
}

/// Bound sockets, before a participant has them.
pub(super) struct Sockets {
    /// What comes to everybody; none where peers are named.
    meeting: Option<UdpSocket>,
    discovery: UdpSocket,
    data: UdpSocket,
    interface: Ipv4Addr,
    meet_at: SocketAddrV4,
    announce_to: Vec<SocketAddr>,
}

impl Sockets {
    /// Binds what the configuration says.
    pub(super) fn open(config: &WireConfig) -> io::Result<Self> {
        let ports = Ports(config.domain_id);
        let meet_at = SocketAddrV4::new(GROUP, ports.meeting());
        let (discovery, data) = unicast(config.interface, ports)?;
        let announce_to = match &config.discovery {
            Discovery::Multicast => vec![SocketAddr::V4(meet_at)],
            Discovery::Peers(peers) => {
                peers.iter().flat_map(|peer| peer_ports(*peer, ports)).collect()
            }
        };
        let meeting = match &config.discovery {
            Discovery::Multicast => Some(multicast(meet_at, config.interface)?),
            Discovery::Peers(_) => None,
        };
        let sending = SockRef::from(&data);
        sending.set_multicast_if_v4(&config.interface)?;
        sending.set_multicast_loop_v4(true)?;
        sending.set_multicast_ttl_v4(1)?;
        Ok(Self { meeting, discovery, data, interface: config.interface, meet_at, announce_to })
    }
}

fn peer_ports(peer: super::Peer, ports: Ports) -> Vec<SocketAddr> {
    let at = |port| SocketAddr::V4(SocketAddrV4::new(peer.address, port));
    match peer.port {
        Some(port) => vec![at(port)],
        None => {
            (0..PARTICIPANTS_ASKED).map(|participant| at(ports.discovery(participant))).collect()
        }
    }
}

fn socket(address: SocketAddrV4, is_shared: bool) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None)?;
    if is_shared {
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(true)?;
    }
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::V4(address).into())?;
    UdpSocket::from_std(socket.into())
}

/// The first pair of ports that is free.
fn unicast(interface: Ipv4Addr, ports: Ports) -> io::Result<(UdpSocket, UdpSocket)> {
    let at = |port| socket(SocketAddrV4::new(interface, port), false);
    for participant in 0..PARTICIPANTS_MAX {
        let pair = at(ports.discovery(participant))
            .and_then(|discovery| Ok((discovery, at(ports.data(participant))?)));
        match pair {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            pair => return pair,
        }
    }
    Err(io::Error::new(io::ErrorKind::AddrInUse, "every port of the domain is in use"))
}

fn multicast(meet_at: SocketAddrV4, interface: Ipv4Addr) -> io::Result<UdpSocket> {
    let meeting = socket(meet_at, true)?;
    // Only what comes in by our interface, not what other programs of this host joined elsewhere.
    SockRef::from(&meeting).set_multicast_all_v4(false)?;
    meeting.join_multicast_v4(GROUP, interface)?;
    Ok(meeting)
}

/// Gives the bound sockets to the one participant of a session.
pub(super) struct UdpTransport {
    pub(super) sockets: Mutex<Option<Sockets>>,
    pub(super) tasks: Arc<Tasks>,
    pub(super) traffic: Arc<Traffic>,
    pub(super) own_prefix: [u8; 12],
}

impl TransportParticipantFactory for UdpTransport {
    fn create_participant(
        &self,
        _domain_id: i32,
        receiver: TransportDataReceiver,
    ) -> RtpsTransportParticipant {
        let sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(sockets) = sockets else { return deaf() };
        let port = |socket: &UdpSocket| socket.local_addr().map_or(0, |address| address.port());
        let own = |socket: &UdpSocket| locator(sockets.interface, port(socket));
        let (own_data, own_discovery) = (own(&sockets.data), own(&sockets.discovery));
        let data = Arc::new(sockets.data);
        let heard = [sockets.meeting.map(Arc::new), Some(Arc::new(sockets.discovery))];
        for socket in heard.into_iter().flatten().chain([Arc::clone(&data)]) {
            let (traffic, prefix) = (Arc::clone(&self.traffic), self.own_prefix);
            self.tasks.spawn("dds receiver", receive(socket, receiver.clone(), traffic, prefix));
        }
        let announcement = Arc::new(Mutex::new(Vec::new()));
        let sender = Sender {
            socket: data,
            buffer: vec![0; DATAGRAM_MAX],
            meet_at: sockets.meet_at,
            announce_to: sockets.announce_to.into(),
            announcement: Arc::clone(&announcement),
            traffic: Arc::clone(&self.traffic),
        };
        self.tasks.spawn(
            "dds announcer",
            announce(
                Arc::clone(&sender.socket),
                Arc::clone(&sender.announce_to),
                announcement,
                Arc::clone(&self.traffic),
            ),
        );
        let meeting = locator(*sockets.meet_at.ip(), sockets.meet_at.port());
        RtpsTransportParticipant {
            message_writer: Box::new(sender),
            default_unicast_locator_list: vec![own_data],
            metatraffic_unicast_locator_list: vec![own_discovery],
            metatraffic_multicast_locator_list: vec![meeting],
            default_multicast_locator_list: vec![],
            fragment_size: FRAGMENT,
        }
    }
}

/// A second participant of a session has no sockets; there is none.
fn deaf() -> RtpsTransportParticipant {
    struct Nowhere(Vec<u8>);
    impl WriteMessage for Nowhere {
        fn write_buffer_mut(&mut self) -> &mut [u8] {
            &mut self.0
        }

        fn write_message(&mut self, _len: usize, _locators: &[Locator]) {}
    }
    RtpsTransportParticipant {
        message_writer: Box::new(Nowhere(vec![0; DATAGRAM_MAX])),
        default_unicast_locator_list: vec![],
        metatraffic_unicast_locator_list: vec![],
        metatraffic_multicast_locator_list: vec![],
        default_multicast_locator_list: vec![],
        fragment_size: FRAGMENT,
    }
}

fn locator(address: Ipv4Addr, port: u16) -> Locator {
    let mut bytes = [0; 16];
    bytes[12..].copy_from_slice(&address.octets());
    Locator::new(LOCATOR_KIND_UDP_V4, port.into(), bytes)
}

fn address(locator: &Locator) -> Option<SocketAddrV4> {
    let [.., a, b, c, d] = locator.address();
    let port = u16::try_from(locator.port()).ok().filter(|port| *port > 0)?;
    (locator.kind() == LOCATOR_KIND_UDP_V4).then(|| SocketAddrV4::new([a, b, c, d].into(), port))
}

async fn receive(
    socket: Arc<UdpSocket>,
    receiver: TransportDataReceiver,
    traffic: Arc<Traffic>,
    own_prefix: [u8; 12],
) {
    let mut buffer = vec![0; DATAGRAM_MAX + 1];
    loop {
        let Ok((length, _)) = socket.recv_from(&mut buffer).await else {
            // The interface may be down; it comes back.
            tokio::time::sleep(AGAIN).await;
            continue;
        };
        let datagram = &buffer[..length];
        if guard::is_sound(datagram, &own_prefix) {
            traffic.received.fetch_add(1, Ordering::Relaxed);
            receiver.receive_message(datagram.to_vec()).await;
        } else if !guard::is_own(datagram, &own_prefix) {
            traffic.refused.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Repeats the last announcement, as it is: that is what the specification has a stateless writer do.
async fn announce(
    socket: Arc<UdpSocket>,
    to: Arc<[SocketAddr]>,
    announcement: Arc<Mutex<Vec<u8>>>,
    traffic: Arc<Traffic>,
) {
    loop {
        tokio::time::sleep(ANNOUNCE).await;
        let bytes = announcement.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if !bytes.is_empty() {
            for address in &*to {
                send(&socket, &bytes, *address, &traffic);
            }
        }
    }
}

fn send(socket: &UdpSocket, bytes: &[u8], to: SocketAddr, traffic: &Traffic) {
    // Past the event loop's idea of readiness, which begins as "not yet".
    let counter = match SockRef::from(socket).send_to(bytes, &to.into()) {
        Ok(_) => &traffic.sent,
        Err(_) => &traffic.unsent,
    };
    counter.fetch_add(1, Ordering::Relaxed);
}

struct Sender {
    socket: Arc<UdpSocket>,
    buffer: Vec<u8>,
    meet_at: SocketAddrV4,
    announce_to: Arc<[SocketAddr]>,
    announcement: Arc<Mutex<Vec<u8>>>,
    traffic: Arc<Traffic>,
}

impl WriteMessage for Sender {
    fn write_buffer_mut(&mut self) -> &mut [u8] {
        &mut self.buffer
    }

    fn write_message(&mut self, length: usize, locators: &[Locator]) {
        let Some(bytes) = self.buffer.get(..length) else { return };
        for to in locators.iter().filter_map(address) {
            if to != self.meet_at {
                send(&self.socket, bytes, to.into(), &self.traffic);
                continue;
            }
            // Only participants are announced to everybody.
            let mut kept = self.announcement.lock().unwrap_or_else(PoisonError::into_inner);
            bytes.clone_into(&mut kept);
            drop(kept);
            for to in &*self.announce_to {
                send(&self.socket, bytes, *to, &self.traffic);
            }
        }
    }
}
