export interface Mailbox {
  /** "": the address alone. */
  readonly name: string;
  readonly address: string;
}

const ADDRESS = /^[^\s<>()[\]\\,;:"@]+@[^\s<>()[\]\\,;:"@]+$/;

/** "name@example.org" or "Some Name <name@example.org>"; undefined for what is not one of them, or more than one. */
export function parseMailbox(text: string): Mailbox | undefined {
  const [, name = "", bracketed] = /^([^<>"\u0000-\u001f\u007f]*)<([^<>]*)>$/.exec(text.trim()) ?? [];
  const address = (bracketed ?? text).trim();
  return ADDRESS.test(address) ? { name: name.trim(), address } : undefined;
}

/** What {@link parseMailbox} reads. */
export function mailboxText({ name, address }: Mailbox): string {
  return name === "" ? address : `${name} <${address}>`;
}

export function isMailbox(value: object): value is Mailbox {
  return "address" in value && "name" in value;
}
