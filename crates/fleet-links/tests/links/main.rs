//! The link against a real Mosquitto on loopback.
