//! What can go wrong with a simulated dock, by chance or by order, and the words to ask for it.
//! Chances are drawn from the dock's own generator, so that a seed repeats its misfortunes. Read
//! next: [`crate::model`].

use std::str::FromStr;

use fastrand::Rng;

use crate::identity::mix;

/// Text for `--help`.
pub const FAULTS_HELP: &str = "\
Faults, separated by commas: NAME[@DOCK][=VALUE], or faults@DOCK=NAME[:VALUE].
Without @DOCK a fault is for all docks; DOCK counts from 0.
Chances per command, 0 to 1 (1 when left out):
  refuse       answer with a documented error code and do nothing
  lost_reply   do it and never answer
  late_reply   do it and answer after late_s seconds (late_s=5)
  silent       neither do it nor answer
  no_effect    answer result 0 and do nothing
  crash        do it, then drop the link without an answer for 10 s
  only=A+B     restrict the six above to methods A and B
Chance per photo, 0 to 1 (1 when left out):
  missing_photo  it is counted and never uploaded
Share of docks, 0 to 1 (1 when left out):
  licence      the dock finds the app licence wrong and disconnects
  unbound      the dock asks to be bound again, with an empty binding code
  flat_osd     osd without envelope
  string_types type and sub_type as strings, no thing_version, in update_topo
  int_status   status as a number in flighttask_progress
  no_gateway   no gateway in any message
  no_need_reply  no need_reply in events
  told_twice   every uploaded file is reported twice
Values:
  skew_ms=N    the dock's clock is N ms ahead (negative: behind)
  battery=N    the aircraft starts with N percent
Example: refuse=0.1,lost_reply@3,only=flighttask_execute,skew_ms@5=45000";

/// A word of a fault list that is not understood.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("fault {item:?}: {reason}")]
pub struct FaultError {
    /// The word, shortened.
    pub item: String,
    /// What is wrong with it.
    pub reason: String,
}

/// A parsed fault list.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FaultPlan {
    rules: Vec<Rule>,
}

#[derive(Debug, Clone, PartialEq)]
struct Rule {
    dock: Option<u32>,
    kind: Kind,
}

