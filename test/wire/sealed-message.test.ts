/** What is sealed is opened as what it is and as nothing else; vectors were made with Python's cryptography, from docs/sessions.md. */
import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import {
  isKeyOf,
  keyCheckOf,
  newSessionKey,
  openEarlierKey,
  openText,
  parseSessionKey,
  sealEarlierKey,
  sealText,
  sessionKeyText,
  type MessagePlace,
  type SealedBytes,
  type SessionKey,
} from "../../src/wire/sealed-message.ts";
import "../support/seed.ts";

const bytes = (hex: string) => Uint8Array.fromHex(hex);

const VECTORS = [
  {
    place: { sessionId: "pump-1", sender: "ann", messageId: "id-1", epoch: 1 },
    text: "hello",
    key: "1.AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8",
    nonce: "000102030405060708090a0b",
    ciphertext: "e1610e7855d894c44f89a9d17b2e78feac428acda1",
    check: "9a5e5a50c8e81f6d0917c3d4ee7dffd9",
    earlier: "7b43251cd9ac60e067c42f398663a53d0066f84df1594bee117e658efef17f11440d288ddabb0e079f8860b75ca08c77",
  },
  {
    place: { sessionId: "Prüfstand:7", sender: "Jürgen 🔧", messageId: "0a", epoch: 64 },
    text: "läuft heiß\n🔥",
    key: "64.__________________________________________8",
    nonce: "070707070707070707070707",
    ciphertext: "1fcf09ec1d64d5276f5159634d348f9ad9d65bc20bef34de6f4ee0f393e821a856",
    check: "909abe4140ef09216c2119752b91ed4f",
    earlier: "e8dd73919aa6aff840c741055f45982e2b4034a0f3b1a11f04d9f7a2eaa6d46429f1b9afdcc6a302b4c833e2012f258e",
  },
];

describe("vectors of another implementation", () => {
  test.each(VECTORS)("$place.sessionId", async ({ place, text, key: keyText, nonce, ciphertext, check, earlier }) => {
    const key = parseSessionKey(keyText);
    expect(sessionKeyText(key)).toBe(keyText);
    expect(await openText({ nonce: bytes(nonce), ciphertext: bytes(ciphertext) }, key, place)).toBe(text);
    expect((await keyCheckOf(key, place.sessionId)).toHex()).toBe(check);
    const sealed = { nonce: bytes(nonce), ciphertext: bytes(earlier) };
    const before = await openEarlierKey(sealed, key, place.sessionId);
    expect([before.epoch, before.secret.toHex()]).toEqual([key.epoch - 1, "09".repeat(32)]);
  });
});

const anyPlace = fc.record({
  sessionId: fc.string({ maxLength: 20 }),
  sender: fc.string({ maxLength: 20 }),
  messageId: fc.string({ maxLength: 20 }),
  epoch: fc.integer({ min: 1, max: 64 }),
});
const anyText = fc.string({ maxLength: 200, unit: "grapheme" });

const isRefused = (sealed: SealedBytes, key: SessionKey, place: MessagePlace) =>
  openText(sealed, key, place).then(
    (text) => Promise.reject(new Error(`opened as ${JSON.stringify(text)}`)),
    (error: unknown) => expect((error as { status?: string }).status).toBe("DATA_LOSS"),
  );

test("what is sealed is opened again, and its text stands nowhere in it", async () => {
  await fc.assert(
    fc.asyncProperty(anyText, anyPlace, async (text, place) => {
      const key = newSessionKey(place.epoch);
      const sealed = await sealText(text, key, place);
      expect(await openText(sealed, key, place)).toBe(text);
      expect([sealed.nonce.length, sealed.ciphertext.length]).toEqual([12, Buffer.byteLength(text) + 16]);
      if (Buffer.byteLength(text) > 3) expect(Buffer.from(sealed.ciphertext).includes(text)).toBe(false);
    }),
  );
});

test("each changed bit is refused, wherever it is, and so is what is cut or longer", async () => {
  const place = { sessionId: "pump-1", sender: "ann", messageId: "id-1", epoch: 1 };
  const key = newSessionKey(1);
  const sealed = await sealText("bearing 2", key, place);
  for (const part of ["nonce", "ciphertext"] as const) {
    for (let bit = 0; bit < sealed[part].length * 8; bit++) {
      const changed = new Uint8Array(sealed[part]);
      changed[bit >> 3] ^= 1 << (bit & 7);
      await isRefused({ ...sealed, [part]: changed }, key, place);
    }
    for (const length of [0, 1, sealed[part].length - 1]) {
      await isRefused({ ...sealed, [part]: sealed[part].slice(0, length) }, key, place);
    }
    await isRefused({ ...sealed, [part]: new Uint8Array([...sealed[part], 0]) }, key, place);
  }
});

