//! What the checkers are told: things that happened in the simulated world, as the world saw them.

use std::collections::BTreeSet;

use fleet_core::{io::JournalId, journal::Record, recorder::Decision};
use fleet_sim::model::Outcome;
use fleet_types::{CommandId, CommandRequest, CommandStatus, MissionRequest, MissionStatus};
use fleet_types::{command::Resolution, preflight::DockNotice, topic::DeviceOsd};

use crate::net::Kind;
use crate::queue::Ms;

/// Why a machine spoke: the input it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A message of the device.
    Message(Kind),
    /// A request for a command or a mission.
    Request,
    /// A person settled something.
    Resolution,
    /// The journal answered.
    Journal,
    /// The link told a fate, or its state.
    Link,
    /// The right to command came or went.
    Lease,
    /// The broker told of the dock's connection.
    Presence,
    /// The shell made a file's address.
    FileUrl,
    /// Time passed.
    Timeout,
    /// The machine was made anew.
    Restart,
}

/// A command on its way out of a machine, read from its payload.
#[derive(Clone, Debug)]
pub struct Sent {
    /// Tower.
    pub tower: usize,
    /// Dock.
    pub dock: usize,
    /// The machine's name for it.
    pub command_id: CommandId,
    /// Method on the wire.
    pub method: String,
    /// `tid` on the wire.
    pub tid: String,
    /// Flight it names.
    pub flight_id: Option<String>,
    /// Must not leave after this.
    pub expires: Ms,
    /// The machine called it a counter-action.
    pub counter_action: bool,
}

/// Something that happened.
#[derive(Debug)]
pub enum Fact<'a> {
    /// A person's command reached a machine.
    AskedCommand {
        /// Tower.
        tower: usize,
        /// Dock.
        dock: usize,
        /// What.
        request: &'a CommandRequest,
    },
    /// A person's mission reached a machine.
    AskedMission {
        /// Tower.
        tower: usize,
        /// Dock.
        dock: usize,
        /// What.
        request: &'a MissionRequest,
    },
    /// A person's word on the dock's flights reached a machine.
    Said {
        /// Dock.
        dock: usize,
        /// What.
        notice: &'a DockNotice,
    },
    /// A person's word on something unknown reached a machine.
    Settled {
        /// Dock.
        dock: usize,
        /// What.
        resolution: &'a Resolution,
    },
    /// A machine handed a command to its link.
    Sent {
        /// The command.
        sent: &'a Sent,
        /// What made it.
        cause: Cause,
    },
    /// A tower's link wrote a command.
    Written(&'a Sent),
    /// A dock got a command.
    Arrived {
        /// Dock.
        dock: usize,
        /// Method.
        method: &'a str,
        /// `tid`.
        tid: &'a str,
        /// Flight it names.
        flight_id: Option<&'a str>,
        /// What became of it.
        outcome: Outcome,
    },
    /// An aircraft left the ground.
    TookOff {
        /// Dock.
        dock: usize,
        /// For this flight.
        flight_id: &'a str,
    },
    /// A machine told of a command.
    Command {
        /// Tower.
        tower: usize,
        /// Dock.
        dock: usize,
        /// What it told.
        status: &'a CommandStatus,
        /// What made it.
        cause: Cause,
    },
    /// A machine told of a mission.
    Mission {
        /// Dock.
        dock: usize,
        /// What it told.
        status: &'a MissionStatus,
        /// What made it.
        cause: Cause,
    },
    /// A machine told of telemetry.
    Telemetry {
        /// Tower.
        tower: usize,
        /// Dock.
        dock: usize,
        /// What it told.
        osd: &'a DeviceOsd,
    },
    /// A tower decided whether telemetry becomes a row.
    Row {
        /// Tower.
        tower: usize,
        /// What the machine told.
        osd: &'a DeviceOsd,
        /// What was decided.
        decision: Decision,
        /// Reports of the device that were lost on the way since the one before, if that is known.
        lost: Option<u64>,
    },
    /// A message was given to a machine.
    Heard {
        /// Tower.
        tower: usize,
        /// Dock.
        dock: usize,
        /// Kind of topic.
        kind: Kind,
        /// Whether it is of the dock itself rather than of its aircraft.
        is_docks: bool,
        /// As received.
        payload: &'a [u8],
    },
    /// A machine asked for a record.
    Record {
        /// Tower.
        tower: usize,
        /// Dock.
        dock: usize,
        /// Name of the write.
        journal_id: JournalId,
        /// The record.
        record: &'a Record,
        /// The tower has the right to command the dock: what it does without is not told to people.
        is_owner: bool,
    },
    /// A machine without the right to command answered for a counter-action it knows already.
    KnownAlready(CommandId),
    /// A tower learned that a record is safe, or that it may not be.
    Recorded {
        /// Dock.
        dock: usize,
        /// Name of the write.
        journal_id: JournalId,
        /// Which.
        ok: bool,
    },
    /// The database has a record.
    Committed {
        /// Dock.
        dock: usize,
        /// The record.
        record: &'a Record,
    },
    /// A tower took in a dock's list of health messages.
    Alarms {
        /// Tower.
        tower: usize,
        /// Dock.
        dock: usize,
        /// Codes of the dock's alarms that are up now.
        up: &'a BTreeSet<String>,
    },
    /// A tower was given the right to command a dock, or lost it.
    Right {
        /// Tower.
        tower: usize,
        /// Dock.
        dock: usize,
        /// Higher with each owner.
        epoch: u64,
        /// True time at which the right ends; 0 when there is none.
        until: Ms,
    },
    /// A machine was made anew: what it heard before is forgotten.
    Made {
        /// Tower.
        tower: usize,
        /// Dock.
        dock: usize,
    },
}
