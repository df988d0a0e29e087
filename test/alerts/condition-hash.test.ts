/**
 * What a rule is about, as it is written down with its alerts. A version that made another hash of the same rule would end
 * all alerts of it with the first start: where this fails, the text that is hashed has to stay as it was (rule-text.ts).
 */
import { expect, test } from "bun:test";
import { conditionHash } from "../../src/alerts/alert-documents.ts";
import { fixedHash } from "../../src/alerts/fixed-hash.ts";
import { ruleOf } from "../../src/alerts/rule-input.ts";
import { conditionKey } from "../../src/alerts/rule-text.ts";

const RULES: readonly [rule: object, text: string, hash: string][] = [
  [
    { metric: "m", condition: { threshold: { above: 80 } } },
    '{"condition":{"threshold":{"above":80,"clear":80}},"metric":"m","no_data":"keep","severity":"medium"}',
    "Y0I4s7VrhodUMZst",
  ],
  [
    {
      metric: "m",
      condition: { threshold: { below: 0, clear: 0.5 } },
      for: "90s",
      keep_firing_for: "5m",
      late_after: "1h",
      no_data: "fire",
      severity: "low",
    },
    '{"condition":{"threshold":{"below":0,"clear":0.5}},"for":"1m30s","keep_firing_for":"5m","late_after":"1h","metric":"m","no_data":"fire","severity":"low"}',
    "CAfebA-q5T5jv53_",
  ],
  [
    {
      metric: "a|b*",
      where: ["site=north", "device!=x", "site=north"],
      group_by: ["site", "device"],
      condition: { threshold: { above: 80 } },
    },
    '{"condition":{"threshold":{"above":80,"clear":80}},"group_by":["device","site"],"metric":"a|b*","no_data":"keep","severity":"medium","where":["device!=x","site=north"]}',
    "tVR2pdDrn719N59R",
  ],
  [
    {
      metric: "m",
      condition: {
        ladder: {
          steps: [
            { severity: "medium", above: 80, clear: 75 },
            { severity: "critical", above: 95 },
          ],
        },
      },
    },
    '{"condition":{"ladder":{"steps":[{"above":80,"clear":75,"severity":"medium"},{"above":95,"clear":95,"severity":"critical"}]}},"metric":"m","no_data":"keep"}',
    "V-NvFBESI6MG1l0W",
  ],
  [
    { metric: "m", condition: { range: { low: 0, high: 60 } } },
    '{"condition":{"range":{"high":60,"low":0,"margin":0}},"metric":"m","no_data":"keep","severity":"medium"}',
    "Nu4wwe8C9Fz7RV0v",
  ],
  [
    { metric: "m", condition: { range: { low: 0, high: 60, outside: true, margin: 2 } } },
    '{"condition":{"range":{"high":60,"low":0,"margin":2,"outside":true}},"metric":"m","no_data":"keep","severity":"medium"}',
    "pteslPORAeRwJow-",
  ],
  [
    { metric: "m", condition: { window: { function: "avg", over: "15m", above: 400 } } },
    '{"condition":{"window":{"above":400,"clear":400,"function":"avg","min_points":1,"over":"15m"}},"metric":"m","no_data":"keep","severity":"medium"}',
    "BWaEDAb1WmdAmfzF",
  ],
  [
    { metric: "m", condition: { rate: { over: "2m", below: -0.2, clear: -0.1 } } },
    '{"condition":{"rate":{"below":-0.2,"clear":-0.1,"over":"2m"}},"metric":"m","no_data":"keep","severity":"medium"}',
    "0UdVG2_q2InwOeWZ",
  ],
  [
    { metric: "m", condition: { n_of_m: { n: 3, m: 5, above: 10 } } },
    '{"condition":{"n_of_m":{"above":10,"m":5,"n":3}},"metric":"m","no_data":"keep","severity":"medium"}',
    "6OYNbPkp3fVg9vIm",
  ],
  [
    { metric: "m", condition: { stuck: { over: "1h" } } },
    '{"condition":{"stuck":{"epsilon":0,"over":"1h"}},"metric":"m","no_data":"keep","severity":"medium"}',
    "NEZLQ96AlqLjuvd-",
  ],
  [
    { metric: "m", condition: { absence: {} } },
    '{"condition":{"absence":{}},"group_by":["device"],"metric":"m","no_data":"keep","severity":"medium"}',
    "65Z2VAdrcqb8TKQU",
  ],
  [
    { metric: "m", condition: { absence: { after: "10m" } }, group_by: ["site"] },
    '{"condition":{"absence":{"after":"10m"}},"group_by":["site"],"metric":"m","no_data":"keep","severity":"medium"}',
    "xVigYSTK5frOWKsP",
  ],
  [
    { metric: "m", condition: { deviation: {} } },
    '{"condition":{"deviation":{"direction":"both","min_points":30,"sigmas":4,"span":"1h"}},"metric":"m","no_data":"keep","severity":"medium"}',
    "66kmVllJjRQdcQGG",
  ],
  [
    { metric: "m", condition: { seasonal: { zone: "Europe/Berlin" } } },
    '{"condition":{"seasonal":{"direction":"both","sigmas":4,"weeks":3,"zone":"Europe/Berlin"}},"metric":"m","no_data":"keep","severity":"medium"}',
    "7aXEkog9iCM-NMZ_",
  ],
  [
    { condition: { watchdog: {} } },
    '{"condition":{"watchdog":{}},"no_data":"keep","severity":"medium"}',
    "l74mqtqYqP90sqCE",
  ],
];

test("the hash is a fixed one", () => {
  expect(fixedHash("")).toBe("47DEQpj8HBSa-_TI");
  expect(fixedHash("abc")).toBe("ungWv48Bz-pBQUDe");
});

test.each(RULES)("%j", (rule, text, hash) => {
  const read = ruleOf({ name: "a", ...rule });
  expect({ text: conditionKey(read), hash: conditionHash(read) }).toEqual({ text, hash });
});
