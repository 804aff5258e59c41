//! Who commands a device: authority as a lease with a fencing number.
//!
//! Flight and payload are held apart. A lease is *implicit* when it comes with an ordinary command,
//! and *explicit* when somebody asked for it. An explicit lease keeps others out; an implicit one
//! says who commanded last, keeps out whoever ranks lower, and passes to the next who commands. So
//! a site with one operator never meets a refusal, and one who flies by hand is not disturbed.
//! Ranks, lowest first: rule, scheduler, operator, pilot ([`Kind`]).
//!
//! A lease ends by release, by hand-over, by a take-over from above, or by silence. Every change
//! of holder raises the fencing number; a command carries the number it was decided under
//! ([`Authority::order`]) and is asked again when it leaves ([`Authority::check_fence`]).
//!
//! Counter-actions (return home, hover, pause, zero sticks) are not asked about here at all: whoever
//! has rights at the site gives them, whoever holds the lease ([`needs_authority`]).
//!
//! What a checker may assert: an explicit lease that has not ended admits no other's ordinary
//! command; numbers only rise; a holder silent for its time holds nothing; nobody takes over from
//! an equal or higher rank without being a supervisor.

use std::collections::VecDeque;

use fleet_types::{MonoMs, Now, Reason, WallMs};
use serde::{Deserialize, Serialize};

use crate::{machine::Machine, spec::Spec};

/// Every state and transition of the authority over a device: of its flight, and of its payload.
pub const MACHINE: Machine = Machine {
    name: "Authority",
    module: "authority.rs",
    about: "Who commands a device: two of these, one for flight and one for payload. Each change of holder \
        raises the fencing number that commands are decided and sent under. Return home, pause, hover \
        and zero sticks are not asked about here at all.",
    states: &[
        ("free", "Nobody has it."),
        ("implicit", "Whoever commanded last; passes to the next who commands and ranks as high."),
        ("explicit", "Somebody asked for it: others are kept out."),
    ],
    starts: &["free"],
    ends: &[],
    rows: &[
        ("commanded", &["free", "implicit"], "implicit"),
        ("taken", &["free", "implicit"], "explicit"),
        ("taken_over", &["implicit", "explicit"], "explicit"),
        ("handed_over", &["implicit", "explicit"], "explicit"),
        ("released", &["implicit", "explicit"], "free"),
        ("silent", &["implicit", "explicit"], "free"),
    ],
};

impl Change {
    fn cause(&self) -> &'static str {
        match self {
            Self::Commanded => "commanded",
            Self::Taken => "taken",
            Self::HandedOver { .. } => "handed_over",
            Self::TakenOver { .. } => "taken_over",
            Self::Released => "released",
            Self::Silent => "silent",
        }
    }
}

fn name(held: Option<&Held>) -> &'static str {
    match held {
        None => "free",
        Some(held) if held.lease.is_explicit => "explicit",
        Some(_) => "implicit",
    }
}

/// What kind of commander, lowest rank first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A rule of the tower.
    Rule,
    /// A plan that starts missions at their time.
    Scheduler,
    /// A person at a console.
    Operator,
    /// A person who flies, at the sticks or on site.
    Pilot,
}

/// Who commands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Name on record.
    pub who: String,
    /// Kind.
    pub kind: Kind,
}

/// What is commanded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Dock and flight.
    Flight,
    /// Cameras and other payloads.
    Payload,
}

/// How long holders may be silent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuthorityConfig {
    /// After an ordinary command, milliseconds. At least the longest life of a command: one that was
    /// accepted must not lose its authority while it waits.
    pub implicit_ms: u64,
    /// After the last word of somebody who asked for it, milliseconds.
    pub explicit_ms: u64,
}

impl Default for AuthorityConfig {
    fn default() -> Self {
        Self { implicit_ms: 120_000, explicit_ms: 300_000 }
    }
}

/// A lease as it is shown and put on record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Who.
    pub holder: Holder,
    /// Fencing number.
    pub fence: u64,
    /// Asked for, so that others are kept out.
    pub is_explicit: bool,
    /// Since when.
    pub since_ms: WallMs,
}

/// Why the holder changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It came with a command.
    Commanded,
    /// Somebody asked for it.
    Taken,
    /// The holder gave it to another.
    HandedOver {
        /// Who gave it.
        by: Holder,
    },
    /// Somebody of higher rank, or a supervisor, took it.
    TakenOver {
        /// From whom.
        from: Holder,
        /// Why, in their words.
        note: String,
    },
    /// The holder gave it back.
    Released,
    /// The holder was silent for too long.
    Silent,
}

/// A change of holder, for record and bus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Changed {
    /// When.
    pub at_ms: WallMs,
    /// Of what.
    pub scope: Scope,
    /// Who has it now, if anybody.
    pub lease: Option<Lease>,
    /// Why.
    pub change: Change,
}

