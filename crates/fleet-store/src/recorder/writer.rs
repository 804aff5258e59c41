//! The one task that writes what the recorder took in.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use fleet_types::WallMs;
use tokio::{
    select,
    sync::{mpsc, watch},
    time::{Instant, sleep, sleep_until},
};
use tokio_postgres::types::Type;
use uuid::Uuid;

use super::{
    RecorderSettings, Shared,
    apply::apply,
    batch::{Batch, Kept, Rows},
    intake::Taken,
    new_stream,
};
use crate::{
    database::{Database, DatabaseState},
    error::StoreError,
    spool::{Kept as KeptOnDisk, SpoolClient},
    sql::At,
};

/// Pause after a failed attempt.
const PAUSE: Duration = Duration::from_millis(200);
/// Shortest time that anything is gathered.
const SHORTEST: Duration = Duration::from_millis(10);
/// Batches that come out of the spool before one may go in.
const REPLAYS_A_TURN: usize = 4;
/// Milliseconds of an hour.
const HOUR_MS: i64 = 3_600_000;
/// Milliseconds of a day.
const DAY_MS: i64 = 86_400_000;

/// Writes what [`super::Recorder`] took in.
pub struct Writer {
    database: Database,
    settings: RecorderSettings,
    shared: Arc<Shared>,
    spools: mpsc::Receiver<SpoolClient>,
    spool: Option<SpoolClient>,
    /// Told once the spool was found, or made, empty.
    empty: watch::Sender<bool>,
    stream_id: Uuid,
    next_no: i64,
    /// Days whose partition is known to be there.
    days: BTreeSet<i64>,
    /// Times of replayed rows whose minutes are rolled up already.
    late: Option<(WallMs, WallMs)>,
    flush_at: Instant,
    twins_at: Instant,
}

impl Writer {
    pub(super) fn new(
        database: Database,
        mut settings: RecorderSettings,
        shared: Arc<Shared>,
        spools: mpsc::Receiver<SpoolClient>,
        empty: watch::Sender<bool>,
    ) -> Self {
        // Without any pause the loop would never be given back.
        settings.flush = settings.flush.max(SHORTEST);
        settings.twins_every = settings.twins_every.max(SHORTEST);
        let now = Instant::now();
        Self {
            database,
            settings,
            shared,
            spools,
            spool: None,
            empty,
            stream_id: new_stream(),
            next_no: 1,
            days: BTreeSet::new(),
            late: None,
            flush_at: now + settings.flush,
            twins_at: now + settings.flush.min(settings.twins_every),
        }
    }

    /// Between two parts of the latest values.
    fn twins_pause(&self) -> Duration {
        self.settings.flush.min(self.settings.twins_every)
    }

    /// In how many parts the latest values of all devices are written.
    fn twins_parts(&self) -> usize {
        let parts = self.settings.twins_every.as_millis() / self.twins_pause().as_millis().max(1);
        usize::try_from(parts).unwrap_or(usize::MAX).max(1)
    }

    /// Runs for ever. What waits in memory when it is dropped is lost, unless it was acknowledged
    /// to nobody.
    pub async fn run(mut self) {
        loop {
            self.wait_for_work().await;
            // Until the spool is empty, what comes in goes through it, to keep the order; more comes
            // out than goes in.
            for _ in 0..REPLAYS_A_TURN {
                if self.has_spooled() && self.database.is_writable() {
                    self.replay_one().await;
                }
            }
            if !self.is_due() && Instant::now() < self.twins_at {
                continue;
            }
            let now = Instant::now();
            let with_twins = now >= self.twins_at;
            if with_twins {
                self.twins_at = now + self.twins_pause();
            }
            if now >= self.flush_at {
                self.flush_at = now + self.settings.flush;
            }
            let taken = self.shared.lock().take(with_twins.then(|| self.twins_parts()));
            if taken.rows.is_some() || !taken.kept.is_empty() {
                self.write(taken).await;
            }
        }
    }

    fn has_spooled(&self) -> bool {
        self.spool.as_ref().is_some_and(SpoolClient::has_more)
    }

    fn is_due(&self) -> bool {
        let intake = self.shared.lock();
        intake.has_kept() || intake.has_rows(Instant::now() >= self.flush_at)
    }

