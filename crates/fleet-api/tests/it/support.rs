//! A tower's API on a free port, a real bus behind it, and small clients.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use fleet_api::{
    Api, ApiConfig, AuditLog, Basemap, BrokerState, Check, EnrolError, EnrolRequest, Enrolled,
    Enrolment, Listener, LogState, LoopState, MethodDanger, MethodInfo, MethodInterlock,
    MqttAccess, Parts, People, PilotField, Planning, Resolve, Roots, Site, StoreState,
    SystemSource, Tokens, UnknownCount, WaylineSources, Waylines,
};
use fleet_bus::Bus;
use fleet_types::{
    AlarmId, AlarmStatus, CommandId, CommandRequest, CommandState, CommandStatus, DeviceClass,
    DeviceSn, DeviceStatus, IdempotencyKey, MissionId, MissionPlan, MissionRequest, MissionState,
    MissionStatus, Reason, WallMs,
    alarm::{AlarmSource, AlarmState, Priority},
    device::{Activity, Connection},
    dispatch::{DispatchChoice, DispatchTarget},
    mission::Verdict,
    plan::BreakPoint,
};
use futures_util::future::BoxFuture;
use http_body_util::{BodyExt, Full};
use hyper::{HeaderMap, Method, Request, StatusCode, body::Bytes};
use hyper_util::rt::TokioIo;
use prometheus_client::registry::Registry;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpSocket, TcpStream},
};

use super::{audit::Book, schedules::Calendar};

pub(crate) const API_TOKEN: &str = "4d61c29f0b7e5a38d1c6f0928374aabb";
pub(crate) const DOCK: &str = "SIMDK200000001";

pub(crate) fn sn(text: &str) -> DeviceSn {
    DeviceSn::new(text).unwrap()
}

pub(crate) struct Tower {
    pub(crate) address: SocketAddr,
    pub(crate) bus: Bus,
    pub(crate) tokens: Arc<Tokens>,
    pub(crate) api: Api,
    pub(crate) serving: tokio::task::JoinHandle<()>,
    pub(crate) audit: Arc<Book>,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {:?}", self.body))
    }

    /// Checks that this is a whole RFC 9457 problem with the status and code expected.
    #[track_caller]
    pub(crate) fn is_problem(&self, status: u16, code: &str) -> Value {
        assert_eq!(self.headers["content-type"], "application/problem+json", "{:?}", self.body);
        let problem = self.json();
        assert_eq!((self.status.as_u16(), &problem["code"]), (status, &json!(code)), "{problem}");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["type"], format!("urn:gwanje:problem:{code}"));
        assert!(!problem["title"].as_str().unwrap().is_empty());
        assert!(!problem["detail"].as_str().unwrap().is_empty());
        problem
    }

    #[track_caller]
    pub(crate) fn is(&self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{:?}", self.body);
        self.json()
    }
}

impl Tower {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub(crate) async fn start_with(change: impl FnOnce(&mut ApiConfig)) -> Self {
        Self::start_on(TcpListener::bind("127.0.0.1:0").await.unwrap(), change)
    }

    /// A tower whose sockets take little before a peer must read: the kernel's own buffers would
    /// hold megabytes.
    pub(crate) async fn narrow(change: impl FnOnce(&mut ApiConfig)) -> Self {
        Self::with_send_buffer(4096, change).await
    }

