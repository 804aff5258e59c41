//! One connection for life: connect, run, lose, wait, connect again.
//!
//! Every connection is made with a new MQTT client: the library keeps unsent and unacknowledged
//! publishes over its own reconnects and would send them late. Next: [`super::send`] and
//! [`super::receive`], what happens while a connection stands.

use std::{
    net::SocketAddr,
    panic::AssertUnwindSafe,
    time::{Duration, Instant},
};

use fleet_types::link::LinkName;
use futures_util::FutureExt;
use ring::rand::{SecureRandom, SystemRandom};
use rumqttc::{
    NetworkOptions, Transport,
    v5::{ConnectionError, MqttOptions, StateError},
};

use super::{
    config::BrokerAddress, handle::Shared, line::Line, outbox::IN_FLIGHT_MAX, receive,
    route::Route, send,
};
use crate::resolve::resolve;

/// Longest time from TCP connect to CONNACK, seconds.
const CONNECT_TIMEOUT_S: u64 = 5;
/// How long a goodbye may take.
pub(super) const GOODBYE: Duration = Duration::from_millis(500);

/// How a connection ended.
#[derive(Debug)]
pub(super) struct End {
    /// Why, for people; none when the link is shutting down.
    pub(super) error: Option<String>,
    /// Commands connection: the message handed to the library never left its queue.
    pub(super) never_pulled: bool,
}

impl End {
    pub(super) fn failed(error: impl Into<String>) -> Self {
        Self { error: Some(error.into()), never_pulled: false }
    }

    pub(super) fn closing() -> Self {
        Self { error: None, never_pulled: false }
    }
}

/// One attempt to connect, and the connection if it succeeds.
pub(super) struct Attempt<'a> {
    pub(super) shared: &'a Shared,
    pub(super) link: LinkName,
    pub(super) address: SocketAddr,
    /// The broker's name as configured.
    pub(super) host: &'a str,
    /// Where the library finds the line that was made for it; none when it makes its own.
    pub(super) line: Option<String>,
    /// Counts connections of this link; acknowledgements are bound to it.
    pub(super) epoch: u64,
    /// Set when the connection is up, for messages and subscriptions both.
    pub(super) up_at: Option<Instant>,
}

impl Attempt<'_> {
    pub(super) fn is_up(&mut self) {
        self.up_at = Some(Instant::now());
        let now = (self.shared.clock)().wall;
        self.shared.tell_status(self.link, &self.address.to_string(), now, None);
        tracing::info!(address = %self.address, "connected to the broker");
    }

    pub(super) fn options(&self) -> MqttOptions {
        let config = &self.shared.config;
        let host = match (&self.line, self.address) {
            (Some(line), _) => line.clone(),
            (None, SocketAddr::V4(address)) => address.ip().to_string(),
            (None, SocketAddr::V6(address)) => format!("[{}]", address.ip()),
        };
        let client_id = format!("{}-{}", config.client_id, self.link.as_str());
        let mut options = MqttOptions::new(client_id, host, self.address.port());
        if self.line.is_some() {
            options.set_transport(Transport::unix());
        }
        let mut network = NetworkOptions::new();
        network.set_tcp_nodelay(true);
        options
            .set_network_options(network)
            .set_keep_alive(Duration::from_secs(u64::from(config.keep_alive_s.max(5))))
            .set_connection_timeout(CONNECT_TIMEOUT_S)
            .set_max_packet_size(Some(config.max_packet_bytes))
            .set_outgoing_inflight_upper_limit(IN_FLIGHT_MAX)
            .set_manual_acks(true)
            .set_clean_start(self.link != LinkName::Events);
        if self.link == LinkName::Events {
            options
                .set_session_expiry_interval(Some(config.events_session_expiry_s))
                .set_receive_maximum(Some(config.events_receive_maximum.max(1)));
        }
        if let Some(username) = &config.username {
            let password = config.password.as_ref().map_or("", |secret| secret.expose());
            options.set_credentials(username, password);
        }
        options
    }
}

/// Keeps one connection up until the link is shut down.
pub(super) async fn run(shared: &Shared, link: LinkName) {
    match link {
        LinkName::Commands => {
            tokio::select! {
                () = keep_up(shared, link) => {}
                () = send::expire_waiting(shared) => {}
            }
            // Whatever is left, for instance counter-actions that waited for the broker.
            let reports = shared.outbox(|outbox| {
                outbox.close();
                outbox.disconnected(true)
            });
            shared.tell_fates(reports);
        }
        LinkName::Telemetry | LinkName::Events => keep_up(shared, link).await,
    }
}

async fn keep_up(shared: &Shared, link: LinkName) {
    let mut down_since = (shared.clock)().wall;
    let Some(mut route) = Route::new(&shared.config.brokers) else {
        let error = "no broker is configured".to_owned();
        shared.tell_status(link, "", down_since, Some(error));
        shared.closed().await;
        return;
    };
    let mut epoch = 0;
    while !shared.is_closing() {
        let broker = route.current();
        let (up, error) = try_broker(shared, link, broker, &mut epoch).await;
        if up.is_some() {
            down_since = (shared.clock)().wall;
        }
        let Some(error) = error else { break };
        tracing::warn!(%broker, error, "the broker is not connected");
        shared.tell_status(link, &broker.to_string(), down_since, Some(error));
        let delay = route.failed(up, chance());
        tokio::select! {
            biased;
            () = shared.closed() => {}
            () = tokio::time::sleep(delay) => {}
        }
    }
    let error = Some("the link is shut down".to_owned());
    shared.tell_status(link, "", (shared.clock)().wall, error);
}

