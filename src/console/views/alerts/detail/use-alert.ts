import { Code, ConnectError } from "@connectrpc/connect";
import { useEffect, useState } from "preact/hooks";
import type { GetAlertHistoryResponse } from "../../../../wire/gen/alerts_pb.ts";
import { alertsApi } from "../../../api.ts";
import { alertRow, type AlertRow } from "../../../data/alert-row.ts";
import { alertBook, alertsVersion } from "../../../data/alerts.ts";
import { poll } from "../../../data/poll.ts";
import { failureText } from "../../../errors.ts";
import { msOf } from "../../../format.ts";

export interface AlertRead {
  /** As it is now; undefined: not known yet, or there is none. */
  readonly row: AlertRow | undefined;
  readonly history: GetAlertHistoryResponse | undefined;
  /** "": none. */
  readonly failure: string;
  /** Of an alert that is long over the page hears nothing by itself. */
  refresh(): void;
}

/** Several changes at once are asked for once. */
const SETTLED_MS = 300;
const AGAIN_MS = 5_000;

/** An alert with its history, which is read again when it changes, or is silenced. */
export function useAlert(id: string): AlertRead {
  const [history, setHistory] = useState<GetAlertHistoryResponse>();
  const [failure, setFailure] = useState("");
  const [nth, setNth] = useState(0);
  void alertsVersion.value;
  const live = alertBook.row(id);
  useEffect(() => {
    const controller = new AbortController();
    const { signal } = controller;
    const read = () =>
      void poll({
        ask: () => alertsApi.getAlertHistory({ id }, { signal }),
        onAnswer: (answer) => {
          setHistory(answer);
          setFailure("");
        },
        onFailure: (error) => {
          // What it was says nothing of a server that does not know it any more.
          if (ConnectError.from(error).code === Code.NotFound) setHistory(undefined);
          setFailure(failureText(error));
        },
        ...{ everyMs: AGAIN_MS, isOnce: true, signal, page: document },
      });
    const timer = setTimeout(read, history === undefined ? 0 : SETTLED_MS);
    return () => {
      clearTimeout(timer);
      controller.abort();
    };
  }, [id, nth, msOf(live?.alert.updatedAt), live?.status]);
  const read = history?.alert?.id === id ? history : undefined;
  return {
    row: live ?? (read?.alert && alertRow(read.alert, false)),
    history: read,
    failure,
    refresh: () => setNth((count) => count + 1),
  };
}
