// One table of cases per operator, on the attributes that Weir's filters see.
import { describe, expect, test } from "vitest";
import { compileFilter, evaluate, viewOf } from "../../src/match/index.ts";
import type { Event } from "../../src/shapes/event.ts";
import { anEvent } from "./given.ts";

type Case = [sentence: string, filter: object, event: Partial<Event>, expected: boolean];
const none = { metadata: {}, tags: {} };
const known = (event: Partial<Event>) => viewOf(anEvent({ ...none, content_type: "image/jpeg", ...event }));

const TABLES: Record<string, Case[]> = {
  values: [
    ["a bare value stands for a list of one", { bucket: "photos" }, {}, true],
    ["a list is any of its values", { bucket: ["videos", "photos"] }, {}, true],
    ["all attributes must hold", { bucket: "photos", region: "us-east-1" }, {}, false],
    ["an empty filter takes everything", {}, {}, true],
    ["a number never equals its text", { key: [5] }, { key: "5" }, false],
    ["text is compared with its case", { bucket: "Photos" }, {}, false],
  ],
  attributes: [
    ["the name is the last part of the key", { name: "cat.JPG" }, {}, true],
    ["the extension is in lower case and has no dot", { extension: "jpg" }, {}, true],
    ["only the last extension counts", { extension: "gz" }, { key: "a/b.tar.gz" }, true],
    ["a dotted folder is no extension", { extension: [{ exists: false }] }, { key: "v1.2/README" }, true],
    [
      "a name that begins with a dot has no extension",
      { extension: [{ exists: false }] },
      { key: ".profile" },
      true,
    ],
    ["a folder marker has no name", { name: [{ exists: false }] }, { key: "a/" }, true],
    ["an unknown name means metadata", { camera: "X100" }, { metadata: { camera: "X100" } }, true],
    ["metadata can be spelt out", { metadata: { camera: "X100" } }, { metadata: { camera: "X100" } }, true],
    ["metadata can be dotted", { "metadata.camera": "X100" }, { metadata: { camera: "X100" } }, true],
    ["metadata names ignore case", { Camera: "X100" }, { metadata: { cAMERA: "X100" } }, true],
    ["metadata values do not", { camera: "x100" }, { metadata: { camera: "X100" } }, false],
    ["metadata names may have dots", { "s3.origin": "a" }, { metadata: { "s3.origin": "a" } }, true],
    ["metadata names may be JavaScript's", { constructor: "x" }, { metadata: { constructor: "x" } }, true],
    ["names that JavaScript inherits are absent", { constructor: [{ exists: true }] }, {}, false],
    ["tags keep their case", { tags: { Team: "a" } }, { tags: { team: "a" } }, false],
    ["tags are matched by name", { tags: { team: "a" } }, { tags: { team: "a" } }, true],
    [
      "payload is matched as deep as it goes",
      { payload: { a: { b: 1 } } },
      { payload: { a: [{ b: 1 }] } },
      true,
    ],
    ["a bare payload is a value", { payload: "go" }, { payload: "go" }, true],
    [
      "payload conditions are met by one element",
      { payload: { a: { b: 1, c: 2 } } },
      { payload: { a: [{ b: 1 }, { c: 2 }] } },
      false,
    ],
    ["an event without an object has no key", { key: [{ exists: false }] }, { key: "", bucket: "" }, true],
  ],
  $or: [
    ["one branch is enough", { $or: [{ bucket: "x" }, { region: "eu-west-1" }] }, {}, true],
    ["the rest must hold too", { type: "removed", $or: [{ bucket: "photos" }, { bucket: "x" }] }, {}, false],
    ["branches nest", { $or: [{ $or: [{ bucket: "x" }, { bucket: "photos" }] }, { key: "y" }] }, {}, true],
    [
      "it stands inside metadata",
      { metadata: { $or: [{ a: "1" }, { b: "2" }] } },
      { metadata: { b: "2" } },
      true,
    ],
    ["several must each hold", { $or: [{ bucket: "photos" }], key: "x" }, {}, false],
  ],
  prefix: [
    ["text begins so", { key: [{ prefix: "uploads/" }] }, {}, true],
    ["text does not", { key: [{ prefix: "Uploads/" }] }, {}, false],
    ["without the list", { key: { prefix: "uploads/" } }, {}, true],
    ["on metadata without the list", { camera: { prefix: "X" } }, { metadata: { camera: "X100" } }, true],
    ["ignoring case", { key: [{ prefix: { "equals-ignore-case": "UPLOADS/" } }] }, {}, true],
    ["the empty prefix takes every text", { key: [{ prefix: "" }] }, {}, true],
    ["and nothing absent", { version_id: [{ prefix: "" }] }, {}, false],
  ],
  suffix: [
    ["text ends so", { key: [{ suffix: ".JPG" }] }, {}, true],
    ["case counts", { key: [{ suffix: ".jpg" }] }, {}, false],
    ["ignoring case", { key: [{ suffix: { "equals-ignore-case": ".jpg" } }] }, {}, true],
    [
      "a final sigma is a sigma",
      { key: [{ suffix: { "equals-ignore-case": "ΟΔΟΣ" } }] },
      { key: "a/οδος" },
      true,
    ],
  ],
  "equals-ignore-case": [
    ["the whole text, in any case", { name: [{ "equals-ignore-case": "CAT.jpg" }] }, {}, true],
    ["not a part of it", { name: [{ "equals-ignore-case": "cat" }] }, {}, false],
    ["beyond ASCII", { key: [{ "equals-ignore-case": "ÅÄÖ" }] }, { key: "åäö" }, true],
  ],
  wildcard: [
    ["a star is any text, slashes too", { key: [{ wildcard: "uploads/*.JPG" }] }, {}, true],
    ["ends are anchored", { key: [{ wildcard: "*2026" }] }, {}, false],
    ["the ends may not overlap", { key: [{ wildcard: "ab*ba" }] }, { key: "aba" }, false],
    ["an escaped star is a star", { key: [{ wildcard: "a\\**" }] }, { key: "a*b" }, true],
    ["and nothing else", { key: [{ wildcard: "a\\**" }] }, { key: "acb" }, false],
    ["an escaped backslash is one", { key: [{ wildcard: "a\\\\*" }] }, { key: "a\\b" }, true],
    ["parts come in order", { key: [{ wildcard: "*b*a*" }] }, { key: "xaxb" }, false],
  ],
  glob: [
    ["a star stays in its folder", { key: [{ glob: "uploads/*.JPG" }] }, {}, false],
    ["two stars cross folders", { key: [{ glob: "uploads/**.JPG" }] }, {}, true],
    ["**/ is any number of folders", { key: [{ glob: "uploads/**/*.JPG" }] }, {}, true],
    ["none included", { key: [{ glob: "uploads/**/*.JPG" }] }, { key: "uploads/cat.JPG" }, true],
    ["folders are whole", { key: [{ glob: "**/cat.JPG" }] }, { key: "x/tomcat.JPG" }, false],
    ["/** is everything below", { key: [{ glob: "uploads/**" }] }, {}, true],
    ["? is one character, whatever its width", { key: [{ glob: "a?c" }] }, { key: "a😀c" }, true],
    ["? is no slash", { key: [{ glob: "a?c" }] }, { key: "a/c" }, false],
    ["a class is one of its characters", { key: [{ glob: "img[0-9a].png" }] }, { key: "img7.png" }, true],
    ["a negated class is none", { key: [{ glob: "img[!0-9].png" }] }, { key: "img7.png" }, false],
    ["a negated class is no slash", { key: [{ glob: "a[!x]b" }] }, { key: "a/b" }, false],
    ["] comes first in a class that has it", { key: [{ glob: "a[]x]b" }] }, { key: "a]b" }, true],
    ["braces are alternatives", { key: [{ glob: "**/*.{jpg,JPG}" }] }, {}, true],
    ["braces nest", { key: [{ glob: "{a,b{c,d}}e" }] }, { key: "bde" }, true],
    ["a comma outside braces is a comma", { key: [{ glob: "a,b" }] }, { key: "a,b" }, true],
    ["an escape makes anything plain", { key: [{ glob: "a\\*\\{b" }] }, { key: "a*{b" }, true],
    ["a regex's characters are plain", { key: [{ glob: "a.(b)+$" }] }, { key: "a.(b)+$" }, true],
    ["the whole key must match", { key: [{ glob: "uploads" }] }, {}, false],
  ],
  "anything-but": [
    ["another value passes", { bucket: [{ "anything-but": "videos" }] }, {}, true],
    ["a listed value does not", { bucket: [{ "anything-but": ["videos", "photos"] }] }, {}, false],
    ["an absent field does not", { version_id: [{ "anything-but": "v1" }] }, {}, false],
    ["a number differs from any text", { size: [{ "anything-but": ["a"] }] }, {}, true],
    ["not beginning so", { key: [{ "anything-but": { prefix: ["tmp/", "uploads/"] } }] }, {}, false],
    ["not ending so", { key: [{ "anything-but": { suffix: ".tmp" } }] }, {}, true],
    [
      "not like it in any case",
      { bucket: [{ "anything-but": { "equals-ignore-case": "PHOTOS" } }] },
      {},
      false,
    ],
    ["not of that form", { key: [{ "anything-but": { wildcard: "*/2026/*" } }] }, {}, false],
  ],
  not: [
    ["not a value", { bucket: [{ not: "videos" }] }, {}, true],
    ["none of a list", { bucket: [{ not: ["videos", "photos"] }] }, {}, false],
    ["an absent field is not the value", { version_id: [{ not: "v1" }] }, {}, true],
    ["any operator can be negated", { key: [{ not: { glob: "uploads/**" } }] }, {}, false],
    ["and so can not", { key: [{ not: { not: { prefix: "uploads/" } } }] }, {}, true],
    ["sizes can be negated", { size: [{ not: "> 10MB" }] }, {}, false],
    ["of several values none may pass", { payload: { a: [{ not: 1 }] } }, { payload: { a: [1, 2] } }, false],
    ["not existing is absent", { version_id: [{ not: { exists: true } }] }, {}, true],
  ],
  numeric: [
    ["within both bounds", { size: [{ numeric: [">", 1e6, "<=", 12e6] }] }, {}, true],
    ["an open bound excludes itself", { size: [{ numeric: ["<", 12e6] }] }, {}, false],
    ["equal", { size: [{ numeric: ["=", 1.2e7] }] }, {}, true],
    [
      "metadata is text, and read as a number",
      { width: [{ numeric: [">", 1000] }] },
      { metadata: { width: "1920" } },
      true,
    ],
    ["unless it is none", { width: [{ numeric: [">", 0] }] }, { metadata: { width: "wide" } }, false],
    ["text elsewhere is no number", { key: [{ numeric: [">", 0] }] }, { key: "5" }, false],
  ],
  size: [
    ["at least", { size: ">= 10MB" }, {}, true],
    ["units are powers of 1000", { size: "12MB" }, {}, true],
    ["with an i, of 1024", { size: "12MiB" }, { size: 12 * 1024 * 1024 }, true],
    ["bytes need no unit", { size: "> 11999999, < 12000001" }, {}, true],
    ["a list is any of them", { size: ["< 1KB", "> 1GB"] }, {}, false],
    ["a number is bytes", { size: 12_000_000 }, {}, true],
    ["fractions of a unit", { size: "< 12.5mb" }, {}, true],
  ],
  time: [
    ["after and before", { time: { after: "2026-11-01", before: "2026-12-01" } }, {}, true],
    ["after includes its moment", { time: { after: "2026-11-23T15:04:05Z" } }, {}, true],
    ["before does not", { time: { before: "2026-11-23T15:04:05Z" } }, {}, false],
    ["moments are compared, not spellings", { time: { after: "2026-11-23T17:04:05+02:00" } }, {}, true],
    ["daily hours", { time: { daily: ["09:00", "17:00"] } }, {}, true],
    [
      "daily hours over midnight",
      { time: { daily: ["22:00", "06:00"] } },
      { time: "2026-11-23T23:30:00Z" },
      true,
    ],
    ["and outside them", { time: { daily: ["22:00", "06:00"] } }, {}, false],
    ["in a list, any window", { time: [{ before: "2020-01-01" }, { after: "2026-01-01" }] }, {}, true],
    ["time is text too", { time: [{ prefix: "2026-11" }] }, {}, true],
  ],
  exists: [
    ["present", { region: [{ exists: true }] }, {}, true],
    ["absent", { version_id: [{ exists: false }] }, {}, true],
    ["absent or a value", { version_id: [{ exists: false }, "v1"] }, {}, true],
    ["an empty object is absent", { payload: { a: [{ exists: true }] } }, { payload: { a: {} } }, false],
    ["null is present", { payload: { a: [{ exists: true }] } }, { payload: { a: null } }, true],
  ],
  cidr: [
    ["inside a block", { ip: [{ cidr: "10.0.0.0/8" }] }, { metadata: { ip: "10.9.8.7" } }, true],
    ["outside it", { ip: [{ cidr: "10.0.0.0/8" }] }, { metadata: { ip: "11.0.0.1" } }, false],
    ["bits within a byte", { ip: [{ cidr: "10.16.0.0/12" }] }, { metadata: { ip: "10.31.255.255" } }, true],
    ["all of IPv4", { ip: [{ cidr: "0.0.0.0/0" }] }, { metadata: { ip: "8.8.8.8" } }, true],
    [
      "IPv6, however written",
      { ip: [{ cidr: "2001:db8::/32" }] },
      { metadata: { ip: "2001:0DB8:0:0::1" } },
      true,
    ],
    ["IPv6 is not IPv4", { ip: [{ cidr: "::/0" }] }, { metadata: { ip: "8.8.8.8" } }, false],
    ["no address at all", { ip: [{ cidr: "0.0.0.0/0" }] }, { metadata: { ip: "localhost" } }, false],
  ],
};

describe.each(Object.entries(TABLES))("%s", (_, cases) => {
  test.each(cases)("%s", (_sentence, filter, event, expected) => {
    expect(evaluate(compileFilter(filter), known(event))).toBe(expected);
  });
});
