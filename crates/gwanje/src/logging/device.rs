//! The span of a device: whatever is logged while its task runs names its serial number.
//!
//! A filter that names a device (`[dock{device.sn=7CTDM1}]=trace`) judges a span when the span is
//! made, and a dock's task lives as long as the tower. So the span is made again whenever the
//! filter has changed; between changes each poll costs one comparison and the entering.

use std::{
    fmt,
    pin::Pin,
    sync::atomic::{AtomicU64, Ordering},
    task::{Context, Poll},
};

use fleet_types::DeviceSn;
use tracing::Span;

/// Grows with each change of the filter.
static CHANGES: AtomicU64 = AtomicU64::new(0);

/// From its next poll on, each task has a span that the filter in force has judged.
pub(super) fn renew_spans() {
    CHANGES.fetch_add(1, Ordering::Relaxed);
}

/// A future whose log lines name a device.
pub struct InDevice<F> {
    sn: DeviceSn,
    span: Span,
    seen: u64,
    future: Pin<Box<F>>,
}

impl<F> fmt::Debug for InDevice<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InDevice").field("sn", &self.sn).finish_non_exhaustive()
    }
}

/// Wraps the future of a dock's task.
pub fn in_dock<F: Future>(sn: DeviceSn, future: F) -> InDevice<F> {
    let seen = CHANGES.load(Ordering::Relaxed);
    InDevice { span: span(&sn), sn, seen, future: Box::pin(future) }
}

fn span(sn: &DeviceSn) -> Span {
    tracing::error_span!("dock", device.sn = %sn)
}

impl<F: Future> Future for InDevice<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let changes = CHANGES.load(Ordering::Relaxed);
        if self.seen != changes {
            self.seen = changes;
            self.span = span(&self.sn);
        }
        let this = &mut *self;
        let _entered = this.span.enter();
        this.future.as_mut().poll(context)
    }
}
