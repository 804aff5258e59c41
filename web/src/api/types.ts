// The API's shapes by the names the console uses. Those of HTTP calls are generated from the
// server's OpenAPI document (openapi.ts); the frames of the live stream are typed here by hand.

import type { components } from './openapi';

type Schemas = components['schemas'];

/** Left out while they have nothing to say. */
type Optional = 'device_code' | 'message_ko';

/** The document calls what may be null optional too; the server always writes it, as null. */
type Whole<T> = T extends readonly (infer Item)[]
  ? Whole<Item>[]
  : T extends object
    ? { [Key in keyof T as Key extends Optional ? Key : never]: T[Key] } & {
        [Key in keyof T as Key extends Optional ? never : Key]-?: Whole<Exclude<T[Key], undefined>>;
      }
    : T;

export type Connection = Schemas['Connection'];
export type Phase = Schemas['Phase'];
export type DeviceClass = Schemas['DeviceClass'];
export type Activity = Schemas['Activity'];
export type Reason = Schemas['Reason'];
export type Lease = Whole<Schemas['Lease']>;
export type Asked = Whole<Schemas['Asked']>;
export type DeviceAuthority = Whole<Schemas['DeviceAuthority']>;
export type FlightLock = Whole<Schemas['FlightLock']>;
export type DeviceStatus = Whole<Schemas['DeviceStatus']>;
export type TelemetryValue = Whole<Schemas['TelemetryValue']>;
export type Telemetry = Record<string, TelemetryValue>;
export type CommandState = Schemas['CommandState'];
export type ResponseCode = Schemas['ResponseCode'];
export type Step = Whole<Schemas['Step']>;
export type CommandStatus = Whole<Schemas['CommandStatus']>;
export type MissionState = Schemas['MissionState'];
export type Verdict = Schemas['Verdict'];
export type LostLinkAction = Schemas['LostLinkAction'];
export type MissionProgress = Whole<Schemas['MissionProgress']>;
export type MissionStatus = Whole<Schemas['MissionStatus']>;
export type Blackout = Whole<Schemas['Blackout']>;
export type Schedule = Whole<Schemas['Schedule']>;
export type ScheduleStatus = Whole<Schemas['ScheduleStatus']>;
export type ScheduleTimes = Whole<Schemas['Times']>;
export type ScheduleOrder = Schemas['NewSchedule'];
export type FlightRecord = Whole<Schemas['FlightRecord']>;
export type FlightSeries = Whole<Schemas['FlightSeries']>;
export type Wayline = Whole<Schemas['Wayline']>;
export type WaylineFinding = Whole<Schemas['WaylineFinding']>;
export type WaylineFindings = Whole<Schemas['WaylineFindings']>;
export type MediaFile = Whole<Schemas['MediaFile']>;
export type FlightMedia = Whole<Schemas['FlightMedia']>;
export type MediaPage = Whole<Schemas['MediaPage']>;
export type Priority = Schemas['Priority'];
export type Alarm = Whole<Schemas['AlarmStatus']>;
export type AlarmState = Schemas['AlarmState'];
export type LinkName = Schemas['LinkName'];
export type LinkStatus = Whole<Schemas['LinkStatus']>;
export type TraceStep = Whole<Schemas['TraceStep']>;
export type Unknown = Schemas['UnknownCount'];
export type Site = Schemas['Site'];
export type DeviceDetail = Whole<Schemas['DeviceInFull']>;
export type SystemStatus = Whole<Schemas['System']>;
export type Session = Schemas['SignedIn'];
export type Membership = Schemas['Membership'];
export type Somebody = Whole<Schemas['Somebody']>;
export type Everybody = Whole<Schemas['Everybody']>;
export type AccountSession = Whole<Schemas['AccountSession']>;
export type AccountSessions = Whole<Schemas['Sessions']>;
export type MachineToken = Whole<Schemas['MachineToken']>;
export type SiteList = Whole<Schemas['SiteList']>;
export type AuditEntry = Schemas['AuditEntry'];
export type AuditRow = Schemas['AuditRow'];
export type AuditVerdict = Schemas['AuditVerdict'];
export type EnrolledDock = Whole<Schemas['Enrolled']>;

/** A ground the operator configured; `url` is the tower's own. */
export type Basemap = Whole<Schemas['BasemapListed']>;

/** Where a wayline leads, as GeoJSON: a line each wayline, a point each waypoint. */
export interface WaylineRoute {
  features: {
    geometry:
      | { type: 'Point'; coordinates: [number, number, number?] }
      | { type: 'LineString'; coordinates: [number, number, number?][] };
  }[];
}

/** Where a device was: `[epoch ms, longitude, latitude, height m or null]`, oldest first. */
export type Track = Omit<Whole<Schemas['Track']>, 'points'> & {
  points: [number, number, number, number | null][];
};

/** RFC 9457 problem, as every refusal of the API comes; also what stands for no answer. */
export interface Problem
  extends Pick<Schemas['Problem'], 'title' | 'status'>,
    Partial<Pick<Schemas['Problem'], 'type' | 'detail' | 'code'>> {
  command?: CommandStatus;
  mission?: MissionStatus;
  findings?: WaylineFinding[];
  message_ko?: string | null;
  more?: number;
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

/** What every event of the stream carries: its number among those of this tower process. */
interface Event {
  seq: number;
}

/** Frames of the stream that are text; docs/stream.md says when each comes. */
export type ServerFrame =
  | {
      type: 'hello';
      version: string;
      server_time_ms: number;
      who: string;
      site: Site;
      epoch: string | number;
      seq: number;
    }
  | { type: 'resumed'; from: number; seq: number }
  | { type: 'missed'; count: number | null; seq: number }
  | ({
      type: 'snapshot';
      part: number;
      last: boolean;
      devices: DeviceStatus[];
      slots: [number, string][];
      missions: MissionStatus[];
      commands: CommandStatus[];
      alarms: Alarm[];
      links: LinkStatus[];
      server_time_ms: number;
    } & Event)
  | ({ type: 'slots'; slots: [number, string][] } & Event)
  | ({ type: 'device'; device: DeviceStatus } & Event)
  | ({ type: 'removed'; sn: string } & Event)
  | { type: 'osd'; items: Osd[]; server_time_ms: number }
  | { type: 'telemetry'; sn: string; values: Telemetry }
  | ({ type: 'command'; command: CommandStatus } & Event)
  | ({ type: 'mission'; mission: MissionStatus } & Event)
  | ({ type: 'alarm'; alarm: Alarm } & Event)
  | ({ type: 'link'; link: LinkStatus } & Event)
  | { type: 'tick'; server_time_ms: number; seq: number | null }
  | { type: 'lagged'; missed_ticks: number; behind: number };