    /// The same with so many bytes.
    pub(crate) async fn with_send_buffer(bytes: u32, change: impl FnOnce(&mut ApiConfig)) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_send_buffer_size(bytes).unwrap();
        socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Self::start_on(socket.listen(1024).unwrap(), change)
    }

    fn start_on(listener: TcpListener, change: impl FnOnce(&mut ApiConfig)) -> Self {
        let address = listener.local_addr().unwrap();
        let built = build_with_maps(&format!("http://{address}"), change, Vec::new(), None);
        Self::serve(listener, built)
    }

    /// A tower that may fetch wayline files from these hosts.
    pub(crate) async fn with_wayline_sources(sources: WaylineSources) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let people = People::nobody();
        let built = build_of(&url, |_| {}, Vec::new(), None, Some(sources), people);
        Self::serve(listener, built)
    }

    /// A tower with grounds for the map.
    pub(crate) async fn with_maps(
        basemaps: Vec<Basemap>,
        upstream: Option<(Arc<dyn Resolve>, Roots)>,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let built = build_with_maps(&url, |_| {}, basemaps, upstream);
        Self::serve(listener, built)
    }

    fn serve(listener: TcpListener, (api, bus, tokens, audit): Built) -> Self {
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn({
            let api = api.clone();
            async move { api.serve(Listener::Tcp(listener)).await }
        });
        Self { address, bus, tokens, api, serving, audit }
    }

    /// A tower where people have accounts; told its own address before.
    pub(crate) async fn with_people(people: impl FnOnce(&str) -> People) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let people = people(&url);
        let change = |config: &mut ApiConfig| config.methods = methods();
        let built = build_of(&url, change, Vec::new(), None, None, people);
        Self::serve(listener, built)
    }

    /// A tower that knows one dock.
    pub(crate) async fn with_dock() -> Self {
        let tower = Self::start().await;
        tower.bus.writer().try_write(device(DOCK, DeviceClass::Dock)).unwrap();
        tower.until("/api/v1/devices", |body| body["devices"].as_array().unwrap().len() == 1).await;
        tower
    }

    /// Sends a request with the API token.
    pub(crate) async fn call(&self, method: &str, path: &str, body: &Value) -> Answer {
        let bearer = format!("Bearer {API_TOKEN}");
        let mut headers = vec![("authorization", bearer.as_str())];
        let mut bytes = Vec::new();
        if !body.is_null() {
            headers.push(("content-type", "application/json"));
            bytes = serde_json::to_vec(body).unwrap();
        }
        self.raw(method, path, &headers, bytes).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.call("GET", path, &Value::Null).await
    }

    /// Sends exactly these headers (and a `Host`, where none is given).
    pub(crate) async fn raw(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Answer {
        let stream = TcpStream::connect(self.address).await.unwrap();
        send(stream, &self.address.to_string(), method, path, headers, body).await
    }

    /// Asks until the answer is as wanted.
    pub(crate) async fn until(&self, path: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let asked = async {
            loop {
                let answer = self.get(path).await;
                if answer.status.is_success() && fits(&answer.json()) {
                    return answer.json();
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), asked).await.unwrap()
    }

    /// Owns the docks' commands as their machines would: answers each with what `decide` says.
    /// Returns how many requests came.
    pub(crate) fn own_commands(
        &self,
        decide: impl Fn(&CommandRequest) -> CommandStatus + Send + 'static,
    ) -> Arc<Mutex<Vec<CommandId>>> {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut reader = self.bus.reader::<CommandRequest>();
        let writer = self.bus.writer::<CommandStatus>();
        let log = Arc::clone(&seen);
        tokio::spawn(async move {
            loop {
                for request in reader.take(16).await {
                    log.lock().unwrap().push(request.command_id);
                    writer.write(decide(&request)).await;
                }
            }
        });
        seen
    }

    pub(crate) fn own_missions(
        &self,
        decide: impl Fn(&MissionRequest) -> MissionStatus + Send + 'static,
    ) -> Arc<Mutex<Vec<MissionRequest>>> {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let mut reader = self.bus.reader::<MissionRequest>();
        let writer = self.bus.writer::<MissionStatus>();
        let log = Arc::clone(&seen);
        tokio::spawn(async move {
            loop {
                for request in reader.take(16).await {
                    log.lock().unwrap().push((*request).clone());
                    writer.write(decide(&request)).await;
                }
            }
        });
        seen
    }
}

/// An alarm of the tower's own.
pub(crate) fn alarm(id: u128, state: AlarmState, priority: Priority) -> AlarmStatus {
    AlarmStatus {
        alarm_id: AlarmId(uuid::Uuid::from_u128(id)),
        sn: None,
        source: AlarmSource::Tower,
        priority,
        state,
        reason: Reason::new("link_down", "the link is down"),
        cause: "link_down".to_owned(),
        in_flood: false,
        raised_ms: WallMs(1),
        raised_count: 1,
        cleared_ms: (!state.is_active()).then_some(WallMs(5)),
        acknowledged: None,
        shelved: None,
    }
}

/// An API with its hub running.
pub(crate) fn build(
    public_url: &str,
    change: impl FnOnce(&mut ApiConfig),
) -> (Api, Bus, Arc<Tokens>) {
    let (api, bus, tokens, _) = build_with_maps(public_url, change, Vec::new(), None);
    (api, bus, tokens)
}

type Built = (Api, Bus, Arc<Tokens>, Arc<Book>);

pub(crate) fn build_with_maps(
    public_url: &str,
    change: impl FnOnce(&mut ApiConfig),
    basemaps: Vec<Basemap>,
    upstream: Option<(Arc<dyn Resolve>, Roots)>,
) -> Built {
    build_of(public_url, change, basemaps, upstream, None, People::nobody())
}

fn build_of(
    public_url: &str,
    change: impl FnOnce(&mut ApiConfig),
    basemaps: Vec<Basemap>,
    upstream: Option<(Arc<dyn Resolve>, Roots)>,
    wayline_sources: Option<WaylineSources>,
    people: People,
) -> Built {
    let site = Site { name: "Test site".to_owned(), time_zone: "Asia/Seoul".to_owned() };
    let mut config = ApiConfig::new("0.0.0-test", site, public_url);
    change(&mut config);
    let bus = Bus::new();
    let tokens = Arc::new(Tokens::new(API_TOKEN).unwrap());
    let audit = Arc::<Book>::default();
    let parts = Parts {
        waylines: Waylines::new(&config).unwrap(),
        config,
        basemaps,
        upstream,
        wayline_sources,
        bus: bus.clone(),
        tokens: Arc::clone(&tokens),
        people,
        enrolment: Arc::new(Roll { bus: bus.clone() }),
        planning: Arc::new(Plans),
        scheduling: Arc::<Calendar>::default(),
        system: Arc::new(Process::default()),
        audit: Arc::clone(&audit) as Arc<dyn AuditLog>,
        registry: Arc::new(Mutex::new(Registry::default())),
    };
    let (api, hub) = Api::new(parts);
    tokio::spawn(hub.run());
    (api, bus, tokens, audit)
}

/// One method of each kind.
fn methods() -> Vec<MethodInfo> {
    let kinds = [
        ("return_home", "wayline", "services", true, false),
        ("flighttask_recovery", "wayline", "services", false, false),
        ("cover_open", "cmd", "services", false, true),
        ("ota_create", "firmware", "services", false, false),
        ("stick_control", "drc", "drc/down", false, false),
    ];
    let info = |(method, domain, topic, counter_action, needs_debug_mode)| MethodInfo {
        method,
        domain,
        topic,
        offered: true,
        danger: MethodDanger::None,
        interlock: MethodInterlock::None,
        counter_action,
        needs_debug_mode,
        repeatable: false,
        progress_event: None,
        reply_timeout_ms: 1000,
        job_timeout_ms: 0,
        deprecated: false,
        newer: false,
    };
    kinds.map(info).to_vec()
}

pub(crate) async fn send<S>(
    stream: S,
    host: &str,
    method: &str,
    path: &str,
    headers: &[(&str, &str)],
    body: Vec<u8>,
) -> Answer
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut request = Request::builder().method(Method::try_from(method).unwrap()).uri(path);
    if !headers.iter().any(|(name, _)| *name == "host") {
        request = request.header("host", host);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::from(body))).unwrap();
    let answer = sender.send_request(request).await.unwrap();
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer { status: parts.status, headers: parts.headers, body }
}

