// Cuts a text into its sections: an item for each, with the heading above it, so that search finds the passage.
import { definePipeline } from "weir";

const MAX_CHARACTERS = 2_000;

export default definePipeline(async (event, { weir, signal }) => {
  const answer = await fetch(await weir.fileUrl(event.bucket, event.key), { signal });
  if (!answer.ok) throw new Error(`${event.key} cannot be read: status ${answer.status}.`);
  return sectionsOf(await answer.text());
});

/** Sections begin at a heading of Markdown; what is longer than MAX_CHARACTERS is divided between paragraphs. */
function sectionsOf(text: string): { heading: string; text: string }[] {
  const sections: { heading: string; text: string }[] = [];
  let open: { heading: string; text: string } | undefined;
  let heading = "";
  for (const paragraph of text.split(/\r?\n[ \t]*\r?\n/).map((each) => each.trim())) {
    const [, title, rest = paragraph] = /^#{1,6} +([^\n]*)\n?([\s\S]*)$/.exec(paragraph) ?? [];
    if (title !== undefined) {
      heading = title.trim();
      open = undefined;
    }
    if (rest === "") continue;
    if (open && open.text.length + rest.length <= MAX_CHARACTERS) {
      open.text += `\n\n${rest}`;
    } else {
      open = { heading, text: rest };
      sections.push(open);
    }
  }
  return sections;
}
