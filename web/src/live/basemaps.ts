// Where the ground comes from: the console's own archives, held whole in memory, so that the map
// stays when the tower is gone; and what the operator configured, through the tower.

import { addProtocol } from 'maplibre-gl';
import { FetchSource, PMTiles, Protocol, type RangeResponse, type Source } from 'pmtiles';
import koreaUrl from '../../basemap/out/korea.pmtiles?url';
import worldUrl from '../../basemap/out/world.pmtiles?url';

/** An archive fetched once, whole. */
class WholeFile implements Source {
  #name: string;
  #url: string;
  #bytes: Promise<ArrayBuffer> | null = null;

  constructor(name: string, url: string) {
    this.#name = name;
    this.#url = url;
  }

  getKey(): string {
    return this.#name;
  }

  async getBytes(offset: number, length: number): Promise<RangeResponse> {
    this.#bytes ??= this.#load();
    const bytes = await this.#bytes;
    return { data: bytes.slice(offset, offset + length) };
  }

  async #load(): Promise<ArrayBuffer> {
    try {
      const answer = await fetch(this.#url);
      if (!answer.ok) throw new Error(`${this.#url}: ${answer.status}`);
      return await answer.arrayBuffer();
    } catch (cause) {
      // Asked again with the next tile: the tower may have been away for a moment.
      this.#bytes = null;
      throw cause;
    }
  }
}

const protocol = new Protocol();
let ready = false;

/** Teaches the map library to read the console's archives. */
export function registerBasemaps(): void {
  if (ready) return;
  ready = true;
  protocol.add(new PMTiles(new WholeFile('world', worldUrl)));
  protocol.add(new PMTiles(new WholeFile('korea', koreaUrl)));
  addProtocol('pmtiles', protocol.tile);
}

/** An operator's archive, read by ranges through the tower. */
export function addArchive(url: string, headers: Record<string, string>): void {
  protocol.add(new PMTiles(new FetchSource(url, new Headers(headers))));
}
