// Which telemetry values the device panel shows, in groups, and how each is read.
// Keys are DJI's own; a value that is not there is simply not known.

import type { Telemetry, TelemetryValue } from '../api/types';

export type Show =
  | { as: 'number'; decimals: number; scale?: number; unit?: string }
  | { as: 'enum'; words: string }
  | { as: 'flag'; words: string }
  | { as: 'heading' }
  | { as: 'storage' };

export interface Field {
  label: string;
  key: string;
  show: Show;
}

export interface Group {
  title: string;
  fields: readonly Field[];
}

const num = (decimals = 0, unit?: string, scale?: number): Show => ({
  as: 'number',
  decimals,
  ...(unit === undefined ? {} : { unit }),
  ...(scale === undefined ? {} : { scale }),
});
const word = (words: string): Show => ({ as: 'enum', words });
const flag = (words: string): Show => ({ as: 'flag', words });

/** What an operator wants at first glance, in flight and in the dock. */
export const keyGroup = {
  title: 'group.key',
  fields: [
    { label: 'field.battery', key: 'battery.capacity_percent', show: num(0, '%'), of: 'aircraft' },
    { label: 'field.height', key: 'elevation', show: num(1, 'm'), of: 'aircraft' },
    { label: 'field.speed', key: 'horizontal_speed', show: num(1, 'm/s'), of: 'aircraft' },
    { label: 'field.wind', key: 'wind_speed', show: num(1, 'm/s'), of: 'dock' },
    { label: 'field.cover', key: 'cover_state', show: word('cover'), of: 'dock' },
    { label: 'field.drone_in_dock', key: 'drone_in_dock', show: flag('in_dock'), of: 'dock' },
  ],
} as const;

export const aircraftGroups = [
  {
    title: 'group.flight',
    fields: [
      { label: 'field.height', key: 'elevation', show: num(1, 'm') },
      { label: 'field.speed', key: 'horizontal_speed', show: num(1, 'm/s') },
      { label: 'field.climb', key: 'vertical_speed', show: num(1, 'm/s') },
      { label: 'field.heading', key: 'attitude_head', show: { as: 'heading' } },
      { label: 'field.home_distance', key: 'home_distance', show: num(0, 'm') },
      { label: 'field.wind', key: 'wind_speed', show: num(1, 'm/s') },
    ],
  },
  {
    title: 'group.power',
    fields: [
      { label: 'field.battery', key: 'battery.capacity_percent', show: num(0, '%') },
      {
        label: 'field.flight_time_left',
        key: 'battery.remain_flight_time',
        show: num(0, 'min', 1 / 60),
      },
      { label: 'field.return_power', key: 'battery.return_home_power', show: num(0, '%') },
    ],
  },
  {
    title: 'group.position',
    fields: [
      { label: 'field.rtk', key: 'position_state.is_fixed', show: word('fix') },
      { label: 'field.satellites_rtk', key: 'position_state.rtk_number', show: num() },
      { label: 'field.satellites_gps', key: 'position_state.gps_number', show: num() },
      { label: 'field.latitude', key: 'latitude', show: num(6, '°') },
      { label: 'field.longitude', key: 'longitude', show: num(6, '°') },
    ],
  },
] as const satisfies readonly Group[];

export const dockGroups = [
  {
    title: 'group.dock',
    fields: [
      { label: 'field.cover', key: 'cover_state', show: word('cover') },
      { label: 'field.drone_in_dock', key: 'drone_in_dock', show: flag('in_dock') },
      { label: 'field.charging', key: 'drone_charge_state.state', show: flag('charging') },
      { label: 'field.charge', key: 'drone_charge_state.capacity_percent', show: num(0, '%') },
      { label: 'field.light', key: 'supplement_light_state', show: flag('on_off') },
      { label: 'field.emergency_stop', key: 'emergency_stop_state', show: flag('estop') },
    ],
  },
  {
    title: 'group.weather',
    fields: [
      { label: 'field.wind', key: 'wind_speed', show: num(1, 'm/s') },
      { label: 'field.rain', key: 'rainfall', show: word('rain') },
      { label: 'field.outside_temperature', key: 'environment_temperature', show: num(1) },
      { label: 'field.inside_temperature', key: 'temperature', show: num(1) },
      { label: 'field.humidity', key: 'humidity', show: num(0, '%') },
    ],
  },
  {
    title: 'group.link',
    fields: [
      { label: 'field.network', key: 'network_state.type', show: word('network') },
      { label: 'field.network_quality', key: 'network_state.quality', show: word('quality') },
      { label: 'field.network_rate', key: 'network_state.rate', show: num(0, 'KB/s') },
      { label: 'field.sdr_quality', key: 'wireless_link.sdr_quality', show: num(0, '/5') },
      { label: 'field.lte_quality', key: 'wireless_link.4g_quality', show: num(0, '/5') },
      { label: 'field.storage', key: 'storage.used', show: { as: 'storage' } },
    ],
  },
] as const satisfies readonly Group[];

/** Whether a flag is set; null when it is not known. Docks write flags as 0/1 and as true/false. */
export function flagOf(value: unknown): boolean | null {
  if (value === 1 || value === true) return true;
  if (value === 0 || value === false) return false;
  return null;
}

/** Numeric value for display, scaled; null when it is not a number or DJI's "unavailable". */
export function numberOf(reading: TelemetryValue | undefined, scale = 1): number | null {
  const value = reading?.value;
  if (typeof value !== 'number' || value === 32_767) return null;
  return value * scale;
}

/** A heading from 0 to 359; DJI counts from -180 to 180. */
export function headingOf(reading: TelemetryValue | undefined): number | null {
  const value = numberOf(reading);
  return value === null ? null : ((Math.round(value) % 360) + 360) % 360;
}

/** Used part of the storage in percent. */
export function storageUsedPercent(values: Telemetry): number | null {
  const used = numberOf(values['storage.used']);
  const total = numberOf(values['storage.total']);
  return used === null || total === null || total <= 0 ? null : (used / total) * 100;
}
