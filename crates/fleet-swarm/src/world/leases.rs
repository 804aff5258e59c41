//! Which tower commands which dock: the leases of `fleet-core`, the table they are kept in, and what
//! keeps the two apart. A tower whose right ended keeps its machine, for counter-actions alone; it
//! gives it up when it learns that another has the dock.

use fleet_core::io::Input;
use fleet_core::lease::{self, Answer, LeaseConfig, Output, Ownership, PartitionLease};

use super::World;
use crate::facts::{Cause, Fact};
use crate::queue::{Claim, Event, Ms};

/// What a tower that hears nothing makes of it.
const UNANSWERED_MS: Ms = 2_000;

impl World {
    /// A tower that starts wants every dock; those that are its own by the plan a little earlier.
    pub(super) fn begin_lease(&mut self, tower: usize, dock: usize) {
        let partition = u16::try_from(dock).unwrap_or(0);
        let first = self.towers[tower].rng.u64(..) >> 1;
        let lease = PartitionLease::new(partition, LeaseConfig::default(), first);
        self.towers[tower].leases.insert(dock, (lease, None));
        let is_first = dock % self.towers.len() == tower;
        let later = if is_first { 1 } else { self.rng.u64(500..4_000) };
        self.queue.push(self.now + later, Event::Want { tower, dock, wants: true });
    }

    /// The tower that commands a dock, or one that can still bring its aircraft home.
    pub(super) fn commander(&self, dock: usize) -> Option<usize> {
        let is_there = |tower: &usize| {
            let node = &self.towers[*tower];
            node.machines.contains_key(&dock) && node.suspended_until <= self.now
        };
        let towers = 0..self.towers.len();
        let owner = towers.clone().find(|tower| is_there(tower) && self.is_owner(*tower, dock));
        owner.or_else(|| towers.clone().find(is_there))
    }

    pub(super) fn is_owner(&self, tower: usize, dock: usize) -> bool {
        let node = &self.towers[tower];
        let Some(slot) = node.machines.get(&dock).filter(|slot| slot.is_owner) else {
            return false;
        };
        let right = node.leases.get(&dock).and_then(|(lease, _)| lease.right());
        // The clock decides, not what was told: a process that stood still has not been told.
        !self.plan.has_leases
            || right.is_some_and(|right| right.may_command(node.now(self.now).mono, slot.epochs.1))
    }

    pub(super) fn want(&mut self, tower: usize, dock: usize, wants: bool) {
        self.feed_lease(tower, dock, &lease::Input::Want(wants));
    }

    pub(super) fn lease_tick(&mut self, tower: usize, dock: usize) {
        let now = self.now;
        let Some((_, tick_at)) = self.towers[tower].leases.get_mut(&dock) else { return };
        if *tick_at != Some(now) {
            return;
        }
        *tick_at = None;
        self.time_passes(tower, dock);
    }

    fn time_passes(&mut self, tower: usize, dock: usize) {
        let now = self.towers[tower].now(self.now).mono;
        if let Some((lease, _)) = self.towers[tower].leases.get_mut(&dock) {
            lease.handle_timeout(now);
        }
        self.carry_out_lease(tower, dock);
    }

    fn feed_lease(&mut self, tower: usize, dock: usize, input: &lease::Input) {
        let now = self.towers[tower].now(self.now).mono;
        if let Some((lease, _)) = self.towers[tower].leases.get_mut(&dock) {
            lease.handle_input(now, input);
        }
        self.carry_out_lease(tower, dock);
    }

    fn carry_out_lease(&mut self, tower: usize, dock: usize) {
        loop {
            let lease = self.towers[tower].leases.get_mut(&dock);
            let Some(output) = lease.and_then(|(lease, _)| lease.poll_output()) else { break };
            match output {
                Output::Ask { request, holds, ttl_ms, .. } => {
                    self.ask_for(Claim { tower, dock, request, holds, ttl_ms });
                }
                Output::Release { epoch, .. } => {
                    let at = self.now.max(self.towers[tower].lease_stalled_until) + 5;
                    self.queue.push(at, Event::Release { tower, dock, epoch });
                }
                Output::Ownership { ownership, .. } => self.has_right(tower, dock, ownership),
            }
        }
        let start = self.towers[tower].plan.mono_start_ms;
        let Some((lease, tick_at)) = self.towers[tower].leases.get_mut(&dock) else { return };
        let Some((due, _)) = lease.poll_timeout() else { return };
        let due = due.0.saturating_sub(start).max(self.now + 1);
        if tick_at.is_none_or(|planned| due < planned || planned <= self.now) {
            *tick_at = Some(due);
            self.queue.push(due, Event::LeaseTick { tower, dock });
        }
    }

    fn ask_for(&mut self, claim: Claim) {
        let leaves = self.now.max(self.towers[claim.tower].lease_stalled_until);
        match self.store.way_of_claim() {
            Some((took, _)) => self.queue.push(leaves + took, Event::Claim(claim)),
            None => {
                let answer = Answer::Failed;
                let failed = Event::Claimed { claim, answer, is_others: false };
                self.queue.push(leaves + UNANSWERED_MS, failed);
            }
        }
    }

