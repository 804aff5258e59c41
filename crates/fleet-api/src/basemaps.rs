//! The operator's own grounds for the map: a PMTiles file, picture tiles, or a whole style.
//!
//! The browser asks the tower alone. The tower reads the file, or fetches from the configured
//! upstream with its key, and keeps what it got for a while in bounded memory. It fetches what the
//! configuration names and nothing else: a caller chooses numbers, never an address. Keys never
//! leave this module: not in answers, errors or logs. Read next: [`template`], [`style`],
//! [`upstream`], [`file`].

mod cache;
mod file;
mod style;
mod template;
mod upstream;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use serde::Serialize;
use tokio::{sync::Semaphore, time::Instant};
use utoipa::ToSchema;

use cache::Cache;
pub use file::{MapFile, TileKind};
use style::{Links, Part};
pub use template::{BadTemplate, Template};
use upstream::Fetched;
pub use upstream::{BadRoots, Resolve, Roots};
pub(crate) use upstream::{FetchError, Upstream};

/// Grounds one tower may have.
pub const MAX_BASEMAPS: usize = 16;
/// Bytes of all cached answers together.
const CACHE_BYTES: usize = 64 << 20;
/// Requests to upstreams at a time; more wait their turn.
const FETCHES: usize = 16;
/// How long an answer is used when its upstream says nothing, or less.
const SHORTEST: Duration = Duration::from_hours(1);
/// How long an answer is used at most, and kept for when the upstream does not answer.
const LONGEST: Duration = Duration::from_hours(24 * 7);

/// What kind of ground it is for the console.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum BasemapKind {
    /// A PMTiles archive; `url` is the archive, read by ranges.
    Pmtiles,
    /// Picture tiles in EPSG:3857; `url` holds `{z}`, `{x}`, `{y}`.
    Raster,
    /// A MapLibre style; `url` is the style.
    Style,
    /// Picture tiles over the offline ground (an orthophoto); `url` as for `raster`.
    Overlay,
}

/// Where a ground comes from.
pub enum BasemapSource {
    /// A PMTiles archive on this machine.
    File(MapFile),
    /// Tiles by an address with `{z}`, `{x}`, `{y}`, drawn as ground, or over the offline one.
    Tiles {
        /// Address, key included.
        template: Template,
        /// Over the offline ground.
        overlay: bool,
    },
    /// A style and what it links to on its own host and these others.
    Style {
        /// Address of the style, key included.
        template: Template,
        /// More hosts its links may lead to.
        hosts: Vec<String>,
    },
}

/// One ground as configured.
pub struct Basemap {
    /// `[a-z0-9-]`, 1–32 characters, unique.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Name in Korean.
    pub name_ko: Option<String>,
    /// Whose work it is; shown on the map.
    pub attribution: String,
    /// Smallest zoom with tiles.
    pub min_zoom: Option<u8>,
    /// Largest zoom with tiles; the map enlarges those beyond.
    pub max_zoom: Option<u8>,
    /// West, south, east, north.
    pub bounds: Option<[f64; 4]>,
    /// `Referer` the upstream asks for.
    pub referer: Option<String>,
    /// Where it comes from.
    pub source: BasemapSource,
}

impl fmt::Debug for Basemap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The source may hold a key.
        f.debug_struct("Basemap").field("id", &self.id).finish_non_exhaustive()
    }
}

/// One ground as the console is told of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct BasemapListed {
    /// Identity.
    id: String,
    /// Name for people.
    name: String,
    /// Name in Korean.
    name_ko: Option<String>,
    /// What `url` is.
    kind: BasemapKind,
    /// What its tiles are; null for a style, which says so itself.
    tiles: Option<TileKind>,
    /// An address of this tower; needs the credential as every call does.
    url: String,
    /// Whose work it is.
    attribution: String,
    /// Smallest zoom with tiles, as configured, or as the archive says.
    min_zoom: Option<u8>,
    /// Largest zoom with tiles, likewise.
    max_zoom: Option<u8>,
    /// West, south, east, north, degrees, likewise.
    #[schema(value_type = Option<Vec<f64>>)]
    bounds: Option<[f64; 4]>,
}

