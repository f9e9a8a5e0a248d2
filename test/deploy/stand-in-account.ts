// The stand-in's memory: one account's queues, databases, buckets, rules and Workers, and what each call to the
// API does to them. The doors are in stand-in.ts.

import { Containers } from "./stand-in-containers.ts";
import {
  type Binding,
  bindingsOf,
  type Call,
  deploymentOf,
  Refusal,
  type Script,
  type Version,
} from "./stand-in-shapes.ts";

interface Queue {
  id: string;
  consumers: { consumer_id: string; script: string; type: string; settings: object }[];
}

interface Bucket {
  rules: { queue: string; actions: string[]; prefix?: string }[];
  lifecycle?: object[];
}

export class Account {
  readonly queues = new Map<string, Queue>();
  readonly databases = new Map<string, { uuid: string; applied: string[] }>();
  readonly buckets = new Map<string, Bucket>();
  readonly containers = new Containers();
  readonly scripts = new Map<string, Script>();
  #ids = 0;

  #id = () => `00000000-0000-4000-8000-${String(++this.#ids).padStart(12, "0")}`;

  /** The `result` of a call; undefined for what the stand-in does not know. */
  answer(call: Call): unknown {
    const path = call.path.split("/").map(decodeURIComponent);
    switch (path[0]) {
      case "queues":
        return this.#queues(call, path[1], path[2], path[3]);
      case "d1":
        return this.#d1(call, path[2], path[3]);
      case "r2":
        return this.#r2(call, path[2], path[3]);
      case "containers":
        return this.containers.answer(call, path.slice(1));
      case "event_notifications":
        return this.#rules(call, path[2] ?? "", path[5]);
      case "workers":
        return this.#workers(call, path.slice(1));
      case "":
        return this.#person(call.path);
      default:
        return undefined;
    }
  }

