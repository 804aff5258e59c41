//! The task of one dock: the only writer of its machine.
//!
//! It turns inputs of the shell into inputs of the machine and carries out what the machine asks
//! for, in order. Sends are handed to the link before anything is told to the bus, so that a slow
//! reader never holds a command back. It decides nothing. Read next: [`super::inbox`],
//! `fleet_core::dock`.

use std::{
    collections::VecDeque,
    sync::{Arc, Weak},
};

use bytes::Bytes;
use dji_cloud::topic::{Topic, TopicKind};
use fleet_api::Waylines;
use fleet_bus::{Bus, Full, Writer};
use fleet_core::{
    dock::DockMachine,
    io::{Input, JournalId, Output, Sample, Send, SendFate},
    journal::{Record, fold::OpenWork},
};
use fleet_links::mqtt::{AckToken, CommandPublish, LinkHandle, SendRefused};
use fleet_types::{
    Alarm, CommandStatus, DeviceStatus, MissionStatus, Now, TraceStep,
    authority::{AuthorityAnswer, AuthorityChange},
    device::{Activity, Connection},
    preflight::PreflightReport,
    topic::{DeviceDrift, DeviceEvent, DeviceOsd, DeviceTopology, Topic as BusTopic},
};

use tokio::sync::oneshot;

use super::{
    book::Book,
    clock,
    in_flight::InFlight,
    inbox::{DockInput, Inbox},
    journal::{Journal, NotJournaled},
    keeper::Keeper,
    pairings::Pairings,
    safekeeping::{Heard, Held, Waits},
    storage::Storage,
};

/// Samples that wait for a full reader before the task stops taking messages in.
const UNTOLD_MAX: usize = 256;
const STATUS_REPLY: &str = "/status_reply";
/// Inputs handled before other tasks get their turn.
const BUDGET: usize = 32;

/// Everything a dock's task works with besides its machine.
#[derive(Clone)]
pub struct Surroundings {
    pub(super) link: LinkHandle,
    pub(super) journal: Arc<dyn Journal>,
    pub(super) keeper: Arc<dyn Keeper>,
    pub(super) waylines: Waylines,
    pub(super) in_flight: Arc<InFlight>,
    pub(super) bus: Bus,
    /// Tells the router and the broker which aircraft belong to which dock.
    pub(super) pairings: Arc<Pairings>,
    /// Makes docks' credentials for uploads; none where nobody keeps media.
    pub(super) storage: Option<Arc<Storage>>,
}

struct Writers {
    osd: Writer<DeviceOsd>,
    status: Writer<DeviceStatus>,
    topology: Writer<DeviceTopology>,
    event: Writer<DeviceEvent>,
    drift: Writer<DeviceDrift>,
    command: Writer<CommandStatus>,
    mission: Writer<MissionStatus>,
    alarm: Writer<Alarm>,
    trace: Writer<TraceStep>,
    preflight: Writer<PreflightReport>,
    authority_answer: Writer<AuthorityAnswer>,
    authority_change: Writer<AuthorityChange>,
}

/// The running task's state.
pub struct DockTask {
    machine: DockMachine,
    inbox: Arc<Inbox>,
    book: Arc<Book>,
    surroundings: Surroundings,
    writers: Writers,
    untold: VecDeque<Box<Sample>>,
    /// What the journal tells of the time before this process is not known yet: messages wait, a
    /// while.
    awaits_journal: bool,
    /// Events heard before the journal was: they may be about what it tells of.
    heard: Option<Heard>,
    /// Of the message that is being handled: what has to wait until its events are safe.
    held: Option<Held>,
    /// Of a topology that was not answered yet: what has to come first.
    topology: Option<Waits>,
    /// How the dock stood when it was last logged.
    logged: Option<(Connection, Activity)>,
}

