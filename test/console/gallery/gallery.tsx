/** @jsxImportSource preact */
/** The console's shared parts on a page of their own. */
import { render } from "preact";
import { useState } from "preact/hooks";
import { BoundedText } from "../../../src/console/parts/bounded-text.tsx";
import { confirm, Dialog, Questions } from "../../../src/console/parts/dialog.tsx";
import { Menu } from "../../../src/console/parts/menu.tsx";
import { Suggest } from "../../../src/console/parts/suggest.tsx";
import { Table, type Column } from "../../../src/console/parts/table.tsx";
import { Age, Time } from "../../../src/console/parts/time.tsx";
import { ViewBoundary } from "../../../src/console/shell/view-boundary.tsx";
import { tell, tellError, Toasts } from "../../../src/console/parts/toast.tsx";

interface Row {
  readonly id: string;
  readonly value: number;
}

const ROWS: readonly Row[] = Array.from({ length: 20_000 }, (_, i) => ({
  id: `pump-${i}`,
  value: (i * 7_919) % 1_000,
}));
const COLUMNS: readonly Column<Row>[] = [
  { name: "id", label: "Device", cell: ({ id }) => id, sortKey: ({ id }) => id },
  { name: "value", label: "Value", cell: ({ value }) => value, sortKey: ({ value }) => value, isNumber: true },
  { name: "site", label: "Site", cell: () => "hall 3", isMinor: true },
];

async function suggest(typed: string) {
  const found = ROWS.filter(({ id }) => id.includes(typed));
  const items = found.slice(0, 8).map(({ id, value }) => ({ value: id, detail: String(value) }));
  return { items, more: found.length - items.length };
}

function Breakable({ isBroken }: { isBroken: boolean }) {
  if (isBroken) throw new Error("a value is not as it should be");
  return <p>It holds.</p>;
}

function Gallery() {
  const [isBroken, setBroken] = useState(false);
  const [place, setPlace] = useState("one");
  const [isOpen, setOpen] = useState(false);
  const [sort, setSort] = useState("");
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const [device, setDevice] = useState("");
  const [title, setTitle] = useState("");
  const [said, setSaid] = useState("");
  return (
    <main>
      <h1>Parts</h1>
      <nav class="tabs" aria-label="Tabs">
        <a href="#one" aria-current="page">
          One
        </a>
        <a href="#two">Two</a>
      </nav>
      <div class="toolbar">
        <button type="button" id="open" onClick={() => setOpen(true)}>
          Open
        </button>
        <button
          type="button"
          id="ask"
          class="danger"
          onClick={async () =>
            setSaid(`answer ${await confirm({ title: "Delete?", action: "Delete 3 devices", isDangerous: true })}`)
          }
        >
          Ask
        </button>
        <button type="button" id="break" onClick={() => setBroken(!isBroken)}>
          Break
        </button>
        <button type="button" id="leave" onClick={() => setPlace(`${place} more`)}>
          Leave
        </button>
        <button type="button" id="tell" onClick={() => tell("Pump 1 was saved")}>
          Tell
        </button>
        <button
          type="button"
          id="fail"
          onClick={() => tellError(new Error("revision 7 is newer"), "Pump 1 was not saved")}
        >
          Fail
        </button>
        <Menu
          label="More"
          items={[
            { label: "Assign", choose: () => setSaid("assigned") },
            { label: "Silence", choose: () => setSaid("silenced"), isDisabled: true, title: "It is silenced already" },
            { label: "Delete", choose: () => setSaid("deleted"), isDangerous: true },
          ]}
        />
        <span class="segments" role="group" aria-label="Range">
          <button type="button" aria-pressed>
            1 h
          </button>
          <button type="button">24 h</button>
        </span>
        <button type="button" class="primary push">
          Save
        </button>
      </div>
      <div class="toolbar">
        <Suggest label="Device" value={device} onChange={setDevice} suggest={suggest} hotkey="/" />
        <span class="chip">
          site: hall 3{" "}
          <button type="button" aria-label="Without site: hall 3">
            ✕
          </button>
        </span>
        <output id="said">
          {said} {device} {chosen.size > 0 && `${chosen.size} chosen`}
        </output>
        <Time ms={1_700_000_000_000} /> <Age ms={1_700_000_000_000} />
      </div>
      <Table
        label="Devices"
        columns={COLUMNS}
        rows={ROWS}
        rowKey={({ id }) => id}
        onOpen={({ id }) => setSaid(`opened ${id}`)}
        onChoose={setChosen}
        onSort={setSort}
        {...{ sort, chosen }}
      />
      <ViewBoundary place={place}>
        <Breakable isBroken={isBroken} />
      </ViewBoundary>
      {isOpen && (
        <Dialog title="Edit pump 1" onClose={() => setOpen(false)}>
          <div class="form">
            <label class="field">
              Name <input id="name" />
            </label>
            <form
              onSubmit={(event) => {
                event.preventDefault();
                setSaid(`sent ${title}`);
              }}
            >
              <label class="field" id="title">
                Title <BoundedText value={title} lengthMax={10} onInput={setTitle} />
              </label>
            </form>
            <label class="field">
              Notes <textarea />
              <span class="field-help">Shown to all.</span>
            </label>
            <label class="check">
              <input type="checkbox" /> Paused
            </label>
          </div>
          <div class="actions">
            <button type="button" onClick={() => setOpen(false)}>
              Cancel
            </button>
            <button type="button" class="primary" onClick={() => setOpen(false)}>
              Save
            </button>
          </div>
        </Dialog>
      )}
      <Toasts />
      <Questions />
    </main>
  );
}

render(<Gallery />, document.getElementById("app")!);
