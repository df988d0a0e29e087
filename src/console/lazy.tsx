/** Parts of the console that are loaded when they are wanted first, so that no page loads what it does not show. */
import { signal, type ReadonlySignal } from "@preact/signals";
import type { FunctionComponent } from "preact";
import { useEffect, useLayoutEffect } from "preact/hooks";
import { isOutdated } from "./connection.ts";

export interface LazyComponent<P = object> extends FunctionComponent<P> {
  /** Whether it was there in place of "Loading …". */
  readonly hasStood: ReadonlySignal<boolean>;
}

const waiting: (() => Promise<void>)[] = [];
let isEager = false;

/** Loads all, also those within others: they are there at once when they are wanted, also while the server is away. */
export function loadLazy(): void {
  isEager = true;
  for (const preload of waiting.splice(0)) void preload();
}

export function lazy<P extends object>(load: () => Promise<FunctionComponent<P>>): LazyComponent<P> {
  const loaded = signal<FunctionComponent<P> | undefined>(undefined);
  const hasStood = signal(false);
  const failure = signal("");
  let loading: Promise<void> | undefined;
  const preload = () => {
    loading ??= load().then(
      (component) => {
        loaded.value = component;
      },
      (error: unknown) => {
        failure.value = String(error);
        loading = undefined;
      },
    );
    return loading;
  };
  const retry = () => {
    failure.value = "";
    void preload();
  };
  if (isEager) void preload();
  else waiting.push(preload);
  function Lazy(props: P) {
    useEffect(() => void preload(), []);
    const Component = loaded.value;
    useLayoutEffect(() => {
      if (Component !== undefined) hasStood.value = true;
    }, [Component]);
    if (Component !== undefined) return <Component {...props} />;
    if (failure.value === "") return <p aria-busy="true">Loading …</p>;
    const reload = (
      <button type="button" onClick={() => location.reload()}>
        Reload the page
      </button>
    );
    if (isOutdated.value) {
      return (
        <div role="alert">
          <p>
            This part was not loaded yet, and the server runs another version now, which does not have it like that.
          </p>
          <p>{reload}</p>
        </div>
      );
    }
    return (
      <div role="alert">
        <p>This part could not be loaded: {failure.value}.</p>
        <p>
          Is the server away?{" "}
          <button type="button" onClick={retry}>
            Try again
          </button>{" "}
          {reload}
        </p>
      </div>
    );
  }
  return Object.assign(Lazy, { hasStood });
}
