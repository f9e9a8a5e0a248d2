// A collection's databases in an account: those that were added are created and migrated, none is left out of sight.
import { expect, test } from "vitest";
import { refuseFewerShards } from "../../cli/deploy/shards.ts";
import { connectionsSchema } from "../../src/shapes/connection.ts";

const of = (shards: number | undefined, more: object = {}) =>
  connectionsSchema.parse({ connections: { rows: { kind: "d1", database: "items", shards }, ...more } })
    .connections;
const account = (...names: string[]) => new Map(names.map((name) => [name, { applied: [] }]));

test("fewer databases than the account has are refused, with the names of those that would be lost", () => {
  const four = account("weir-ledger", "items", "items-2", "items-3", "items-4");
  expect(() => refuseFewerShards(of(2), four)).toThrow(/rows: items-3, items-4\n.*Raise "shards"/s);
  expect(() => refuseFewerShards(of(undefined), four)).toThrow(/rows: items-2, items-3, items-4/);
});

test("as many or more are not, nor is a database of the same manner that another connection names", () => {
  expect(() => refuseFewerShards(of(4), account("items", "items-2", "items-3", "items-4"))).not.toThrow();
  expect(() => refuseFewerShards(of(8), account("items", "items-2"))).not.toThrow();
  expect(() => refuseFewerShards(of(2), account())).not.toThrow();
  const other = { others: { kind: "d1", database: "items-2" } };
  expect(() => refuseFewerShards(of(undefined, other), account("items", "items-2"))).not.toThrow();
});
