// Returns what the payload asks for, in each form that a handler may return.
import { definePipeline } from "weir";

interface Asked {
  form?: "array" | "iterator" | "object" | "undefined" | "bigint" | "cycle" | "nan" | "huge" | "slow";
}

export default definePipeline(async (event, { log }) => {
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
    case "huge":
      return { text: "x".repeat(3_000_000) };
    case "slow":
      return new Promise(() => undefined);
  }
});
