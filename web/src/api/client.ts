// HTTP calls to the tower. Refuses nothing by itself: every refusal is the server's, kept whole.

import type { StyleSpecification } from 'maplibre-gl';
import type {
  AccountSessions,
  Alarm,
  AuditRow,
  AuditVerdict,
  Basemap,
  CommandStatus,
  DeviceAuthority,
  DeviceDetail,
  EnrolledDock,
  Everybody,
  FlightRecord,
  FlightSeries,
  LostLinkAction,
  MachineToken,
  MediaPage,
  Membership,
  MissionStatus,
  Problem,
  ScheduleOrder,
  ScheduleStatus,
  ScheduleTimes,
  Session,
  SiteList,
  SystemStatus,
  TraceStep,
  Track,
  Wayline,
  WaylineFindings,
  WaylineRoute,
} from './types';

const base = '/api/v1';
const tokenKey = 'gwanje.token';
const accountKey = 'gwanje.account';
const callTimeoutMs = 15_000;
const uploadTimeoutMs = 120_000;

/** A refusal by the server, or (status 0) no answer at all. */
export class ApiError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.detail ?? problem.title);
    this.name = 'ApiError';
    this.problem = problem;
  }
}

/** What goes on with an account's session. */
interface AccountSession {
  refresh_token: string;
  /** Seconds since 1970. */
  expires_at: number;
}

export const token = {
  get: (): string | null => sessionStorage.getItem(tokenKey),
  set: (value: string): void => {
    sessionStorage.removeItem(accountKey);
    sessionStorage.setItem(tokenKey, value);
  },
  setAccount: ({ access_token, refresh_token, expires_at }: AccountTokens): void => {
    sessionStorage.setItem(tokenKey, access_token);
    sessionStorage.setItem(accountKey, JSON.stringify({ refresh_token, expires_at }));
  },
  /** Of an account's session; null where a link or an API token was used. */
  account: (): AccountSession | null => {
    const held = sessionStorage.getItem(accountKey);
    return held ? (JSON.parse(held) as AccountSession) : null;
  },
  clear: (): void => {
    sessionStorage.removeItem(tokenKey);
    sessionStorage.removeItem(accountKey);
  },
};

/** Where people sign in: at the tower itself, or at Supabase. */
export interface SignInWay {
  mode: string;
  url?: string | null;
  anon_key?: string | null;
  has_accounts?: boolean | null;
}

export interface AccountTokens extends AccountSession {
  access_token: string;
}

let onUnauthorised: () => void = () => {};

/** Called once a call was answered 401: the session is over. */
export function whenUnauthorised(handler: () => void): void {
  onUnauthorised = handler;
}

async function problemOf(response: Response): Promise<Problem> {
  const fallback: Problem = {
    type: 'about:blank',
    title: response.statusText || `HTTP ${response.status}`,
    status: response.status,
  };
  try {
    const body: unknown = await response.json();
    return typeof body === 'object' && body !== null ? { ...fallback, ...body } : fallback;
  } catch {
    return fallback;
  }
}

interface CallOptions {
  method?: string;
  json?: unknown;
  body?: Blob;
  anonymous?: boolean;
  /** Instead of the tower's own API. */
  root?: string;
  apiKey?: string;
  /** The answer is a file. */
  isFile?: boolean;
}

async function call<T>(path: string, options: CallOptions = {}): Promise<T> {
  const headers = new Headers({ accept: 'application/json' });
  if (options.apiKey) headers.set('apikey', options.apiKey);
  const bearer = token.get();
  if (bearer && !options.anonymous) headers.set('authorization', `Bearer ${bearer}`);
  let body: BodyInit | null = null;
  if (options.json !== undefined) {
    headers.set('content-type', 'application/json');
    body = JSON.stringify(options.json);
  } else if (options.body) {
    headers.set('content-type', 'application/octet-stream');
    body = options.body;
  }
  let response: Response;
  try {
    response = await fetch((options.root ?? base) + path, {
      method: options.method ?? 'GET',
      headers,
      body,
      cache: 'no-store',
      signal: AbortSignal.timeout(options.body ? uploadTimeoutMs : callTimeoutMs),
    });
  } catch (cause) {
    throw new ApiError({
      type: 'about:blank',
      title: 'No answer from the tower',
      status: 0,
      code: 'no_answer',
      detail: cause instanceof Error ? cause.message : String(cause),
    });
  }
  if (response.status === 401 && !options.anonymous) onUnauthorised();
  if (!response.ok) throw new ApiError(await problemOf(response));
  if (response.status === 204) return undefined as T;
  return (await (options.isFile ? response.blob() : response.json())) as T;
}

const post = <T>(path: string, json: unknown): Promise<T> =>
  call<T>(path, { method: 'POST', json });
const id = encodeURIComponent;

/** What the caller names one intended action; a repeat with the same key is not carried out again. */
export function newKey(): string {
  return `console-${uuid()}`;
}

