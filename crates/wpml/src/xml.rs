//! A small bounded XML tree over `quick-xml`: elements by local name, text, and where they began.
//! It refuses DTDs, unknown entities and trees beyond reason. Read next: `read`.

use std::{cell::Cell, ops::Range};

use quick_xml::{Reader, events::Event};

use crate::error::{Place, WpmlError};

/// Depth at which a document stops being a mission.
const MAX_DEPTH: usize = 32;
/// Elements of one subtree that is held in memory at once (one waypoint with its actions).
const MAX_ELEMENTS: usize = 20_000;

/// One element with everything inside it.
#[derive(Debug)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) offset: usize,
    pub(crate) children: Vec<Element>,
}

impl Element {
    pub(crate) fn child(&self, name: &str) -> Option<&Element> {
        self.children.iter().find(|child| child.name == name)
    }

    pub(crate) fn children<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Element> {
        self.children.iter().filter(move |child| child.name == name)
    }
}

/// What the walker sees between two containers.
#[derive(Debug)]
pub(crate) enum Step {
    /// A container opened.
    Open { name: String, offset: usize },
    /// A container closed.
    Close,
    /// Anything else, whole.
    Whole(Element),
    /// The end of the document.
    End,
}

/// Walks a document: elements named in `containers` are opened and closed, all others come whole.
pub(crate) struct Walker<'a> {
    text: &'a str,
    entry: &'static str,
    reader: Reader<&'a [u8]>,
    containers: &'static [&'static str],
    open: usize,
    /// The last place that was asked for, as offset and line: the next one is counted from there, so
    /// that many places in a large file do not each cost the whole file.
    counted: Cell<(usize, usize)>,
}

impl<'a> Walker<'a> {
    pub(crate) fn new(
        text: &'a str,
        entry: &'static str,
        containers: &'static [&'static str],
    ) -> Self {
        let mut reader = Reader::from_str(text);
        reader.config_mut().expand_empty_elements = true;
        Self { text, entry, reader, containers, open: 0, counted: Cell::new((0, 1)) }
    }

    /// Line numbers are only counted when something is wrong.
    pub(crate) fn place(&self, offset: usize, element: impl Into<String>) -> Place {
        let (offset, (from, line)) = (offset.min(self.text.len()), self.counted.get());
        let lines = |range: Range<usize>| {
            self.text.as_bytes()[range].iter().filter(|byte| **byte == b'\n').count()
        };
        let line =
            if offset >= from { line + lines(from..offset) } else { line - lines(offset..from) };
        self.counted.set((offset, line));
        Place { entry: self.entry.to_owned(), line, element: element.into() }
    }

    fn offset(&self) -> usize {
        usize::try_from(self.reader.buffer_position()).unwrap_or(self.text.len())
    }

    fn event(&mut self) -> Result<Event<'a>, WpmlError> {
        let event = self.reader.read_event().map_err(|error| WpmlError::BadXml {
            place: self.place(self.offset(), "document"),
            reason: error.to_string(),
        })?;
        if matches!(event, Event::DocType(_)) {
            return Err(WpmlError::Dtd { place: self.place(self.offset(), "document") });
        }
        Ok(event)
    }

    pub(crate) fn step(&mut self) -> Result<Step, WpmlError> {
        loop {
            let offset = self.offset();
            match self.event()? {
                Event::Start(start) => {
                    let name = start.local_name().as_ref().to_owned();
                    if !self.containers.contains(&name.as_str()) {
                        return self.whole(name, offset).map(Step::Whole);
                    }
                    self.open += 1;
                    if self.open > MAX_DEPTH {
                        return Err(WpmlError::TooComplex { place: self.place(offset, name) });
                    }
                    return Ok(Step::Open { name, offset });
                }
                Event::End(_) => {
                    self.open = self.open.saturating_sub(1);
                    return Ok(Step::Close);
                }
                Event::Eof => {
                    // quick-xml reports wrong end tags, but a document that just stops is its
                    // caller's business.
                    if self.open > 0 {
                        return Err(self.unfinished());
                    }
                    return Ok(Step::End);
                }
                Event::Empty(_)
                | Event::Text(_)
                | Event::CData(_)
                | Event::Comment(_)
                | Event::Decl(_)
                | Event::PI(_)
                | Event::DocType(_)
                | Event::GeneralRef(_) => {}
            }
        }
    }

    fn whole(&mut self, name: String, offset: usize) -> Result<Element, WpmlError> {
        let mut stack = vec![Element { name, text: String::new(), offset, children: Vec::new() }];
        let mut count = 1usize;
        loop {
            let offset = self.offset();
            match self.event()? {
                Event::Start(start) => {
                    let name = start.local_name().as_ref().to_owned();
                    count += 1;
                    if count > MAX_ELEMENTS || stack.len() >= MAX_DEPTH {
                        return Err(WpmlError::TooComplex { place: self.place(offset, name) });
                    }
                    stack.push(Element { name, text: String::new(), offset, children: Vec::new() });
                }
                Event::End(_) => {
                    let Some(done) = stack.pop() else { return Err(self.unfinished()) };
                    match stack.last_mut() {
                        Some(parent) => parent.children.push(done),
                        None => return Ok(done),
                    }
                }
                Event::Text(text) => append(&mut stack, &text.xml10_content()),
                Event::CData(text) => append(&mut stack, &text.xml10_content()),
                Event::GeneralRef(reference) => {
                    let name = reference.xml10_content().into_owned();
                    let resolved = match reference.resolve_char_ref() {
                        Ok(Some(character)) => Some(character.to_string()),
                        Ok(None) => {
                            quick_xml::escape::resolve_predefined_entity(&name).map(str::to_owned)
                        }
                        Err(_) => None,
                    };
                    let Some(text) = resolved else {
                        return Err(WpmlError::BadXml {
                            place: self.place(offset, "document"),
                            reason: format!("unknown entity &{};", shorten(&name)),
                        });
                    };
                    append(&mut stack, &text);
                }
                Event::Eof => return Err(self.unfinished()),
                Event::Empty(_)
                | Event::Comment(_)
                | Event::Decl(_)
                | Event::PI(_)
                | Event::DocType(_) => {}
            }
        }
    }

    fn unfinished(&self) -> WpmlError {
        WpmlError::BadXml {
            place: self.place(self.text.len(), "document"),
            reason: "the document ends before its elements do".to_owned(),
        }
    }
}

fn append(stack: &mut [Element], text: &str) {
    if let Some(element) = stack.last_mut() {
        element.text.push_str(text);
    }
}

/// Keeps error messages short whatever a file holds.
pub(crate) fn shorten(text: &str) -> String {
    const MAX: usize = 60;
    let trimmed = text.trim();
    match trimmed.char_indices().nth(MAX) {
        Some((end, _)) => format!("{}…", &trimmed[..end]),
        None => trimmed.to_owned(),
    }
}
