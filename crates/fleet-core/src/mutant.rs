//! Defects that the swarm plants one at a time, to prove that its checkers would find them.
//!
//! Without the cargo feature `mutants` nothing can be planted: [`is`] is `false` for the compiler,
//! and every hook is removed. The binary refuses to be built with the feature ([`PLANTABLE`]), and
//! `cargo xtask tidy` refuses any crate but `fleet-swarm` that asks for it. Read next:
//! `docs/swarm.md`.

/// Whether this build can plant defects.
pub const PLANTABLE: bool = cfg!(feature = "mutants");

macro_rules! mutants {
    ($($number:literal $name:ident $text:literal,)*) => {
        /// A defect.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Mutant {
            $(#[doc = $text] $name = $number,)*
        }

        impl Mutant {
            /// All of them, by number.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// What it does, in words.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            /// Its number.
            #[must_use]
            pub const fn number(self) -> u8 {
                self as u8
            }
        }
    };
}

mutants! {
    1 AnyTid "a reply with any tid is accepted",
    2 RetryTakeOff "a take-off that was not answered is sent again",
    3 NewTidOnRetry "a command that was not answered is sent again under a new tid",
    4 ForgetExpiry "after a restart a command on record is sent, however old",
    5 SilenceIsFailure "no answer is a failure",
    6 SilenceIsSuccess "no answer is a success",
    7 UnknownByTimer "an unknown outcome is closed by time",
    8 JournalAfterSend "a command is put on record after it was sent",
    9 CounterWaitsForJournal "a counter-action waits for its record",
    10 CounterNeedsLease "a counter-action needs a lease",
    11 LeaseWithoutMargin "a lease is used up to its very end",
    12 FencingNotChecked "fencing is not checked when a command leaves",
    13 TwoOwners "a tower that was cut off goes on as owner",
    14 ExecuteAfterOneReply "a task of two docks flies when one is ready",
    15 NoUndo "the other dock's preparation is not undone",
    16 LandingNotReserved "the landing dock is not reserved",
    17 ConditionNotRechecked "a conditional task flies though its condition ceased to hold",
    18 TimedSentLate "a timed task is ordered to fly after its time",
    19 ClockSkewIgnored "a dock whose clock is wrong is sent a flight",
    20 ResumeAfterObstacle "a flight that met an obstacle is resumed",
    21 AutoResumeAfterDrc "a flight goes on by itself after manual control",
    22 StaleSticks "old stick positions are repeated",
    23 HmsIncrement "the full set of health messages is taken for an addition",
    24 LateReply "a late reply to an older command is taken for the newer one's",
    25 GateOnlyAtPrepare "the gate is not asked again before take-off",
    26 StaleInterlock "an interlock relies on an old state",
    27 SecondEnd "a duplicate of the last progress ends the mission again",
    28 PartialClears "a partial report clears what it does not name",
}

#[cfg(feature = "mutants")]
mod planted {
    use std::cell::Cell;

    use super::Mutant;

    thread_local! {
        static PLANTED: Cell<Option<Mutant>> = const { Cell::new(None) };
    }

    /// Plants a defect in every machine of this thread, or removes it.
    pub fn plant(mutant: Option<Mutant>) {
        PLANTED.set(mutant);
    }

    /// Whether this defect is planted.
    #[must_use]
    pub fn is(mutant: Mutant) -> bool {
        PLANTED.get() == Some(mutant)
    }
}

#[cfg(feature = "mutants")]
pub use planted::{is, plant};

/// Whether this defect is planted: never, in this build.
#[cfg(not(feature = "mutants"))]
#[must_use]
pub const fn is(_: Mutant) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_planted_unless_somebody_does() {
        assert!(Mutant::ALL.iter().all(|mutant| !is(*mutant)));
        assert!(Mutant::ALL.iter().zip(1..).all(|(mutant, number)| mutant.number() == number));
    }
}
