//! Lists compared as texts, member by member, without a tree of either.
//!
//! A device writes a list in the same order each time, and little in it moves: both texts are read
//! side by side, and only numbers that are written otherwise are looked at. Where the texts are not
//! alike in form it says nothing, and whoever asks compares the values.

use super::deadband::{Deadband, Deadbands};

/// Whether `now` left its bands around `recorded`; both are JSON. `None` when their texts do not tell:
/// keys in another order, escapes, white space, deep nesting.
pub(super) fn texts_changed(
    deadbands: &Deadbands,
    band: Deadband,
    recorded: &str,
    now: &str,
) -> Option<bool> {
    let mut pair = Pair { deadbands, one: Cursor::new(recorded), two: Cursor::new(now) };
    match pair.value(band, DEPTH_MAX) {
        Ok(()) => Some(false),
        Err(Stop::Changed) => Some(true),
        Err(Stop::Unalike) => None,
    }
}

/// Levels of nesting that are read; devices use three.
const DEPTH_MAX: u8 = 16;

enum Stop {
    Changed,
    Unalike,
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

struct Pair<'a> {
    deadbands: &'a Deadbands,
    one: Cursor<'a>,
    two: Cursor<'a>,
}

impl<'a> Cursor<'a> {
    fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn peek(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(0)
    }

    /// A string without escapes, from its opening quote on.
    fn string(&mut self) -> Result<&'a str, Stop> {
        let start = self.at + 1;
        let rest = self.text.as_bytes().get(start..).unwrap_or_default();
        let length = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'));
        let end = start + length.ok_or(Stop::Unalike)?;
        self.at = end + 1;
        if self.text.as_bytes()[end] == b'\\' {
            return Err(Stop::Unalike);
        }
        self.text.get(start..end).ok_or(Stop::Unalike)
    }

    /// A number or a word.
    fn plain(&mut self) -> &'a str {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let ends =
            |byte: &u8| matches!(byte, b',' | b']' | b'}' | b' ' | b'\t' | b'\n' | b'\r' | b':');
        let length = rest.as_bytes().iter().position(ends).unwrap_or(rest.len());
        self.at += length;
        rest.get(..length).unwrap_or_default()
    }
}

/// What a value begins with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Object,
    List,
    Text,
    Number,
    Word,
}

impl Form {
    fn of(byte: u8) -> Result<Self, Stop> {
        Ok(match byte {
            b'{' => Self::Object,
            b'[' => Self::List,
            b'"' => Self::Text,
            b'-' | b'0'..=b'9' => Self::Number,
            b't' | b'f' | b'n' => Self::Word,
            _ => return Err(Stop::Unalike),
        })
    }
}

impl Pair<'_> {
    /// Reads a value on both sides; `Ok` when it did not change.
    fn value(&mut self, band: Deadband, depth: u8) -> Result<(), Stop> {
        let depth = depth.checked_sub(1).ok_or(Stop::Unalike)?;
        let (one, two) = (Form::of(self.one.peek())?, Form::of(self.two.peek())?);
        if one != two {
            return Err(Stop::Changed);
        }
        match one {
            Form::Object => self.object(depth),
            Form::List => self.list(band, depth),
            Form::Text => {
                let same = self.one.string()? == self.two.string()?;
                if same { Ok(()) } else { Err(Stop::Changed) }
            }
            Form::Word => {
                let same = self.one.plain() == self.two.plain();
                if same { Ok(()) } else { Err(Stop::Changed) }
            }
            Form::Number => self.number(band),
        }
    }

    fn number(&mut self, band: Deadband) -> Result<(), Stop> {
        let (one, two) = (self.one.plain(), self.two.plain());
        if one == two {
            return Ok(());
        }
        let read = |text: &str| text.parse::<f64>().map_err(|_| Stop::Unalike);
        if band.is_left(read(one)?, read(two)?) { Err(Stop::Changed) } else { Ok(()) }
    }

    fn list(&mut self, band: Deadband, depth: u8) -> Result<(), Stop> {
        let mut is_first = true;
        while self.has_next(b']', is_first)? {
            is_first = false;
            self.value(band, depth)?;
        }
        Ok(())
    }

    fn object(&mut self, depth: u8) -> Result<(), Stop> {
        let mut is_first = true;
        while self.has_next(b'}', is_first)? {
            is_first = false;
            if self.one.peek() != b'"' || self.two.peek() != b'"' {
                return Err(Stop::Unalike);
            }
            let (key, other) = (self.one.string()?, self.two.string()?);
            // Another order, or another member: by their values it can be told which.
            if key != other {
                return Err(Stop::Unalike);
            }
            self.both(b':')?;
            let band = self.deadbands.of(key, "");
            match self.value(band, depth) {
                Err(Stop::Changed) if band == Deadband::Never => return Err(Stop::Unalike),
                done => done?,
            }
        }
        Ok(())
    }

    /// Goes to the next member of what ends with `end`; `Changed` when only one side has another.
    fn has_next(&mut self, end: u8, is_first: bool) -> Result<bool, Stop> {
        if is_first {
            (self.one.at, self.two.at) = (self.one.at + 1, self.two.at + 1);
        }
        match (self.one.peek() == end, self.two.peek() == end) {
            (true, true) => {
                (self.one.at, self.two.at) = (self.one.at + 1, self.two.at + 1);
                Ok(false)
            }
            (false, false) if is_first => Ok(true),
            (false, false) => self.both(b',').map(|()| true),
            // One list is longer: that is a change of the whole, whatever its members are.
            (true, false) | (false, true) => Err(Stop::Changed),
        }
    }

    fn both(&mut self, byte: u8) -> Result<(), Stop> {
        if self.one.peek() != byte || self.two.peek() != byte {
            return Err(Stop::Unalike);
        }
        (self.one.at, self.two.at) = (self.one.at + 1, self.two.at + 1);
        Ok(())
    }
}