#[derive(Clone, Debug)]
struct Held {
    lease: Lease,
    ends: MonoMs,
}

/// The authority over one device.
#[derive(Clone, Debug)]
pub struct Authority {
    config: AuthorityConfig,
    flight: Option<Held>,
    payload: Option<Held>,
    next_fence: u64,
    outputs: VecDeque<Changed>,
}

/// Whether a command needs authority at all. Counter-actions never do: this is the one place that
/// says so.
#[must_use]
pub fn needs_authority(spec: &Spec) -> bool {
    !spec.counter_action
}

/// Which authority a method is given under: what turns, shoots or speaks is the payload's.
#[must_use]
pub fn scope_of(method: &str) -> Scope {
    const PAYLOAD: [&str; 9] = [
        "camera_",
        "drc_camera_",
        "gimbal_",
        "drc_gimbal_",
        "ir_metering_",
        "live_",
        "payload_authority_",
        "psdk_",
        "speaker_",
    ];
    let is_payload = PAYLOAD.iter().any(|prefix| method.starts_with(prefix));
    if is_payload { Scope::Payload } else { Scope::Flight }
}

impl Authority {
    /// Nobody has authority. `first_fence` is above every number given out before.
    #[must_use]
    pub fn new(config: AuthorityConfig, first_fence: u64) -> Self {
        let (flight, payload, outputs) = (None, None, VecDeque::new());
        Self { config, flight, payload, next_fence: first_fence, outputs }
    }

    /// Who has it now.
    #[must_use]
    pub fn lease(&self, now: MonoMs, scope: Scope) -> Option<&Lease> {
        self.held(now, scope).map(|held| &held.lease)
    }

    /// Somebody gives an ordinary command: the fencing number to decide it under.
    ///
    /// # Errors
    /// When another holds the authority and does not have to give way.
    pub fn order(&mut self, now: Now, holder: &Holder, scope: Scope) -> Result<u64, Reason> {
        self.handle_timeout(now);
        if let Some(held) = self.held(now.mono, scope) {
            let lease = held.lease.clone();
            if lease.holder == *holder {
                self.extend(now.mono, scope);
                return Ok(lease.fence);
            }
            if lease.is_explicit || holder.kind < lease.holder.kind {
                return Err(held_by(&lease.holder));
            }
        }
        Ok(self.give(now, scope, holder.clone(), false, Change::Commanded))
    }

    /// Whether a command decided under `fence` may still leave.
    ///
    /// # Errors
    /// When the authority has changed hands or ended meanwhile.
    pub fn check_fence(&self, now: MonoMs, scope: Scope, fence: u64) -> Result<(), Reason> {
        match self.lease(now, scope) {
            Some(lease) if lease.fence == fence => Ok(()),
            Some(lease) => Err(held_by(&lease.holder)),
            None => Err(Reason::new(
                "authority_ended",
                "The authority that this was ordered under has ended. Nothing was sent; ask again.",
            )),
        }
    }

    /// Asks for the authority.
    ///
    /// # Errors
    /// When another asked for it and has it still, or ranks higher.
    pub fn take(&mut self, now: Now, holder: &Holder, scope: Scope) -> Result<u64, Reason> {
        self.handle_timeout(now);
        if let Some(lease) = self.lease(now.mono, scope)
            && lease.holder != *holder
            && (lease.is_explicit || holder.kind < lease.holder.kind)
        {
            return Err(held_by(&lease.holder));
        }
        let same = self.held_mut(scope).as_mut().filter(|held| held.lease.holder == *holder);
        if let Some(held) = same.filter(|held| held.lease.is_explicit) {
            let fence = held.lease.fence;
            self.extend(now.mono, scope);
            return Ok(fence);
        }
        Ok(self.give(now, scope, holder.clone(), true, Change::Taken))
    }

    /// Takes the authority from another, with a word why.
    ///
    /// # Errors
    /// When the other ranks as high and the taker is no supervisor.
    pub fn take_over(
        &mut self,
        now: Now,
        holder: &Holder,
        scope: Scope,
        is_supervisor: bool,
        note: &str,
    ) -> Result<u64, Reason> {
        self.handle_timeout(now);
        let Some(lease) = self.lease(now.mono, scope) else {
            return self.take(now, holder, scope);
        };
        if lease.holder == *holder {
            return self.take(now, holder, scope);
        }
        if !may_take_over(holder.kind, lease.holder.kind, is_supervisor) {
            return Err(Reason::new(
                "authority_rank",
                format!(
                    "{} ranks as high: ask for a hand-over, or a supervisor.",
                    lease.holder.who
                ),
            ));
        }
        let change = Change::TakenOver { from: lease.holder.clone(), note: note.to_owned() };
        Ok(self.give(now, scope, holder.clone(), true, change))
    }