/** Random UUID v4 that also works where `crypto.randomUUID` is withheld (plain http). */
export function uuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** What somebody wants of the authority over a dock. */
export type AuthorityAction =
  | { action: 'take' | 'withdraw' | 'release' }
  | { action: 'ask' | 'take_over'; note: string }
  | { action: 'hand_over'; to: string }
  | { action: 'keep'; from: string }
  | { action: 'renew'; fence: number };

export interface MissionOrder {
  sn: string;
  wayline_id: string;
  rth_altitude_m: number;
  lost_link_action: LostLinkAction;
  idempotency_key: string;
}

const at = (way: SignInWay | null): CallOptions =>
  way?.url ? { root: `${way.url}/auth/v1`, apiKey: way.anon_key ?? '' } : { root: '/auth/v1' };
const exchange = (way: SignInWay | null, grant: string, json: unknown): Promise<AccountTokens> =>
  call<AccountTokens>(`/token?grant_type=${grant}`, {
    ...at(way),
    method: 'POST',
    json,
    anonymous: true,
  });

/** Signing in with an account, in the words of Supabase Auth, wherever that is. */
export const accounts = {
  signIn: (way: SignInWay | null, email: string, password: string) =>
    exchange(way, 'password', { email, password }),
  renew: (way: SignInWay | null, refresh_token: string) =>
    exchange(way, 'refresh_token', { refresh_token }),
  signOut: (way: SignInWay | null) =>
    call<void>('/logout?scope=local', { ...at(way), method: 'POST' }),
};

