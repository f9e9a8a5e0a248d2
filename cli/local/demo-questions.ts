// The questions that `weir demo` asks of what it has stored: in words, for more like a moment, and among what passes a
// filter. README.md has them as commands.
import type { SearchHit, SearchRequest } from "../../src/client/client.ts";
import type { Client } from "../operate/client.ts";

interface DemoQuestion {
  /** The words of the command that asks the same. */
  words: string[];
  collection: string;
  question: SearchRequest;
}

const AFTER_HALF = { span: { start: [{ numeric: [">=", 30] }] } };

export const QUESTIONS: readonly DemoQuestion[] = [
  {
    words: ["search", "image_catalog", "harbour"],
    collection: "image_catalog",
    question: { text: "harbour" },
  },
  {
    words: ["search", "data_bucket", "--like", "demo/shore.mp4@31", "--limit", "3"],
    collection: "data_bucket",
    question: { like: { object: { key: "demo/shore.mp4" }, second: 31 }, limit: 3 },
  },
  {
    words: ["search", "data_bucket", "shore", "--filter", `'${JSON.stringify(AFTER_HALF)}'`],
    collection: "data_bucket",
    question: { text: "shore", filter: AFTER_HALF },
  },
];

/** View of the page with the last question answered. */
export const VIEW = `#/collections/data_bucket?${new URLSearchParams({ q: "shore", filter: JSON.stringify(AFTER_HALF) })}`;

export interface DemoAnswer {
  /** The command that asks the same. */
  command: string;
  hits: SearchHit[];
}

/** Asks each question in turn. */
export async function askQuestions(client: Client): Promise<DemoAnswer[]> {
  const answers: DemoAnswer[] = [];
  for (const { words, collection, question } of QUESTIONS) {
    const { hits } = await client.call((weir) => weir.searchCollection(collection, question));
    answers.push({ command: ["weir", ...words].join(" "), hits });
  }
  return answers;
}
