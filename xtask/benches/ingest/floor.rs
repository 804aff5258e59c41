//! The floor: what it costs merely to receive the same messages and to parse them, in a process of
//! its own, with the tower's own MQTT client and decoder and nothing behind them.

use std::{collections::BTreeMap, net::SocketAddr};

use dji_cloud::{Message, decode, decode_osd_aircraft, decode_osd_dock};
use rumqttc::v5::{
    AsyncClient, Event, Incoming, MqttOptions,
    mqttbytes::{QoS, v5::Filter},
};
use serde_json::json;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

pub(crate) async fn run(control: SocketAddr, broker: SocketAddr, qos: u8) {
    let (read, mut write) = TcpStream::connect(control).await.unwrap().into_split();
    let mut told = BufReader::new(read).lines();
    let mut options = MqttOptions::new("bench-floor", broker.ip().to_string(), broker.port());
    options.set_max_packet_size(Some(1 << 20));
    let (client, mut link) = AsyncClient::new(options, 64);
    let qos = if qos == 1 { QoS::AtLeastOnce } else { QoS::AtMostOnce };
    let kinds = ["osd", "state"];
    let filters = kinds.map(|kind| Filter::new(format!("thing/product/+/{kind}"), qos));
    client.try_subscribe_many(filters).unwrap();
    let mut newest: BTreeMap<String, (u64, Option<i64>)> = BTreeMap::new();
    let mut received = 0_u64;
    loop {
        tokio::select! {
            biased;
            line = told.next_line() => {
                if !matches!(line, Ok(Some(_))) {
                    return;
                }
                let answer = format!("{}\n", json!({"total": received}));
                if write.write_all(answer.as_bytes()).await.is_err() {
                    return;
                }
            }
            polled = link.poll() => {
                let Ok(Event::Incoming(Incoming::Publish(publish))) = polled else { continue };
                let topic = std::str::from_utf8(&publish.topic).unwrap();
                let Ok(packet) = decode(topic, &publish.payload) else { continue };
                received += 1;
                if let Message::Osd(Some(data)) = packet.message {
                    let is_dock = dji_cloud::looks_like_dock(data) != Some(false);
                    let parsed = if is_dock {
                        decode_osd_dock(data).is_ok()
                    } else {
                        decode_osd_aircraft(data).is_ok()
                    };
                    assert!(parsed, "{topic}");
                }
                let at = packet.envelope.timestamp_ms;
                match newest.get_mut(packet.topic.sn) {
                    Some(known) => *known = (known.0 + 1, at),
                    None => {
                        newest.insert(packet.topic.sn.to_owned(), (1, at));
                    }
                }
            }
        }
    }
}
