//! A photo that nobody took: fields and a road seen from above, a number that tells one from the next,
//! and the position in EXIF as cameras write it.

use jpeg_encoder::{ColorType, Encoder};

use crate::model::Photo;

const WIDTH: u16 = 640;
const HEIGHT: u16 = 480;
const QUALITY: u8 = 80;
/// Rows of five dots for each digit.
const DIGITS: [[u8; 5]; 10] = [
    [7, 5, 5, 5, 7],
    [2, 6, 2, 2, 7],
    [7, 1, 7, 4, 7],
    [7, 1, 7, 1, 7],
    [5, 5, 7, 1, 1],
    [7, 4, 7, 1, 7],
    [7, 4, 7, 5, 7],
    [7, 1, 1, 1, 1],
    [7, 5, 7, 5, 7],
    [7, 5, 7, 1, 7],
];

/// The JPEG of a photo; the same photo always gives the same bytes.
#[must_use]
pub fn jpeg(photo: &Photo) -> Vec<u8> {
    let pixels = pixels(photo);
    let mut out = Vec::new();
    let mut encoder = Encoder::new(&mut out, QUALITY);
    // Neither fails for a picture of this size; a photo without position would still be one.
    let _ = encoder.add_app_segment(1, exif(photo));
    let _ = encoder.encode(&pixels, WIDTH, HEIGHT, ColorType::Rgb);
    out
}

fn pixels(photo: &Photo) -> Vec<u8> {
    // Metres from a corner of the earth, so that neighbouring photos show neighbouring ground.
    let (east, north) = (photo.lon * 88_000.0, photo.lat * 111_000.0);
    let scale = (photo.height_m.max(10.0) / 400.0).max(0.05);
    let mut pixels = Vec::with_capacity(usize::from(WIDTH) * usize::from(HEIGHT) * 3);
    let number = format!("{:04}", photo.number.rem_euclid(10_000));
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let ground_x = east + (f64::from(x) - f64::from(WIDTH) / 2.0) * scale;
            let ground_y = north - (f64::from(y) - f64::from(HEIGHT) / 2.0) * scale;
            let colour = if is_of_number(&number, x, y) {
                [245, 245, 245]
            } else {
                ground(ground_x, ground_y)
            };
            pixels.extend(colour);
        }
    }
    pixels
}

/// Fields of forty metres with furrows, and roads between some of them.
fn ground(x: f64, y: f64) -> [u8; 3] {
    let (field_x, field_y) = ((x / 40.0).floor(), (y / 40.0).floor());
    let (in_x, in_y) = (x.rem_euclid(40.0), y.rem_euclid(40.0));
    if in_x < 4.0 || in_y < 3.0 {
        return [136, 131, 122];
    }
    let lot = (field_x * 12.989 + field_y * 78.233).sin().abs() * 43_758.547;
    let kind = (lot.fract() * 5.0) as usize;
    let base: [f64; 3] = [
        [92.0, 128.0, 66.0],
        [124.0, 140.0, 72.0],
        [150.0, 132.0, 92.0],
        [70.0, 104.0, 62.0],
        [168.0, 160.0, 116.0],
    ][kind.min(4)];
    let along = if kind.is_multiple_of(2) { in_x } else { in_y };
    let furrow = ((along * 1.6).sin() * 9.0).round();
    base.map(|part| (part + furrow).clamp(0.0, 255.0) as u8)
}

fn is_of_number(number: &str, x: u16, y: u16) -> bool {
    const DOT: u16 = 8;
    let (x, y) = (x / DOT, y / DOT);
    let (Some(x), Some(y)) = (x.checked_sub(2), y.checked_sub(2)) else { return false };
    let digit = number.as_bytes().get(usize::from(x / 4)).map(|byte| usize::from(byte - b'0'));
    let row = digit.and_then(|digit| DIGITS.get(digit)?.get(usize::from(y)));
    row.is_some_and(|row| x % 4 < 3 && row >> (2 - x % 4) & 1 == 1)
}

