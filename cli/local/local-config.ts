// The Workers' configuration as local work has it: the same but for their queues, which are on disk
// (workers/local/queues.ts). Beside each wrangler.toml stands its wrangler.local.toml, never committed.
import { readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { parse, stringify } from "smol-toml";
import type { Consumer } from "../../workers/local/consumer.ts";
import type { Table } from "../project/bindings.ts";
import type { Project } from "../project/project.ts";

const NOTICE =
  "# Written by `weir dev` from the wrangler.toml beside it, for local work only. Leave it out of git.\n";
const FRONT_DOOR = "weir-local";
interface Producer {
  binding: string;
  queue: string;
}
type Queues = { producers?: Producer[]; consumers?: Omit<Consumer, "binding">[] };

/** Every Worker with queues; the front door comes first, and so gets the port. */
export const configsOf = ({ pipelines }: Project): string[] => [
  "workers/local/wrangler.toml",
  "wrangler.toml",
  ...pipelines.map(({ folder }) => `${folder}/wrangler.toml`),
];

/** The local configuration beside each of these, in their order, and what it says. The front door is among them. */
export function localConfigs(root: string, configs: string[]): Map<string, string> {
  const tables = configs.map((config) => parse(readFileSync(join(root, config), "utf8")) as Table);
  const consumers = tables.flatMap((table) =>
    (queuesOf(table).consumers ?? []).map((consumer) => ({ ...consumer, binding: consumerBinding(table) })),
  );
  const services = [...new Map(tables.filter((table) => queuesOf(table).consumers).map(reach)).values()];
  return new Map(
    configs.map((config, index) => {
      const table = withQueuesOnDisk(tables[index] ?? {});
      const whole = table.name === FRONT_DOOR ? frontDoor(table, services, consumers) : table;
      return [join(dirname(config), localName(config)), NOTICE + stringify(whole)];
    }),
  );
}

/** Writes what differs, and returns the names of all: an untouched file wakes no watcher. */
export function writeLocalConfigs(root: string, configs: string[]): string[] {
  const files = localConfigs(root, configs);
  for (const [name, text] of files) {
    if (readOrEmpty(join(root, name)) !== text) writeFileSync(join(root, name), text);
  }
  return [...files.keys()];
}

const localName = (config: string) => basename(config).replace(/\.toml$/, ".local.toml");
const queuesOf = ({ queues = {} }: Table) => queues as Queues;
const consumerBinding = ({ name }: Table) => `CONSUMER_${String(name).replaceAll("-", "_").toUpperCase()}`;
const reach = (table: Table) =>
  [table.name, { binding: consumerBinding(table), service: table.name }] as const;

/** Each producer becomes a service binding of the same name and shape. */
function withQueuesOnDisk(table: Table): Table {
  const { queues: _, ...rest } = table;
  const doors = (queuesOf(table).producers ?? []).map(({ binding, queue }) => ({
    binding,
    service: FRONT_DOOR,
    entrypoint: "QueueDoor",
    props: { queue },
  }));
  return { ...rest, services: [...((table.services as Table[] | undefined) ?? []), ...doors] };
}

const frontDoor = (table: Table, services: Table[], consumers: Consumer[]): Table => ({
  ...table,
  vars: { ...(table.vars as Table | undefined), CONSUMERS: consumers },
  services: [...(table.services as Table[]), ...services],
  durable_objects: { bindings: [{ name: "LOCAL_QUEUES", class_name: "LocalQueue" }] },
  migrations: [{ tag: "v1", new_sqlite_classes: ["LocalQueue"] }],
});

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