    async fn wait_for_work(&mut self) {
        loop {
            if let Ok(spool) = self.spools.try_recv() {
                self.spool = Some(spool);
            }
            if self.spool.as_ref().is_some_and(|spool| !spool.has_more()) {
                self.empty.send_replace(true);
            }
            let now = Instant::now();
            let replays = self.has_spooled() && self.database.is_writable();
            if replays || self.is_due() || now >= self.twins_at {
                return;
            }
            if now >= self.flush_at {
                self.flush_at = now + self.settings.flush;
            }
            let until = self.flush_at.min(self.twins_at);
            select! {
                biased;
                Some(spool) = self.spools.recv() => self.spool = Some(spool),
                () = self.shared.work.notified() => {}
                () = sleep_until(until) => {}
            }
        }
    }

    fn number(&mut self) -> i64 {
        let no = self.next_no;
        self.next_no += 1;
        no
    }

    /// Makes a batch safe, however long it takes.
    async fn write(&mut self, taken: Taken) {
        let Taken { rows, kept, safe } = taken;
        let mut batch = Batch { stream_id: self.stream_id, no: self.number(), rows, kept };
        let patience = Instant::now() + self.settings.spool_after;
        let is_urgent = batch.kept.is_urgent();
        loop {
            if let Ok(spool) = self.spools.try_recv() {
                self.spool = Some(spool);
            }
            // What people were told must not wait in memory for a database that is away.
            let is_away = matches!(self.database.state(), DatabaseState::Down { .. });
            let goes_round =
                self.has_spooled() || (is_urgent && is_away) || Instant::now() >= patience;
            if goes_round && self.spool_batch(&mut batch).await {
                break;
            }
            if self.has_spooled() {
                // The spool is full or broken: what is in it must go first.
                self.replay_one().await;
                sleep(PAUSE).await;
                continue;
            }
            match self.apply(&batch).await {
                Ok(_) => break,
                Err(error) if error.is_passing() => {
                    tracing::debug!(%error, "a batch was not written; again");
                    sleep(PAUSE).await;
                }
                Err(error) => {
                    self.write_apart(batch, &error).await;
                    break;
                }
            }
        }
        for safe in safe {
            safe();
        }
    }

    /// Applies a batch and counts it; the partitions of its days are made first.
    async fn apply(&mut self, batch: &Batch) -> Result<bool, StoreError> {
        if !self.database.is_writable() {
            return Err(StoreError::Unavailable { detail: "the database is away".to_owned() });
        }
        let session = self.database.session().await?;
        if let Some(rows) = &batch.rows {
            self.ensure_days(&session, rows).await?;
        }
        let done = apply(&session, batch).await;
        if done.is_err() {
            // Perhaps a partition is gone: look again.
            self.days.clear();
        }
        let is_fresh = done?;
        session.release();
        let mut intake = self.shared.lock();
        intake.counts.kept_written += batch.kept.count() as u64;
        if let Some(rows) = &batch.rows {
            intake.counts.rows_written += rows.count;
        }
        Ok(is_fresh)
    }

    async fn ensure_days(
        &mut self,
        session: &crate::Session,
        rows: &Rows,
    ) -> Result<(), StoreError> {
        let day = |at: WallMs| at.0.div_euclid(DAY_MS);
        for day in day(rows.first)..=day(rows.last) {
            if self.days.contains(&day) {
                continue;
            }
            let noon = At(WallMs(day * DAY_MS + DAY_MS / 2));
            let sql = "select gwanje.ensure_telemetry_day(($1 at time zone 'UTC')::date)";
            session.query(sql, &[(&noon, Type::TIMESTAMPTZ)]).await?;
            self.days.insert(day);
        }
        Ok(())
    }

    /// The database will not have this batch: write what it takes, say what it does not.
    async fn write_apart(&mut self, batch: Batch, refusal: &StoreError) {
        tracing::error!(%refusal, "a batch was refused; writing its parts one by one");
        let Batch { rows, kept, .. } = batch;
        let none = Kept::default;
        let rows = rows.map(|rows| (Some(rows), none()));
        let singles = kept.singles().into_iter().map(|kept| (None, kept));
        for (rows, kept) in rows.into_iter().chain(singles) {
            let part = Batch { stream_id: self.stream_id, no: self.number(), rows, kept };
            loop {
                match self.apply(&part).await {
                    Ok(_) => break,
                    Err(error) if error.is_passing() => sleep(PAUSE).await,
                    Err(error) => {
                        self.count_refused(&part, &error);
                        break;
                    }
                }
            }
        }
    }