/// TIFF, little-endian: a main directory with make and model, and one of the position.
fn exif(photo: &Photo) -> Vec<u8> {
    const MAKE: &[u8] = b"DJI\0";
    const MODEL: &[u8] = b"M3TD\0\0";
    let mut tiff = Vec::new();
    tiff.extend(b"II*\0");
    tiff.extend(8_u32.to_le_bytes());
    let entry = |tiff: &mut Vec<u8>, tag: u16, kind: u16, count: u32, value: [u8; 4]| {
        tiff.extend(tag.to_le_bytes());
        tiff.extend(kind.to_le_bytes());
        tiff.extend(count.to_le_bytes());
        tiff.extend(value);
    };
    let letters = |letters: &[u8]| {
        let mut value = [0; 4];
        value.iter_mut().zip(letters).for_each(|(to, from)| *to = *from);
        value
    };
    // Main directory at 8: three entries of twelve bytes, and where the next would be.
    let model_at = 8 + 2 + 3 * 12 + 4;
    let gps_at = model_at + 8;
    let values_at = gps_at + 2 + 7 * 12 + 4;
    tiff.extend(3_u16.to_le_bytes());
    entry(&mut tiff, 0x010F, 2, 4, letters(MAKE));
    entry(&mut tiff, 0x0110, 2, 5, (model_at as u32).to_le_bytes());
    entry(&mut tiff, 0x8825, 4, 1, (gps_at as u32).to_le_bytes());
    tiff.extend([0; 4]);
    tiff.extend(MODEL);
    tiff.extend([0; 2]);
    tiff.extend(7_u16.to_le_bytes());
    entry(&mut tiff, 0, 1, 4, [2, 3, 0, 0]);
    entry(&mut tiff, 1, 2, 2, letters(if photo.lat < 0.0 { b"S" } else { b"N" }));
    entry(&mut tiff, 2, 5, 3, (values_at as u32).to_le_bytes());
    entry(&mut tiff, 3, 2, 2, letters(if photo.lon < 0.0 { b"W" } else { b"E" }));
    entry(&mut tiff, 4, 5, 3, ((values_at + 24) as u32).to_le_bytes());
    entry(&mut tiff, 5, 1, 1, [u8::from(photo.altitude_m < 0.0), 0, 0, 0]);
    entry(&mut tiff, 6, 5, 1, ((values_at + 48) as u32).to_le_bytes());
    tiff.extend([0; 4]);
    for degrees in [photo.lat.abs(), photo.lon.abs()] {
        let minutes = degrees.fract() * 60.0;
        let seconds = (minutes.fract() * 60.0 * 10_000.0).round() as u32;
        for (part, of) in [(degrees as u32, 1), (minutes as u32, 1), (seconds, 10_000_u32)] {
            tiff.extend(part.to_le_bytes());
            tiff.extend(of.to_le_bytes());
        }
    }
    tiff.extend(((photo.altitude_m.abs() * 1_000.0).round() as u32).to_le_bytes());
    tiff.extend(1_000_u32.to_le_bytes());
    [b"Exif\0\0".as_slice(), &tiff].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn photo(number: i64) -> Photo {
        Photo {
            name: "DJI_0001_W.JPG".into(),
            lat: 37.566_535,
            lon: 126.977_969,
            altitude_m: 123.456,
            height_m: 60.0,
            yaw_deg: 10.0,
            taken_ms: 0,
            number,
        }
    }

    #[test]
    fn it_is_a_jpeg_of_a_real_size_and_always_the_same() {
        let one = jpeg(&photo(1));
        assert!(one.starts_with(&[0xFF, 0xD8]) && one.ends_with(&[0xFF, 0xD9]));
        assert!((10_000..200_000).contains(&one.len()), "{}", one.len());
        assert_eq!(one, jpeg(&photo(1)));
        assert_ne!(one, jpeg(&photo(2)));
    }

    #[test]
    fn the_position_stands_where_exif_has_it() {
        let exif = exif(&photo(1));
        let tiff = &exif[6..];
        let number = |at: usize| u32::from_le_bytes(tiff[at..at + 4].try_into().unwrap());
        let short = |at: usize| u16::from_le_bytes(tiff[at..at + 2].try_into().unwrap());
        // The main directory's third entry points at the position's directory.
        assert_eq!(short(10 + 24), 0x8825);
        let gps = number(10 + 24 + 8) as usize;
        assert_eq!(short(gps), 7);
        let value = |entry: usize| number(gps + 2 + entry * 12 + 8) as usize;
        let angle = |at: usize| {
            let part = |n: usize| f64::from(number(at + n * 8)) / f64::from(number(at + n * 8 + 4));
            part(0) + part(1) / 60.0 + part(2) / 3_600.0
        };
        assert!((angle(value(2)) - 37.566_535).abs() < 1e-6);
        assert!((angle(value(4)) - 126.977_969).abs() < 1e-6);
        let at = value(6);
        assert!((f64::from(number(at)) / f64::from(number(at + 4)) - 123.456).abs() < 1e-9);
        assert_eq!(tiff.len(), at + 8);
    }
}
