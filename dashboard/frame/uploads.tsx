// Files on their way into a bucket: the dialog for them, opened by the bar's button or by dropping files onto the page.
import type { FunctionComponent } from "preact";
import { useEffect, useState } from "preact/hooks";
import { say } from "../parts/toasts.tsx";
import { filesToUpload } from "./open.ts";

type UploadDialog = FunctionComponent<{ files: readonly File[]; onClose: () => void }>;

/** The dialog while files are to be uploaded. Its code comes with the first opening. */
export function Uploads() {
  const files = filesToUpload.value;
  const [loaded, keep] = useState<{ Dialog: UploadDialog }>();
  const isOpen = files !== undefined;
  useEffect(followDrops, []);
  useEffect(() => {
    if (!isOpen || loaded) return;
    import("../views/upload.tsx")
      .then((module) => keep({ Dialog: module.default }))
      .catch(() => say("This part of the page could not be loaded. Load the page again.", "bad"));
  }, [isOpen, loaded]);
  if (!files || !loaded) return null;
  return <loaded.Dialog files={files} onClose={() => (filesToUpload.value = undefined)} />;
}

/** Takes files that are dropped anywhere on the page, unless what they fall on takes them. */
function followDrops(): () => void {
  const until = new AbortController();
  const holdsFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
  addEventListener("dragover", (event) => holdsFiles(event) && event.preventDefault(), until);
  addEventListener(
    "drop",
    (event) => {
      if (event.defaultPrevented || !holdsFiles(event)) return;
      event.preventDefault();
      if (!document.querySelector("dialog[open]"))
        filesToUpload.value = [...(event.dataTransfer?.files ?? [])];
    },
    until,
  );
  return () => until.abort();
}
