// Ten minutes in a room with a fan, in which somebody says a few sentences, as a film or as sound alone, and the grammar by
// which a recogniser knows them. listener.ts has the voice and the ear.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { run, speakTo } from "./listener.ts";

/** What is said, by when it begins, seconds, each part after the one before. The third is across the end of a part that
 * compute looks at at once. A word in capitals is a planted one. */
const TALK: [number, string[]][] = [
  [12, ["good morning everybody"]],
  [95, ["the committee will discuss the", "HARBOUR", "on wednesday"]],
  [298.6, ["we have nothing to say about the", "WEATHER"]],
  [431, ["please remember the", "ELEPHANT", "before the meeting"]],
  [571, ["thank you very much for coming"]],
];
export const GRAMMAR = `
  <thing> = budget | weather | harbour | elephant | mountain | president | hospital | computer | september ;
  public <talk> = ( good morning everybody | the committee will discuss the <thing> on wednesday
    | we have nothing to say about the <thing> | please remember the <thing> before the meeting
    | thank you very much for coming ) ;`;
export const SENTENCES = TALK.map(([, phrases]) => phrases.join(" ").toLowerCase());

/** A planted word, and the second at which it is said. */
export interface Planted {
  word: string;
  at: number;
}
export interface Talk {
  /** A film of it. */
  film: string;
  /** Its sound alone, as MP3. */
  sound: string;
  planted: Planted[];
}

/** Has the sentences spoken and put into their places. */
export async function talkIn(folder: string): Promise<Talk> {
  const parts = await spokenIn(folder);
  const delayed = parts.map(({ at }, n) => `[${n + 2}:a]adelay=${Math.round(at * 1000)}[v${n}]`).join(";");
  const all = `[1:a]${parts.map((_, n) => `[v${n}]`).join("")}`;
  const [film, sound] = [join(folder, "talk.mp4"), join(folder, "talk.mp3")];
  await run("ffmpeg", [
    ...["-v", "error", "-f", "lavfi", "-i", "color=gray:size=64x48:rate=2:duration=600"],
    ...["-f", "lavfi", "-i", "anoisesrc=d=600:a=0.005:c=pink:seed=1"],
    ...parts.flatMap(({ path }) => ["-i", path]),
    ...["-filter_complex", `${delayed};${all}amix=inputs=${parts.length + 1}:normalize=0:duration=first[m]`],
    ...["-map", "0:v", "-map", "[m]", "-c:v", "libx264", "-preset", "ultrafast"],
    ...["-c:a", "aac", "-ar", "16000", film],
  ]);
  await run("ffmpeg", ["-v", "error", "-i", film, "-map", "0:a", "-b:a", "64k", sound]);
  const planted = parts
    .filter(({ words }) => /^[A-Z]+$/.test(words))
    .map(({ words, at }) => ({ word: words.toLowerCase(), at }));
  return { film, sound, planted };
}

/** The parts of the talk as they are spoken, and when. */
async function spokenIn(folder: string): Promise<{ path: string; words: string; at: number }[]> {
  const parts: { path: string; words: string; at: number }[] = [];
  for (const [begin, phrases] of TALK) {
    let at = begin;
    for (const words of phrases) {
      const path = join(folder, `${parts.length}.wav`);
      await speakTo(path, words.toLowerCase());
      parts.push({ path, words, at });
      const wav = await readFile(path);
      at += (wav.length - 44) / (wav.readUInt32LE(24) * 2);
    }
  }
  return parts;
}
