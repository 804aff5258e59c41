//! A line between clients and a broker that can be made bad: slow, half-open, garbled, cut.

use std::{net::Ipv4Addr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinSet,
};

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    ToBroker,
    FromBroker,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weather {
    Fair,
    /// Every piece waits so long before it goes on.
    Slow(Duration),
    /// Nothing passes, nobody is told: sockets stay open at both ends.
    HalfOpen,
    /// The first byte of every piece that goes this way is another one.
    Garbled(Way),
}

/// The line; ends with its owner.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    weather: watch::Sender<Weather>,
    cuts: watch::Sender<u32>,
    _accepting: JoinSet<()>,
}

impl Proxy {
    pub(crate) async fn before(broker_port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (weather, cuts) = (watch::channel(Weather::Fair).0, watch::channel(0).0);
        let mut accepting = JoinSet::new();
        let (sky, cut) = (weather.clone(), cuts.clone());
        accepting.spawn(async move {
            let mut lines = JoinSet::new();
            while let Ok((near, _)) = listener.accept().await {
                let Ok(far) = TcpStream::connect((Ipv4Addr::LOCALHOST, broker_port)).await else {
                    continue;
                };
                let (near_read, near_write) = near.into_split();
                let (far_read, far_write) = far.into_split();
                let mut cut = cut.subscribe();
                let (up, down) = (sky.subscribe(), sky.subscribe());
                lines.spawn(async move {
                    tokio::select! {
                        () = pump(near_read, far_write, Way::ToBroker, up) => {}
                        () = pump(far_read, near_write, Way::FromBroker, down) => {}
                        _ = cut.changed() => {}
                    }
                });
            }
        });
        Self { port, weather, cuts, _accepting: accepting }
    }

    pub(crate) fn fair(&self) {
        self.weather.send_replace(Weather::Fair);
    }

    pub(crate) fn slow(&self, delay: Duration) {
        self.weather.send_replace(Weather::Slow(delay));
    }

    pub(crate) fn half_open(&self) {
        self.weather.send_replace(Weather::HalfOpen);
    }

    pub(crate) fn garble(&self, way: Way) {
        self.weather.send_replace(Weather::Garbled(way));
    }

    /// Ends every connection now; new ones are taken.
    pub(crate) fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }
}

async fn pump(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    way: Way,
    mut sky: watch::Receiver<Weather>,
) {
    let mut piece = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut piece).await {
        // What was read may wait here while nothing passes.
        let Ok(weather) = sky.wait_for(|weather| *weather != Weather::HalfOpen).await.map(|w| *w)
        else {
            return;
        };
        match weather {
            Weather::Slow(delay) => tokio::time::sleep(delay).await,
            Weather::Garbled(garbled) if garbled == way => piece[0] ^= 0xff,
            Weather::Garbled(_) | Weather::Fair | Weather::HalfOpen => {}
        }
        if to.write_all(&piece[..count]).await.is_err() {
            break;
        }
    }
    // An end is not heard over a line on which nothing passes.
    let _ = sky.wait_for(|weather| *weather != Weather::HalfOpen).await;
}