    fn count_refused(&self, part: &Batch, error: &StoreError) {
        let rows = part.rows.as_ref().map_or(0, |rows| rows.count);
        tracing::error!(%error, rows, kept = ?part.kept, "refused by the database for its content");
        let counts = &mut self.shared.lock().counts;
        counts.rows_refused += rows;
        counts.kept_refused += part.kept.count() as u64;
    }

    /// Writes a batch to the spool; false when there is none or it has no room.
    async fn spool_batch(&mut self, batch: &mut Batch) -> bool {
        let Some(spool) = &mut self.spool else { return false };
        if batch.rows.is_some() && !spool.has_room() {
            // Telemetry gives way to what must not be lost.
            if let Some(rows) = batch.rows.take() {
                self.shared.lock().counts.rows_dropped += rows.count;
            }
            if batch.kept.is_empty() {
                return true;
            }
        }
        match spool.append(batch.encode()).await {
            Ok(KeptOnDisk::Yes) => {
                self.shared.lock().counts.batches_spooled += 1;
                self.note_spool();
                true
            }
            Ok(KeptOnDisk::No { why }) => {
                tracing::error!(why, "the spool did not take a batch");
                self.shared.lock().counts.spool_refusals += 1;
                false
            }
            Err(error) => {
                tracing::error!(%error, "the spool is gone");
                self.spool = None;
                false
            }
        }
    }

    /// Takes the oldest batch out of the spool and into the database.
    async fn replay_one(&mut self) {
        let Some(spool) = &mut self.spool else { return };
        let (seq, payload) = match spool.read().await {
            Ok(Some(found)) => found,
            Ok(None) => return,
            Err(error) => {
                tracing::error!(%error, "the spool is gone");
                self.spool = None;
                return;
            }
        };
        let done = match Batch::decode(payload) {
            Ok(batch) => match self.apply(&batch).await {
                Ok(_) => {
                    self.note_late(&batch);
                    true
                }
                Err(error) if error.is_passing() => false,
                Err(error) => {
                    self.write_apart(batch, &error).await;
                    true
                }
            },
            Err(error) => {
                tracing::error!(error, seq, "a batch of the spool cannot be read and is left out");
                true
            }
        };
        if !done {
            return sleep(PAUSE).await;
        }
        self.shared.lock().counts.batches_replayed += 1;
        if let Some(spool) = &mut self.spool
            && let Err(error) = spool.forget(seq).await
        {
            tracing::error!(%error, "the spool is gone");
            self.spool = None;
        }
        self.note_spool();
        if !self.has_spooled() {
            self.roll_up_late().await;
        }
    }

    fn note_late(&mut self, batch: &Batch) {
        let Some(rows) = &batch.rows else { return };
        let (first, last) = self.late.unwrap_or((rows.first, rows.last));
        self.late = Some((first.min(rows.first), last.max(rows.last)));
    }

    /// Minutes that were rolled up before their rows came out of the spool are rolled up again, an
    /// hour at a time.
    async fn roll_up_late(&mut self) {
        while let Some((first, last)) = self.late {
            let until = WallMs(first.0.saturating_add(HOUR_MS).min(last.0.saturating_add(60_000)));
            if let Err(error) = self.roll_up_range(first, until).await {
                tracing::warn!(%error, "replayed rows are not rolled up yet");
                return;
            }
            self.late = (until.0 <= last.0).then_some((until, last));
        }
    }

    async fn roll_up_range(&mut self, since: WallMs, until: WallMs) -> Result<(), StoreError> {
        let session = self.database.session().await?;
        let (since, until) = (At(since), At(until));
        let times = [(&since as _, Type::TIMESTAMPTZ), (&until as _, Type::TIMESTAMPTZ)];
        session.query("select gwanje.roll_up_range($1, $2)", &times).await?;
        session.release();
        Ok(())
    }

    fn note_spool(&self) {
        let standing = self.spool.as_ref().map_or((0, 0, 0), SpoolClient::standing);
        let counts = &mut self.shared.lock().counts;
        (counts.spool_batches, counts.spool_bytes, counts.spool_max_bytes) = standing;
    }
}
