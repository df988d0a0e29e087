/**
 * Random tests begin at a fixed seed, so that a change is judged by what it changed. WATCHPOST_TEST_SEED=random looks
 * for what nobody thought of; a number repeats a run.
 */
import fc from "fast-check";

const wanted = process.env["WATCHPOST_TEST_SEED"] ?? "1";
const seed = wanted === "random" ? Date.now() : Number(wanted);
if (!Number.isInteger(seed)) throw new Error(`WATCHPOST_TEST_SEED is "${wanted}"; wanted a whole number or random`);
fc.configureGlobal({ seed: seed | 0 });
