/** Alertmanager's webhook: its JSON, with a signature where a secret is configured. */
import { webhookBody } from "./alertmanager-body.ts";
import { postJson, type HttpTarget } from "./http-post.ts";
import type { Receiver, ReceiverDeps, ReceiverIdentity } from "./receiver.ts";
import type { Secret } from "./secret.ts";

export interface WebhookConfig extends HttpTarget {
  readonly kind: "webhook";
  readonly timeoutMs: number;
  /** Signs what is sent. */
  readonly secret: Secret | undefined;
}

export function webhookReceiver(identity: ReceiverIdentity, config: WebhookConfig, { clock }: ReceiverDeps): Receiver {
  return {
    ...identity,
    async send(notification, { signal, attempt }) {
      const body = webhookBody(notification);
      const headers: Record<string, string> = { "x-watchpost-attempt": String(attempt) };
      if (notification.isRepeated) headers["x-watchpost-repeated"] = "true";
      const secret = await config.secret?.reveal();
      if (secret !== undefined) Object.assign(headers, signatureHeaders(body, secret, clock.nowMs()));
      await postJson(config, body, { clock, signal, headers, secrets: secret === undefined ? [] : [secret] });
    },
    async close() {},
  };
}

/**
 * The signature is HMAC-SHA256 with the secret over "<timestamp>.<body>" in hex; the timestamp, in Unix seconds, is that
 * of the attempt. Who checks it refuses old timestamps, so that what was once overheard cannot be sent again.
 */
export function signatureHeaders(body: string, secret: string, nowMs: number): Record<string, string> {
  const timestamp = String(Math.floor(nowMs / 1_000));
  const signature = new Bun.CryptoHasher("sha256", secret).update(`${timestamp}.${body}`).digest("hex");
  return { "x-watchpost-timestamp": timestamp, "x-watchpost-signature": `sha256=${signature}` };
}
