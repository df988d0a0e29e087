/** Tables that sort, choose and go on for tens of thousands of rows: only those that are seen are drawn. */
import type { ComponentChildren } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import { chosenAfter, chosenAfterAll } from "./chosen-rows.ts";
import { rowsDrawn } from "./row-window.ts";
import { parseSort, sortedBy, sortName } from "./table-sort.ts";
import { useRowWindow } from "./use-row-window.ts";

export interface Column<T> {
  readonly name: string;
  readonly label: string;
  cell(row: T): ComponentChildren;
  /** What it is sorted by; missing: it is not. Nothing (undefined) stands last. */
  sortKey?(row: T): string | number | undefined;
  readonly isNumber?: boolean;
  /** Left out on narrow screens. */
  readonly isMinor?: boolean;
  /** Of the heading. */
  readonly title?: string;
}

interface TableProps<T> {
  readonly label: string;
  /** The same array each time, or all is sorted again. */
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  rowKey(row: T): string;
  /** A column's name, "-" before it: largest first. "" leaves the order of `rows`. */
  readonly sort?: string;
  onSort?(sort: string): void;
  /** Keys of the chosen rows; with it rows have boxes to tick. */
  readonly chosen?: ReadonlySet<string>;
  onChoose?(chosen: ReadonlySet<string>): void;
  /** Enter, or a double click, on a row. */
  onOpen?(row: T): void;
  /** For CSS: `data-state` of the row. */
  rowState?(row: T): string | undefined;
}

/** All are drawn where there are no more. */
const ALL_DRAWN_MAX = 120;
const ROW_PX = 33;

/** Arrows, Page and Home/End move between rows, Space chooses (with Shift: up to there), Enter opens. */
export function Table<T>(props: TableProps<T>) {
  const { label, columns, rowKey, sort = "", onSort, chosen, onChoose, onOpen, rowState } = props;
  const rows = useMemo(() => sortedBy(props.rows, columns, sort), [props.rows, columns, sort]);
  const keys = useMemo(() => rows.map(rowKey), [rows]);
  const isGrid = chosen !== undefined || onOpen !== undefined;
  const isLong = rows.length > ALL_DRAWN_MAX;
  const body = useRef<HTMLTableSectionElement>(null);
  const { rowPx, seen } = useRowWindow(body, rows.length, {
    selector: "tr:not(.table-room)",
    rowPx: ROW_PX,
    isWanted: isLong,
  });
  const [current, setCurrent] = useState<string>();
  const [anchor, setAnchor] = useState(0);
  const currentAt = current === undefined ? -1 : keys.indexOf(current);
  const extra = chosen === undefined ? 0 : 1;

  const choose = (at: number, isUpTo: boolean) => {
    if (chosen === undefined) return;
    setAnchor(at);
    onChoose?.(chosenAfter(chosen, keys, { at, from: isUpTo ? anchor : at }));
  };
  const moveTo = (at: number) => {
    const next = Math.max(0, Math.min(rows.length - 1, at));
    setCurrent(keys[next]);
    requestAnimationFrame(() => {
      const row = body.current?.querySelector<HTMLElement>(`tr[aria-rowindex="${next + 2}"]`);
      row?.focus({ preventScroll: true });
      row?.scrollIntoView({ block: "nearest" });
    });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const target = event.target as HTMLElement;
    if (!isGrid || target.tagName !== "TR") return;
    const page = Math.max(1, Math.floor(innerHeight / rowPx) - 4);
    const steps: Record<string, number> = {
      ...{ ArrowDown: currentAt + 1, ArrowUp: currentAt - 1, PageDown: currentAt + page, PageUp: currentAt - page },
      ...{ Home: 0, End: rows.length - 1 },
    };
    if (steps[event.key] !== undefined) moveTo(steps[event.key]);
    else if (event.key === " " && chosen !== undefined) choose(currentAt, event.shiftKey);
    else if (event.key === "Enter" && onOpen !== undefined && currentAt >= 0) onOpen(rows[currentAt]);
    else return;
    event.preventDefault();
  };
  const drawn = isLong ? rowsDrawn(seen, rows.length, currentAt) : rows.map((_, row) => ({ row }));
  // Where the Tab key stops: one row of all.
  const stop = currentAt >= 0 ? currentAt : drawn.find((each) => "row" in each)?.row;
  return (
    <div class="table-frame">
      <table
        class={isLong ? "table table-long" : "table"}
        aria-label={label}
        aria-rowcount={rows.length + 1}
        {...(isGrid && { role: "grid" })}
        {...(chosen !== undefined && { "aria-multiselectable": true })}
      >
        <thead>
          <tr aria-rowindex={1}>
            {chosen !== undefined && (
              <th scope="col" class="table-box">
                <ChooseAll {...{ keys, chosen, onChoose }} />
              </th>
            )}
            {columns.map((column) => (
              <Heading key={column.name} {...{ column, sort, onSort }} />
            ))}
          </tr>
        </thead>
        <tbody ref={body} onKeyDown={onKeyDown}>
          {drawn.map((each, i) => {
            if ("room" in each) return <Room key={`room ${i}`} px={each.room * rowPx} />;
            const at = each.row;
            const [row, key] = [rows[at], keys[at]];
            return (
              <Row
                key={key}
                name={key}
                isChosen={chosen?.has(key)}
                isStop={isGrid ? at === stop : undefined}
                onFocus={() => setCurrent(key)}
                onTick={(isUpTo) => choose(at, isUpTo)}
                state={rowState?.(row)}
                {...{ row, at, columns, onOpen }}
              />
            );
          })}
          {rows.length === 0 && <Room px={0} columns={columns.length + extra} />}
        </tbody>
      </table>
    </div>
  );
}