  #change(call: Call, what: string): void {
    call.changed = true;
    call.what = what;
  }

  #person(path: string): unknown {
    if (path.startsWith("/memberships")) return [{ id: "m", account: { id: "acc", name: "Stand-in" } }];
    if (path.startsWith("/accounts")) return [{ id: "acc", name: "Stand-in" }];
    if (path.startsWith("/user/tokens/verify")) return { id: "t", status: "active" };
    if (path.startsWith("/user")) return { id: "u", email: "person@example.com" };
    return undefined;
  }

  #queueBy(id: string): [string, Queue] {
    const found = [...this.queues].find(([, queue]) => queue.id === id);
    if (!found) throw new Refusal(404, 11000, "queue not found");
    return found;
  }

  #queues(call: Call, id?: string, part?: string, consumer?: string): unknown {
    const told = ([name, queue]: [string, Queue]) => ({
      queue_id: queue.id,
      queue_name: name,
      consumers: queue.consumers.map((it) => ({ ...it, script_name: it.script })),
      consumers_total_count: queue.consumers.length,
      producers: [],
      producers_total_count: 0,
      settings: { message_retention_period: 345_600 },
    });
    if (id === undefined && call.method === "POST") {
      const { queue_name: name } = call.body as { queue_name: string };
      if (this.queues.has(name)) throw new Refusal(409, 11009, `queue ${name} exists`);
      this.#change(call, `queue ${name}`);
      this.queues.set(name, { id: this.#id(), consumers: [] });
      return told([name, this.queues.get(name) as Queue]);
    }
    if (id === undefined) {
      const wanted = call.query.getAll("name");
      const all = [...this.queues].filter(([name]) => wanted.length === 0 || wanted.includes(name)).map(told);
      return all;
    }
    const [name, queue] = this.#queueBy(id);
    if (part === undefined) return told([name, queue]);
    if (call.method === "GET") return queue.consumers.map((it) => ({ ...it, script_name: it.script }));
    const body = call.body as { script_name?: string; service?: string; settings: object };
    const script = body.script_name ?? body.service ?? "";
    if (call.method === "POST") {
      this.#change(call, `consumer ${script} of ${name}`);
      queue.consumers.push({ consumer_id: this.#id(), script, type: "worker", settings: body.settings });
      return queue.consumers.at(-1);
    }
    this.#change(call, `consumer ${script} of ${name}`);
    return queue.consumers.find((it) => it.consumer_id === consumer) ?? {};
  }

  #d1(call: Call, idOrName?: string, part?: string): unknown {
    const told = ([name, it]: [string, { uuid: string }]) => ({ uuid: it.uuid, name });
    if (idOrName === undefined) {
      const part = call.query.get("name") ?? "";
      if (call.method === "GET")
        return [...this.databases].map(told).filter(({ name }) => name.includes(part));
      const { name } = call.body as { name: string };
      if (this.databases.has(name)) throw new Refusal(400, 7502, "Database with that name already exists");
      this.#change(call, `database ${name}`);
      this.databases.set(name, { uuid: this.#id(), applied: [] });
      return told([name, this.databases.get(name) as { uuid: string }]);
    }
    const found = [...this.databases].find(([name, it]) => name === idOrName || it.uuid === idOrName);
    if (!found) throw new Refusal(404, 7404, "The database could not be found");
    return part === "query" ? this.#sql(call, found) : told(found);
  }

  /** Knows the statements by which migrations are kept, and takes every other as done. */
  #sql(call: Call, [name, database]: [string, { applied: string[] }]): unknown {
    const { sql = "" } = call.body as { sql?: string };
    const rows = /^\s*SELECT/i.test(sql) ? database.applied.map((it, id) => ({ id, name: it })) : [];
    for (const [, file = ""] of sql.matchAll(/INSERT INTO "?d1_migrations"?[^']*'([^']+)'/gi)) {
      this.#change(call, `migration ${file} of ${name}`);
      database.applied.push(file);
    }
    return [{ success: true, results: rows, meta: { duration: 1 } }];
  }

  #r2(call: Call, name?: string, part?: string): unknown {
    if (name === undefined && call.method === "POST") {
      const body = call.body as { name: string };
      if (this.buckets.has(body.name)) throw new Refusal(409, 10004, "The bucket you tried to create exists");
      this.#change(call, `bucket ${body.name}`);
      this.buckets.set(body.name, { rules: [] });
      return { name: body.name };
    }
    if (name === undefined) return { buckets: [...this.buckets.keys()].map((it) => ({ name: it })) };
    const found = this.buckets.get(name);
    if (!found) throw new Refusal(404, 10006, "The specified bucket does not exist.");
    if (part === undefined) return { name, creation_date: "2026-11-23T00:00:00Z", storage_class: "Standard" };
    if (part !== "lifecycle") return undefined;
    if (call.method === "PUT") {
      this.#change(call, `lifecycle of ${name}`);
      found.lifecycle = (call.body as { rules: object[] }).rules;
    }
    return { rules: found.lifecycle ?? [] };
  }

  #rules(call: Call, bucket: string, queueId?: string): unknown {
    const found = this.buckets.get(bucket);
    if (!found) throw new Refusal(404, 10006, "The specified bucket does not exist.");
    if (queueId !== undefined) {
      const [queue] = this.#queueBy(queueId);
      const { rules } = call.body as { rules: { actions: string[]; prefix?: string }[] };
      this.#change(call, `rule ${bucket} -> ${queue}`);
      found.rules.push(...rules.map((rule) => ({ queue, ...rule })));
      return {};
    }
    if (found.rules.length === 0)
      throw new Refusal(404, 11015, "The bucket has no notification configuration");
    const queues = Map.groupBy(found.rules, (rule) => rule.queue);
    return {
      bucketName: bucket,
      queues: [...queues].map(([queueName, rules]) => ({
        queueId: this.queues.get(queueName)?.id,
        queueName,
        rules: rules.map(({ queue: _, ...rule }) => ({ ruleId: "r", ...rule })),
      })),
    };
  }

  #workers(call: Call, [kind, name, part, id]: string[]): unknown {
    if (kind === "durable_objects")
      return ["Compute", "Results"].map((it) => ({
        id: `ns-${it}`,
        class: it,
        script: "weir-compute",
        name: it,
      }));
    if (kind === "subdomain") return { subdomain: "stand-in" };
    if (kind === "services") {
      if (name === undefined || !this.scripts.has(name))
        throw new Refusal(404, 10090, "workers.api.error.service_not_found");
      return {
        id: name,
        default_environment: { environment: "production", script: { last_deployed_from: "api" } },
      };
    }
    if (kind === "workers") return { id: name, name, subdomain: { enabled: true, previews_enabled: false } };
    if (kind !== "scripts") return undefined;
    if (name === undefined)
      return [...this.scripts.keys()].map((id) => ({ id, modified_on: "2026-11-23T00:00:00Z" }));
    if (call.method === "PUT" && part === undefined) return this.#upload(call, name);
    const script = this.scripts.get(name);
    if (!script) throw new Refusal(404, 10007, "This Worker does not exist on your account.");
    switch (part) {
      case "settings":
        return { bindings: bindingsOf(script.active), tags: [], usage_model: "standard" };
      case "secrets":
        return [...script.active.secrets.keys()].map((it) => ({ name: it, type: "secret_text" }));
      case "subdomain":
      case "script-settings":
        return { enabled: true, previews_enabled: false };
      case "schedules":
        if (call.method === "PUT") {
          this.#change(call, `cron of ${name}`);
          script.crons = (call.body as { cron: string }[]).map(({ cron }) => cron);
        }
        return { schedules: script.crons.map((cron) => ({ cron })) };
      case "versions":
        if (call.method === "POST") return this.#upload(call, name);
        return this.#version(script, id);
      case "deployments":
        if (call.method === "POST") {
          const [first] = (call.body as { versions: { version_id: string }[] }).versions;
          this.#change(call, `activate ${name}`);
          script.active = script.versions.find((it) => it.id === first?.version_id) ?? script.active;
        }
        return call.method === "POST"
          ? deploymentOf(script.active)
          : { deployments: [deploymentOf(script.active)] };
      default:
        return undefined;
    }
  }

  #version(script: Script, id = ""): unknown {
    const found = script.versions.find((it) => it.id === id);
    if (!found) throw new Refusal(404, 10007, "there is no such version");
    const bindings = bindingsOf(found).map((it) =>
      it.type === "durable_object_namespace" ? { namespace_id: `ns-${it.class_name}`, ...it } : it,
    );
    return { id, resources: { bindings, script: { etag: "e" } } };
  }

  #upload(call: Call, name: string): unknown {
    const { bindings } = call.body as { bindings: Binding[] };
    const old = this.scripts.get(name);
    const before = old?.versions.at(-1);
    const secrets = new Map(before?.secrets);
    for (const it of bindings) {
      if (it.type === "secret_text" && it.text !== undefined) secrets.set(it.name, it.text);
      if (
        it.type === "inherit" &&
        !secrets.has(it.name) &&
        !before?.bindings.some((one) => one.name === it.name)
      ) {
        throw new Refusal(400, 10056, `inherit binding '${it.name}' is invalid: no previous version has it`);
      }
      this.#exists(it);
    }
    const kept = bindings
      .map((it) =>
        it.type === "inherit" ? (before?.bindings.find((one) => one.name === it.name) ?? it) : it,
      )
      .filter((it) => it.type !== "secret_text" && it.type !== "inherit");
    const version: Version = { id: this.#id(), bindings: kept, secrets };
    this.#change(call, `upload ${name}`);
    if (old) old.versions.push(version);
    // A script that is put serves at once; a version waits for its deployment.
    if (old && call.method === "PUT") old.active = version;
    if (!old) this.scripts.set(name, { versions: [version], active: version, crons: [] });
    const resources = { script: { etag: "e" }, script_runtime: {}, bindings: bindingsOf(version) };
    return {
      id: version.id,
      resources,
      startup_time_ms: 5,
      deployment_id: version.id,
      etag: "e",
      entry_point: "worker.js",
    };
  }

  /** The real API refuses a binding to what does not exist: the order of a deploy hangs on it. */
  #exists(it: Binding): void {
    const missing =
      (it.type === "service" && !this.scripts.has(String(it.service))) ||
      (it.type === "queue" && !this.queues.has(String(it.queue_name))) ||
      (it.type === "r2_bucket" && !this.buckets.has(String(it.bucket_name))) ||
      (it.type === "d1" &&
        ![...this.databases.values()].some((one) => one.uuid === (it.id ?? it.database_id))) ||
      (it.type === "durable_object_namespace" &&
        it.script_name !== undefined &&
        !this.scripts.has(String(it.script_name)));
    if (missing) throw new Refusal(400, 10041, `binding ${it.name} refers to what does not exist`);
  }
}
