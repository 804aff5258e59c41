//! Loopback ports: whether one is free, and one that is.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr, TcpListener},
};

/// Whether an address can be listened on now.
///
/// # Errors
/// Why it cannot.
pub fn check_free(address: SocketAddr) -> io::Result<()> {
    TcpListener::bind(address).map(|_| ())
}

/// `usual` when it is free on loopback, else a port the kernel picks, never one in `taken`.
///
/// # Errors
/// When the kernel has no port left.
pub fn usual_or_free(usual: u16, taken: &[u16]) -> io::Result<u16> {
    let local = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    if usual != 0 && !taken.contains(&usual) && check_free(local(usual)).is_ok() {
        return Ok(usual);
    }
    for _ in 0..32 {
        let port = TcpListener::bind(local(0))?.local_addr()?.port();
        if !taken.contains(&port) {
            return Ok(port);
        }
    }
    Err(io::Error::new(io::ErrorKind::AddrInUse, "no free loopback port"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_port_is_found_when_the_usual_is_taken() {
        let held = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = held.local_addr().unwrap().port();
        assert!(check_free(held.local_addr().unwrap()).is_err());
        let other = usual_or_free(port, &[]).unwrap();
        assert_ne!(other, port);
        assert_ne!(usual_or_free(other, &[other]).unwrap(), other);
        assert_eq!(usual_or_free(other, &[]).unwrap(), other);
    }
}
