import { create } from "@bufbuild/protobuf";
import { expect, test } from "bun:test";
import { NO_ROOMS, withEarlierPage, withFirstPage, type RoomList } from "../../src/console/data/room-pages.ts";
import { SessionSchema } from "../../src/wire/gen/collaboration_pb.ts";

const page = (ids: string, nextPage: string, title = "") => ({
  sessions: [...ids].map((id) => create(SessionSchema, { id, title })),
  nextPage,
});
const ids = ({ sessions }: RoomList) => sessions.map(({ id }) => id).join("");

test("as long as one looks at the first page it is the list", () => {
  const first = withFirstPage(NO_ROOMS, page("cba", "before a"));
  const again = withFirstPage(first, page("dcb", "before b"));
  expect([ids(again), again.nextPage, again.isKnown]).toEqual(["dcb", "before b", true]);
});

test("whoever has looked farther back loses no session that leaves the first page, nor the place to go on", () => {
  const asking = { ...withFirstPage(NO_ROOMS, page("fed", "before d")), goesOn: true };
  const meanwhile = withFirstPage(asking, page("gfe", "before e", "renamed"));
  const earlier = withEarlierPage(meanwhile, page("cba", "before a"));
  const again = withFirstPage(earlier, page("hgf", "before f"));
  expect([ids(again).split("").sort().join(""), again.nextPage]).toEqual(["abcdefgh", "before a"]);
  expect(again.sessions.filter(({ title }) => title === "renamed").map(({ id }) => id)).toEqual(["e"]);
});