/// Tries every address of one broker until a connection stood. Gives how long it stood and why it
/// ended; no reason when the link is shutting down.
async fn try_broker(
    shared: &Shared,
    link: LinkName,
    broker: &BrokerAddress,
    epoch: &mut u64,
) -> (Option<Duration>, Option<String>) {
    let resolved = tokio::select! {
        biased;
        () = shared.closed() => return (None, None),
        resolved = resolve(&broker.host, broker.port) => resolved,
    };
    let addresses = match resolved {
        Ok(addresses) => addresses,
        Err(error) => return (None, Some(error.to_string())),
    };
    let mut error = None;
    for address in addresses {
        *epoch += 1;
        let (epoch, host) = (*epoch, broker.host.as_str());
        let mut attempt = Attempt { shared, link, address, host, line: None, epoch, up_at: None };
        let end = run_caught(&mut attempt).await;
        if link == LinkName::Commands {
            let reports = shared.outbox(|outbox| outbox.disconnected(end.never_pulled));
            shared.tell_fates(reports);
        }
        error = end.error;
        if error.is_none() || attempt.up_at.is_some() {
            return (attempt.up_at.map(|up_at| up_at.elapsed()), error);
        }
    }
    (None, error)
}

/// A panic in the library must not end the link: it is a lost connection, loudly.
async fn run_caught(attempt: &mut Attempt<'_>) -> End {
    let events = attempt.link == LinkName::Events;
    let shared = attempt.shared;
    let caught = AssertUnwindSafe(async {
        if needs_line(attempt) { over_line(attempt).await } else { connection(attempt).await }
    })
    .catch_unwind()
    .await;
    if events {
        shared.route_acks(None);
    }
    caught.unwrap_or_else(|_| {
        tracing::error!("the MQTT client panicked; its connection is given up");
        End::failed("internal error in the MQTT client")
    })
}

async fn connection(attempt: &mut Attempt<'_>) -> End {
    match attempt.link {
        LinkName::Commands => send::connection(attempt).await,
        LinkName::Telemetry | LinkName::Events => receive::connection(attempt).await,
    }
}

fn needs_line(attempt: &Attempt<'_>) -> bool {
    attempt.link == LinkName::Commands || attempt.shared.config.tls.is_some()
}

/// A connection over a line of ours, which ends with it.
async fn over_line(attempt: &mut Attempt<'_>) -> End {
    let shared = attempt.shared;
    let abrupt = attempt.link == LinkName::Commands;
    let open = Line::open(attempt.address, attempt.host, shared.config.tls.as_ref(), abrupt);
    let opened = tokio::select! {
        biased;
        () = shared.closed() => return End { never_pulled: true, ..End::closing() },
        opened = tokio::time::timeout(Duration::from_secs(CONNECT_TIMEOUT_S), open) => opened,
    };
    let line = match opened {
        Ok(Ok(line)) => line,
        Ok(Err(error)) => return End { never_pulled: true, ..End::failed(error) },
        Err(_) => {
            let error = format!("no answer within {CONNECT_TIMEOUT_S} s");
            return End { never_pulled: true, ..End::failed(error) };
        }
    };
    attempt.line = Some(line.path().to_owned());
    let relay = line.relay();
    let connection = connection(attempt);
    tokio::pin!(relay, connection);
    let fault = tokio::select! {
        biased;
        end = &mut connection => return end,
        fault = &mut relay => fault,
    };
    // The library reads what is left, and then that the line is closed.
    let end = connection.await;
    match (fault, end.error) {
        (Some(fault), Some(_)) => End { error: Some(fault), never_pulled: end.never_pulled },
        (_, error) => End { error, never_pulled: end.never_pulled },
    }
}

/// The library's error in words, without anything a broker could have put into it.
pub(super) fn describe(error: &ConnectionError) -> String {
    if let ConnectionError::Timeout(_) = error {
        return format!("no answer within {CONNECT_TIMEOUT_S} s");
    }
    if let ConnectionError::ConnectionRefused(code) = error {
        return format!("the broker refused the login: {code:?}");
    }
    if let ConnectionError::NotConnAck(_) = error {
        return "what answered is no MQTT broker".to_owned();
    }
    if let ConnectionError::MqttState(StateError::ServerDisconnect { reason_code, .. }) = error {
        return format!("the broker ended the connection: {reason_code:?}");
    }
    if let ConnectionError::MqttState(StateError::ConnectionAborted) = error {
        return "the broker closed the connection".to_owned();
    }
    error.to_string()
}

fn chance() -> u8 {
    let mut byte = [0_u8];
    // Without randomness there is no jitter, which is worse but no reason to stop.
    match SystemRandom::new().fill(&mut byte) {
        Ok(()) => byte[0],
        Err(_) => u8::MAX,
    }
}
