//! A child's output, line by line, each of bounded length. What is over is cut, not kept.

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// Longest line passed on.
pub(super) const LINE_MAX: usize = 8 << 10;

/// Calls `line` for every line until the output ends.
pub(super) async fn each_line(output: impl AsyncRead + Unpin, mut line: impl FnMut(&str)) {
    let mut reader = BufReader::with_capacity(16 << 10, output);
    let mut kept = Vec::new();
    let mut cut = 0_usize;
    while let Ok(buffer) = reader.fill_buf().await {
        if buffer.is_empty() {
            break;
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let part = &buffer[..end.unwrap_or(buffer.len())];
        let room = LINE_MAX.saturating_sub(kept.len()).min(part.len());
        kept.extend_from_slice(&part[..room]);
        cut += part.len() - room;
        let used = part.len() + usize::from(end.is_some());
        reader.consume(used);
        if end.is_some() {
            finish(&mut kept, &mut cut, &mut line);
        }
    }
    if !kept.is_empty() {
        finish(&mut kept, &mut cut, &mut line);
    }
}

fn finish(kept: &mut Vec<u8>, cut: &mut usize, line: &mut impl FnMut(&str)) {
    let text = String::from_utf8_lossy(kept);
    if *cut > 0 {
        line(&format!("{text} … ({cut} bytes cut)"));
    } else {
        line(&text);
    }
    kept.clear();
    *cut = 0;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn long_lines_are_cut_and_the_next_is_whole() {
        let mut output = b"one\n".to_vec();
        output.extend(vec![b'x'; 100_000]);
        output.extend(b"\n\xff bad\nlast");
        let mut lines = vec![];
        each_line(output.as_slice(), |line| lines.push(line.to_owned())).await;
        assert_eq!(lines.len(), 4);
        assert_eq!((lines[0].as_str(), lines[3].as_str()), ("one", "last"));
        assert!(lines[1].starts_with("xxx") && lines[1].ends_with("(91808 bytes cut)"));
        assert_eq!(lines[2], "\u{fffd} bad");
    }
}