/// Why there is no answer from a ground.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BasemapError {
    #[error("there is no such basemap, or it has no such part")]
    Unknown,
    #[error("the basemap {id}: {why}; check its address, key and network")]
    Upstream { id: String, why: String },
    #[error("the file of the basemap {id} cannot be read now: {why}")]
    File { id: String, why: String },
}

/// A part of a ground, ready to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Piece {
    pub(crate) content_type: String,
    pub(crate) encoding: Option<String>,
    pub(crate) bytes: Bytes,
}

/// Grounds, and the way to their upstreams.
pub(crate) struct Basemaps {
    maps: BTreeMap<String, Basemap>,
    /// The order of the configuration.
    order: Vec<String>,
    upstream: Option<Upstream>,
    turns: Semaphore,
    inner: Mutex<Inner>,
}

struct Inner {
    cache: Cache,
    /// What the styles link to, by ground.
    links: BTreeMap<String, Links>,
}

impl Basemaps {
    /// `upstream` is needed where a ground is not a file.
    pub(crate) fn new(maps: Vec<Basemap>, upstream: Option<(Arc<dyn Resolve>, Roots)>) -> Self {
        let order = maps.iter().map(|map| map.id.clone()).collect();
        let maps = maps.into_iter().map(|map| (map.id.clone(), map)).collect();
        Self {
            maps,
            order,
            upstream: upstream.map(|(resolve, roots)| Upstream::new(resolve, roots)),
            turns: Semaphore::new(FETCHES),
            inner: Mutex::new(Inner { cache: Cache::new(CACHE_BYTES), links: BTreeMap::new() }),
        }
    }

    pub(crate) fn list(&self) -> Vec<BasemapListed> {
        let maps = self.order.iter().filter_map(|id| self.maps.get(id));
        maps.map(|map| {
            let (kind, place, head) = match &map.source {
                BasemapSource::File(file) => (BasemapKind::Pmtiles, "file", Some(file.head())),
                BasemapSource::Tiles { overlay: false, .. } => {
                    (BasemapKind::Raster, "tiles/{z}/{x}/{y}", None)
                }
                BasemapSource::Tiles { overlay: true, .. } => {
                    (BasemapKind::Overlay, "tiles/{z}/{x}/{y}", None)
                }
                BasemapSource::Style { .. } => (BasemapKind::Style, "style.json", None),
            };
            let tiles = match kind {
                BasemapKind::Pmtiles => head.map(|head| head.tiles),
                BasemapKind::Raster | BasemapKind::Overlay => Some(TileKind::Picture),
                BasemapKind::Style => None,
            };
            BasemapListed {
                id: map.id.clone(),
                name: map.name.clone(),
                name_ko: map.name_ko.clone(),
                kind,
                tiles,
                url: format!("/api/v1/basemaps/{}/{place}", map.id),
                attribution: map.attribution.clone(),
                min_zoom: map.min_zoom.or(head.map(|head| head.zooms[0])),
                max_zoom: map.max_zoom.or(head.map(|head| head.zooms[1])),
                bounds: map.bounds.or(head.and_then(|head| head.bounds)),
            }
        })
        .collect()
    }

    pub(crate) fn file(&self, id: &str) -> Result<&MapFile, BasemapError> {
        match self.maps.get(id).map(|map| &map.source) {
            Some(BasemapSource::File(file)) => Ok(file),
            Some(BasemapSource::Tiles { .. } | BasemapSource::Style { .. }) | None => {
                Err(BasemapError::Unknown)
            }
        }
    }

    /// A picture tile; numbers that lie outside the zoom's grid name none.
    pub(crate) async fn tile(
        &self,
        id: &str,
        z: u8,
        x: u32,
        y: u32,
    ) -> Result<Piece, BasemapError> {
        let Some((map, template)) = self.maps.get(id).and_then(|map| match &map.source {
            BasemapSource::Tiles { template, .. } => Some((map, template)),
            BasemapSource::File(_) | BasemapSource::Style { .. } => None,
        }) else {
            return Err(BasemapError::Unknown);
        };
        let address = template.tile(z, x, y).ok_or(BasemapError::Unknown)?;
        self.fetch(map, &address).await
    }