impl DockTask {
    /// A task around a machine.
    #[must_use]
    pub fn new(
        machine: DockMachine,
        inbox: Arc<Inbox>,
        book: Arc<Book>,
        surroundings: Surroundings,
        is_recovered: bool,
    ) -> Self {
        let bus = &surroundings.bus;
        let writers = Writers {
            osd: bus.writer(),
            status: bus.writer(),
            topology: bus.writer(),
            event: bus.writer(),
            drift: bus.writer(),
            command: bus.writer(),
            mission: bus.writer(),
            alarm: bus.writer(),
            trace: bus.writer(),
            preflight: bus.writer(),
            authority_answer: bus.writer(),
            authority_change: bus.writer(),
        };
        let heard = (!is_recovered).then(Heard::default);
        let awaits_journal = !is_recovered;
        let untold = VecDeque::new();
        Self {
            machine,
            inbox,
            book,
            surroundings,
            writers,
            untold,
            awaits_journal,
            heard,
            held: None,
            topology: None,
            logged: None,
        }
    }

    /// Runs until the dock is removed. Boxed: a future has place for what it was given and for what it
    /// made of it.
    pub async fn run(mut self: Box<Self>) {
        self.carry_out();
        let mut handled = 0;
        // Deadlines move on with every report: the timer stays where it is, and is set anew when it
        // has fired too early.
        let timer = tokio::time::sleep_until(clock::at(clock::now().mono));
        tokio::pin!(timer);
        let mut timer_at = None;
        loop {
            let deadline = self.machine.poll_timeout(clock::now().mono).map(|(at, _)| at);
            if let Some(deadline) = deadline
                && timer_at.is_none_or(|timer_at| deadline < timer_at)
            {
                timer.as_mut().reset(clock::at(deadline));
                timer_at = Some(deadline);
            }
            let inbox = Arc::clone(&self.inbox);
            let with_messages = self.untold.len() < UNTOLD_MAX && !self.awaits_journal;
            tokio::select! {
                biased;
                input = inbox.next(with_messages) => {
                    if let Some(ended) = self.take(input) {
                        self.forget();
                        // Whoever asked may have given up waiting.
                        let _ = ended.send(());
                        return;
                    }
                }
                () = self.room_on_the_bus(), if !self.untold.is_empty() => {}
                () = &mut timer, if timer_at.is_some() => {
                    let early = timer_at.take() != deadline;
                    if early {
                        continue;
                    }
                    self.machine.handle_timeout(clock::now());
                }
            }
            self.carry_out();
            handled += 1;
            if handled % BUDGET == 0 {
                tokio::task::yield_now().await;
            }
        }
    }

    /// Gives one input to the machine; to whom to say that the task ended, when it is to end.
    fn take(&mut self, input: DockInput) -> Option<oneshot::Sender<()>> {
        let now = clock::now();
        match input {
            DockInput::Message { topic, payload, received, ack } => {
                self.message(&topic, &payload, received, ack);
            }
            DockInput::Command(request) => self.machine.handle(now, Input::Command(*request)),
            DockInput::Mission(request) => {
                self.book.asked(&request);
                self.machine.handle(now, Input::Mission(*request));
            }
            DockInput::MissionControl(control) => {
                self.machine.handle(now, Input::MissionControl(*control));
            }
            DockInput::Notice(notice) => self.machine.handle(now, Input::Notice(*notice)),
            DockInput::Preflight(request) => self.machine.handle(now, Input::Preflight(*request)),
            DockInput::Authority(request) => self.machine.handle(now, Input::Authority(*request)),
            DockInput::Peer { flight_id, sn, status, progress } => {
                self.machine
                    .handle(now, Input::Peer { flight_id, sn, status, progress: *progress });
            }
            DockInput::Resolve(resolution) => self.machine.handle(now, Input::Resolve(*resolution)),
            DockInput::Fate(command_id, fate) => {
                self.machine.handle(now, Input::Fate { command_id, fate });
            }
            DockInput::Journaled(journal_id, true) => {
                self.machine.handle(now, Input::Journaled(journal_id));
            }
            DockInput::Journaled(journal_id, false) => {
                self.machine.handle(now, Input::JournalFailed(journal_id));
            }
            DockInput::CommandLink(is_up) => self.machine.handle(now, Input::CommandLink { is_up }),
            DockInput::Broker(presence) => self.machine.handle(now, Input::Broker(presence)),
            DockInput::Recovered(work) => self.recover(*work),
            DockInput::GoOn => self.awaits_journal = false,
            DockInput::Stop(ended) => return Some(ended),
            #[cfg(test)]
            DockInput::Panic => panic!("planted"),
        }
        None
    }