test("opened as of another session, sender, message or key it is refused, however alike they are", async () => {
  const differs = (a: MessagePlace, b: MessagePlace) =>
    a.sessionId !== b.sessionId || a.sender !== b.sender || a.messageId !== b.messageId || a.epoch !== b.epoch;
  await fc.assert(
    fc.asyncProperty(
      anyText,
      anyPlace,
      anyPlace,
      fc.constantFrom("sessionId", "sender", "messageId", "epoch"),
      async (text, place, other, field) => {
        const key = newSessionKey(place.epoch);
        const sealed = await sealText(text, key, place);
        const elsewhere = { ...place, [field]: other[field as keyof MessagePlace] };
        if (differs(place, elsewhere)) await isRefused(sealed, key, elsewhere);
        if (differs(place, other)) await isRefused(sealed, key, other);
        await isRefused(sealed, newSessionKey(place.epoch), place);
      },
    ),
  );
  // What moves from one text to the next one is another place, too.
  const key = newSessionKey(1);
  const sealed = await sealText("x", key, { sessionId: "ab", sender: "c", messageId: "d", epoch: 1 });
  await isRefused(sealed, key, { sessionId: "a", sender: "bc", messageId: "d", epoch: 1 });
  await isRefused(sealed, key, { sessionId: "ab", sender: "", messageId: "cd", epoch: 1 });
});

test("no nonce comes twice, also of the same text in the same place", async () => {
  const place = { sessionId: "pump-1", sender: "ann", messageId: "id-1", epoch: 1 };
  const key = newSessionKey(1);
  const all = await Promise.all(Array.from({ length: 20_000 }, () => sealText("x", key, place)));
  expect(new Set(all.map(({ nonce }) => nonce.toHex())).size).toBe(all.length);
  // Of random bits each is set about as often as not.
  for (let bit = 0; bit < 96; bit++) {
    const set = all.filter(({ nonce }) => (nonce[bit >> 3] >> (bit & 7)) & 1).length;
    expect(Math.abs(set - all.length / 2)).toBeLessThan(6 * Math.sqrt(all.length / 4));
  }
});

test("keys are for one session and one number; an earlier key is no message", async () => {
  const key = newSessionKey(2);
  expect(key.secret).not.toEqual(newSessionKey(2).secret);
  const check = await keyCheckOf(key, "pump-1");
  expect(await isKeyOf(key, "pump-1", check)).toBe(true);
  expect(await isKeyOf(key, "pump-2", check)).toBe(false);
  expect(await isKeyOf({ ...key, epoch: 3 }, "pump-1", check)).toBe(false);
  expect(await isKeyOf(newSessionKey(2), "pump-1", check)).toBe(false);
  expect(await isKeyOf(key, "pump-1", check.slice(1))).toBe(false);
  const earlier = newSessionKey(1);
  const sealed = await sealEarlierKey(earlier, key, "pump-1");
  expect(await openEarlierKey(sealed, key, "pump-1")).toEqual(earlier);
  await isRefused(sealed, key, { sessionId: "pump-1", sender: "", messageId: "", epoch: 2 });
  await expect(openEarlierKey(sealed, key, "pump-2")).rejects.toThrow("not of this place");
  await expect(openEarlierKey(sealed, { ...key, epoch: 3 }, "pump-1")).rejects.toThrow("not of this place");
});

test("a key is read from a link or as it is; what is none is refused without being shown", () => {
  const key = newSessionKey(7);
  const text = sessionKeyText(key);
  for (const given of [text, ` ${text}\n`, `key=${text}`, `#key=${text}`, `/sessions/p%201#key=${text}`]) {
    expect(parseSessionKey(given)).toEqual(key);
  }
  const secret = text.slice(2);
  for (const given of [
    "",
    "7.",
    secret,
    `0.${secret}`,
    `65.${secret}`,
    `7.${secret}A`,
    `7.${secret.slice(1)}`,
    `7,${secret}`,
  ]) {
    expect(() => parseSessionKey(given)).toThrow("wanted a link that ends with #key=NUMBER.SECRET");
    try {
      parseSessionKey(given);
    } catch (error) {
      expect((error as Error).message).not.toContain(secret.slice(1, 20));
    }
  }
});