pub(crate) fn device(text: &str, class: DeviceClass) -> DeviceStatus {
    DeviceStatus {
        sn: sn(text),
        class,
        name: String::new(),
        model: "DJI Dock 2".to_owned(),
        gateway_sn: (class == DeviceClass::Aircraft).then(|| sn(DOCK)),
        children: Vec::new(),
        connection: Connection::Online,
        phase: None,
        reason: None,
        activity: Activity::Idle,
        since_ms: WallMs(1),
        last_heard_ms: Some(WallMs(2)),
        clock_skew_ms: None,
        firmware: None,
        mission_id: None,
        flight_lock: None,
        unknown_count: 0,
        authority: fleet_types::authority::DeviceAuthority::default(),
    }
}

pub(crate) fn command(request: &CommandRequest, state: CommandState) -> CommandStatus {
    CommandStatus {
        command_id: request.command_id,
        trace_id: request.trace_id,
        request_id: request.request_id,
        request_code: format!("service_platform.command.{}", request.method),
        sn: request.sn.clone(),
        method: request.method.clone(),
        mission_id: None,
        idempotency_key: request.idempotency_key.clone(),
        issued_by: request.issued_by.clone(),
        state,
        response_code: None,
        reason: (state == CommandState::Rejected)
            .then(|| Reason::new("aircraft_out", "the aircraft is out; wait until it is back")),
        progress: None,
        counter_action: false,
        accepted_ms: WallMs(1),
        expires_ms: WallMs(2),
        steps: Vec::new(),
    }
}

pub(crate) fn mission(request: &MissionRequest, verdict: Option<Verdict>) -> MissionStatus {
    MissionStatus {
        state: if verdict.is_some() { MissionState::Ended } else { MissionState::Preparing },
        verdict,
        reason: verdict.map(|_| Reason::new("dock_not_ready", "the dock is not ready")),
        ..MissionStatus::taken(WallMs(1), request)
    }
}

pub(crate) fn key(text: &str) -> IdempotencyKey {
    IdempotencyKey::new(text).unwrap()
}

