//! `gwanje thumbnail`: a picture from standard input, a small one to standard output.
//!
//! Pictures come from outside; whoever decodes them is a process of its own, for one picture, with
//! bounds on memory and time that the kernel keeps. It refuses everything but JPEG.

use std::io::{Read as _, Write as _};

use anyhow::{Context as _, ensure};
use jpeg_encoder::{ColorType, Encoder};
use rustix::process::{Resource, Rlimit, setrlimit};
use zune_jpeg::{
    JpegDecoder,
    zune_core::{bytestream::ZCursor, colorspace::ColorSpace, options::DecoderOptions},
};

/// Bytes of a picture that is taken.
pub const INPUT_MAX: u64 = 64 << 20;
/// Longest side of what comes out, pixels.
const SIDE: usize = 320;
/// Most pixels to a side that are decoded.
const SIDE_MAX: usize = 16_384;
/// What the process may have: 50 megapixels and room to work.
const MEMORY: u64 = 768 << 20;
const SECONDS: u64 = 20;
const QUALITY: u8 = 78;

/// Reads, makes, writes.
///
/// # Errors
/// When it is no picture, or too large a one.
pub fn run() -> anyhow::Result<()> {
    // The allocator has reserved addresses by now that are no memory yet.
    let memory = reserved()?.saturating_add(MEMORY);
    for (resource, most) in [(Resource::As, memory), (Resource::Cpu, SECONDS)] {
        setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })
            .context("no bounds could be set")?;
    }
    let mut picture = Vec::new();
    let read = std::io::stdin().lock().take(INPUT_MAX + 1).read_to_end(&mut picture)?;
    ensure!(read as u64 <= INPUT_MAX, "the picture is too large");
    let small = of(&picture)?;
    std::io::stdout().lock().write_all(&small)?;
    Ok(())
}

/// Bytes of this process's addresses.
fn reserved() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:"));
    let kilobytes: u64 = size.unwrap_or_default().trim().trim_end_matches(" kB").parse()?;
    Ok(kilobytes << 10)
}

/// A small JPEG of a JPEG.
///
/// # Errors
/// When it cannot be decoded.
pub fn of(picture: &[u8]) -> anyhow::Result<Vec<u8>> {
    let options = DecoderOptions::default()
        .set_max_width(SIDE_MAX)
        .set_max_height(SIDE_MAX)
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(picture), options);
    let pixels = decoder.decode().map_err(|error| anyhow::anyhow!("no JPEG: {error:?}"))?;
    let (width, height) = decoder.dimensions().context("a picture without a size")?;
    ensure!(pixels.len() == width * height * 3 && width > 0 && height > 0, "no colour picture");
    let longest = width.max(height).max(SIDE);
    let (to_width, to_height) = ((width * SIDE / longest).max(1), (height * SIDE / longest).max(1));
    let small = shrink(&pixels, (width, height), (to_width, to_height));
    let mut out = Vec::new();
    let size = (u16::try_from(to_width)?, u16::try_from(to_height)?);
    Encoder::new(&mut out, QUALITY).encode(&small, size.0, size.1, ColorType::Rgb)?;
    Ok(out)
}

/// Each pixel is the mean of those it stands for.
fn shrink(pixels: &[u8], from: (usize, usize), to: (usize, usize)) -> Vec<u8> {
    let mut small = Vec::with_capacity(to.0 * to.1 * 3);
    for y in 0..to.1 {
        let rows = y * from.1 / to.1..((y + 1) * from.1 / to.1).max(y * from.1 / to.1 + 1);
        for x in 0..to.0 {
            let columns = x * from.0 / to.0..((x + 1) * from.0 / to.0).max(x * from.0 / to.0 + 1);
            let mut sum = [0_u64; 3];
            for row in rows.clone() {
                let at = (row * from.0 + columns.start) * 3;
                for pixel in pixels[at..at + columns.len() * 3].chunks_exact(3) {
                    for (sum, part) in sum.iter_mut().zip(pixel) {
                        *sum += u64::from(*part);
                    }
                }
            }
            let count = (rows.len() * columns.len()) as u64;
            small.extend(sum.map(|sum| u8::try_from(sum / count).unwrap_or(u8::MAX)));
        }
    }
    small
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u16, height: u16) -> Vec<u8> {
        let pixels: Vec<u8> = (0..usize::from(width) * usize::from(height))
            .flat_map(|at| {
                if at % usize::from(width) < usize::from(width) / 2 {
                    [250, 0, 0]
                } else {
                    [0, 0, 250]
                }
            })
            .collect();
        let mut out = Vec::new();
        Encoder::new(&mut out, 90).encode(&pixels, width, height, ColorType::Rgb).unwrap();
        out
    }

    #[test]
    fn a_large_picture_becomes_a_small_one_that_shows_the_same() {
        let small = of(&picture(1600, 800)).unwrap();
        let mut decoder = JpegDecoder::new(ZCursor::new(&small));
        let pixels = decoder.decode().unwrap();
        assert_eq!(decoder.dimensions().unwrap(), (320, 160));
        let at = |x: usize, y: usize| &pixels[(y * 320 + x) * 3..][..3];
        assert!(at(20, 80)[0] > 200 && at(20, 80)[2] < 60, "{:?}", at(20, 80));
        assert!(at(300, 80)[2] > 200 && at(300, 80)[0] < 60, "{:?}", at(300, 80));
        assert!(small.len() < 20_000);
    }

    #[test]
    fn a_small_picture_stays_as_large_as_it_is() {
        let small = of(&picture(64, 48)).unwrap();
        let mut decoder = JpegDecoder::new(ZCursor::new(&small));
        decoder.decode().unwrap();
        assert_eq!(decoder.dimensions().unwrap(), (64, 48));
    }

    #[test]
    fn what_is_no_picture_is_refused() {
        let whole = picture(640, 480);
        assert!(of(b"").is_err());
        assert!(of(b"GIF89a").is_err());
        assert!(of(&whole[..20]).is_err());
    }
}
