//! One MQTT connection, 3.1.1 or 5, behind one face. Rules of rumqttc kept here: packets up to
//! 1 MiB both ways, room in flight, and nothing but `try_*` calls beside the poll loop. Read next:
//! `dock`.

use bytes::Bytes;
use rumqttc::{QoS, v5};

use super::{MqttVersion, SimConfig};
use crate::model::Qos;

const MAX_PACKET: u32 = 1 << 20;
const CHANNEL: usize = 1_024;
const INFLIGHT: u16 = 1_000;
/// How long a broker keeps the session of an MQTT 5 dock that is away.
const SESSION_EXPIRY_S: u32 = 86_400;

/// The sending half.
#[derive(Debug)]
pub(super) enum Client {
    V4(rumqttc::AsyncClient),
    V5(v5::AsyncClient),
}

/// The half that must be polled.
pub(super) enum Link {
    V4(Box<rumqttc::EventLoop>),
    V5(Box<v5::EventLoop>),
}

/// What polling brings.
pub(super) enum LinkEvent {
    /// The broker accepted the connection.
    Up,
    /// A message.
    Message { topic: String, payload: Bytes, expiry_s: Option<u32> },
    /// Protocol housekeeping.
    Other,
}

/// Prepares a connection; nothing is sent before the first poll.
pub(super) fn open(cfg: &SimConfig, sn: &str, password: Option<&str>) -> (Client, Link) {
    let (host, port) = (cfg.broker.ip().to_string(), cfg.broker.port());
    match cfg.mqtt {
        MqttVersion::V4 => {
            let mut options = rumqttc::MqttOptions::new(sn, host, port);
            let max = MAX_PACKET as usize;
            options
                .set_max_packet_size(max, max)
                .set_inflight(INFLIGHT)
                .set_keep_alive(cfg.keep_alive)
                .set_clean_session(cfg.clean_session);
            if let Some(password) = password {
                options.set_credentials(sn, password);
            }
            let (client, link) = rumqttc::AsyncClient::new(options, CHANNEL);
            (Client::V4(client), Link::V4(Box::new(link)))
        }
        MqttVersion::V5 => {
            let mut options = v5::MqttOptions::new(sn, host, port);
            options
                .set_max_packet_size(Some(MAX_PACKET))
                .set_outgoing_inflight_upper_limit(INFLIGHT)
                .set_keep_alive(cfg.keep_alive)
                .set_clean_start(cfg.clean_session)
                .set_session_expiry_interval(Some(if cfg.clean_session {
                    0
                } else {
                    SESSION_EXPIRY_S
                }));
            if let Some(password) = password {
                options.set_credentials(sn, password);
            }
            let (client, link) = v5::AsyncClient::new(options, CHANNEL);
            (Client::V5(client), Link::V5(Box::new(link)))
        }
    }
}

impl Client {
    /// False if the client's channel is full or closed.
    pub(super) fn publish(&self, topic: &str, payload: &Bytes, qos: Qos) -> bool {
        match self {
            Self::V4(client) => {
                let qos = match qos {
                    Qos::AtMostOnce => QoS::AtMostOnce,
                    Qos::AtLeastOnce => QoS::AtLeastOnce,
                };
                client.try_publish(topic, qos, false, payload.clone()).is_ok()
            }
            Self::V5(client) => {
                let qos = match qos {
                    Qos::AtMostOnce => v5::mqttbytes::QoS::AtMostOnce,
                    Qos::AtLeastOnce => v5::mqttbytes::QoS::AtLeastOnce,
                };
                client.try_publish(topic, qos, false, payload.clone()).is_ok()
            }
        }
    }

    /// QoS 1 subscriptions in one packet.
    pub(super) fn subscribe(&self, topics: &[String]) -> bool {
        match self {
            Self::V4(client) => {
                let filter =
                    |topic: &String| rumqttc::SubscribeFilter::new(topic.clone(), QoS::AtLeastOnce);
                client.try_subscribe_many(topics.iter().map(filter)).is_ok()
            }
            Self::V5(client) => {
                let filter = |topic: &String| {
                    v5::mqttbytes::v5::Filter::new(topic.clone(), v5::mqttbytes::QoS::AtLeastOnce)
                };
                client.try_subscribe_many(topics.iter().map(filter)).is_ok()
            }
        }
    }

    /// Asks for a DISCONNECT packet.
    pub(super) fn disconnect(&self) -> bool {
        match self {
            Self::V4(client) => client.try_disconnect().is_ok(),
            Self::V5(client) => client.try_disconnect().is_ok(),
        }
    }
}

impl Link {
    /// Waits for the next event; an error means the connection is gone.
    pub(super) async fn poll(&mut self) -> Result<LinkEvent, String> {
        match self {
            Self::V4(link) => match link.poll().await.map_err(|error| error.to_string())? {
                rumqttc::Event::Incoming(rumqttc::Packet::ConnAck(_)) => Ok(LinkEvent::Up),
                rumqttc::Event::Incoming(rumqttc::Packet::Publish(publish)) => {
                    Ok(LinkEvent::Message {
                        topic: publish.topic,
                        payload: publish.payload,
                        expiry_s: None,
                    })
                }
                rumqttc::Event::Incoming(_) | rumqttc::Event::Outgoing(_) => Ok(LinkEvent::Other),
            },
            Self::V5(link) => match link.poll().await.map_err(|error| error.to_string())? {
                v5::Event::Incoming(v5::Incoming::ConnAck(_)) => Ok(LinkEvent::Up),
                v5::Event::Incoming(v5::Incoming::Publish(publish)) => Ok(LinkEvent::Message {
                    topic: String::from_utf8_lossy(&publish.topic).into_owned(),
                    payload: publish.payload,
                    expiry_s: publish.properties.and_then(|p| p.message_expiry_interval),
                }),
                v5::Event::Incoming(_) | v5::Event::Outgoing(_) => Ok(LinkEvent::Other),
            },
        }
    }
}
