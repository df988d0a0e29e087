import { Code, ConnectError } from "@connectrpc/connect";
import { useState } from "preact/hooks";
import { AnnotationSchema, type Annotation } from "../../wire/gen/annotations_pb.ts";
import { timestampOfMs } from "../../wire/timestamp.ts";
import { collaborationApi } from "../api.ts";
import { isPinned, pinOnChart, wordsIn, type AnnotatedChart } from "../data/annotation-pin.ts";
import { devices } from "../data/devices.ts";
import { localText, msOfLocalText } from "../data/local-time.ts";
import { GUEST, present } from "../data/presence.ts";
import { pinText } from "../data/said.ts";
import { errorText } from "../errors.ts";
import { user } from "../user.ts";
import { Dialog } from "./dialog.tsx";
import { NameWanted } from "./name-field.tsx";
import { tell } from "./tell.ts";

export interface EditedAnnotation {
  readonly chart: AnnotatedChart;
  readonly fromMs: number;
  /** Missing: a moment. */
  readonly toMs?: number;
  /** Missing: a new one. */
  readonly annotation?: Annotation;
}

const DEVICES_SUGGESTED_MAX = 500;

export function AnnotationDialog({ edited, onClose }: { edited: EditedAnnotation; onClose(): void }) {
  const { annotation, chart } = edited;
  const onChart = pinOnChart(chart);
  const [text, setText] = useState(annotation?.text ?? "");
  const [from, setFrom] = useState(localText(edited.fromMs));
  const [to, setTo] = useState(edited.toMs === undefined ? "" : localText(edited.toMs));
  const [tags, setTags] = useState(annotation?.tags.join(", ") ?? "");
  const [metric, setMetric] = useState(onChart.metric);
  const [device, setDevice] = useState(onChart.device);
  const [isTold, setTold] = useState(present.peek() !== undefined);
  const [failure, setFailure] = useState("");
  /** As somebody else has made it meanwhile. */
  const [newer, setNewer] = useState<Annotation>();
  const [isBusy, setBusy] = useState(false);
  const room = present.value;

  const save = async () => {
    const [fromMs, toMs] = [timeIn(from, edited.fromMs), timeIn(to, edited.toMs)];
    const pin = { ...onChart, metric: metric.trim(), device: device.trim() };
    if (fromMs === undefined) return setFailure("Say when: the time it begins at.");
    if (toMs !== undefined && toMs <= fromMs)
      return setFailure("It ends before it begins: choose a later end, or none.");
    if (annotation === undefined && !isPinned(pin)) return setFailure("Say what it is about: a metric, or a device.");
    setBusy(true);
    setFailure("");
    const said = { userId: user.peek() || GUEST, text, from: timestampOfMs(fromMs), tags: wordsIn(tags) };
    const end = toMs === undefined ? {} : { to: timestampOfMs(toMs) };
    try {
      if (annotation === undefined) {
        const told = isTold && room !== undefined ? { sessionId: room.id } : {};
        await collaborationApi.createAnnotation({ ...said, ...end, ...told, pin: { ...pin, tags: { ...pin.tags } } });
      } else {
        const { id, revision } = newer ?? annotation;
        const cleared = { clearTo: toMs === undefined, clearTags: said.tags.length === 0 };
        await collaborationApi.editAnnotation({ id, revision, ...said, ...end, ...cleared });
      }
      tell(annotation === undefined ? "The note stands on the chart, for all to see." : "The note is changed.");
      onClose();
    } catch (error) {
      setFailure(errorText(error));
      const { code } = ConnectError.from(error);
      if (code === Code.Aborted) setNewer(ConnectError.from(error).findDetails(AnnotationSchema)[0]);
      setBusy(false);
    }
  };
  return (
    <Dialog title={annotation === undefined ? "Annotate" : "Change the note"} onClose={onClose}>
      <form
        class="form"
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <label class="field">
          Note
          <textarea
            required
            autofocus
            rows={3}
            value={text}
            onInput={({ currentTarget }) => setText(currentTarget.value)}
          />
        </label>
        <div class="fields annotation-times">
          <label class="field">
            From
            <TimeField value={from} onChange={setFrom} />
          </label>
          <label class="field">
            To (empty: at one moment)
            <TimeField value={to} onChange={setTo} />
          </label>
        </div>
        {annotation === undefined ? (
          <div class="fields">
            <label class="field">
              Metric
              <input value={metric} onInput={({ currentTarget }) => setMetric(currentTarget.value)} />
            </label>
            <label class="field">
              Device
              <input
                list="annotated-devices"
                value={device}
                onInput={({ currentTarget }) => setDevice(currentTarget.value)}
              />
            </label>
            <datalist id="annotated-devices">
              {[...devices.peek().keys()].slice(0, DEVICES_SUGGESTED_MAX).map((id) => (
                <option key={id} value={id} />
              ))}
            </datalist>
          </div>
        ) : (
          <p class="dim">On {pinText(annotation.pin)}.</p>
        )}
        <label class="field">
          Tags (commas between them)
          <input value={tags} onInput={({ currentTarget }) => setTags(currentTarget.value)} />
        </label>
        {annotation === undefined && room !== undefined && (
          <label class="check">
            <input type="checkbox" checked={isTold} onChange={({ currentTarget }) => setTold(currentTarget.checked)} />
            Tell it in the session {room.session.value?.title || room.id}
          </label>
        )}
        <NameWanted />
        {failure !== "" && (
          <p role="alert">
            {failure}
            {newer !== undefined && <> It says now: “{newer.text}”. Save once more to put yours in its place.</>}
          </p>
        )}
        <div class="actions">
          <button type="button" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" class="primary" disabled={isBusy}>
            {annotation === undefined ? "Annotate" : "Save"}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function TimeField({ value, onChange }: { value: string; onChange(value: string): void }) {
  return (
    <input
      type="datetime-local"
      step={1}
      value={value}
      onChange={({ currentTarget }) => onChange(currentTarget.value)}
    />
  );
}

/** What was drawn is finer than what the field shows. */
function timeIn(text: string, drawnMs: number | undefined): number | undefined {
  if (drawnMs !== undefined && text === localText(drawnMs)) return drawnMs;
  return msOfLocalText(text);
}
