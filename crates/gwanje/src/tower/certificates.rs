//! Watches the certificates that the site's authority issued: an alarm thirty days before one ends,
//! and the end of the connections of one that was revoked.
//!
//! The broker refuses a revoked certificate from its next connection on; the connection that stands
//! is ended here. Broker and tower are renewed by `gwanje up` before an alarm would come. Nothing is
//! issued here. Read next: [`crate::ca`].

use std::{
    collections::{BTreeMap, btree_map::Entry as MapEntry},
    fs,
    path::PathBuf,
    time::Duration,
};

use fleet_bus::Bus;
use fleet_links::{
    dynsec::DynsecClient,
    pki::{self, DAY_S},
};
use fleet_types::{Alarm, DeviceSn, Reason, WallMs, alarm::Priority};
use tokio::time::sleep;

use super::{
    clock,
    condition::{reason, signal},
};
use crate::ca::{
    self, CaDir,
    book::{Book, Entry, Role},
};

/// How often the book is looked at for changes.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// What was revoked so long ago while the tower did not look is still looked after.
const UNSEEN_S: u64 = 3600;
/// Looks after which a connection is ended once more.
const AGAIN_AFTER: u32 = 4;
/// A broker that does not answer is asked so often to end a connection, a second apart.
const END_TRIES: u32 = 30;
/// How often somebody else's certificate is looked at.
const EXTERNAL_EVERY: Duration = Duration::from_secs(3600);
/// Looks after which dates are compared, changed or not.
const DATES_EVERY: u32 = 3600;

