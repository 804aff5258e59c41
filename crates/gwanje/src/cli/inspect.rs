//! `gwanje inspect`: what a recording or a live broker says, against the documented protocol.
//!
//! Messages come as lines of `{"topic": …, "payload": …}` from a file or standard input, or from a
//! broker that is only listened to. Each becomes one line; a summary by firmware and method ends
//! the report. It never sends to a device, and it shows no values of unknown fields: nobody knows
//! what they hold. Read next: [`message`] for what is looked at, [`summary`], [`watch`].

mod line;
mod message;
mod ranges;
mod summary;
mod watch;

use std::{
    fs::File,
    io::{self, BufRead, BufReader, BufWriter, Read as _, Write},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::{Context, bail};
use dji_cloud::hms_text::HmsBook;
use fleet_types::Secret;

use self::{
    line::{LINE_MAX_BYTES, Line, Reader},
    message::Examined,
    summary::Summary,
    watch::Login,
};
use super::args;

/// A password has no more bytes than this.
const PASSWORD_MAX: u64 = 1024;

/// Inspects what was asked for.
pub(super) async fn run(inspect: args::Inspect, book: Option<HmsBook>) -> anyhow::Result<ExitCode> {
    let out = BufWriter::new(io::stdout().lock());
    let mut report = Report::new(out, inspect.json, book);
    let done = match (&inspect.broker, &inspect.file) {
        (Some(broker), None) => {
            let login = login(&inspect)?;
            let limits = watch::Limits { messages: inspect.count, time: inspect.run_for };
            watch::run(broker, login, limits, &mut report).await
        }
        (None, Some(path)) if path.as_os_str() == "-" => {
            report.read(io::stdin().lock()).context("standard input")
        }
        (None, Some(path)) => {
            let file = File::open(path).with_context(|| format!("cannot read {}", path.display()));
            report.read(BufReader::new(file?)).with_context(|| path.display().to_string())
        }
        (_, _) => bail!("name a file, - for standard input, or --broker HOST:PORT"),
    };
    match done.and_then(|()| report.end()) {
        // Whoever reads us has seen enough (`| head`).
        Err(error) if is_broken_pipe(&error) => Ok(ExitCode::SUCCESS),
        Err(error) => Err(error),
        Ok(drifted) if inspect.strict && drifted > 0 => Ok(ExitCode::FAILURE),
        Ok(_) => Ok(ExitCode::SUCCESS),
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    let error = error.chain().find_map(|cause| cause.downcast_ref::<io::Error>());
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn login(inspect: &args::Inspect) -> anyhow::Result<Option<Login>> {
    let Some(username) = inspect.username.clone() else { return Ok(None) };
    let password = inspect.password_file.as_ref().map(password).transpose()?;
    Ok(Some(Login { username, password: password.unwrap_or_else(|| Secret::new(String::new())) }))
}

fn password(path: &PathBuf) -> anyhow::Result<Secret> {
    let mut text = String::new();
    let file = File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
    file.take(PASSWORD_MAX + 1).read_to_string(&mut text)?;
    let text = text.trim_end_matches(['\r', '\n']);
    if text.is_empty() || text.len() as u64 > PASSWORD_MAX {
        bail!("{} must hold one password of 1 to {PASSWORD_MAX} bytes", path.display());
    }
    Ok(Secret::new(text.to_owned()))
}

/// Where lines go, and what they add up to.
struct Report<W> {
    out: W,
    json: bool,
    number: u64,
    summary: Summary,
    /// The operator's texts of alarms.
    book: Option<HmsBook>,
}

impl<W: Write> Report<W> {
    fn new(out: W, json: bool, book: Option<HmsBook>) -> Self {
        Self { out, json, number: 0, summary: Summary::default(), book }
    }

    /// Reports every line of a recording.
    fn read(&mut self, input: impl BufRead) -> anyhow::Result<()> {
        let mut reader = Reader::new(input);
        while let Some(line) = reader.next()? {
            match line {
                Line::Empty => {}
                Line::Message { topic, payload } => self.message(&topic, &payload)?,
                Line::TooLong => {
                    self.fault(&format!("the line is longer than {LINE_MAX_BYTES} bytes"))?;
                }
                Line::Malformed(why) => self.fault(&why)?,
            }
        }
        Ok(())
    }

    /// Reports one message.
    fn message(&mut self, topic: &str, payload: &[u8]) -> anyhow::Result<()> {
        let mut examined = message::examine(topic, payload, self.book.as_ref());
        self.summary.count(&mut examined);
        self.write(&examined)
    }

    fn fault(&mut self, why: &str) -> anyhow::Result<()> {
        let mut examined = Examined::malformed("", why.to_owned());
        self.summary.count(&mut examined);
        self.write(&examined)
    }

    fn write(&mut self, examined: &Examined) -> anyhow::Result<()> {
        self.number += 1;
        if self.json {
            serde_json::to_writer(&mut self.out, &examined.to_json(self.number))
                .map_err(io::Error::from)?;
            self.out.write_all(b"\n")?;
        } else {
            writeln!(self.out, "{:>6} {}", self.number, examined.to_words())?;
        }
        Ok(())
    }

    /// Writes the summary; how many messages drifted from the documentation.
    fn end(&mut self) -> anyhow::Result<u64> {
        if self.json {
            serde_json::to_writer(&mut self.out, &self.summary.to_json())
                .map_err(io::Error::from)?;
            self.out.write_all(b"\n")?;
        } else {
            self.summary.write_words(&mut self.out)?;
        }
        self.out.flush()?;
        Ok(self.summary.drifted())
    }

    /// Shows what was written so far; a live watch is read while it runs.
    fn flush(&mut self) -> anyhow::Result<()> {
        Ok(self.out.flush()?)
    }
}

#[cfg(test)]
mod tests;
