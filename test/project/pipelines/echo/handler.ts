// Returns what the payload asks for, in each form that a handler may return.
import { definePipeline } from "weir";

interface Asked {
  form?:
    | "array"
    | "iterator"
    | "object"
    | "undefined"
    | "bigint"
    | "cycle"
    | "nan"
    | "huge"
    | "bulky"
    | "promise"
    | "instance"
    | "url"
    | "error"
    | "regexp"
    | "hostile"
    | "slow"
    | "told"
    | "thrown";
}

class Score {
  value = 1;
}

export default definePipeline(async (event, { weir, log }) => {
  const { form = "object" } = (event.payload ?? {}) as Asked;
  log("asked for", form);
  const item = { key: event.key, payload: event.payload ?? null };
  switch (form) {
    case "array":
      return [item, item];
    case "iterator":
      return (async function* () {
        yield item;
        yield item;
        yield item;
      })();
    case "object":
      return item;
    case "undefined":
      return undefined;
    case "bigint":
      return { count: 1n };
    case "cycle": {
      const loop: Record<string, unknown> = {};
      loop.self = loop;
      return loop;
    }
    case "nan":
      return { vector: new Float32Array([1, Number.NaN]) };
    case "promise":
      return { late: Promise.resolve(1) };
    case "instance":
      return { list: [1, new Score()] };
    case "url":
      return { link: new URL("https://example.com/") };
    case "error":
      return { "what failed": new TypeError("x") };
    case "regexp":
      return [item, /x/];
    // Throws what cannot even be asked what it is.
    case "hostile":
      throw {
        get message() {
          throw new Error("no message");
        },
        toString() {
          throw new Error("no text");
        },
      };
    case "huge":
      return { text: "x".repeat(3_000_000) };
    case "bulky":
      return Array.from({ length: 14 }, (_, n) => ({ n, text: "x".repeat(1_200_000) }));
    // Everything that it knows, in every way that it can tell it.
    case "told":
    case "thrown": {
      const url = event.key === "" ? "" : await weir.fileUrl(event.bucket, event.key);
      const known = JSON.stringify({ url, env: process.env });
      console.log(process.env);
      console.error(known);
      for (const value of [url, ...Object.values(process.env)]) log("it is", value);
      log("x".repeat(960), known);
      if (form === "thrown") throw new Error(`not with ${known}`);
      return item;
    }
    case "slow":
      return new Promise(() => undefined);
  }
});
