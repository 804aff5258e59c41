//! `gwanje objects`: the process that keeps media, one loop, nothing else in it.
//!
//! What is served and how is `fleet_objects`'s. Read next: ADR 0024.

use std::{process::ExitCode, sync::Arc};

use anyhow::Context as _;
use fleet_objects::{
    Files, Limits, MasterKey,
    serve::{Listener, serve},
};
use futures_util::FutureExt as _;
use tokio::net::TcpListener;

use crate::{children::shutdown_signal, config::Config, data_dir};

const MB: u64 = 1 << 20;

/// Serves until it is told to stop.
///
/// # Errors
/// When the address, the directory or the certificate cannot be used.
pub async fn run(config: Config) -> anyhow::Result<ExitCode> {
    // Its own lines repeat whole requests, addresses with tokens included.
    crate::logging::silence("s3s")?;
    let settings = &config.objects;
    let stop = shutdown_signal()?;
    let master = master_key(&config)?;
    fleet_api::check_bind(settings.listen, settings.tls.is_some())?;
    let tls = match &settings.tls {
        None => None,
        Some(files) => {
            let (cert, key) =
                (crate::tower::read_pem(&files.cert)?, crate::tower::read_pem(&files.key)?);
            Some(fleet_api::Tls::from_pem(&cert, &key)?.acceptor())
        }
    };
    let dir = config.objects_dir();
    data_dir::private_dir(&dir)?;
    let limits = Limits {
        quota_bytes: u64::from(settings.quota_mb) * MB,
        free_bytes: u64::from(settings.free_mb) * MB,
    };
    let files = Files::open(&dir, limits);
    let files = files.with_context(|| format!("cannot keep media in {}", dir.display()))?;
    let listener = TcpListener::bind(settings.listen).await;
    let listener = listener.with_context(|| format!("cannot listen on {}", settings.listen))?;
    let socket = config.objects_socket();
    let local = fleet_api::bind_unix(&socket);
    let local = local.with_context(|| format!("cannot listen on {}", socket.display()))?;
    tracing::info!(listen = %settings.listen, "object store started");
    let stopped = async {
        let why = stop.await;
        tracing::info!(why, "object store stopping");
    };
    let (stopped, files) = (stopped.shared(), Arc::new(files));
    let docks = Listener::Tcp(listener, tls);
    let docks = serve(docks, Arc::clone(&files), master.clone(), stopped.clone());
    // The tower comes by a way that needs no certificate.
    tokio::join!(docks, serve(Listener::Unix(local), files, master, stopped));
    Ok(ExitCode::SUCCESS)
}

/// The key that the store and the tower share.
///
/// # Errors
/// When the file cannot be made or read.
pub fn master_key(config: &Config) -> anyhow::Result<MasterKey> {
    let file = config.objects_key_file();
    let secret = data_dir::secret_or_new(&file);
    let secret = secret.with_context(|| format!("the object store's key in {}", file.display()))?;
    Ok(MasterKey::new(secret.expose())?)
}