export const api = {
  me: () => call<{ who: string; rights: string[]; user_id?: string | null }>('/me'),
  people: () => call<Everybody>('/people'),
  setRoles: (user: string, roles: Membership[]) =>
    call<void>(`/people/${id(user)}/roles`, { method: 'PUT', json: { roles } }),
  createAccount: (email: string, password: string) =>
    call<{ id: string }>('/admin/users', {
      root: '/auth/v1',
      method: 'POST',
      json: { email, password },
    }),
  changeAccount: (user: string, json: { password?: string; ban_duration?: string }) =>
    call<unknown>(`/admin/users/${id(user)}`, { root: '/auth/v1', method: 'PUT', json }),
  ownSessions: () => call<AccountSessions>('/sessions'),
  endOwnSession: (session: string) => call<void>(`/sessions/${id(session)}`, { method: 'DELETE' }),
  sessionsOf: (user: string) => call<AccountSessions>(`/people/${id(user)}/sessions`),
  endSession: (user: string, session: string) =>
    call<void>(`/people/${id(user)}/sessions/${id(session)}`, { method: 'DELETE' }),
  tokens: () => call<{ tokens: MachineToken[] }>('/tokens'),
  createToken: (json: {
    name: string;
    permissions: string[];
    site_ids: string[] | null;
    expires_in_days: number;
  }) => call<{ token: string }>('/tokens', { method: 'POST', json }),
  revokeToken: (token_id: string) => call<void>(`/tokens/${id(token_id)}`, { method: 'DELETE' }),
  sites: () => call<SiteList>('/sites'),
  createSite: (name: string) => post<{ site_id: string }>('/sites', { name }),
  renameSite: (site_id: string, name: string) =>
    call<void>(`/sites/${id(site_id)}`, { method: 'PUT', json: { name } }),
  moveDock: (sn: string, site_id: string) =>
    call<void>(`/devices/${id(sn)}/site`, { method: 'PUT', json: { site_id } }),
  /** What is empty does not narrow. */
  audit: (asked: Record<string, string>) => {
    const given = Object.entries(asked).filter(([, value]) => value !== '');
    return call<{ entries: AuditRow[]; next?: number | null }>(
      `/audit?${new URLSearchParams(given)}`,
    );
  },
  verifyAudit: () => call<AuditVerdict>('/audit/verify'),
  exportAudit: (format: 'jsonl' | 'csv') =>
    call<Blob>(`/audit/export?format=${format}`, { isFile: true }),
  signInWay: () => call<SignInWay>('/sign-in', { anonymous: true }),
  signIn: (code: string) =>
    call<Session>('/session', { method: 'POST', json: { code }, anonymous: true }),
  signOut: () => call<void>('/session', { method: 'DELETE' }),
  device: (sn: string) => call<DeviceDetail>(`/devices/${id(sn)}`),
  command: (sn: string, method: string, idempotency_key: string) =>
    post<CommandStatus>(`/devices/${id(sn)}/commands`, { method, data: null, idempotency_key }),
  authority: (sn: string, action: AuthorityAction) =>
    post<DeviceAuthority>(`/devices/${id(sn)}/authority`, { scope: 'flight', ...action }),
  resolve: (command_id: string, outcome: 'succeeded' | 'failed', note: string) =>
    post<CommandStatus>(`/commands/${id(command_id)}/resolve`, { outcome, note }),
  resolveMission: (mission_id: string, outcome: 'succeeded' | 'failed', note: string) =>
    post<MissionStatus>(`/missions/${id(mission_id)}/resolve`, { outcome, note }),
  waylines: () => call<{ waylines: Wayline[] }>('/waylines'),
  uploadWayline: (name: string, file: Blob) =>
    call<Wayline>(`/waylines?name=${id(name)}`, { method: 'POST', body: file }),
  keepWayline: (name: string, file: File) =>
    call<Wayline>(`/waylines?name=${id(name)}&despite_findings=true`, {
      method: 'POST',
      body: file,
    }),
  waylineFindings: (wayline_id: string) =>
    call<WaylineFindings>(`/waylines/${id(wayline_id)}/findings`),
  startMission: (order: MissionOrder) => post<MissionStatus>('/missions', order),
  missions: () => call<{ missions: MissionStatus[] }>('/missions'),
  media: (sn: string | null, mission_id: string | null, before: string | null) => {
    const given = Object.entries({ sn, mission_id, before }).filter(([, value]) => value !== null);
    return call<MediaPage>(`/media?${new URLSearchParams(given as [string, string][])}`);
  },
  mediaThumbnail: (media_id: string) =>
    call<Blob>(`/media/${id(media_id)}/thumbnail`, { isFile: true }),
  mediaFile: (media_id: string) => call<Blob>(`/media/${id(media_id)}/file`, { isFile: true }),
  mission: (mission_id: string) => call<MissionStatus>(`/missions/${id(mission_id)}`),
  schedules: () => call<{ schedules: ScheduleStatus[] }>('/schedules'),
  scheduleTimes: (from_ms: number, until_ms: number) =>
    call<ScheduleTimes>(`/schedules/times?from_ms=${from_ms}&until_ms=${until_ms}`),
  previewSchedule: (order: ScheduleOrder) =>
    post<{ upcoming: number[] }>('/schedules/preview', order),
  createSchedule: (order: ScheduleOrder) => post<ScheduleStatus>('/schedules', order),
  changeSchedule: (schedule_id: string, order: ScheduleOrder) =>
    call<ScheduleStatus>(`/schedules/${id(schedule_id)}`, { method: 'PUT', json: order }),
  pauseSchedule: (schedule_id: string, pauses: boolean) =>
    call<ScheduleStatus>(`/schedules/${id(schedule_id)}/${pauses ? 'pause' : 'resume'}`, {
      method: 'POST',
    }),
  removeSchedule: (schedule_id: string) =>
    call<void>(`/schedules/${id(schedule_id)}`, { method: 'DELETE' }),
  /** What is empty does not narrow. */
  flights: (asked: Record<string, string>) => {
    const given = Object.entries(asked).filter(([, value]) => value !== '');
    return call<{ flights: MissionStatus[]; next?: string | null }>(
      `/flights?${new URLSearchParams(given)}`,
    );
  },
  flight: (mission_id: string) => call<FlightRecord>(`/flights/${id(mission_id)}`),
  flightSeries: (mission_id: string) => call<FlightSeries>(`/flights/${id(mission_id)}/series`),
  exportFlight: (mission_id: string, format: string) =>
    call<Blob>(`/flights/${id(mission_id)}/export?format=${format}`, { isFile: true }),
  resumeMission: (mission_id: string, idempotency_key: string) =>
    post<MissionStatus>(`/missions/${id(mission_id)}/resume`, { idempotency_key }),
  trace: (trace_id: string) =>
    call<{ trace_id: string; steps: TraceStep[] }>(`/traces/${id(trace_id)}`),
  enrol: (sn: string, name: string) => post<EnrolledDock>('/docks', { sn, name }),
  removeDock: (sn: string) => call<void>(`/docks/${id(sn)}`, { method: 'DELETE' }),
  alarms: () => call<{ alarms: Alarm[] }>('/alarms'),
  acknowledgeAlarm: (alarm_id: string, whole_cause: boolean) =>
    post<Alarm>(`/alarms/${id(alarm_id)}/acknowledge`, { whole_cause }),
  shelveAlarm: (alarm_id: string, for_minutes: number, note: string) =>
    post<Alarm>(`/alarms/${id(alarm_id)}/shelve`, { for_minutes, note }),
  unshelveAlarm: (alarm_id: string) =>
    call<Alarm>(`/alarms/${id(alarm_id)}/unshelve`, { method: 'POST' }),
  waylineRoute: (wayline_id: string) => call<WaylineRoute>(`/waylines/${id(wayline_id)}/route`),
  track: (sn: string) => call<Track>(`/devices/${id(sn)}/track`),
  basemaps: () => call<{ basemaps: Basemap[] }>('/basemaps'),
  /** A whole style; its address is the tower's own, as the list of basemaps gives it. */
  basemapStyle: (url: string) => call<StyleSpecification>(url.slice(base.length)),
  system: () => call<SystemStatus>('/system'),
};