/// Looks for ever.
pub(super) async fn run(dir: CaDir, dynsec: Option<DynsecClient>, bus: Bus) {
    let signals = bus.writer();
    let mut raised = Raised::default();
    let mut seen = None;
    let mut looks = 0;
    let mut known: Option<Book> = None;
    // Who came back before the broker had read the new list stands again.
    let mut again: Vec<(DeviceSn, u32)> = Vec::new();
    loop {
        let due: Vec<DeviceSn> = again
            .extract_if(.., |(_, looks)| {
                *looks -= 1;
                *looks == 0
            })
            .map(|(sn, _)| sn)
            .collect();
        if let Some(dynsec) = &dynsec {
            end_connections(dynsec, &due).await;
        }
        let changed = fs::metadata(dir.book_file()).and_then(|meta| meta.modified()).ok();
        looks += 1;
        if changed.is_some() && (changed != seen || looks >= DATES_EVERY) {
            seen = changed;
            looks = 0;
            match (dir.read_book(), ca::now_s()) {
                (Ok(book), Ok(now_s)) => {
                    for alarm in raised.follow(&book, now_s, clock::now().wall) {
                        if signals.try_write(alarm).is_err() {
                            tracing::error!("an alarm of a certificate could not be told");
                        }
                    }
                    if let Some(dynsec) = &dynsec {
                        let revoked = newly_revoked(known.as_ref(), &book, now_s);
                        end_connections(dynsec, &revoked).await;
                        again.extend(revoked.into_iter().map(|sn| (sn, AGAIN_AFTER)));
                    }
                    known = Some(book);
                }
                (Err(error), _) | (_, Err(error)) => {
                    tracing::warn!(
                        error = format!("{error:#}"),
                        "the certificates are not watched"
                    );
                }
            }
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Looks for ever at the tower's certificate for somebody else's broker, whose owner renews it.
pub(super) async fn run_external(certificate: PathBuf, bus: Bus) {
    let signals = bus.writer();
    let mut raised = Raised { is_external: true, ..Raised::default() };
    loop {
        let ends_s = fs::read(&certificate).ok().and_then(|pem| pki::ends_s(&pem));
        match (ends_s, ca::now_s()) {
            (Some(ends_s), Ok(now_s)) => {
                let name = certificate.display().to_string();
                let mut book = Book::new(&name);
                book.issued.push(Entry {
                    serial: format!("{ends_s}"),
                    role: Role::Tower,
                    name,
                    not_before_s: 0,
                    not_after_s: ends_s,
                    revoked_s: None,
                });
                for alarm in raised.follow(&book, now_s, clock::now().wall) {
                    if signals.try_write(alarm).is_err() {
                        tracing::error!("an alarm of a certificate could not be told");
                    }
                }
            }
            (None, _) | (_, Err(_)) => {
                tracing::warn!(file = %certificate.display(), "the tower's certificate is not watched: its end cannot be read");
            }
        }
        sleep(EXTERNAL_EVERY).await;
    }
}

/// Devices of which a certificate was revoked since the last look, even one that was issued since
/// then. Before the first look, those of the last hour: the tower may not have run.
fn newly_revoked(before: Option<&Book>, now: &Book, now_s: u64) -> Vec<DeviceSn> {
    let is_new = |entry: &&Entry| match (before, entry.revoked_s) {
        (_, None) => false,
        (None, Some(revoked_s)) => now_s.saturating_sub(revoked_s) < UNSEEN_S,
        (Some(before), Some(_)) => {
            let known = before.issued.iter().find(|old| old.serial == entry.serial);
            known.is_none_or(|old| old.revoked_s.is_none())
        }
    };
    let revoked = now.issued.iter().filter(is_new);
    let mut devices: Vec<_> = revoked.filter_map(|entry| DeviceSn::new(&entry.name).ok()).collect();
    devices.sort();
    devices.dedup();
    devices
}

/// A dock with another good certificate, or a password, comes back at once.
async fn end_connections(dynsec: &DynsecClient, devices: &[DeviceSn]) {
    for sn in devices {
        let mut tries = 0;
        while let Err(error) = dynsec.disconnect(sn).await {
            tries += 1;
            if tries >= END_TRIES {
                tracing::error!(device.sn = %sn, %error, "its certificate was revoked, and its connection stands still");
                break;
            }
            sleep(LOOK_EVERY).await;
        }
        if tries < END_TRIES {
            tracing::info!(device.sn = %sn, "its certificate was revoked; its connection is ended");
        }
    }
}

/// Alarms that are up, by whose certificate it is.
#[derive(Default)]
struct Raised {
    up: BTreeMap<(Role, String), (String, Alarm)>,
    /// Whether somebody else renews them.
    is_external: bool,
}

impl Raised {
    /// What is to be signalled now.
    fn follow(&mut self, book: &Book, now_s: u64, now: WallMs) -> Vec<Alarm> {
        let ending: BTreeMap<(Role, String), &Entry> = book
            .ending(now_s, ca::AHEAD_S)
            .into_iter()
            .map(|entry| ((entry.role, entry.name.clone()), entry))
            .collect();
        let mut signals = vec![];
        self.up.retain(|key, (serial, alarm)| {
            let stays = ending.get(key).is_some_and(|entry| entry.serial == *serial);
            if !stays {
                signals.push(Alarm { cleared_ms: Some(now), ..alarm.clone() });
            }
            stays
        });
        for (key, entry) in ending {
            if let MapEntry::Vacant(free) = self.up.entry(key) {
                let sn = DeviceSn::new(&entry.name).ok().filter(|_| entry.role == Role::Device);
                let why =
                    if self.is_external { why_external(entry, now_s) } else { why(entry, now_s) };
                let alarm = signal(sn, Priority::Medium, why, now);
                signals.push(alarm.clone());
                free.insert((entry.serial.clone(), alarm));
            }
        }
        signals
    }
}

fn why_external(entry: &Entry, now_s: u64) -> Reason {
    let days = entry.not_after_s.saturating_sub(now_s) / DAY_S;
    let name = &entry.name;
    reason(
        "certificate_ending",
        format!(
            "The tower's certificate {name} for the broker ends in {days} days. Have another issued and put it in its place (mqtt.tls.cert, mqtt.tls.key); it is read anew at the next connection."
        ),
        format!(
            "브로커에 접속하는 관제탑의 인증서 {name}이(가) {days}일 뒤에 끝납니다. 새로 발급받아 그 자리에 넣으십시오(mqtt.tls.cert, mqtt.tls.key). 다음 접속 때 다시 읽습니다."
        ),
    )
}

fn why(entry: &Entry, now_s: u64) -> Reason {
    let days = entry.not_after_s.saturating_sub(now_s) / DAY_S;
    let name = &entry.name;
    let (what, to_do, what_ko, to_do_ko) = match entry.role {
        Role::Authority => (
            "the site's authority",
            "Make a new one with `gwanje ca init` in an empty place and bring its certificates to every device before then.",
            "현장 인증 기관",
            "그 전에 `gwanje ca init`으로 새로 만들어 모든 장비에 인증서를 옮기십시오.",
        ),
        Role::Server => (
            "the broker",
            "`gwanje up` should have renewed it; its log says why it did not.",
            "브로커",
            "`gwanje up`이 갱신했어야 합니다. 로그에서 이유를 확인하십시오.",
        ),
        Role::Tower => (
            "the tower",
            "`gwanje up` should have renewed it; its log says why it did not.",
            "관제탑",
            "`gwanje up`이 갱신했어야 합니다. 로그에서 이유를 확인하십시오.",
        ),
        Role::Device => (
            "the device",
            "Issue another with `gwanje ca issue` and bring it there; without one it cannot connect any more.",
            "장비",
            "`gwanje ca issue`로 새로 발급해 장비에 옮기십시오. 없으면 접속할 수 없게 됩니다.",
        ),
    };
    reason(
        "certificate_ending",
        format!("The certificate of {what} {name} ends in {days} days. {to_do}"),
        format!("{what_ko} {name}의 인증서가 {days}일 뒤에 끝납니다. {to_do_ko}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW_S: u64 = 1_790_000_000;

    fn entry(role: Role, name: &str, days: u64) -> Entry {
        let not_after_s = NOW_S + days * DAY_S;
        let serial = format!("{name}-{days}");
        Entry { serial, role, name: name.into(), not_before_s: 0, not_after_s, revoked_s: None }
    }

    #[test]
    fn an_alarm_comes_thirty_days_ahead_and_goes_with_the_next_certificate() {
        let mut book = Book::new("Site");
        book.issued = vec![
            entry(Role::Authority, "Site", 900),
            entry(Role::Device, "D1", 40),
            entry(Role::Device, "D2", 29),
        ];
        let mut raised = Raised::default();
        let signals = raised.follow(&book, NOW_S, WallMs(1));
        assert_eq!(signals.len(), 1, "{signals:?}");
        assert_eq!(signals[0].sn, DeviceSn::new("D2").ok());
        assert!(signals[0].reason.message.contains("ends in 29 days"), "{signals:?}");
        assert_eq!(raised.follow(&book, NOW_S, WallMs(2)), [], "once");
        let later = raised.follow(&book, NOW_S + 11 * DAY_S, WallMs(3));
        assert_eq!(later.len(), 1, "D1's turn has come: {later:?}");
        book.issued.push(entry(Role::Device, "D2", 800));
        let cleared = raised.follow(&book, NOW_S + 11 * DAY_S, WallMs(4));
        assert_eq!(cleared.len(), 1);
        assert_eq!(
            (cleared[0].cleared_ms, &cleared[0].alarm_id),
            (Some(WallMs(4)), &signals[0].alarm_id)
        );
    }

    #[test]
    fn somebody_elses_certificate_is_told_of_in_other_words() {
        let mut book = Book::new("x");
        book.issued = vec![entry(Role::Tower, "/etc/tower.pem", 3)];
        let mut raised = Raised { is_external: true, ..Raised::default() };
        let signals = raised.follow(&book, NOW_S, WallMs(1));
        let text = &signals[0].reason.message;
        assert!(text.contains("mqtt.tls.cert") && text.contains("3 days"), "{text}");
    }

    #[test]
    fn what_was_revoked_in_between_is_found_once() {
        let mut before = Book::new("Site");
        before.issued = vec![entry(Role::Device, "D1", 40), entry(Role::Device, "D2", 40)];
        let mut now = before.clone();
        now.revoke("D2", NOW_S);
        let d2 = [DeviceSn::new("D2").unwrap()];
        assert_eq!(newly_revoked(Some(&before), &now, NOW_S), d2);
        assert_eq!(newly_revoked(Some(&now), &now, NOW_S), []);
        assert_eq!(newly_revoked(Some(&Book::new("Site")), &now, NOW_S), d2, "issued since, too");
        assert_eq!(newly_revoked(None, &now, NOW_S + UNSEEN_S - 1), d2, "while nobody looked");
        assert_eq!(newly_revoked(None, &now, NOW_S + UNSEEN_S), []);
    }
}
