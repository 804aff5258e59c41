//! Lines of a recording: `{"topic": "…", "payload": {…}}`, one message each.
//!
//! A payload may also be a string that holds the JSON text, as many MQTT tools write it. Other keys
//! are left alone. Lines are limited; one that is longer is skipped without being kept.

use std::{
    borrow::Cow,
    io::{self, BufRead},
};

use serde::Deserialize;
use serde_json::value::RawValue;

/// Longest line read, in bytes.
pub(super) const LINE_MAX_BYTES: usize = 4 * 1024 * 1024;

/// What a line holds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A message.
    Message { topic: String, payload: Vec<u8> },
    /// Nothing.
    Empty,
    /// More than [`LINE_MAX_BYTES`].
    TooLong,
    /// No message, and why.
    Malformed(String),
}

#[derive(Deserialize)]
struct Recorded<'a> {
    #[serde(borrow)]
    topic: Cow<'a, str>,
    #[serde(borrow)]
    payload: &'a RawValue,
}

/// Reads a recording line by line.
pub(super) struct Reader<R> {
    input: R,
    line: Vec<u8>,
}

impl<R: BufRead> Reader<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, line: Vec::new() }
    }

    /// The next line; `None` at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<Line>> {
        self.line.clear();
        let mut is_too_long = false;
        loop {
            let available = self.input.fill_buf()?;
            if available.is_empty() {
                if self.line.is_empty() && !is_too_long {
                    return Ok(None);
                }
                break;
            }
            let end = available.iter().position(|&byte| byte == b'\n');
            let taken = end.map_or(available.len(), |end| end + 1);
            let part = &available[..end.unwrap_or(available.len())];
            is_too_long |= self.line.len() + part.len() > LINE_MAX_BYTES;
            if !is_too_long {
                self.line.extend_from_slice(part);
            }
            self.input.consume(taken);
            if end.is_some() {
                break;
            }
        }
        Ok(Some(if is_too_long { Line::TooLong } else { parse(&self.line) }))
    }
}

fn parse(line: &[u8]) -> Line {
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii();
    if line.is_empty() {
        return Line::Empty;
    }
    let recorded: Recorded<'_> = match serde_json::from_slice(line) {
        Ok(recorded) => recorded,
        Err(error) => {
            let at = error.column();
            return Line::Malformed(format!(
                "the line is no {{\"topic\": …, \"payload\": …}} object (column {at})"
            ));
        }
    };
    let payload = match serde_json::from_str::<Cow<'_, str>>(recorded.payload.get()) {
        Ok(text) => text.as_bytes().to_vec(),
        Err(_) => recorded.payload.get().as_bytes().to_vec(),
    };
    Line::Message { topic: concrete(&recorded.topic), payload }
}

/// A topic as the documentation writes it (`thing/product/{gateway_sn}/osd`) made a real one.
fn concrete(topic: &str) -> String {
    topic.replace("{gateway_sn}", "GATEWAY").replace("{device_sn}", "DEVICE")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &[u8]) -> Vec<Line> {
        // A small buffer, so that lines come in pieces.
        let mut reader = Reader::new(io::BufReader::with_capacity(7, text));
        let mut lines = Vec::new();
        while let Some(line) = reader.next().unwrap() {
            lines.push(line);
        }
        lines
    }

    #[test]
    fn lines_are_messages_or_say_why_not() {
        let text = b"{\"topic\":\"a\",\"payload\":{\"b\":1},\"at\":5}\n\n\
            {\"payload\":\"{\\\"c\\\":2}\",\"topic\":\"thing/product/{gateway_sn}/osd\"}\r\nnonsense";
        let found = lines(text);
        assert_eq!(found[0], Line::Message { topic: "a".into(), payload: b"{\"b\":1}".into() });
        assert_eq!(found[1], Line::Empty);
        let topic = "thing/product/GATEWAY/osd".to_owned();
        assert_eq!(found[2], Line::Message { topic, payload: b"{\"c\":2}".into() });
        assert!(matches!(&found[3], Line::Malformed(why) if why.contains("column")));
        assert_eq!(found.len(), 4);
        for wrong in [&b"{\"topic\":1,\"payload\":2}"[..], b"[]", b"\xff\xfe", b"{\"topic\":\"a\"}"]
        {
            assert!(matches!(lines(wrong)[..], [Line::Malformed(_)]), "{wrong:?}");
        }
    }

    #[test]
    fn a_line_without_end_is_not_kept() {
        let mut text = vec![b'x'; LINE_MAX_BYTES + 10];
        text.extend_from_slice(b"\n{\"topic\":\"a\",\"payload\":1}\n");
        let mut reader = Reader::new(&text[..]);
        assert_eq!(reader.next().unwrap(), Some(Line::TooLong));
        assert!(reader.line.len() <= LINE_MAX_BYTES);
        assert!(matches!(reader.next().unwrap(), Some(Line::Message { .. })));
        assert_eq!(reader.next().unwrap(), None);
    }
}
