/** Who is in a session, as its news tell. */
import type { CollaborationMessage, Member } from "../wire/gen/collaboration_pb.ts";
import { systemEventOf, type SessionNews } from "./session-news.ts";

export class SessionMembers {
  readonly #members = new Map<string, Member>();

  /** In the order in which they joined. */
  get all(): Member[] {
    return [...this.#members.values()];
  }

  get(userId: string): Member | undefined {
    return this.#members.get(userId);
  }

  take(news: SessionNews): void {
    if (news.kind === "snapshot") {
      this.#members.clear();
      for (const member of news.members) this.#members.set(member.userId, member);
    } else if (news.kind === "message") this.#heard(news.message);
    else if (news.kind === "passing" && news.message.messageType === "cursor") this.#looksAt(news.message);
  }

  #heard(message: CollaborationMessage): void {
    const event = systemEventOf(message);
    if (event !== "joined" && event !== "left" && event !== "renamed") return;
    if (event === "renamed") this.#members.delete(message.metadata["was"] ?? "");
    for (const member of message.members) {
      if (event === "left") this.#members.delete(member.userId);
      else this.#members.set(member.userId, this.#members.get(member.userId) ?? member);
    }
  }

  #looksAt({ userId, metadata }: CollaborationMessage): void {
    const member = this.#members.get(userId);
    if (member !== undefined) this.#members.set(userId, { ...member, lookingAt: metadata });
  }
}