    /// Handles a message. It is acknowledged, to the broker and to the device, when the events in it
    /// and the records it led to are safe: until then a crash brings it again.
    fn message(&mut self, topic: &str, payload: &Bytes, received: Now, ack: Option<AckToken>) {
        let Some(topic) = Topic::parse(topic) else {
            if let Some(ack) = ack {
                self.surroundings.link.acknowledge(ack);
            }
            return;
        };
        tracing::trace!(from = %topic.sn, kind = ?topic.kind, bytes = payload.len(), "message");
        let is_event = topic.kind == TopicKind::Events;
        if let (Some(heard), true) = (&mut self.heard, is_event) {
            heard.note(topic.sn, payload, received);
        }
        self.held = ack.map(Held::new);
        self.machine.handle(received, Input::Message { topic, payload });
        self.carry_out();
        if let Some(held) = self.held.take() {
            self.inbox.unrecorded.hold(&held);
            held.settle(self.machine.sn(), &self.surroundings);
        }
    }

    /// Takes up what the journal tells. Events that came before are heard once more: they may be the
    /// last word about a flight that this machine did not know of.
    fn recover(&mut self, work: OpenWork) {
        self.awaits_journal = false;
        self.book.recovered(&work);
        let is_open = work.is_open();
        self.machine.restore(clock::now(), work);
        self.carry_out();
        let heard = self.heard.take().filter(|_| is_open).unwrap_or_default();
        for (sn, payload, received) in heard.events {
            if let Some(topic) = Topic::new(TopicKind::Events, &sn) {
                self.machine.handle(received, Input::Message { topic, payload: &payload });
            }
        }
    }

    /// Does what the machine asks for: first what leaves for the device, then what is told.
    fn carry_out(&mut self) {
        while let Some(output) = self.machine.poll_output() {
            match output {
                Output::Send(send) => self.send(send),
                Output::Reply { topic, payload } if topic.ends_with(STATUS_REPLY) => {
                    self.answer_topology(topic, payload);
                }
                Output::Reply { topic, payload } => {
                    let reply = match &mut self.held {
                        Some(held) => held.keep_reply(topic, payload),
                        None => Some((topic, payload)),
                    };
                    let Some((topic, payload)) = reply else { continue };
                    if let Err(error) = self.surroundings.link.reply(topic, payload.into()) {
                        tracing::debug!(device.sn = %self.machine.sn(), %error, "reply not sent");
                    }
                }
                Output::Journal { journal_id, record } => self.journal(journal_id, *record),
                Output::MintFileUrl { exchange, wayline_id } => {
                    let url = self.surroundings.waylines.mint_url(wayline_id);
                    self.machine.handle(clock::now(), Input::FileUrl { exchange, url });
                }
                Output::MintStorage { exchange } => {
                    let now = clock::now();
                    let storage = self.surroundings.storage.as_ref();
                    let output = storage.and_then(|storage| storage.of(self.machine.sn(), now));
                    let output = output.map(Box::new);
                    self.machine.handle(now, Input::Storage { exchange, output });
                }
                Output::Children(children) => {
                    self.surroundings.pairings.hear(self.machine.sn(), children);
                }
                Output::Publish(sample) => {
                    if let (Some(held), Sample::Event(event)) = (&mut self.held, &*sample) {
                        held.events.push(event.clone());
                    }
                    if let Sample::Topology(topology) = &*sample {
                        let waits = Waits::new();
                        self.topology = Some(waits.clone());
                        let pairings = &self.surroundings.pairings;
                        pairings.name(self.machine.sn(), &topology.children, waits);
                    }
                    self.book.told(&sample);
                    self.log(&sample);
                    self.untold.push_back(sample);
                }
            }
        }
        self.tell();
    }

