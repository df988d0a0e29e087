import { expect, test } from "bun:test";
import { formatAddress, parseAddress } from "../../src/model/address.ts";

test("addresses", () => {
  expect(parseAddress("127.0.0.1:50051")).toEqual({ host: "127.0.0.1", port: 50051, isLoopback: true });
  expect(parseAddress("[::1]:0")).toEqual({ host: "::1", port: 0, isLoopback: true });
  expect(parseAddress("localhost:1")).toMatchObject({ isLoopback: true });
  expect(parseAddress(":8080")).toEqual({ host: "0.0.0.0", port: 8080, isLoopback: false });
  for (const open of ["0.0.0.0:1", "[::]:1", "192.168.1.5:1", "example.com:1", "127.example.com:1"]) {
    expect(parseAddress(open).isLoopback).toBe(false);
  }
  for (const wrong of ["", "8080", "host", "host:port", "host:65536", "::1:80", "a:b:1"]) {
    expect(() => parseAddress(wrong)).toThrow(`${JSON.stringify(wrong)} is no address`);
  }
  expect([formatAddress("::1", 5), formatAddress("a", 5)]).toEqual(["[::1]:5", "a:5"]);
});
