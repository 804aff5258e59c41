//! Styles and tile descriptions whose links lead to the tower instead of the upstream.
//!
//! A link is remembered under a short name made from its address; the browser sees that name, the
//! tower's own origin, and places for numbers. Links to hosts that are not configured are taken
//! out: the browser could not follow them, and the tower does not.

use std::collections::BTreeMap;

use bytes::Bytes;
use ring::digest;
use serde_json::Value;

use super::template::{Template, host_of, tile_of};
use crate::auth::hex;

/// Links of one style; a style with more is no style.
const MAX_LINKS: usize = 64;
const MAX_PART: usize = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Tiles,
    Glyphs,
    Sprite,
    /// A tile description, whose own links are rewritten.
    TileJson,
    /// Data that is passed on.
    Document,
}

/// What the styles of one ground link to.
#[derive(Default)]
pub(super) struct Links(BTreeMap<String, (Kind, String)>);

/// An address to fetch.
pub(super) struct Part {
    pub(super) address: String,
    pub(super) is_json: bool,
}

impl Links {
    /// The address of a part of a link, when both exist.
    pub(super) fn part(&self, link: &str, part: &str) -> Option<Part> {
        let (kind, text) = self.0.get(link)?;
        let address = match kind {
            Kind::Tiles => {
                let mut numbers = part.splitn(3, '-');
                let (z, x, y) = (numbers.next()?, numbers.next()?, numbers.next()?);
                tile_of(text, z.parse().ok()?, x.parse().ok()?, y.parse().ok()?)?
            }
            Kind::Glyphs => {
                let (fonts, range) = part.rsplit_once('~')?;
                let range_fits = range.bytes().all(|b| b.is_ascii_digit() || b == b'-');
                let fonts = encoded(fonts).filter(|_| range_fits && !range.is_empty())?;
                text.replace("{fontstack}", &fonts).replace("{range}", range)
            }
            Kind::Sprite => {
                let fits = ["sheet.json", "sheet.png", "sheet@2x.json", "sheet@2x.png"];
                let suffix = part.strip_prefix("sheet").filter(|_| fits.contains(&part))?;
                match text.split_once('?') {
                    Some((path, query)) => format!("{path}{suffix}?{query}"),
                    None => format!("{text}{suffix}"),
                }
            }
            Kind::TileJson | Kind::Document => (part == "all").then(|| text.clone())?,
        };
        Some(Part { address, is_json: *kind == Kind::TileJson })
    }

    /// The short name of an address, `None` when there are too many.
    fn name(&mut self, kind: Kind, address: &str) -> Option<String> {
        let name = hex(&digest::digest(&digest::SHA256, address.as_bytes()).as_ref()[..8]);
        if !self.0.contains_key(&name) {
            if self.0.len() >= MAX_LINKS {
                return None;
            }
            self.0.insert(name.clone(), (kind, address.to_owned()));
        }
        Some(name)
    }
}

/// Names of fonts, percent-encoded; `None` for what is none.
fn encoded(fonts: &str) -> Option<String> {
    if fonts.is_empty() || fonts.len() > MAX_PART || fonts.contains("..") {
        return None;
    }
    fonts.chars().try_fold(String::new(), |mut text, letter| {
        match letter {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '-' | '_' | '.' | ',' => text.push(letter),
            ' ' => text.push_str("%20"),
            _ => return None,
        }
        Some(text)
    })
}

pub(super) struct Rewriter<'a> {
    pub(super) id: &'a str,
    /// The tower's origin as the caller calls it.
    pub(super) own: &'a str,
    pub(super) template: &'a Template,
    pub(super) hosts: &'a [String],
    pub(super) links: &'a mut Links,
}

impl Rewriter<'_> {
    /// The style with its links turned. The error says what is wrong, without an address.
    pub(super) fn style(&mut self, bytes: &[u8]) -> Result<Bytes, String> {
        let mut style = object(bytes)?;
        if let Some(sources) = style.get_mut("sources").and_then(Value::as_object_mut) {
            sources.values_mut().for_each(|source| self.source(source));
        }
        self.turn_member(&mut style, "glyphs", Kind::Glyphs);
        match style.get_mut("sprite") {
            Some(Value::Array(sheets)) => {
                sheets.iter_mut().for_each(|sheet| self.turn_member(sheet, "url", Kind::Sprite));
            }
            Some(_) => self.turn_member(&mut style, "sprite", Kind::Sprite),
            None => {}
        }
        Ok(style.to_string().into())
    }

    /// A tile description with its links turned.
    pub(super) fn tile_json(&mut self, bytes: &[u8]) -> Result<Bytes, String> {
        let mut described = object(bytes)?;
        self.source(&mut described);
        Ok(described.to_string().into())
    }

    fn source(&mut self, source: &mut Value) {
        self.turn_member(source, "url", Kind::TileJson);
        self.turn_member(source, "data", Kind::Document);
        if let Some(tiles) = source.get_mut("tiles").and_then(Value::as_array_mut) {
            tiles.retain_mut(|tile| match tile.as_str().and_then(|t| self.turn(t, Kind::Tiles)) {
                Some(turned) => {
                    *tile = Value::String(turned);
                    true
                }
                None => false,
            });
        }
    }

    fn turn_member(&mut self, object: &mut Value, name: &str, kind: Kind) {
        let Some(members) = object.as_object_mut() else { return };
        // Data may stand in the style itself; then there is no link.
        let Some(Value::String(address)) = members.get(name) else { return };
        match self.turn(address, kind) {
            Some(turned) => {
                members.insert(name.to_owned(), Value::String(turned));
            }
            None => {
                members.remove(name);
                tracing::warn!(basemap = self.id, name, "a link of the style is not followed");
            }
        }
    }

    fn turn(&mut self, address: &str, kind: Kind) -> Option<String> {
        let address = self.absolute(address)?;
        let host = host_of(&address).ok()?;
        let known = host == self.template.host() || self.hosts.contains(&host);
        if !known || !address.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
            return None;
        }
        let address = address.replace(' ', "%20");
        let name = self.links.name(kind, &address)?;
        let places = match kind {
            Kind::Tiles => "{z}-{x}-{y}",
            Kind::Glyphs => "{fontstack}~{range}",
            Kind::Sprite => "sheet",
            Kind::TileJson | Kind::Document => "all",
        };
        Some(format!("{}/api/v1/basemaps/{}/linked/{name}/{places}", self.own, self.id))
    }

    /// The address with the key where the style asks for one, relative ones beside the style.
    fn absolute(&self, address: &str) -> Option<String> {
        let address = match self.template.key() {
            Some(key) => address.replace("{key}", key),
            None => address.to_owned(),
        };
        if address.contains("://") {
            return Some(address);
        }
        let whole = self.template.whole();
        let path = whole.split('?').next().unwrap_or(whole);
        let begin = path.find("://")? + 3;
        let root = path[begin..].find('/').map_or(path.len(), |at| begin + at);
        if let Some(rest) = address.strip_prefix("//") {
            return Some(format!("{}://{rest}", &path[..begin - 3]));
        }
        if address.starts_with('/') {
            return Some(format!("{}{address}", &path[..root]));
        }
        let folder = path[root..].rfind('/').map_or(root, |at| root + at);
        Some(format!("{}/{}", &path[..folder], address.trim_start_matches("./")))
    }
}