    /// Transitions, for whoever reads the log; telemetry is none.
    fn log(&mut self, sample: &Sample) {
        match sample {
            Sample::Status(status) if status.sn == *self.machine.sn() => {
                let now = (status.connection, status.activity);
                if self.logged != Some(now) {
                    self.logged = Some(now);
                    let (connection, activity) = now;
                    tracing::info!(?connection, ?activity, "state changed");
                }
            }
            Sample::Trace(step) => {
                let (trace_id, response) =
                    (step.trace_id, step.response_code.map(tracing::field::debug));
                let (actor, action, method) = (&step.actor, &step.action, step.method.as_deref());
                tracing::info!(%trace_id, actor, action, method, response, "step");
            }
            Sample::AuthorityChange(AuthorityChange { changed, .. }) => {
                let who = changed.lease.as_ref().map_or("nobody", |lease| &lease.holder.who);
                let (scope, change) = (changed.scope, &changed.change);
                tracing::info!(?scope, who, ?change, "who commands changed");
            }
            Sample::Osd(_)
            | Sample::Status(_)
            | Sample::Topology(_)
            | Sample::Event(_)
            | Sample::Drift(_)
            | Sample::Command(_)
            | Sample::Mission(_)
            | Sample::Alarm(_)
            | Sample::Preflight(_)
            | Sample::AuthorityAnswer(_) => {}
        }
    }

    /// Answers a topology when the aircraft that it named may speak: what they say first is said only
    /// once. The message itself is acknowledged as any other: held back, a fleet that comes up for the
    /// first time would take all the places of those that wait for an acknowledgement.
    fn answer_topology(&mut self, topic: String, payload: Vec<u8>) {
        let (link, sn) = (self.surroundings.link.clone(), self.machine.sn().clone());
        let answer = move || {
            if let Err(error) = link.reply(topic, payload.into()) {
                tracing::debug!(device.sn = %sn, %error, "reply not sent");
            }
        };
        match self.topology.take() {
            Some(waits) => waits.then(answer),
            None => answer(),
        }
    }

    fn send(&mut self, send: Send) {
        let Send { command_id, topic, payload, expires, counter_action } = send;
        let publish = CommandPublish { command_id, topic, payload: payload.into(), expires };
        self.surroundings.in_flight.insert(command_id, &self.inbox);
        let link = &self.surroundings.link;
        let taken = if counter_action {
            link.send_counter_action(publish)
        } else {
            link.send_command(publish)
        };
        if let Err(refused) = taken {
            let fate = match refused {
                SendRefused::Expired => SendFate::Expired,
                SendRefused::LinkDown
                | SendRefused::QueueFull
                | SendRefused::TooLarge { .. }
                | SendRefused::BadTopic => SendFate::NotSent,
            };
            self.machine.handle(clock::now(), Input::Fate { command_id, fate });
        }
    }

    fn journal(&self, journal_id: JournalId, record: Record) {
        let inbox: Weak<Inbox> = Arc::downgrade(&self.inbox);
        // Without a record of what the message led to, it has to come again. What was refused, or
        // was only asked for because of it and did not leave, needs no second hearing.
        let part = self.held.as_ref().map(Held::part);
        let is_awaited = record.entry.is_awaited();
        if !is_awaited {
            self.inbox.unrecorded.asked(journal_id);
        }
        let done = move |result: Result<(), NotJournaled>| {
            let is_safe = is_awaited || result != Err(NotJournaled::Down);
            if let Some(inbox) = inbox.upgrade() {
                inbox.push(DockInput::Journaled(journal_id, result.is_ok()));
                inbox.unrecorded.settled(journal_id, is_safe);
            }
            if let Some(part) = part {
                part.settled(is_safe);
            }
        };
        self.surroundings.journal.append(record, Box::new(done));
    }

