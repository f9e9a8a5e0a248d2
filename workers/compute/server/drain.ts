// Draining: an instance that is to be replaced finishes what it has begun and refuses what is new with 503, so that
// callers go to another instance. main.ts begins it at SIGTERM; app.ts asks here before each request.
import type { HttpBindings } from "@hono/node-server";
import { createMiddleware } from "hono/factory";
import type { Failure } from "../../../src/shapes/failure.ts";
import { refusal } from "./requests.ts";

/** Requests and runs that are under way, and whether more may begin. */
export class Drain {
  #underWay = 0;
  #isDraining = false;
  #idle: (() => void)[] = [];

  get isDraining(): boolean {
    return this.#isDraining;
  }

  /** Counts a piece of work until the returned function is called. */
  begin(): () => void {
    this.#underWay++;
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#underWay--;
      if (this.#underWay === 0) for (const resolve of this.#idle.splice(0)) resolve();
    };
  }

  /** Lets nothing new begin, and resolves when nothing is under way any more. */
  async start(): Promise<void> {
    this.#isDraining = true;
    if (this.#underWay > 0) await new Promise<void>((resolve) => this.#idle.push(resolve));
  }
}

export const DRAINING: Failure = {
  kind: "overloaded",
  detail: "this instance is being replaced, and finishes only what it has begun",
  retry_after_seconds: 2,
  next: "Send it again: another instance takes it.",
};

/** Refuses what is new while draining. A run of a Python handler goes on here, by turns: python/runs.ts decides. */
export const refuseWhileDraining = (drain: Drain) =>
  createMiddleware<{ Bindings: HttpBindings }>(async (c, next) => {
    if (drain.isDraining && c.req.path !== "/v1/python") {
      const response = refusal(DRAINING);
      response.headers.set("connection", "close");
      return response;
    }
    c.env.outgoing.once("close", drain.begin());
    return next();
  });
