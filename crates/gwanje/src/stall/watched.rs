//! A future whose polls are timed, and one whose panic is caught. Read next: [`super`].

use std::{
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use super::{LoopHealth, SLOW_POLL, panic_text};

/// A future under watch; see [`LoopHealth::watch`].
pub struct Watched<F> {
    name: Arc<str>,
    health: LoopHealth,
    future: Pin<Box<F>>,
}

impl<F: Future> Watched<F> {
    pub(super) fn new(name: Arc<str>, health: LoopHealth, future: F) -> Self {
        Self { name, health, future: Box::pin(future) }
    }

    pub(super) fn catching(self) -> Catching<F> {
        Catching(self)
    }
}

impl<F: Future> Future for Watched<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.get_mut();
        let began = Instant::now();
        let polled = this.future.as_mut().poll(cx);
        let took = began.elapsed();
        if took > SLOW_POLL {
            this.health.slow_poll(&this.name, took);
        }
        polled
    }
}

/// Gives the panic's text instead of unwinding further.
pub(super) struct Catching<F>(Watched<F>);

impl<F: Future> Future for Catching<F> {
    type Output = Result<F::Output, String>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let watched = &mut self.get_mut().0;
        // After a panic the future is never polled again: it is dropped with its task.
        let caught = catch_unwind(AssertUnwindSafe(|| Pin::new(watched).poll(cx)));
        match caught {
            Ok(polled) => polled.map(Ok),
            Err(payload) => Poll::Ready(Err(panic_text(&*payload))),
        }
    }
}