    /// Tells the bus as much as it takes, in order.
    fn tell(&mut self) {
        while let Some(sample) = self.untold.pop_front() {
            if let Err(sample) = self.writers.try_write(sample) {
                self.untold.push_front(sample);
                return;
            }
        }
    }

    /// Waits until the reader that refused the next sample took something.
    async fn room_on_the_bus(&self) {
        match self.untold.front().map(|sample| &**sample) {
            Some(Sample::Event(_)) => self.writers.event.drained().await,
            Some(Sample::Command(_)) => self.writers.command.drained().await,
            Some(Sample::Mission(_)) => self.writers.mission.drained().await,
            Some(Sample::Alarm(_)) => self.writers.alarm.drained().await,
            Some(Sample::Trace(_)) => self.writers.trace.drained().await,
            Some(Sample::Preflight(_)) => self.writers.preflight.drained().await,
            Some(Sample::AuthorityAnswer(_)) => self.writers.authority_answer.drained().await,
            Some(Sample::AuthorityChange(_)) => self.writers.authority_change.drained().await,
            // Keep-latest topics are never full.
            Some(Sample::Osd(_) | Sample::Status(_) | Sample::Topology(_) | Sample::Drift(_))
            | None => {}
        }
    }

    /// The dock was removed: late readers must not meet it again.
    fn forget(&self) {
        let sn = self.machine.sn().as_str();
        self.writers.osd.dispose(sn);
        self.writers.status.dispose(sn);
        self.writers.topology.dispose(sn);
        self.writers.drift.dispose(sn);
    }
}

impl Writers {
    /// Writes a sample to its topic; gives it back when a reader is full.
    fn try_write(&self, sample: Box<Sample>) -> Result<(), Box<Sample>> {
        fn put<T: BusTopic>(
            writer: &Writer<T>,
            sample: T,
            back: fn(T) -> Sample,
        ) -> Result<(), Box<Sample>> {
            writer.try_write(sample).map_err(|Full(sample)| Box::new(back(sample)))
        }
        match *sample {
            Sample::Osd(sample) => put(&self.osd, sample, Sample::Osd),
            Sample::Status(sample) => put(&self.status, sample, Sample::Status),
            Sample::Topology(sample) => put(&self.topology, sample, Sample::Topology),
            Sample::Event(sample) => put(&self.event, sample, Sample::Event),
            Sample::Drift(sample) => put(&self.drift, sample, Sample::Drift),
            Sample::Command(sample) => put(&self.command, sample, Sample::Command),
            Sample::Mission(sample) => put(&self.mission, sample, Sample::Mission),
            Sample::Alarm(sample) => put(&self.alarm, sample, Sample::Alarm),
            Sample::Trace(sample) => put(&self.trace, sample, Sample::Trace),
            Sample::Preflight(sample) => put(&self.preflight, sample, Sample::Preflight),
            Sample::AuthorityAnswer(sample) => {
                put(&self.authority_answer, sample, Sample::AuthorityAnswer)
            }
            Sample::AuthorityChange(sample) => {
                put(&self.authority_change, sample, Sample::AuthorityChange)
            }
        }
    }
}

/// The link's word for a fate, in the core's.
#[must_use]
pub fn core_fate(fate: fleet_links::mqtt::SendFate) -> SendFate {
    use fleet_links::mqtt::SendFate as Link;
    match fate {
        Link::Sent => SendFate::Sent,
        Link::Delivered => SendFate::Delivered,
        Link::NoSubscriber => SendFate::NoSubscriber,
        Link::Refused { .. } => SendFate::Refused,
        Link::Lost => SendFate::Lost,
        Link::NotSent => SendFate::NotSent,
        Link::Expired => SendFate::Expired,
    }
}
