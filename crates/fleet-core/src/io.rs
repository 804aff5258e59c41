//! What goes into a dock's machine and what comes out. All of it is data.

use dji_cloud::{file::StorageConfigOutput, topic::Topic};
use fleet_types::{
    Alarm, CommandId, CommandRequest, CommandStatus, DeviceSn, DeviceStatus, MissionId,
    MissionRequest, MissionStatus, MonoMs, TraceStep,
    authority::{AuthorityAnswer, AuthorityChange, AuthorityRequest},
    command::Resolution,
    id::WaylineId,
    mission::MissionProgress,
    plan::MissionControl,
    preflight::{DockNotice, PreflightReport, PreflightRequest},
    topic::{DeviceDrift, DeviceEvent, DeviceOsd, DeviceTopology},
};

use crate::{journal::Record, lease::Ownership};

/// Something that happened, as the dock's machine is told of it.
#[derive(Clone, Debug)]
pub enum Input<'a> {
    /// The dock or one of its aircraft published.
    Message {
        /// Topic it came on.
        topic: Topic<'a>,
        /// Payload as received.
        payload: &'a [u8],
    },
    /// Somebody asks for a command.
    Command(CommandRequest),
    /// A person settles an unknown command.
    Resolve(Resolution),
    /// Somebody asks for a mission.
    Mission(MissionRequest),
    /// Somebody wants something of a mission that is there.
    MissionControl(MissionControl),
    /// A person says something about the dock's flights.
    Notice(DockNotice),
    /// Somebody asks whether a flight could go.
    Preflight(PreflightRequest),
    /// Somebody wants something of the authority over the dock.
    Authority(AuthorityRequest),
    /// How a flight between two docks stands at the other one.
    Peer {
        /// `flight_id` on the wire.
        flight_id: MissionId,
        /// The other dock.
        sn: DeviceSn,
        /// The dock's word for where it stands, as far as it said one.
        status: Option<String>,
        /// How far it is.
        progress: MissionProgress,
    },
    /// The record is safe.
    Journaled(JournalId),
    /// The record could not be made safe.
    JournalFailed(JournalId),
    /// What became of something handed to the link.
    Fate {
        /// Command it carried.
        command_id: CommandId,
        /// What became of it.
        fate: SendFate,
    },
    /// Whether commands can leave now.
    CommandLink {
        /// Up or down.
        is_up: bool,
    },
    /// This tower's right to command the dock, from [`crate::lease`]; none while another may have
    /// it. A machine that is never told has it: it shares its dock with nobody.
    Ownership(Option<Ownership>),
    /// What the broker says of the dock's connection.
    Broker(BrokerPresence),
    /// Answer to [`Output::MintFileUrl`].
    FileUrl {
        /// The request it answers.
        exchange: Exchange,
        /// Short-lived address, `None` when the file is gone.
        url: Option<String>,
    },
    /// Answer to [`Output::MintStorage`].
    Storage {
        /// The request it answers.
        exchange: Exchange,
        /// Where to upload, and by what short-lived credentials; `None` when there is no store.
        output: Option<Box<StorageConfigOutput>>,
    },
}

/// Something to be done, as the dock's machine asks for it.
#[derive(Clone, Debug)]
pub enum Output {
    /// Put this on record and say so ([`Input::Journaled`]).
    Journal {
        /// To be named in the answer.
        journal_id: JournalId,
        /// The record; apart, because every machine has room for some outputs.
        record: Box<Record>,
    },
    /// Publish a command; report its fate.
    Send(Send),
    /// Publish an answer to the device; losing it is harmless (the device asks again).
    Reply {
        /// Topic.
        topic: String,
        /// Payload.
        payload: Vec<u8>,
    },
    /// Make a short-lived address of the file and come back with [`Input::FileUrl`]. Asked by the
    /// dock, or by the machine itself before it prepares a flight that waited.
    MintFileUrl {
        /// The request to be answered.
        exchange: Exchange,
        /// The file.
        wayline_id: WaylineId,
    },
    /// Make short-lived credentials for uploads of this dock and come back with [`Input::Storage`].
    MintStorage {
        /// The request to be answered.
        exchange: Exchange,
    },
    /// From now on messages of these aircraft belong to this machine; those of others stay where they
    /// are.
    Children(Vec<DeviceSn>),
    /// Tell the other components.
    Publish(Box<Sample>),
}

/// A command on its way out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Send {
    /// Whose fate is to be reported.
    pub command_id: CommandId,
    /// Topic.
    pub topic: String,
    /// Payload.
    pub payload: Vec<u8>,
    /// It must not leave, nor be delivered, after this.
    pub expires: MonoMs,
    /// Goes first, and waits for the link (until it expires) instead of being refused.
    pub counter_action: bool,
}

/// A sample for the bus.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "each variant is named after its topic")]
pub enum Sample {
    Osd(DeviceOsd),
    Status(DeviceStatus),
    Topology(DeviceTopology),
    Event(DeviceEvent),
    Drift(DeviceDrift),
    Command(CommandStatus),
    Mission(MissionStatus),
    Alarm(Alarm),
    Trace(TraceStep),
    Preflight(PreflightReport),
    AuthorityAnswer(AuthorityAnswer),
    AuthorityChange(AuthorityChange),
}

/// Names one journal write of one machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct JournalId(pub u64);

/// The identifiers of a device's request, to be echoed in its answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exchange {
    /// DJI `tid`.
    pub tid: String,
    /// DJI `bid`.
    pub bid: String,
}

/// What became of a command handed to the link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendFate {
    /// Written to the broker's connection.
    Sent,
    /// The broker has it and somebody is subscribed.
    Delivered,
    /// The broker has it and nobody is subscribed: certainly not delivered.
    NoSubscriber,
    /// The broker refused it: certainly not delivered.
    Refused,
    /// The connection broke after it was written: nobody knows.
    Lost,
    /// It certainly never left.
    NotSent,
    /// Its time ran out before it left.
    Expired,
}

/// What the broker says of a dock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BrokerPresence {
    /// It logged in.
    Connected,
    /// Its connection ended.
    Disconnected {
        /// The broker's words.
        reason: String,
    },
    /// Its log-in was refused.
    LoginRefused,
}
