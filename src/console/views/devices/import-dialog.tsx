import { useState } from "preact/hooks";
import type { ImportDevicesResponse } from "../../../wire/gen/devices_pb.ts";
import { devicesApi } from "../../api.ts";
import { errorText } from "../../errors.ts";
import { countOf, countText } from "../../format.ts";
import { Dialog } from "../../parts/dialog.tsx";
import { tell } from "../../parts/toast.tsx";
import { user } from "../../user.ts";

interface Chosen {
  readonly name: string;
  readonly format: string;
  readonly content: Uint8Array<ArrayBuffer>;
}

/** As the server says; more is refused there by name. */
const PROBLEMS_MAX = 100;

/** First what a file would change, or all that is wrong with it; then it is done. */
export function ImportDialog({ onClose }: { onClose(): void }) {
  const [chosen, setChosen] = useState<Chosen>();
  const [answer, setAnswer] = useState<ImportDevicesResponse>();
  const [failure, setFailure] = useState("");
  const [isAsking, setAsking] = useState(false);
  const send = async ({ format, content }: Chosen, isDryRun: boolean) => {
    setAsking(true);
    setFailure("");
    try {
      const told = await devicesApi.importDevices({ format, content, isDryRun, userId: user.peek() });
      setAnswer(told);
      if (!isDryRun && told.problems.length === 0) {
        tell(`Imported: ${changesText(told)}`);
        return onClose();
      }
    } catch (error) {
      setFailure(errorText(error));
    }
    setAsking(false);
  };
  const choose = async (file: File | undefined) => {
    setAnswer(undefined);
    setFailure("");
    if (file === undefined) return setChosen(undefined);
    const format = /\.(json|jsonl|ndjson)$/i.test(file.name) ? "json" : "csv";
    const next = { name: file.name, format, content: new Uint8Array(await file.arrayBuffer()) };
    setChosen(next);
    await send(next, true);
  };
  const problems = answer?.problems ?? [];
  const changed = (answer?.created ?? 0) + (answer?.updated ?? 0);
  const canImport = chosen !== undefined && answer !== undefined && problems.length === 0 && changed > 0;
  return (
    <Dialog title="Import devices" onClose={onClose} isWide={problems.length > 0}>
      <p class="dim">
        CSV with a line of names (device_id, name, site, type, parent, expected_interval, tags.KEY, sensor, unit, …), or
        JSON as <code>watchpost devices --json</code> writes it. A cell that is empty leaves what is there. All or
        nothing.
      </p>
      <label class="field">
        File
        <input
          type="file"
          accept=".csv,.json,.jsonl,.ndjson,text/csv,application/json"
          onChange={({ currentTarget }) => void choose(currentTarget.files?.[0])}
        />
      </label>
      <div role="status">
        {isAsking && <p>Asking the server what that would change …</p>}
        {answer !== undefined && problems.length === 0 && !isAsking && <p>It would change: {changesText(answer)}.</p>}
      </div>
      {failure !== "" && <p role="alert">{failure}</p>}
      {problems.length > 0 && (
        <div role="alert">
          <p>
            {problems.length >= PROBLEMS_MAX
              ? `The first ${PROBLEMS_MAX} problems`
              : countOf(problems.length, "problem")}
            ; nothing was changed.
          </p>
          <ol class="devices-problems">
            {problems.map((problem) => (
              <li key={problem}>{problem}</li>
            ))}
          </ol>
        </div>
      )}
      <div class="actions">
        <button type="button" onClick={onClose}>
          Cancel
        </button>
        <button
          type="button"
          class="primary"
          disabled={!canImport || isAsking}
          onClick={() => chosen && void send(chosen, false)}
        >
          {canImport ? `Import ${countOf(changed, "device")}` : "Import"}
        </button>
      </div>
    </Dialog>
  );
}

function changesText({ created, updated, unchanged }: ImportDevicesResponse): string {
  return `${countText(created)} new, ${countText(updated)} changed, ${countText(unchanged)} as they are`;
}