    /// The style, with every link leading to this tower, whose origin is `own`.
    pub(crate) async fn style(&self, id: &str, own: &str) -> Result<Piece, BasemapError> {
        let (map, template, hosts) = self.styled(id)?;
        let piece = self.fetch(map, template.whole()).await?;
        let mut inner = self.inner();
        let links = inner.links.entry(id.to_owned()).or_default();
        let mut rewriter = style::Rewriter { id, own, template, hosts, links };
        let text = rewriter.style(&piece.bytes).map_err(|why| upstream_error(map, why))?;
        Ok(Piece { content_type: "application/json".to_owned(), encoding: None, bytes: text })
    }

    /// Something a style links to: `link` names it, `part` which tile, glyphs or sheet of it.
    pub(crate) async fn linked(
        &self,
        id: &str,
        link: &str,
        part: &str,
        own: &str,
    ) -> Result<Piece, BasemapError> {
        let (map, template, hosts) = self.styled(id)?;
        if self.link(id, link, part).is_none() {
            // The browser may hold the style from before this tower started.
            self.style(id, own).await?;
        }
        let Part { address, is_json } = self.link(id, link, part).ok_or(BasemapError::Unknown)?;
        let piece = self.fetch(map, &address).await?;
        if !is_json {
            return Ok(piece);
        }
        let mut inner = self.inner();
        let links = inner.links.entry(id.to_owned()).or_default();
        let mut rewriter = style::Rewriter { id, own, template, hosts, links };
        let bytes = rewriter.tile_json(&piece.bytes).map_err(|why| upstream_error(map, why))?;
        Ok(Piece { bytes, ..piece })
    }

    fn link(&self, id: &str, link: &str, part: &str) -> Option<Part> {
        self.inner().links.get(id)?.part(link, part)
    }

    fn styled(&self, id: &str) -> Result<(&Basemap, &Template, &[String]), BasemapError> {
        match self.maps.get(id).map(|map| (map, &map.source)) {
            Some((map, BasemapSource::Style { template, hosts })) => Ok((map, template, hosts)),
            Some((_, BasemapSource::File(_) | BasemapSource::Tiles { .. })) | None => {
                Err(BasemapError::Unknown)
            }
        }
    }

    /// From the cache, else from the upstream, else an old answer from the cache.
    async fn fetch(&self, map: &Basemap, address: &str) -> Result<Piece, BasemapError> {
        if let Some(piece) = self.inner().cache.fresh(address, Instant::now()) {
            return Ok(piece);
        }
        let upstream = self.upstream.as_ref().ok_or_else(|| {
            upstream_error(map, "this tower has no way to an upstream".to_owned())
        })?;
        let _turn = self.turns.acquire().await;
        // Another request may have brought it while this one waited.
        if let Some(piece) = self.inner().cache.fresh(address, Instant::now()) {
            return Ok(piece);
        }
        match upstream.fetch(address, map.referer.as_deref()).await {
            Ok(Fetched { piece, fresh_for }) => {
                let fresh_for = fresh_for.clamp(SHORTEST, LONGEST);
                let mut inner = self.inner();
                inner.cache.put(address, piece.clone(), Instant::now(), fresh_for);
                Ok(piece)
            }
            Err(why) => {
                let old = self.inner().cache.any(address, Instant::now(), LONGEST);
                old.ok_or_else(|| upstream_error(map, why.to_string()))
            }
        }
    }

    pub(crate) fn cached_bytes(&self) -> usize {
        self.inner().cache.bytes()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn upstream_error(map: &Basemap, why: String) -> BasemapError {
    tracing::debug!(basemap = map.id, why, "a basemap could not be fetched");
    BasemapError::Upstream { id: map.id.clone(), why }
}
