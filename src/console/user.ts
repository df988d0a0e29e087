/** Who acts: a name that is asked for once and kept in the browser. */
import { kept } from "./kept.ts";

const { value, set } = kept("user", "", (text): text is string => text !== "");

export const user = value;
export const setUser = set;
