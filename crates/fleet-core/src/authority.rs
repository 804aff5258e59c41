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

pub use fleet_types::authority::{Change, Changed, Holder, Kind, Lease, Scope};
use fleet_types::{
    MonoMs, Now, Reason,
    authority::{Asked, AuthorityAction, DeviceAuthority},
};

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

fn cause(change: &Change) -> &'static str {
    match change {
        Change::Commanded => "commanded",
        Change::Taken => "taken",
        Change::HandedOver { .. } => "handed_over",
        Change::TakenOver { .. } => "taken_over",
        Change::Released => "released",
        Change::Silent { .. } => "silent",
    }
}

fn name(held: Option<&Held>) -> &'static str {
    match held {
        None => "free",
        Some(held) if held.lease.is_explicit => "explicit",
        Some(_) => "implicit",
    }
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
    /// Who asks the holder for it, oldest first, and until when.
    asked: Vec<(Asked, MonoMs)>,
    next_fence: u64,
    outputs: VecDeque<Changed>,
}

/// How long an asking stands, milliseconds.
const ASKED_MS: u64 = 120_000;
/// People who ask at a time; a holder cannot choose between more.
const ASKED_MAX: usize = 8;

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
        Self { config, flight, payload, asked: Vec::new(), next_fence: first_fence, outputs }
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
            if lease.holder.is(holder) {
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
            && !lease.holder.is(holder)
            && (lease.is_explicit || holder.kind < lease.holder.kind)
        {
            return Err(held_by(&lease.holder));
        }
        let same = self.held_mut(scope).as_mut().filter(|held| held.lease.holder.is(holder));
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
        if lease.holder.is(holder) {
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

    /// Asks the holder to hand it over.
    ///
    /// # Errors
    /// When nobody has it, or too many ask already.
    pub fn ask(&mut self, now: Now, by: &Holder, scope: Scope, note: &str) -> Result<(), Reason> {
        self.handle_timeout(now);
        match self.lease(now.mono, scope) {
            Some(lease) if lease.holder.is(by) => return Ok(()),
            Some(_) => {}
            None => {
                return Err(Reason::new("authority_free", "Nobody has the authority: take it."));
            }
        }
        self.no_longer_asks(scope, &by.who);
        if self.asked.len() >= ASKED_MAX {
            return Err(Reason::new(
                "too_many_ask",
                "Too many people ask for it. Try again later.",
            ));
        }
        let asked = Asked { scope, by: by.clone(), note: note.to_owned(), since_ms: now.wall };
        self.asked.push((asked, now.mono.after_ms(ASKED_MS)));
        Ok(())
    }

    /// Does what somebody wants of the authority.
    ///
    /// # Errors
    /// Why not; then nothing has changed.
    pub fn request(
        &mut self,
        now: Now,
        by: &Holder,
        is_supervisor: bool,
        scope: Scope,
        action: &AuthorityAction,
    ) -> Result<(), Reason> {
        match action {
            AuthorityAction::Take => self.take(now, by, scope).map(drop),
            AuthorityAction::TakeOver { note } => {
                self.take_over(now, by, scope, is_supervisor, note).map(drop)
            }
            AuthorityAction::Ask { note } => self.ask(now, by, scope, note),
            AuthorityAction::Withdraw => {
                self.no_longer_asks(scope, &by.who);
                Ok(())
            }
            AuthorityAction::HandOver { to } => {
                self.check_holder(now, by, scope)?;
                let mut asked = self.asked.iter().map(|(asked, _)| asked);
                let to = asked.find(|asked| asked.scope == scope && asked.by.who == *to);
                let to = to.map(|asked| asked.by.clone()).ok_or_else(not_asked)?;
                self.hand_over(now, by, to, scope).map(drop)
            }
            AuthorityAction::Keep { from } => {
                self.check_holder(now, by, scope)?;
                self.no_longer_asks(scope, from);
                Ok(())
            }
            AuthorityAction::Renew { fence } => self.renew(now, by, scope, *fence),
            AuthorityAction::Release => self.release(now, by, scope),
        }
    }

    /// As it is told.
    #[must_use]
    pub fn shown(&self) -> DeviceAuthority {
        let lease = |held: &Option<Held>| held.as_ref().map(|held| held.lease.clone());
        DeviceAuthority {
            flight: lease(&self.flight),
            payload: lease(&self.payload),
            asked: self.asked.iter().map(|(asked, _)| asked.clone()).collect(),
        }
    }

    /// Whether that is what [`Self::shown`] says.
    #[must_use]
    pub fn is_told(&self, told: &DeviceAuthority) -> bool {
        let same = |held: &Option<Held>, told: &Option<Lease>| {
            held.as_ref().map(|held| &held.lease) == told.as_ref()
        };
        same(&self.flight, &told.flight)
            && same(&self.payload, &told.payload)
            && self.asked.iter().map(|(asked, _)| asked).eq(&told.asked)
    }

    fn no_longer_asks(&mut self, scope: Scope, who: &str) {
        self.asked.retain(|(asked, _)| asked.scope != scope || asked.by.who != who);
    }

    /// Ends what has been silent for too long.
    pub fn handle_timeout(&mut self, now: Now) {
        self.asked.retain(|(_, ends)| now.mono < *ends);
        for scope in [Scope::Flight, Scope::Payload] {
            let over = self.held_mut(scope).as_ref().filter(|held| now.mono >= held.ends);
            let over = over.map(|Held { lease, .. }| (lease.holder.clone(), lease.is_explicit));
            if let Some((from, was_explicit)) = over {
                self.turn(now, scope, None, Change::Silent { from, was_explicit });
            }
        }
    }

    /// When [`Self::handle_timeout`] is next due, and for what.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<(MonoMs, &'static str)> {
        let leases = [&self.flight, &self.payload].into_iter().flatten().map(|held| held.ends);
        let asked = self.asked.iter().map(|(_, ends)| *ends);
        leases.chain(asked).min().map(|at| (at, "authority"))
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
            Some(lease) if lease.holder.is(by) => Ok(()),
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
        MACHINE.check(cause(&change), name(before.as_ref()), name(held.as_ref()));
        *before = held;
        let holder = before.as_ref().map(|held| held.lease.holder.clone());
        // With another holder the others go on asking; where there is none they need not.
        self.asked.retain(|(asked, _)| {
            asked.scope != scope || holder.as_ref().is_some_and(|holder| !holder.is(&asked.by))
        });
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

fn not_asked() -> Reason {
    Reason::new("not_asked", "They do not ask for it any more. It is handed over to who asks.")
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
