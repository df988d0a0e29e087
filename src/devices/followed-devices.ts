/**
 * Devices as a node knows them that does not run them: which site each is registered with, what is above it, and its sensors, out of
 * documents that another node changes.
 */
import type { DocumentChange, DocumentQuery, StoredDocument } from "../model/journal.ts";
import { deviceOfKey } from "../model/series-key.ts";
import type { DevicesOfSeries } from "../model/series-scopes.ts";
import type { SeriesRegistry } from "../model/series-registry.ts";
import { documentName, SetAside } from "../model/set-aside.ts";
import { DEVICES, deviceOfDocument } from "./device-documents.ts";
import { schemasOf, type SchemasOfDevices } from "./device-schemas.ts";
import type { Device } from "../wire/gen/devices_pb.ts";

export interface FollowedDevicesDeps {
  readonly journal: { documents(query: DocumentQuery): Promise<readonly StoredDocument[]> };
  readonly registry: SeriesRegistry;
  readonly schemas: SchemasOfDevices;
  /** A device is somewhere else now. */
  onMoved(deviceId: string): void;
  onTrouble(sentence: string): void;
}

const DOCUMENTS_AT_ONCE = 1_000;

export class FollowedDevices implements DevicesOfSeries {
  readonly #deps: FollowedDevicesDeps;
  readonly #setAside: SetAside;
  /** Of registered devices that have one. */
  readonly #sites = new Map<string, string>();
  /** By device; made when somebody asks first, and kept from then on. */
  #series: Map<string, number[]> | undefined;
  #unfollow: () => void = () => {};

  private constructor(deps: FollowedDevicesDeps) {
    this.#deps = deps;
    this.#setAside = new SetAside(deps.onTrouble);
  }

  static async open(deps: FollowedDevicesDeps): Promise<FollowedDevices> {
    const followed = new FollowedDevices(deps);
    for (let after: StoredDocument | undefined; ;) {
      const page = await deps.journal.documents({
        ...{ collection: DEVICES, limit: DOCUMENTS_AT_ONCE },
        ...(after && { after }),
      });
      followed.apply(page);
      if (page.length < DOCUMENTS_AT_ONCE) return followed;
      after = page.at(-1);
    }
  }

  /** What another node has written; of documents of other collections nothing is taken. */
  apply(changes: readonly DocumentChange[]): void {
    const changed = new Map<string, Device | undefined>();
    const moved: string[] = [];
    for (const change of changes) {
      if (change.collection !== DEVICES) continue;
      const { key, value } = change;
      const device =
        value === null ? undefined : this.#setAside.read(documentName(change), () => deviceOfDocument(value));
      if (value !== null && device === undefined) continue;
      changed.set(key, device);
      const site = device?.site ?? "";
      if (site === this.siteOf(key)) continue;
      if (site === "") this.#sites.delete(key);
      else this.#sites.set(key, site);
      moved.push(key);
    }
    if (changed.size > 0) this.#deps.schemas.set(schemasOf(changed));
    for (const deviceId of moved) this.#deps.onMoved(deviceId);
  }

  siteOf(deviceId: string): string {
    return this.#sites.get(deviceId) ?? "";
  }

  seriesOf(deviceId: string): Iterable<number> {
    return (this.#series ??= this.#gathered()).get(deviceId) ?? [];
  }

  close(): void {
    this.#unfollow();
  }

  #gathered(): Map<string, number[]> {
    const { registry } = this.#deps;
    const series = new Map<string, number[]>();
    const add = (id: number) => {
      const device = deviceOfKey(registry.keyOf(id));
      const ids = series.get(device);
      if (ids) ids.push(id);
      else series.set(device, [id]);
    };
    for (let id = 1; id < registry.idEnd; id++) if (registry.has(id)) add(id);
    const ends = [
      registry.onAdded(add),
      registry.onForgotten((ids) => {
        for (const id of ids) {
          const device = deviceOfKey(registry.keyOf(id));
          const left = (series.get(device) ?? []).filter((each) => each !== id);
          if (left.length > 0) series.set(device, left);
          else series.delete(device);
        }
      }),
    ];
    this.#unfollow = () => ends.forEach((end) => end());
    return series;
  }
}