interface RowProps<T> {
  readonly row: T;
  /** Its key. */
  readonly name: string;
  readonly at: number;
  readonly columns: readonly Column<T>[];
  /** Undefined: it cannot be. */
  readonly isChosen: boolean | undefined;
  /** Undefined: keys do not move in this table. */
  readonly isStop: boolean | undefined;
  readonly state: string | undefined;
  readonly onOpen: ((row: T) => void) | undefined;
  onFocus(): void;
  onTick(isUpTo: boolean): void;
}

function Row<T>({ row, name: key, at, columns, isChosen, isStop, state, onOpen, onFocus, onTick }: RowProps<T>) {
  return (
    <tr
      aria-rowindex={at + 2}
      data-state={state}
      {...(isStop !== undefined && { tabIndex: isStop ? 0 : -1, onFocus })}
      {...(isChosen !== undefined && { "aria-selected": isChosen })}
      {...(onOpen !== undefined && { onDblClick: () => onOpen(row) })}
    >
      {isChosen !== undefined && (
        <td class="table-box">
          <input
            type="checkbox"
            tabIndex={-1}
            checked={isChosen}
            aria-label={`Choose ${key}`}
            onClick={(event) => onTick(event.shiftKey)}
          />
        </td>
      )}
      {columns.map(({ name, cell, isNumber, isMinor }) => (
        <td key={name} class={classOf(isNumber, isMinor)}>
          {cell(row)}
        </td>
      ))}
    </tr>
  );
}

function classOf(isNumber = false, isMinor = false): string {
  return [isNumber && "number", isMinor && "minor"].filter(Boolean).join(" ");
}

function Room({ px, columns = 1 }: { px: number; columns?: number }) {
  return (
    <tr aria-hidden="true" class="table-room" style={{ height: `${px}px` }}>
      <td colSpan={columns} />
    </tr>
  );
}

interface HeadingProps<T> {
  readonly column: Column<T>;
  readonly sort: string;
  readonly onSort: ((sort: string) => void) | undefined;
}

function Heading<T>({ column, sort, onSort }: HeadingProps<T>) {
  const { name, label, sortKey, isNumber, isMinor, title } = column;
  const { by, isDown } = parseSort(sort);
  const isBy = by === name;
  const order = isDown ? "descending" : "ascending";
  const canSort = sortKey !== undefined && onSort !== undefined;
  return (
    <th scope="col" class={classOf(isNumber, isMinor)} title={title} aria-sort={isBy ? order : undefined}>
      {canSort ? (
        <button type="button" class="sort" onClick={() => onSort(sortName(name, isBy && !isDown))}>
          {label} <span aria-hidden="true">{isBy ? (isDown ? "▾" : "▴") : ""}</span>
        </button>
      ) : (
        label
      )}
    </th>
  );
}

interface ChooseAllProps {
  readonly keys: readonly string[];
  readonly chosen: ReadonlySet<string>;
  readonly onChoose: ((chosen: ReadonlySet<string>) => void) | undefined;
}

/** All of the rows, seen or not; what is chosen besides stays chosen. */
function ChooseAll({ keys, chosen, onChoose }: ChooseAllProps) {
  const count = keys.filter((key) => chosen.has(key)).length;
  const isAll = count > 0 && count === keys.length;
  return (
    <input
      type="checkbox"
      aria-label="Choose all"
      checked={isAll}
      indeterminate={count > 0 && !isAll}
      onClick={() => onChoose?.(chosenAfterAll(chosen, keys))}
    />
  );
}
