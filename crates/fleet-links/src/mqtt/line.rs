//! A connection to the broker on a socket of our own, for the MQTT library to speak over.
//!
//! The library opens its sockets itself and lets nobody at them. Two things need one of ours: TLS
//! that checks the configured name (the library would check the address), and a commands
//! connection whose unsent bytes die with it. A closed TCP socket goes on sending what it was
//! given: on a line that was dead and lives again a command would arrive long after it was given
//! up. So the library is handed a local socket that only this process may use, and a relay carries
//! the bytes on. Telemetry and events without TLS need neither and stay with the library.
//!
//! Read next: [`super::session`], which makes the connections.

use std::{io, net::SocketAddr, time::Duration};

use rustix::net::sockopt;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::{TcpStream, UnixListener, UnixStream},
};

use super::tls::TlsFiles;

/// How long a written byte may stay unacknowledged by the other end's TCP before the kernel gives
/// the line up, also when the connection is closed already.
const USER_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes under way in the relay, each way.
const BUFFER_BYTES: usize = 16 * 1024;

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// A standing connection, and the local socket that leads to it.
pub(super) struct Line {
    listener: UnixListener,
    path: String,
    far: Box<dyn Stream>,
}

impl Line {
    /// Connects, and shakes hands where TLS is on. `abrupt`: what is unsent when the line is
    /// dropped is thrown away.
    pub(super) async fn open(
        address: SocketAddr,
        host: &str,
        tls: Option<&TlsFiles>,
        abrupt: bool,
    ) -> Result<Self, String> {
        let handshake = tls.map(|tls| tls.handshake(host)).transpose()?;
        let tcp = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        tune(&tcp, abrupt).map_err(|error| format!("the socket cannot be set up: {error}"))?;
        let far: Box<dyn Stream> = match handshake {
            None => Box::new(tcp),
            Some(handshake) => {
                let shaken = handshake.connector.connect(handshake.name, tcp).await;
                Box::new(shaken.map_err(|error| format!("TLS: {error}"))?)
            }
        };
        let (listener, path) =
            local_socket().map_err(|error| format!("no local socket can be made: {error}"))?;
        Ok(Self { listener, path, far })
    }

    /// What the library is told to connect to.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// Carries bytes both ways until an end closes. Gives the reason when it was a fault.
    pub(super) async fn relay(self) -> Option<String> {
        let Self { listener, far, .. } = self;
        let near = loop {
            match listener.accept().await {
                Ok((near, _)) if is_ours(&near) => break near,
                // Somebody else on this machine; the library's own connection is still to come.
                Ok(_) => {}
                Err(error) => return Some(error.to_string()),
            }
        };
        drop(listener);
        let (near_read, near_write) = near.into_split();
        let (far_read, far_write) = tokio::io::split(far);
        tokio::select! {
            biased;
            ended = carry(near_read, far_write) => ended,
            ended = carry(far_read, near_write) => ended,
        }
        .err()
        .map(|error| error.to_string())
    }
}

async fn carry(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
) -> io::Result<()> {
    let mut buffer = vec![0_u8; BUFFER_BYTES];
    loop {
        let count = from.read(&mut buffer).await?;
        let Some(bytes) = buffer.get(..count).filter(|bytes| !bytes.is_empty()) else {
            return Ok(());
        };
        to.write_all(bytes).await?;
        to.flush().await?;
    }
}

fn tune(tcp: &TcpStream, abrupt: bool) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let user_timeout_ms = u32::try_from(USER_TIMEOUT.as_millis()).unwrap_or(u32::MAX);
    sockopt::set_tcp_user_timeout(tcp, user_timeout_ms)?;
    if abrupt {
        // Closing then resets, and the kernel forgets what it still had to send.
        tcp.set_zero_linger()?;
    }
    Ok(())
}

/// A name in the kernel's own list, not in the file system: nothing is left behind by a crash.
fn local_socket() -> io::Result<(UnixListener, String)> {
    use ring::rand::{SecureRandom as _, SystemRandom};
    let mut name = [0_u8; 16];
    SystemRandom::new().fill(&mut name).map_err(|_| io::Error::other("no random numbers"))?;
    let path = format!("\0gwanje-line-{:032x}", u128::from_ne_bytes(name));
    Ok((UnixListener::bind(&path)?, path))
}

/// Names of that list have no owner, so the peer is asked who it is.
fn is_ours(near: &UnixStream) -> bool {
    let own = i32::try_from(std::process::id()).ok();
    near.peer_cred().is_ok_and(|peer| peer.pid() == own)
}
