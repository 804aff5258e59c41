//! Whether this tower, and whoever asks, may command the dock now.
//!
//! Two questions beside the interlocks, asked when an ordinary command is taken and again in the
//! moment it is to leave: does this tower own the dock ([`crate::lease`]), and does the person have
//! the authority ([`crate::authority`]). Counter-actions are asked neither. The answer of the first
//! asking (epoch and fencing number) is kept with the command, so that the second can tell whether
//! anything changed hands meanwhile.

use fleet_types::{
    CommandId, MonoMs, Now, Reason,
    authority::{AuthorityAnswer, AuthorityChange, AuthorityRequest},
};

use super::DockMachine;
use crate::{
    authority::{Holder, Kind, Scope, needs_authority, scope_of},
    io::Sample,
    lease::{self, Ownership},
    mutant::{self, Mutant},
    spec::Spec,
};

/// Under what a command was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rights {
    epoch: u64,
    scope: Scope,
    fence: u64,
}

impl DockMachine {
    /// Another right to command this dock, or none.
    pub(super) fn on_ownership(&mut self, ownership: Option<Ownership>) {
        self.ownership = ownership;
    }

    /// Whether this tower owns the dock.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn check_owner(&self, now: Now) -> Result<(), Reason> {
        let epoch = self.ownership.map_or(0, |ownership| ownership.epoch);
        lease::check(self.ownership.as_ref(), now.mono, epoch)
    }

    /// Takes an ordinary command under the rights of now, or says why not.
    ///
    /// # Errors
    /// Another tower owns the dock, or another person commands it.
    pub(super) fn take_rights(
        &mut self,
        now: Now,
        command_id: CommandId,
        spec: &Spec,
        issued_by: &str,
    ) -> Result<(), Reason> {
        if !needs_authority(spec) {
            return Ok(());
        }
        let rights = self.check_owner(now).and_then(|()| {
            let epoch = self.ownership.map_or(0, |ownership| ownership.epoch);
            let scope = scope_of(spec.method);
            let fence = self.authority.order(now, &holder_of(issued_by), scope)?;
            Ok(Rights { epoch, scope, fence })
        });
        self.rights.insert(command_id, rights.clone());
        rights.map(|_| ())
    }

    /// Whether the rights that a command was taken under still hold.
    ///
    /// # Errors
    /// They changed hands, ended, or never were.
    pub(super) fn check_rights(&self, now: Now, command_id: CommandId) -> Result<(), Reason> {
        let Some(command) = self.commands.get(&command_id) else { return Ok(()) };
        if mutant::is(Mutant::FencingNotChecked) {
            return Ok(());
        }
        if !needs_authority(command.spec()) {
            return Ok(());
        }
        let Rights { epoch, scope, fence } = match self.rights.get(&command_id) {
            Some(Ok(rights)) => *rights,
            // Why not, as it was when the order was given.
            Some(Err(reason)) => return Err(reason.clone()),
            None => {
                return Err(Reason::new(
                    "authority_ended",
                    "The authority that this was ordered under has ended. Nothing was sent; ask again.",
                ));
            }
        };
        lease::check(self.ownership.as_ref(), now.mono, epoch)?;
        self.authority.check_fence(now.mono, scope, fence)
    }

    /// Somebody wants something of the authority: they are answered, whatever comes of it.
    pub(super) fn on_authority_request(&mut self, now: Now, request: AuthorityRequest) {
        let AuthorityRequest { request_id, sn: _, scope, by, is_supervisor, action } = request;
        let done = self
            .check_owner(now)
            .and_then(|()| self.authority.request(now, &by, is_supervisor, scope, &action));
        self.tell(Sample::AuthorityAnswer(AuthorityAnswer {
            request_id,
            sn: self.config.sn.clone(),
            refused: done.err(),
            authority: self.authority.shown(),
        }));
    }

    /// Lets authority end by silence, and tells who has it.
    pub(super) fn note_authority(&mut self, now: Now) {
        self.authority.handle_timeout(now);
        while let Some(changed) = self.authority.poll_output() {
            let sn = self.config.sn.clone();
            self.tell(Sample::AuthorityChange(AuthorityChange { sn, changed }));
        }
    }

    /// What leaves must be delivered while this tower owns the dock.
    pub(super) fn within_lease(&self, expires: MonoMs) -> MonoMs {
        let stop_at = self.ownership.filter(|_| !mutant::is(Mutant::FencingNotChecked));
        stop_at.map_or(expires, |ownership| expires.min(ownership.stop_at))
    }
}

/// Who gives a command, by the name on record: people sign in, programs name themselves.
fn holder_of(issued_by: &str) -> Holder {
    let kind = match issued_by.split(':').next() {
        Some("rule") => Kind::Rule,
        Some("schedule" | "scheduler") => Kind::Scheduler,
        Some("pilot") => Kind::Pilot,
        Some(_) | None => Kind::Operator,
    };
    Holder { who: issued_by.to_owned(), kind }
}
