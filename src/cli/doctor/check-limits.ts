/** How many files and connections a process may have open. */
import { readFileSync } from "node:fs";
import { findings, type Finding } from "./finding.ts";

/** Beside connections there are period files, the log, and pipes. */
const FILES_MIN = 256;
const FILES_GOOD = 4_096;

/** `pid`: of a running server; otherwise of what is started here. */
export function checkLimits(pid: number | undefined): Finding[] {
  try {
    const text = readFileSync(`/proc/${pid ?? "self"}/limits`, "utf8");
    const [, soft] = /^Max open files +(\S+)/m.exec(text) ?? [];
    return [judgeLimit(soft === "unlimited" ? Infinity : Number(soft), pid)];
  } catch {
    return [findings("limits").ok("how many files may be open is not known here")];
  }
}

export function judgeLimit(files: number, pid: number | undefined): Finding {
  const { ok, warning, problem } = findings("limits");
  const who = pid === undefined ? "a server started here" : `process ${pid}`;
  const many = files === Infinity ? "any number of" : files.toLocaleString("en-US");
  const text = `${who} may have ${many} files and connections open`;
  const advice = "raise it: ulimit -n 65536, LimitNOFILE=65536 in the unit";
  return files >= FILES_GOOD ? ok(text) : files >= FILES_MIN ? warning(text, advice) : problem(text, advice);
}
