//! Listening to a broker: every topic of the Cloud API, both ways, QoS 0, nothing is ever published.
//!
//! Its session is its own and ends with it, so no other reader loses a message by it. Names are
//! resolved without the OS resolver.

use std::{io::Write, time::Duration};

use anyhow::{Context, bail};
use dji_cloud::TopicKind;
use fleet_links::{mqtt::BrokerAddress, resolve};
use fleet_types::Secret;
use rumqttc::v5::{
    AsyncClient, Event, EventLoop, Incoming, MqttOptions,
    mqttbytes::{
        QoS,
        v5::{Filter, SubscribeReasonCode},
    },
};
use tokio::time::{Instant, timeout_at};

use super::Report;
use crate::children::shutdown_signal;

/// Largest packet taken, in bytes; larger ones end the watch with the broker's error.
const PACKET_MAX: u32 = 2 * 1024 * 1024;
/// How long the broker may take to let us in.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// Without an end of its own, a watch ends after so long.
const FOREVER: Duration = Duration::from_secs(30 * 24 * 3600);

/// Who we are to the broker.
pub(super) struct Login {
    pub(super) username: String,
    pub(super) password: Secret,
}

/// When a watch ends; without limits, on Ctrl-C.
pub(super) struct Limits {
    pub(super) messages: Option<u64>,
    pub(super) time: Option<Duration>,
}

/// Reports what the broker passes on.
pub(super) async fn run(
    broker: &str,
    login: Option<Login>,
    limits: Limits,
    report: &mut Report<impl Write>,
) -> anyhow::Result<()> {
    let address: BrokerAddress = broker.strip_prefix("mqtt://").unwrap_or(broker).parse()?;
    let (client, mut events) = connect(&address, login).await?;
    let filters = TopicKind::ALL.iter().map(|kind| Filter::new(kind.filter(), QoS::AtMostOnce));
    client.try_subscribe_many(filters).context("cannot subscribe")?;
    let end = Instant::now() + limits.time.unwrap_or(FOREVER);
    let mut stop = std::pin::pin!(shutdown_signal()?);
    let mut seen = 0;
    while limits.messages.is_none_or(|most| seen < most) {
        let event = tokio::select! {
            biased;
            _signal = &mut stop => break,
            event = timeout_at(end, events.poll()) => event,
        };
        // Time is up.
        let Ok(event) = event else { break };
        match event.with_context(|| format!("the broker {address} is gone"))? {
            Event::Incoming(Incoming::Publish(publish)) => {
                seen += 1;
                report.message(&String::from_utf8_lossy(&publish.topic), &publish.payload)?;
                report.flush()?;
            }
            Event::Incoming(Incoming::SubAck(ack)) => refused(&ack.return_codes)?,
            Event::Incoming(_) | Event::Outgoing(_) => {}
        }
    }
    // A goodbye; whether the broker hears it does not matter.
    let _ = client.try_disconnect();
    let _ = tokio::time::timeout(Duration::from_millis(200), events.poll()).await;
    Ok(())
}

/// Says which topics the broker keeps to itself; without any there is nothing to watch.
fn refused(codes: &[SubscribeReasonCode]) -> anyhow::Result<()> {
    let is_granted = |code: &SubscribeReasonCode| matches!(code, SubscribeReasonCode::Success(_));
    let refused = TopicKind::ALL.iter().zip(codes).filter(|(_, code)| !is_granted(code));
    let refused: Vec<_> = refused.map(|(kind, _)| kind.filter()).collect();
    if refused.len() == TopicKind::ALL.len() {
        bail!("the broker lets this login read no topic of the Cloud API");
    }
    if !refused.is_empty() {
        crate::terminal::say_aside(&format!(
            "not readable with this login: {}",
            refused.join(", ")
        ));
    }
    Ok(())
}

async fn connect(
    address: &BrokerAddress,
    login: Option<Login>,
) -> anyhow::Result<(AsyncClient, EventLoop)> {
    let found = resolve::resolve(&address.host, address.port).await?;
    let mut last = None;
    for ip in found {
        // The library would ask the OS resolver, and that starts threads; an address is safe.
        let id = format!("gwanje-inspect-{}", uuid::Uuid::new_v4().simple());
        let mut options = MqttOptions::new(id, ip.ip().to_string(), ip.port());
        options.set_clean_start(true).set_session_expiry_interval(Some(0));
        options.set_max_packet_size(Some(PACKET_MAX)).set_keep_alive(Duration::from_secs(20));
        if let Some(login) = &login {
            options.set_credentials(&login.username, login.password.expose());
        }
        let (client, mut events) = AsyncClient::new(options, 32);
        match tokio::time::timeout(CONNECT_WITHIN, events.poll()).await {
            Ok(Ok(_)) => return Ok((client, events)),
            Ok(Err(error)) => last = Some(anyhow::Error::new(error)),
            Err(_) => last = Some(anyhow::anyhow!("no answer within {CONNECT_WITHIN:?}")),
        }
    }
    let why = last.unwrap_or_else(|| anyhow::anyhow!("it has no address"));
    Err(why.context(format!("cannot connect to the broker {address}")))
}