#[derive(Debug, Clone, PartialEq)]
enum Kind {
    Chance(Chance, f64),
    Share(Share, f64),
    LateS(f64),
    SkewMs(i64),
    Battery(f64),
    Only(Vec<String>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Chance {
    Refuse,
    LostReply,
    LateReply,
    Silent,
    NoEffect,
    Crash,
    MissingPhoto,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Share {
    Licence,
    Unbound,
    FlatOsd,
    StringTypes,
    IntStatus,
    NoGateway,
    NoNeedReply,
    ToldTwice,
}

/// The faults of one dock.
#[derive(Debug, Clone, PartialEq)]
pub struct DockFaults {
    /// Chance that a command is refused with a documented code.
    pub refuse: f64,
    /// Chance that a command is executed and never answered.
    pub lost_reply: f64,
    /// Chance that the answer comes after [`DockFaults::late_ms`].
    pub late_reply: f64,
    /// How late a late answer is.
    pub late_ms: u64,
    /// Chance that a command is ignored altogether.
    pub silent: f64,
    /// Chance of `result: 0` without any effect.
    pub no_effect: f64,
    /// Chance that the link drops after execution, before the answer.
    pub crash: f64,
    /// Methods the chances are for; empty means all.
    pub only: Vec<String>,
    /// The app licence is refused.
    pub licence: bool,
    /// The dock insists on being bound again.
    pub unbound: bool,
    /// `osd` without envelope.
    pub flat_osd: bool,
    /// `type` and `sub_type` as strings, no `thing_version`.
    pub string_types: bool,
    /// `status` as an integer in `flighttask_progress`.
    pub int_status: bool,
    /// No `gateway` in any message.
    pub no_gateway: bool,
    /// No `need_reply` in events.
    pub no_need_reply: bool,
    /// Chance that a photo is counted and never uploaded.
    pub missing_photo: f64,
    /// Every uploaded file is reported twice.
    pub told_twice: bool,
    /// The dock's clock minus true time.
    pub skew_ms: i64,
    /// Charge of the aircraft at the beginning, if not drawn from the seed.
    pub battery_percent: Option<f64>,
}

impl Default for DockFaults {
    fn default() -> Self {
        Self {
            refuse: 0.0,
            lost_reply: 0.0,
            late_reply: 0.0,
            late_ms: 5_000,
            silent: 0.0,
            no_effect: 0.0,
            crash: 0.0,
            only: Vec::new(),
            licence: false,
            unbound: false,
            flat_osd: false,
            string_types: false,
            int_status: false,
            no_gateway: false,
            no_need_reply: false,
            missing_photo: 0.0,
            told_twice: false,
            skew_ms: 0,
            battery_percent: None,
        }
    }
}

/// What befalls one command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    Normal,
    Refuse,
    LostReply,
    LateReply,
    Silent,
    NoEffect,
    Crash,
}

impl DockFaults {
    /// Draws what happens to one command. Without faults nothing is drawn.
    pub(crate) fn draw(&self, method: &str, rng: &mut Rng) -> Fate {
        if !self.only.is_empty() && !self.only.iter().any(|known| known == method) {
            return Fate::Normal;
        }
        let chances = [
            (self.refuse, Fate::Refuse),
            (self.lost_reply, Fate::LostReply),
            (self.late_reply, Fate::LateReply),
            (self.silent, Fate::Silent),
            (self.no_effect, Fate::NoEffect),
            (self.crash, Fate::Crash),
        ];
        for (chance, fate) in chances {
            if chance > 0.0 && rng.f64() < chance {
                return fate;
            }
        }
        Fate::Normal
    }
}

impl FaultPlan {
    /// The faults of dock `index` in the fleet of `seed`.
    #[must_use]
    pub fn for_dock(&self, index: u32, seed: u64) -> DockFaults {
        // Apart from the model's generator: asking for a fault must not change anything else.
        let mut rng = Rng::with_seed(mix(seed ^ 0x00FA_0175, index));
        let mut faults = DockFaults::default();
        for rule in &self.rules {
            let lot = rng.f64();
            if rule.dock.is_some_and(|dock| dock != index) {
                continue;
            }
            match &rule.kind {
                Kind::Chance(chance, value) => *faults.chance(*chance) = *value,
                Kind::Share(share, value) => *faults.share(*share) = lot < *value,
                Kind::LateS(seconds) => faults.late_ms = (seconds * 1_000.0) as u64,
                Kind::SkewMs(skew_ms) => faults.skew_ms = *skew_ms,
                Kind::Battery(percent) => faults.battery_percent = Some(*percent),
                Kind::Only(methods) => faults.only.clone_from(methods),
            }
        }
        faults
    }
}

impl DockFaults {
    fn chance(&mut self, chance: Chance) -> &mut f64 {
        match chance {
            Chance::Refuse => &mut self.refuse,
            Chance::LostReply => &mut self.lost_reply,
            Chance::LateReply => &mut self.late_reply,
            Chance::Silent => &mut self.silent,
            Chance::NoEffect => &mut self.no_effect,
            Chance::Crash => &mut self.crash,
            Chance::MissingPhoto => &mut self.missing_photo,
        }
    }

    fn share(&mut self, share: Share) -> &mut bool {
        match share {
            Share::Licence => &mut self.licence,
            Share::Unbound => &mut self.unbound,
            Share::FlatOsd => &mut self.flat_osd,
            Share::StringTypes => &mut self.string_types,
            Share::IntStatus => &mut self.int_status,
            Share::NoGateway => &mut self.no_gateway,
            Share::NoNeedReply => &mut self.no_need_reply,
            Share::ToldTwice => &mut self.told_twice,
        }
    }
}

impl FromStr for FaultPlan {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        let rules = items.map(rule).collect::<Result<_, _>>()?;
        Ok(Self { rules })
    }
}

fn rule(item: &str) -> Result<Rule, FaultError> {
    let fail = |reason: &str| FaultError {
        item: item.chars().take(60).collect(),
        reason: reason.to_owned(),
    };
    let (head, value) = match item.split_once('=') {
        Some((head, value)) => (head, Some(value)),
        None => (item, None),
    };
    let (name, dock) = match head.split_once('@') {
        Some((name, dock)) => {
            (name, Some(dock.parse().map_err(|_| fail("a dock number must follow the @"))?))
        }
        None => (head, None),
    };
    let (name, value) = if name == "faults" {
        let inner = value.ok_or_else(|| fail("a fault must follow the ="))?;
        inner.split_once(':').map_or((inner, None), |(name, value)| (name, Some(value)))
    } else {
        (name, value)
    };
    let share = |kind: Share| Ok(Kind::Share(kind, fraction(value, &fail)?));
    let chance = |kind: Chance| Ok(Kind::Chance(kind, fraction(value, &fail)?));
    let kind = match name {
        "refuse" => chance(Chance::Refuse)?,
        "lost_reply" => chance(Chance::LostReply)?,
        "late_reply" => chance(Chance::LateReply)?,
        "silent" => chance(Chance::Silent)?,
        "no_effect" => chance(Chance::NoEffect)?,
        "crash" => chance(Chance::Crash)?,
        "missing_photo" => chance(Chance::MissingPhoto)?,
        "licence" => share(Share::Licence)?,
        "unbound" => share(Share::Unbound)?,
        "flat_osd" => share(Share::FlatOsd)?,
        "string_types" => share(Share::StringTypes)?,
        "int_status" => share(Share::IntStatus)?,
        "no_gateway" => share(Share::NoGateway)?,
        "no_need_reply" => share(Share::NoNeedReply)?,
        "told_twice" => share(Share::ToldTwice)?,
        "late_s" => Kind::LateS(number(value, 0.0, 3_600.0, &fail)?),
        "battery" => Kind::Battery(number(value, 0.0, 100.0, &fail)?),
        // A day either way; parsing as a float first would lose nothing at this size.
        "skew_ms" => Kind::SkewMs(number(value, -86_400_000.0, 86_400_000.0, &fail)? as i64),
        "only" => {
            let list = value.ok_or_else(|| fail("method names joined by + must follow the ="))?;
            Kind::Only(list.split('+').map(str::to_owned).collect())
        }
        _ => return Err(fail("no fault has this name; see --help")),
    };
    Ok(Rule { dock, kind })
}

fn fraction(value: Option<&str>, fail: &impl Fn(&str) -> FaultError) -> Result<f64, FaultError> {
    match value {
        None => Ok(1.0),
        Some(_) => number(value, 0.0, 1.0, fail),
    }
}

fn number(
    value: Option<&str>,
    min: f64,
    max: f64,
    fail: &impl Fn(&str) -> FaultError,
) -> Result<f64, FaultError> {
    value
        .and_then(|text| text.parse::<f64>().ok())
        .filter(|number| (min..=max).contains(number))
        .ok_or_else(|| fail(&format!("a number from {min} to {max} must follow the =")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_parsed_for_each_dock() {
        let text = "refuse=0.1, faults@3=lost_reply,faults@4=crash:0.5,only@3=a+b,skew_ms=-40,\
                    late_s=2,flat_osd@1";
        let plan: FaultPlan = text.parse().unwrap();
        let expect = DockFaults { refuse: 0.1, skew_ms: -40, late_ms: 2_000, ..Default::default() };
        assert_eq!(plan.for_dock(0, 1), expect);
        assert_eq!(plan.for_dock(1, 1), DockFaults { flat_osd: true, ..expect.clone() });
        let only = vec!["a".to_owned(), "b".to_owned()];
        assert_eq!(plan.for_dock(3, 1), DockFaults { lost_reply: 1.0, only, ..expect.clone() });
        assert_eq!(plan.for_dock(4, 1), DockFaults { crash: 0.5, ..expect });
        assert_eq!("".parse(), Ok(FaultPlan::default()));
    }

    #[test]
    fn mistakes_are_named() {
        for (text, reason) in [
            ("refuse=2", "0 to 1"),
            ("lost", "no fault has this name"),
            ("refuse@x", "dock number"),
            ("skew_ms", "must follow"),
            ("refuse=NaN", "0 to 1"),
        ] {
            let error = text.parse::<FaultPlan>().unwrap_err().to_string();
            assert!(error.contains(reason) && error.contains(text), "{error}");
        }
    }

    #[test]
    fn shares_hit_some_docks_and_chances_some_commands() {
        let plan: FaultPlan = "flat_osd=0.3,lost_reply=0.5,only=x".parse().unwrap();
        let docks: Vec<_> = (0..100).map(|index| plan.for_dock(index, 9)).collect();
        let flat = docks.iter().filter(|faults| faults.flat_osd).count();
        assert!((15..45).contains(&flat), "{flat}");
        let mut rng = Rng::with_seed(1);
        let lost = (0..100).filter(|_| docks[0].draw("x", &mut rng) == Fate::LostReply).count();
        assert!((30..70).contains(&lost), "{lost}");
        assert_eq!(docks[0].draw("y", &mut rng), Fate::Normal);
    }
}
