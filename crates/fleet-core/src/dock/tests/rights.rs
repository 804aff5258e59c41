//! Who may command: another tower's dock, another person's flight; counter-actions regardless.

use fleet_types::{
    CommandState, MonoMs, RequestId,
    authority::{AuthorityAction, AuthorityRequest, DeviceAuthority},
    mission::Verdict,
};
use uuid::Uuid;

use super::rig::Rig;
use crate::{
    authority::{AuthorityConfig, Holder, Kind, Scope},
    io::Input,
    lease::Ownership,
};

fn own(rig: &mut Rig, epoch: u64, for_ms: u64) {
    let stop_at = MonoMs(rig.now.mono.0 + for_ms);
    rig.input(Input::Ownership(Some(Ownership { epoch, stop_at })));
}

#[test]
fn a_dock_of_another_tower_gets_counter_actions_alone() {
    let mut rig = Rig::online();
    rig.debugging();
    rig.input(Input::Ownership(None));
    let light = rig.command("supplement_light_open");
    rig.check(light, CommandState::Rejected, Some("not_owner"));
    let home = rig.command("return_home");
    rig.check(home, CommandState::Sent, None);
    let mission = rig.mission_request();
    let mission = rig.ask_mission(mission);
    assert_eq!(rig.mission(mission).verdict, Some(Verdict::Rejected));
    assert_eq!(rig.order, ["send return_home", "journal return_home"]);
    own(&mut rig, 1, 60_000);
    let again = rig.command("supplement_light_open");
    rig.check(again, CommandState::Sent, None);
}

#[test]
fn what_was_decided_under_an_older_epoch_does_not_leave() {
    let mut rig = Rig::online();
    rig.debugging();
    own(&mut rig, 1, 60_000);
    rig.journal_is_fast = false;
    let light = rig.command("supplement_light_open");
    rig.check(light, CommandState::Accepted, None);
    own(&mut rig, 2, 60_000);
    rig.journal_answers(true);
    rig.check(light, CommandState::Rejected, Some("not_owner"));
    assert!(rig.sends.is_empty());
    // A renewal is the same epoch: it holds nothing up.
    let light = rig.command("supplement_light_open");
    own(&mut rig, 2, 70_000);
    rig.journal_answers(true);
    rig.check(light, CommandState::Sent, None);
}

#[test]
fn nothing_leaves_after_the_lease_nor_may_be_delivered_then() {
    let mut rig = Rig::online();
    rig.debugging();
    own(&mut rig, 1, 3_000);
    let stop_at = MonoMs(rig.now.mono.0 + 3_000);
    rig.command("supplement_light_open");
    assert_eq!(rig.sends[0].expires, stop_at, "its message expires with the lease");
    rig.journal_is_fast = false;
    let close = rig.command("supplement_light_close");
    rig.pass(3_000);
    rig.journal_answers(true);
    rig.check(close, CommandState::Rejected, Some("not_owner"));
    let home = rig.command("return_home");
    rig.check(home, CommandState::Sent, None);
    assert!(rig.sends[1].expires > stop_at, "a counter-action is not cut short");
}

#[test]
fn somebody_who_asked_for_the_authority_keeps_others_out_but_for_counter_actions() {
    let mut rig = Rig::online();
    rig.debugging();
    rig.journal_is_fast = false;
    let light = rig.command("supplement_light_open");
    let pilot = Holder { who: "pilot:park".to_owned(), kind: Kind::Pilot };
    let now = rig.now;
    rig.machine.authority.take(now, &pilot, Scope::Flight).expect("an implicit lease gives way");
    rig.journal_answers(true);
    rig.check(light, CommandState::Rejected, Some("authority_held"));
    let again = rig.command("supplement_light_open");
    rig.check(again, CommandState::Rejected, Some("authority_held"));
    let pause = rig.command("flighttask_pause");
    rig.check(pause, CommandState::Sent, None);
    rig.machine.authority.release(now, &pilot, Scope::Flight).expect("its own");
    let last = rig.command("supplement_light_open");
    rig.journal_answers(true);
    rig.check(last, CommandState::Sent, None);
}

#[test]
fn who_has_the_authority_is_answered_and_told_with_the_dock() {
    let mut rig = Rig::online();
    rig.debugging();
    let mut number = 0;
    let mut ask = |rig: &mut Rig, who: &str, action: AuthorityAction| {
        number += 1;
        let request_id = RequestId(Uuid::from_u128(number));
        rig.input(Input::Authority(AuthorityRequest {
            request_id,
            sn: rig.machine.sn().clone(),
            scope: Scope::Flight,
            by: Holder { who: who.to_owned(), kind: Kind::Operator },
            is_supervisor: false,
            action,
        }));
        let answer = rig.answers.last().expect("answered").clone();
        assert_eq!(answer.request_id, request_id);
        (answer.refused.map(|reason| reason.code.into_owned()), answer.authority)
    };
    let holder = |authority: &DeviceAuthority| {
        authority.flight.as_ref().map(|lease| (lease.holder.who.clone(), lease.is_explicit))
    };
    let kims = Some(("user:kim".to_owned(), true));
    let (refused, now) = ask(&mut rig, "user:kim", AuthorityAction::Take);
    assert_eq!((refused, holder(&now)), (None, kims.clone()));
    assert_eq!(rig.dock().authority, now, "the console sees it");
    let (refused, now) = ask(&mut rig, "user:lee", AuthorityAction::Take);
    assert_eq!((refused.as_deref(), holder(&now)), (Some("authority_held"), kims));
    ask(&mut rig, "user:lee", AuthorityAction::Ask { note: "my turn".to_owned() });
    assert_eq!(rig.dock().authority.asked[0].by.who, "user:lee");
    // Its holder is silent: the dock says so by itself.
    rig.pass(AuthorityConfig::default().explicit_ms);
    assert_eq!(rig.dock().authority, DeviceAuthority::default());

    // Another tower's dock: nobody here has anything to say of it.
    rig.input(Input::Ownership(None));
    let (refused, _) = ask(&mut rig, "user:kim", AuthorityAction::Take);
    assert_eq!(refused.as_deref(), Some("not_owner"));
}
