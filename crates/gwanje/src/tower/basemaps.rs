//! The operator's basemaps and hosts of wayline files: from the configuration to the API, with the way
//! to them.

use std::{net::SocketAddr, sync::Arc};

use anyhow::Context as _;
use fleet_api::{Basemap, BasemapSource, Resolve, Roots, WaylineSources};
use futures_util::future::BoxFuture;

use crate::config::Config;

/// Opens every configured ground.
///
/// # Errors
/// When a file or address cannot be used; `gwanje config check` says the same with its line.
pub fn open(config: &Config) -> anyhow::Result<Vec<Basemap>> {
    let maps = config.basemaps.iter().map(|map| {
        let source = map.source().map_err(anyhow::Error::msg);
        let source = source.with_context(|| format!("the basemap {:?}", map.id))?;
        Ok(Basemap {
            id: map.id.clone(),
            name: map.name.clone(),
            name_ko: map.name_ko.clone(),
            attribution: map.attribution.clone(),
            min_zoom: map.min_zoom,
            max_zoom: map.max_zoom,
            bounds: map.bounds,
            referer: map.referer.clone(),
            source,
        })
    });
    maps.collect()
}

/// The way to upstreams, where one is configured. Authorities are read only where one is reached
/// over TLS.
///
/// # Errors
/// When the file of authorities cannot be read or holds none.
pub fn upstream(config: &Config) -> anyhow::Result<Option<(Arc<dyn Resolve>, Roots)>> {
    let maps = open(config)?;
    let templates = maps.iter().filter_map(|map| match &map.source {
        BasemapSource::Tiles { template, .. } | BasemapSource::Style { template, .. } => {
            Some(template)
        }
        BasemapSource::File(_) => None,
    });
    let secret: Vec<bool> = templates.map(fleet_api::Template::is_https).collect();
    if secret.is_empty() {
        return Ok(None);
    }
    let roots = if secret.contains(&true) {
        let file = &config.map.ca_file;
        let pem = super::read_pem(file)?;
        Roots::from_pem(&pem).with_context(|| format!("map.ca_file {}", file.display()))?
    } else {
        Roots::none()
    };
    Ok(Some((Arc::new(Names), roots)))
}

/// The way to the hosts of wayline files, where one is configured. Without authorities that can be
/// read, those over TLS are refused; the others work.
#[must_use]
pub fn wayline_sources(config: &Config) -> Option<WaylineSources> {
    let hosts = config.waylines.url_hosts.clone();
    if hosts.is_empty() {
        return None;
    }
    let file = &config.waylines.ca_file;
    let pem = super::read_pem(file);
    let roots =
        pem.and_then(|pem| Roots::from_pem(&pem).map_err(Into::into)).unwrap_or_else(|error| {
            let error = format!("{error:#}");
            tracing::warn!(error, "waylines.ca_file: no wayline file is fetched over TLS");
            Roots::none()
        });
    Some(WaylineSources::new(hosts, Arc::new(Names), roots))
}

/// The way to a host that is checked against these authorities; without any that can be read, over
/// TLS it is not reached.
#[must_use]
pub(super) fn outside(ca_file: &std::path::Path) -> (Arc<dyn Resolve>, Roots) {
    let pem = super::read_pem(ca_file);
    let roots = pem.and_then(|pem| Roots::from_pem(&pem).map_err(Into::into));
    let roots = roots.unwrap_or_else(|error| {
        let error = format!("{error:#}");
        tracing::warn!(error, file = %ca_file.display(), "no authority can be read: hosts over TLS are not reached");
        Roots::none()
    });
    (Arc::new(Names), roots)
}

/// Names by hickory, as the link to the broker finds its own.
struct Names;

impl Resolve for Names {
    fn resolve(&self, host: String, port: u16) -> BoxFuture<'_, Result<Vec<SocketAddr>, String>> {
        Box::pin(async move {
            let found = fleet_links::resolve::resolve(&host, port).await;
            found.map_err(|error| error.to_string())
        })
    }
}