    /// At the table.
    pub(super) fn claim(&mut self, claim: Claim) {
        let is_away = self.store.is_down();
        let granted = self.store.claim(self.now, &claim);
        let row = self.store.row(claim.dock);
        let is_others = !is_away && row.is_some_and(|row| row.tower != claim.tower);
        let answer = match granted {
            Some(epoch) => Answer::Granted { epoch },
            None if is_away => Answer::Failed,
            None => Answer::Refused,
        };
        let back = self.now.max(self.towers[claim.tower].lease_stalled_until);
        match self.store.way_of_claim() {
            Some((took, false)) => {
                self.queue.push(back + took, Event::Claimed { claim, answer, is_others });
            }
            Some((_, true)) | None => {
                let answer = Answer::Failed;
                let lost = Event::Claimed { claim, answer, is_others: false };
                self.queue.push(back + UNANSWERED_MS, lost);
            }
        }
    }

    /// The answer, to whichever life of the tower is there by now.
    pub(super) fn claimed(&mut self, claim: Claim, answer: Answer, is_others: bool) {
        let Claim { tower, dock, request, .. } = claim;
        self.trace.line(self.now, || format!("tower {tower}: lease of dock {dock}: {answer:?}"));
        self.feed_lease(tower, dock, &lease::Input::Answer { request, answer });
        let has_machine = self.towers[tower].machines.contains_key(&dock);
        if is_others && has_machine && !self.is_owner(tower, dock) {
            self.give_up(tower, dock);
        }
    }

    fn has_right(&mut self, tower: usize, dock: usize, right: Option<Ownership>) {
        let (epoch, until) = match right {
            Some(right) => (right.epoch, self.towers[tower].moment(right.stop_at)),
            None => (0, 0),
        };
        self.trace.line(self.now, || {
            format!("tower {tower} commands dock {dock} until {until}, epoch {epoch}")
        });
        self.note(&Fact::Right { tower, dock, epoch, until });
        let before = self.towers[tower].machines.get(&dock).map(|slot| slot.epochs.1);
        match right {
            Some(right) if before == Some(right.epoch) && self.is_owner(tower, dock) => {
                self.feed(tower, dock, Cause::Lease, Input::Ownership(Some(right)));
            }
            Some(right) => {
                self.count("docks taken by a tower");
                self.make_machine(tower, dock, Some(right));
            }
            None => {
                self.count("leases that ended");
                self.feed(tower, dock, Cause::Lease, Input::Ownership(None));
                if let Some(slot) = self.towers[tower].machines.get_mut(&dock) {
                    slot.is_owner = false;
                }
            }
        }
    }

    /// Another tower has the dock: the machine here is of no use any more.
    pub(super) fn give_up(&mut self, tower: usize, dock: usize) {
        self.trace.line(self.now, || format!("tower {tower} gives up the machine of dock {dock}"));
        self.count("machines given up to another tower");
        self.towers[tower].machines.remove(&dock);
        self.broker.subscribe(tower, dock, false);
    }

    pub(super) fn lease_stall(&mut self, tower: usize) {
        if self.is_healed {
            return;
        }
        let until = (self.now + self.rng.u64(2_000..25_000)).min(self.plan.heal_at);
        self.towers[tower].lease_stalled_until = until;
        self.trace
            .line(self.now, || format!("tower {tower} does not reach the leases until {until}"));
        if let Some(mean) = self.towers[tower].plan.lease_stall_every_ms {
            self.after_about(mean, Event::LeaseStall(tower));
        }
    }

    /// The whole process stands still, as under a debugger or on a machine that swaps.
    pub(super) fn suspend(&mut self, tower: usize) {
        if self.is_healed {
            return;
        }
        let until = (self.now + self.rng.u64(500..13_000)).min(self.plan.heal_at);
        self.towers[tower].suspended_until = until;
        self.count("towers that stood still");
        self.trace.line(self.now, || format!("tower {tower} stands still until {until}"));
        self.queue.push(until, Event::Wake(tower));
        if let Some(mean) = self.towers[tower].plan.suspend_every_ms {
            self.after_about(mean, Event::Suspend(tower));
        }
    }

    pub(super) fn wake(&mut self, tower: usize) {
        let docks: Vec<usize> = self.towers[tower].leases.keys().copied().collect();
        for dock in docks {
            self.time_passes(tower, dock);
        }
        let docks: Vec<usize> = self.towers[tower].machines.keys().copied().collect();
        for dock in docks {
            if let Some(slot) = self.towers[tower].machines.get_mut(&dock) {
                slot.tick_at = Some(self.now);
            }
            self.tower_tick(tower, dock);
        }
    }

    /// A tower gives a dock back, and wants it again some time later.
    pub(super) fn rest(&mut self, tower: usize) {
        if self.is_healed {
            return;
        }
        let dock = self.rng.usize(0..self.sites.len());
        self.want(tower, dock, false);
        let again = self.now + self.rng.u64(1_000..20_000);
        self.queue.push(again, Event::Want { tower, dock, wants: true });
        if let Some(mean) = self.towers[tower].plan.rest_every_ms {
            self.after_about(mean, Event::Rest(tower));
        }
    }
}