fn object(bytes: &[u8]) -> Result<Value, String> {
    match serde_json::from_slice(bytes) {
        Ok(value @ Value::Object(_)) => Ok(value),
        Ok(_) | Err(_) => Err("its style or tile description is not a JSON object".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const OWN: &str = "http://localhost:8080";

    fn rewrite(links: &mut Links, style: &Value) -> Value {
        let address = "https://maps.example/styles/street.json?key={key}";
        let template = Template::document(address, Some("s3cret")).unwrap();
        let hosts = ["fonts.example".to_owned()];
        let mut rewriter =
            Rewriter { id: "street", own: OWN, template: &template, hosts: &hosts, links };
        let bytes = rewriter.style(style.to_string().as_bytes()).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    }

    fn follow(links: &Links, url: &Value, part: &str) -> Option<String> {
        let url = url.as_str().unwrap();
        let rest = url.strip_prefix(&format!("{OWN}/api/v1/basemaps/street/linked/")).unwrap();
        links.part(rest.split('/').next().unwrap(), part).map(|part| part.address)
    }

    #[test]
    fn every_link_leads_to_the_tower_and_no_key_is_shown() {
        let mut links = Links::default();
        let style = json!({
            "version": 8,
            "sprite": "https://maps.example/sprite?key=s3cret",
            "glyphs": "https://fonts.example/{fontstack}/{range}.pbf",
            "sources": {
                "streets": {"type": "vector", "url": "tiles.json?key={key}"},
                "photo": {"type": "raster", "tiles": [
                    "/photo/{z}/{x}/{y}.jpg?key=s3cret", "https://evil.example/{z}/{x}/{y}"]},
                "own": {"type": "geojson", "data": {"type": "FeatureCollection", "features": []}},
                "far": {"type": "geojson", "data": "https://evil.example/x.json"},
            },
        });
        let turned = rewrite(&mut links, &style);
        let text = turned.to_string();
        assert!(
            !text.contains("s3cret") && !text.contains("evil") && !text.contains("maps.example")
        );
        let sources = &turned["sources"];
        assert_eq!(sources["own"], style["sources"]["own"]);
        assert_eq!(sources["far"]["data"], Value::Null);
        let tiles = sources["photo"]["tiles"].as_array().unwrap();
        assert_eq!(tiles.len(), 1);
        let at = |url: &Value, part: &str, expect: Option<&str>| {
            assert_eq!(follow(&links, url, part).as_deref(), expect, "{part}");
        };
        at(&tiles[0], "2-1-0", Some("https://maps.example/photo/2/1/0.jpg?key=s3cret"));
        at(&tiles[0], "2-9-0", None);
        at(&tiles[0], "..-x-0", None);
        at(
            &sources["streets"]["url"],
            "all",
            Some("https://maps.example/styles/tiles.json?key=s3cret"),
        );
        at(&sources["streets"]["url"], "other", None);
        let fonts = Some("https://fonts.example/Noto%20Sans%20KR/0-255.pbf");
        at(&turned["glyphs"], "Noto Sans KR~0-255", fonts);
        at(&turned["glyphs"], "../..~0-255", None);
        at(&turned["glyphs"], "a?b~0-255", None);
        at(&turned["glyphs"], "Noto~0-255.pbf", None);
        at(
            &turned["sprite"],
            "sheet@2x.png",
            Some("https://maps.example/sprite@2x.png?key=s3cret"),
        );
        at(&turned["sprite"], "sheet.exe", None);
        assert_eq!(rewrite(&mut links, &style), turned, "names are the same after a restart");
    }

    #[test]
    fn a_style_with_too_many_links_or_none_at_all() {
        let mut links = Links::default();
        let tiles: Vec<_> = (0..100).map(|n| format!("https://maps.example/{n}/{{z}}")).collect();
        let turned = rewrite(&mut links, &json!({"sources": {"s": {"tiles": tiles}}}));
        assert_eq!(turned["sources"]["s"]["tiles"].as_array().unwrap().len(), MAX_LINKS);
        assert_eq!(object(b"[1]").is_err(), object(b"<html>").is_err());
    }
}