    /// Gives the authority to another.
    ///
    /// # Errors
    /// When the giver does not have it.
    pub fn hand_over(
        &mut self,
        now: Now,
        by: &Holder,
        to: Holder,
        scope: Scope,
    ) -> Result<u64, Reason> {
        self.check_holder(now, by, scope)?;
        Ok(self.give(now, scope, to, true, Change::HandedOver { by: by.clone() }))
    }

    /// Says that the holder is there.
    ///
    /// # Errors
    /// When it does not have the authority under this number.
    pub fn renew(&mut self, now: Now, by: &Holder, scope: Scope, fence: u64) -> Result<(), Reason> {
        self.check_holder(now, by, scope)?;
        self.check_fence(now.mono, scope, fence)?;
        self.extend(now.mono, scope);
        Ok(())
    }

    /// Gives the authority back.
    ///
    /// # Errors
    /// When the giver does not have it.
    pub fn release(&mut self, now: Now, by: &Holder, scope: Scope) -> Result<(), Reason> {
        self.check_holder(now, by, scope)?;
        self.turn(now, scope, None, Change::Released);
        Ok(())
    }

    /// Ends what has been silent for too long.
    pub fn handle_timeout(&mut self, now: Now) {
        for scope in [Scope::Flight, Scope::Payload] {
            if self.held_mut(scope).as_ref().is_some_and(|held| now.mono >= held.ends) {
                self.turn(now, scope, None, Change::Silent);
            }
        }
    }

    /// When [`Self::handle_timeout`] is next due, and for what.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(MonoMs, &'static str)> {
        let ends = [&self.flight, &self.payload].into_iter().flatten().map(|held| held.ends);
        ends.min().map(|at| (at, "authority"))
    }

    /// The next change to be recorded and told, oldest first.
    pub fn poll_output(&mut self) -> Option<Changed> {
        self.outputs.pop_front()
    }

    fn held(&self, now: MonoMs, scope: Scope) -> Option<&Held> {
        let held = match scope {
            Scope::Flight => &self.flight,
            Scope::Payload => &self.payload,
        };
        // Looked at by the clock: a silent holder holds nothing, whether or not anybody woke us.
        held.as_ref().filter(|held| now < held.ends)
    }

    fn held_mut(&mut self, scope: Scope) -> &mut Option<Held> {
        match scope {
            Scope::Flight => &mut self.flight,
            Scope::Payload => &mut self.payload,
        }
    }

    fn check_holder(&mut self, now: Now, by: &Holder, scope: Scope) -> Result<(), Reason> {
        self.handle_timeout(now);
        match self.lease(now.mono, scope) {
            Some(lease) if lease.holder == *by => Ok(()),
            Some(lease) => Err(held_by(&lease.holder)),
            None => Err(Reason::new("no_authority", "Nobody has the authority. Ask for it first.")),
        }
    }

    fn give(
        &mut self,
        now: Now,
        scope: Scope,
        holder: Holder,
        is_explicit: bool,
        change: Change,
    ) -> u64 {
        let fence = self.next_fence;
        self.next_fence += 1;
        let lease = Lease { holder, fence, is_explicit, since_ms: now.wall };
        self.turn(now, scope, Some(lease), change);
        fence
    }

    /// The one place where the holder changes.
    fn turn(&mut self, now: Now, scope: Scope, lease: Option<Lease>, change: Change) {
        let held = lease.map(|lease| Held { lease, ends: now.mono });
        let before = self.held_mut(scope);
        MACHINE.check(change.cause(), name(before.as_ref()), name(held.as_ref()));
        *before = held;
        self.extend(now.mono, scope);
        self.tell(now, scope, change);
    }

    fn extend(&mut self, now: MonoMs, scope: Scope) {
        let AuthorityConfig { implicit_ms, explicit_ms } = self.config;
        if let Some(held) = self.held_mut(scope) {
            let silence_ms = if held.lease.is_explicit { explicit_ms } else { implicit_ms };
            held.ends = now.after_ms(silence_ms);
        }
    }

    fn tell(&mut self, now: Now, scope: Scope, change: Change) {
        let lease = self.lease(now.mono, scope).cloned();
        self.outputs.push_back(Changed { at_ms: now.wall, scope, lease, change });
    }
}

/// Take-over by role: from below, or by a supervisor.
fn may_take_over(taker: Kind, holder: Kind, is_supervisor: bool) -> bool {
    taker > holder || is_supervisor
}

fn held_by(holder: &Holder) -> Reason {
    Reason::new(
        "authority_held",
        format!(
            "{} commands this device now. Ask for a hand-over, or take it over. Return home, pause and hover work all the same.",
            holder.who
        ),
    )
}

#[cfg(test)]
mod tests;