/// Resumes from any break point but index 9, and knows of one flight in the way.
struct Plans;

impl Planning for Plans {
    fn resume_point(&self, status: &MissionStatus) -> Result<BreakPoint, Reason> {
        let point = status.break_point.filter(|point| point.index != 9);
        point.ok_or_else(|| Reason::new("no_break_point", "nobody knows where it broke off"))
    }

    fn overlaps(&self, _: Option<MissionId>, _: &DeviceSn, _: &MissionPlan, _: u16) -> Vec<Reason> {
        vec![Reason::new("overlap_space", "another flight is there")]
    }

    fn dispatch(&self, docks: &[Arc<DeviceStatus>], _: &DispatchTarget) -> Vec<DispatchChoice> {
        assert!(docks.iter().all(|dock| dock.class == DeviceClass::Dock));
        let choice = |text: &str, rank, why_not| DispatchChoice {
            sn: sn(text),
            rank,
            distance_m: Some(700.0),
            arrival_s: Some(103.0),
            needs_battery_percent: Some(40.0),
            battery_percent: Some(90.0),
            why_not,
        };
        let why = vec![Reason::new("wind_high", "it is windy there")];
        vec![choice(DOCK, Some(1), vec![]), choice("SIMDK200000002", None, why)]
    }
}

/// Enrols docks by writing their state to the bus, as the wiring does.
struct Roll {
    bus: Bus,
}

pub(crate) const MQTT_PASSWORD: &str = "shown-once-5e1f";

impl Enrolment for Roll {
    fn enrol(&self, request: EnrolRequest) -> BoxFuture<'_, Result<Enrolled, EnrolError>> {
        let external = request.sn.as_str() == "EXTERNAL";
        let mut status = device(request.sn.as_str(), DeviceClass::Dock);
        status.name.clone_from(&request.name);
        let panics = request.sn.as_str() == "PANIC";
        Box::pin(async move {
            assert!(!panics, "planted");
            if external {
                let what_to_do = "create the user at your broker".to_owned();
                return Err(EnrolError::BrokerExternal { what_to_do });
            }
            self.bus.writer().write(status).await;
            Ok(Enrolled {
                sn: request.sn.clone(),
                name: request.name,
                mqtt: MqttAccess {
                    host: "192.0.2.1".to_owned(),
                    port: 1883,
                    tls: false,
                    username: request.sn.to_string(),
                    password: MQTT_PASSWORD.to_owned(),
                },
                pilot2: vec![PilotField { field: "Account".to_owned(), value: "x".to_owned() }],
                next: vec!["Type this into DJI Pilot 2.".to_owned()],
            })
        })
    }

    fn remove(&self, sn: DeviceSn, _by: String) -> BoxFuture<'_, Result<(), EnrolError>> {
        Box::pin(async move {
            if sn.as_str() == "NOBODY" {
                return Err(EnrolError::NotEnrolled);
            }
            // Its last word, still on the way to the hub when the removal is asked for.
            self.bus.writer().write(device(sn.as_str(), DeviceClass::Dock)).await;
            self.bus.writer::<DeviceStatus>().dispose(sn.as_str());
            Ok(())
        })
    }
}

#[derive(Default)]
struct Process {
    filter: std::sync::Mutex<String>,
}

impl SystemSource for Process {
    fn threads(&self) -> u32 {
        1
    }
    fn broker(&self) -> BrokerState {
        BrokerState { kind: "embedded".to_owned(), ..BrokerState::default() }
    }
    fn store(&self) -> StoreState {
        StoreState { kind: "none".to_owned(), ..StoreState::default() }
    }
    fn event_loop(&self) -> LoopState {
        LoopState::default()
    }
    fn log(&self) -> LogState {
        let filter = self.filter.lock().unwrap().clone();
        LogState { filter, configured: "info".to_owned(), ..LogState::default() }
    }
    fn set_log_filter(&self, filter: &str) -> Result<(), String> {
        if filter.contains('?') {
            return Err("this is no filter".to_owned());
        }
        filter.clone_into(&mut self.filter.lock().unwrap());
        Ok(())
    }
    fn unknowns(&self, sn: Option<&DeviceSn>) -> Vec<UnknownCount> {
        let key = sn.map_or_else(|| "all".to_owned(), ToString::to_string);
        vec![UnknownCount { firmware: "1".to_owned(), kind: "field".to_owned(), key, count: 3 }]
    }
    fn checks(&self) -> Vec<Check> {
        vec![Check { name: "journal".to_owned(), ok: true, detail: "in memory".to_owned() }]
    }
}
