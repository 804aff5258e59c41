// The API's JSON, mirrored by hand from crates/fleet-types until it is generated from OpenAPI.

export type Connection = 'never_seen' | 'bringing_up' | 'online' | 'stale' | 'offline';
export type Phase = 'enrolled' | 'connected' | 'configured' | 'bound' | 'complete' | 'heard';
export type DeviceClass = 'dock' | 'aircraft' | 'robot';
export type Activity =
  | 'unknown'
  | 'idle'
  | 'on_site_debugging'
  | 'remote_debugging'
  | 'upgrading'
  | 'working'
  | 'standby'
  | 'preparing'
  | 'taking_off'
  | 'flying_mission'
  | 'flying'
  | 'returning'
  | 'landing'
  | 'aircraft_offline';

export interface Reason {
  code: string;
  message: string;
  device_code?: number | null;
  message_ko?: string | null;
}

export interface FlightLock {
  command_id: string;
  mission_id: string | null;
  reason: Reason;
}

export interface DeviceStatus {
  sn: string;
  class: DeviceClass;
  name: string;
  model: string;
  gateway_sn: string | null;
  children: string[];
  connection: Connection;
  phase: Phase | null;
  reason: Reason | null;
  activity: Activity;
  since_ms: number;
  last_heard_ms: number | null;
  clock_skew_ms: number | null;
  firmware: string | null;
  mission_id: string | null;
  flight_lock: FlightLock | null;
  unknown_count: number;
}

export interface Osd {
  sn: string;
  class: DeviceClass;
  received_ms: number;
  latitude_deg?: number | null;
  longitude_deg?: number | null;
  height_m?: number | null;
  heading_deg?: number | null;
  horizontal_speed_mps?: number | null;
  battery_percent?: number | null;
  wind_speed_mps?: number | null;
  mode_code?: number | null;
  cover_state?: number | null;
  drone_in_dock?: number | boolean | null;
  rainfall?: number | null;
  charging?: number | boolean | null;
}

export type Scalar = number | string | boolean | null | object;

export interface TelemetryValue {
  value: Scalar;
  unit: string;
  source_ms: number | null;
  received_ms: number;
}

export type Telemetry = Record<string, TelemetryValue>;

export type CommandState =
  | 'accepted'
  | 'journaled'
  | 'sent'
  | 'acknowledged'
  | 'succeeded'
  | 'failed'
  | 'rejected'
  | 'expired'
  | 'unknown';

export type ResponseCode = 'ok' | 'rejected' | 'failed' | 'ignored' | 'expired' | 'unknown';

export interface Step {
  step: string;
  at_ms: number;
  action_duration_ms: number;
  detail?: string | null;
}

export interface CommandStatus {
  command_id: string;
  trace_id: string;
  request_id: string;
  request_code: string;
  sn: string;
  method: string;
  mission_id: string | null;
  idempotency_key: string;
  issued_by: string;
  state: CommandState;
  response_code: ResponseCode | null;
  reason: Reason | null;
  progress: { percent: number | null; step_key: string | null } | null;
  counter_action: boolean;
  accepted_ms: number;
  expires_ms: number;
  steps: Step[];
}

export type MissionState = 'preparing' | 'starting' | 'executing' | 'paused' | 'unknown' | 'ended';
export type Verdict =
  | 'ok'
  | 'partially_done'
  | 'failed'
  | 'canceled'
  | 'rejected'
  | 'expired'
  | 'timeout';
export type LostLinkAction = 'return_home' | 'hover' | 'land';

export interface MissionProgress {
  percent: number | null;
  current_step: number | null;
  wayline_mission_state: number | null;
  waypoint_index: number | null;
  media_count: number | null;
}

export interface MissionStatus {
  mission_id: string;
  trace_id: string;
  request_id: string;
  sn: string;
  wayline_id: string;
  wayline_name: string;
  waypoint_count: number;
  issued_by: string;
  idempotency_key: string;
  state: MissionState;
  verdict: Verdict | null;
  reason: Reason | null;
  progress: MissionProgress;
  accepted_ms: number;
  ended_ms: number | null;
  steps: Step[];
}

export interface Wayline {
  wayline_id: string;
  name: string;
  size_bytes: number;
  md5: string;
  summary: { waypoint_count: number; length_m: number; duration_s: number };
}

export type Priority = 'high' | 'medium' | 'low';

export interface Alarm {
  alarm_id: string;
  sn: string | null;
  priority: Priority;
  reason: Reason;
  raised_ms: number;
  cleared_ms: number | null;
}

export type LinkName = 'telemetry' | 'events' | 'commands';

export interface LinkStatus {
  link: LinkName;
  connected: boolean;
  address: string;
  since_ms: number;
  error: string | null;
}

export interface TraceStep {
  trace_id: string;
  at_ms: number;
  actor: string;
  action: string;
  action_duration_ms: number;
  response_code: ResponseCode | null;
  sn: string | null;
  command_id: string | null;
  mission_id: string | null;
  method: string | null;
  detail: string | null;
}

export interface Unknown {
  firmware: string;
  kind: string;
  key: string;
  count: number;
}

export interface Site {
  name: string;
  time_zone: string;
}

export interface DeviceDetail {
  device: DeviceStatus;
  telemetry: Telemetry;
  commands: CommandStatus[];
  mission: MissionStatus | null;
  unknowns: Unknown[];
  server_time_ms: number;
}

export interface SystemStatus {
  version: string;
  started_ms: number;
  server_time_ms: number;
  threads: number;
  links: LinkStatus[];
  broker: { kind: string; stats: Record<string, number> };
  loop: {
    stall_ms: { p50: number; p99: number; max: number };
    slow: { task: string; ms: number; at_ms: number }[];
  };
  bus: Record<
    string,
    { written: number; coalesced: number; full: number; readers: number; depth: number }
  >;
  unknowns: Unknown[];
  site: Site;
}

export interface Session {
  token: string;
  expires_ms: number;
  who: string;
}

export interface EnrolledDock {
  sn: string;
  name: string;
  mqtt: { host: string; port: number; tls: boolean; username: string; password: string };
  pilot2: { field: string; value: string | number }[];
  next: string[];
}

/** RFC 9457 problem, as every refusal of the API comes. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  detail?: string;
  code?: string;
  command?: CommandStatus;
  mission?: MissionStatus;
}

export type ServerFrame =
  | { type: 'hello'; version: string; server_time_ms: number; who: string; site: Site }
  | {
      type: 'snapshot';
      devices: DeviceStatus[];
      osd: Osd[];
      missions: MissionStatus[];
      commands: CommandStatus[];
      alarms: Alarm[];
      links: LinkStatus[];
      server_time_ms: number;
    }
  | { type: 'device'; device: DeviceStatus }
  | { type: 'removed'; sn: string }
  | { type: 'osd'; items: Osd[]; server_time_ms: number }
  | { type: 'telemetry'; sn: string; values: Telemetry }
  | { type: 'command'; command: CommandStatus }
  | { type: 'mission'; mission: MissionStatus }
  | { type: 'alarm'; alarm: Alarm }
  | { type: 'link'; link: LinkStatus }
  | { type: 'tick'; server_time_ms: number }
  | { type: 'lagged'; dropped_coalesced: number };
